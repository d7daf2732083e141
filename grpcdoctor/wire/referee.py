"""h2's strict opinion on a connection that is over: the frames that were kept, replayed through it one by one."""

from __future__ import annotations

from collections.abc import Sequence

from grpcdoctor.model.codes import FrameType
from grpcdoctor.wire import frames
from grpcdoctor.wire.frames import Frame
from grpcdoctor.wire.limits import PROBING


def violation_in(kept: Sequence[tuple[str, Frame]]) -> tuple[str, str] | None:
    """(what h2 says, the frame) for the first received frame that h2 refuses; None where it accepts all.

    Stops at the first GOAWAY: h2 takes everything after it for an error, which a graceful drain is not.
    """
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.exceptions import ProtocolError
    from h2.settings import Settings

    connection = H2Connection(H2Configuration(client_side=True, header_encoding=None))
    connection.local_settings = Settings(client=True, initial_values=PROBING.settings)  # type: ignore[arg-type]
    connection.initiate_connection()
    for direction, frame in kept:
        if direction == "sent":
            if not _replay_sent(connection, frame, ProtocolError):
                return None
            continue
        try:
            connection.receive_data(frame.encode())
        except ProtocolError as refused:
            return str(refused) or type(refused).__name__, f"{frame.type_name} stream {frame.stream_id}"
        except Exception:  # h2 itself stumbled (hpack on hostile bytes): the tap's own finding has to do
            return None
        if frame.type == FrameType.GOAWAY:
            return None
    return None


def _replay_sent(connection: object, frame: Frame, refused: type[Exception]) -> bool:
    """Tell h2 what we sent. False where h2 would not have sent it: then its opinion is not asked any further."""
    import h2.connection

    assert isinstance(connection, h2.connection.H2Connection)
    try:
        if frame.type == FrameType.HEADERS:
            # Only the names matter to the receiving side, and that the request is complete.
            request = [(":method", "POST"), (":scheme", "http"), (":authority", "x"), (":path", "/")]
            connection.send_headers(frame.stream_id, request, end_stream=frame.end_stream)
        elif frame.type == FrameType.DATA:
            connection.send_data(frame.stream_id, frame.payload, end_stream=frame.end_stream)
        elif frame.type == FrameType.WINDOW_UPDATE:
            increment = int.from_bytes(frame.payload, "big")
            connection.increment_flow_control_window(increment, frame.stream_id or None)
        elif frame.type == FrameType.PING and not frame.flags & frames.ACK:
            connection.ping(frame.payload)
        elif frame.type == FrameType.RST_STREAM:
            connection.reset_stream(frame.stream_id, int.from_bytes(frame.payload, "big"))
    except (refused, ValueError, KeyError):
        return False
    return True
