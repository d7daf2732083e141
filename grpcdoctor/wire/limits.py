"""Limits: how much of a peer one HTTP/2 connection takes, by what the connection is for."""

from __future__ import annotations

from typing import Final, NamedTuple

from grpcdoctor.model.codes import Setting
from grpcdoctor.wire.frames import MAX_FRAME_SIZE


class Limits(NamedTuple):
    """Sizes are in bytes; None where nothing is bounded but by what the consumer takes (back-pressure)."""

    stream_window: int
    """What a peer may send on one stream before somebody takes it (RFC 9113 §5.2)."""
    connection_window: int
    """On top of the 65,535 that every connection begins with."""
    frame_size: int
    """Of a received frame, and of a sent one where the peer allows that much (RFC 9113 §4.2)."""
    header_list: int
    """RFC 9113 sets no bound on a header block spread over CONTINUATION frames; a bomb is not read to its end.
    Compressed, a list of the size that we allow is smaller than the list."""
    frames: int | None
    """Of all types but DATA, by what they cost us. Enough to see that a connection only floods."""
    data_frames: int | None
    """They are counted apart, for a busy stream may be many small messages: more than the windows can hold of them."""
    data_frames_wanted: int | None
    """A connection that has brought so many gives its streams no further window: it is enough to look at."""
    received: int | None
    """Of the whole connection."""
    frames_kept: int
    """For the referee and --save; after that they are only counted, whatever a peer sends."""
    bytes_kept: int

    @property
    def settings(self) -> dict[int, int]:
        """Our SETTINGS; those that are the default of RFC 9113 §6.5.2 are left out."""
        values = {
            Setting.ENABLE_PUSH: 0,
            Setting.INITIAL_WINDOW_SIZE: self.stream_window,
            Setting.MAX_HEADER_LIST_SIZE: self.header_list,
        }
        if self.frame_size != MAX_FRAME_SIZE:
            values[Setting.MAX_FRAME_SIZE] = self.frame_size
        return {int(identifier): value for identifier, value in values.items()}


# A probe looks at replies and collects none: a healthy endpoint needs a few dozen frames and some kilobytes, a
# reflection answer at most megabytes.
PROBING: Final = Limits(
    stream_window=1 << 20,
    connection_window=1 << 20,
    frame_size=MAX_FRAME_SIZE,
    header_list=64 * 1024,
    frames=20_000,
    data_frames=250_000,
    data_frames_wanted=10_000,
    received=32 * 1024 * 1024,
    frames_kept=2000,
    bytes_kept=1 << 20,
)

# A client's calls may last for days and bring gigabytes; what bounds them is the reader's pace and the user's deadline.
# Windows of the size that grpc-go's estimator reaches on a fast link; few, large frames are what Python is quick with.
CALLING: Final = Limits(
    stream_window=4 << 20,
    connection_window=16 << 20,
    frame_size=1 << 20,
    header_list=256 * 1024,
    frames=None,
    data_frames=None,
    data_frames_wanted=None,
    received=None,
    frames_kept=0,
    bytes_kept=0,
)
