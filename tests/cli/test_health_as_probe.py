"""`grpcdoctor health -addr`: grpc_health_probe's exit codes, beside the real one where it is installed."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.environment import Environment
from tests.lab import fakes
from tests.lab.black_hole import black_hole
from tests.lab.certificates import lab_certificates
from tests.lab.grpc_server import Options, grpc_servers
from tests.lab.processes import free_port, require_program
from tests.lab.tls_servers import client_certificate_required, terminator

TLS = lab_certificates()
CA = f"-tls -tls-ca-cert {TLS.ca}"
PAIR = f"-tls-client-cert {TLS.client.cert} -tls-client-key {TLS.client.key}"


@dataclass(frozen=True)
class Lab:
    """Ports, by what is behind them."""

    ports: dict[str, int]

    def words(self, line: str) -> list[str]:
        return line.format(**{name: f"127.0.0.1:{port}" for name, port in self.ports.items()}).split()


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with ExitStack() as stack:
        enter = stack.enter_context
        good, bad, none, secure, foreign, other, mutual = enter(
            grpc_servers(
                Options(statuses={"shop.Cart": "NOT_SERVING"}),
                Options(status="NOT_SERVING"),
                Options(health=False),
                Options(tls=True),
                Options(tls=True, certificate=TLS.unknown_ca),
                Options(tls=True, certificate=TLS.other_name),
                Options(tls=True, client_certificates=True),
            )
        )
        yield Lab(
            {
                "good": good.port,
                "bad": bad.port,
                "none": none.port,
                "tls": secure.port,
                "foreign": foreign.port,
                "other": other.port,
                "mutual": mutual.port,
                "late": enter(client_certificate_required(good.port, ssl.TLSVersion.TLSv1_3)).port,
                "noalpn": enter(terminator(good.port, alpn=())).port,
                "http1": enter(fakes.http1()).port,
                "silent": enter(fakes.no_answer()).port,
                "hole": enter(black_hole())[1],
                "closed": free_port(),
            }
        )


# (what it is asked, the exit code, what stderr says)
MATRIX = {
    "serving": ("-addr {good}", 0, "status: SERVING\n"),
    "one word": ("--addr={good}", 0, "status: SERVING\n"),
    "compressed": ("-addr {good} -gzip", 0, "status: SERVING\n"),
    "over TLS": (f"-addr {{tls}} {CA}", 0, "status: SERVING\n"),
    "over TLS, not verified": ("-addr {foreign} -tls -tls-no-verify", 0, "status: SERVING\n"),
    "over TLS, another name": (f"-addr {{other}} {CA} -tls-server-name other.example.test", 0, "status: SERVING\n"),
    "with a client certificate": (f"-addr {{mutual}} {CA} {PAIR}", 0, "status: SERVING\n"),
    "not serving": ("-addr {bad}", 4, 'service unhealthy (responded with "NOT_SERVING")\n'),
    "a service not serving": ("-addr {good} -service shop.Cart", 4, 'unhealthy (responded with "NOT_SERVING")\n'),
    "an unknown service": ("-addr {good} -service no.Such", 3, "error: health rpc failed: rpc error: code = NotFound"),
    "unimplemented": ("-addr {none}", 3, "error: this server does not implement the grpc health protocol"),
    "no answer": ("-addr {silent} -rpc-timeout 200ms", 3, "timeout: health rpc did not complete within 200ms\n"),
    "a header that cannot be": ("-addr {good} -rpc-header a:\x07", 3, "error: health rpc failed: rpc error: code = "),
    "refused": ("-addr {closed}", 2, 'error: failed to connect service at "{closed}": tcp: connection refused\n'),
    "a black hole": (
        "-addr {hole} -connect-timeout 300ms",
        2,
        'timeout: failed to connect service "{hole}" within 300ms: tcp: no answer in time\n',
    ),
    "plaintext to TLS": ("-addr {tls}", 2, "http/2: the server closed the connection at the HTTP/2 preface"),
    "TLS to plaintext": ("-addr {good} -tls", 2, "tls: the port speaks HTTP/2 in plaintext, not TLS\n"),
    "an unknown CA": (f"-addr {{foreign}} {CA}", 2, "tls: certificate verification failed: unable to get local issuer"),
    "a wrong name": (f"-addr {{other}} {CA}", 2, 'tls: certificate verification failed: it is not for "127.0.0.1"'),
    "no client certificate": (f"-addr {{late}} {CA}", 2, "tls: the server requires a client certificate"),
    "no ALPN": (f"-addr {{noalpn}} {CA}", 2, "alpn: TLS works (TLSv1.3), but the server selects no ALPN protocol"),
    "a web server": ("-addr {http1}", 2, "http/2: the server speaks HTTP/1.1, not HTTP/2"),
    "a name that does not resolve": ("-addr no.such.host.invalid:1", 2, "dns: cannot resolve"),
    "no port": ("-addr localhost", 2, "missing port in address"),
    "an URL": ("-addr http://{good}", 2, "an address is no URL"),
    "no SPIFFE": ("-addr {good} -spiffe", 20, "failed to initialize tls credentials with spiffe. error="),
}  # fmt: skip
_UNUSED_CA, _UNUSED_NAME = "(CA cert would not be used)\n", "(server name would not be used)\n"
_NO_PAIR = "failed to initialize tls credentials. error=failed to load tls client cert/key pair. error="
# (the flags beside -addr, what stderr says): all end with 1.
WRONG = {
    "no address": ("-addr=", "error: -addr not specified\n"),
    "no value": ("-addr", "flag needs an argument: -addr\n"),
    "an unknown flag": ("-nope", "flag provided but not defined: -nope\n"),
    "no duration": ("-rpc-timeout 1", 'invalid value "1" for flag -rpc-timeout: parse error\n'),
    "no header": ("-rpc-header a", "invalid RPC header, expected 'key: value', got \"a\"\n"),
    "no time to connect": ("-connect-timeout 0", "-connect-timeout must be greater than zero (specified: 0s)\n"),
    "no time to ask": ("-rpc-timeout -1s", "error: -rpc-timeout must be greater than zero (specified: -1s)\n"),
    "no TLS for no-verify": ("-tls-no-verify", "error: specified -tls-no-verify without specifying -tls\n"),
    "no TLS for a CA": ("-tls-ca-cert f", "error: specified -tls-ca-cert without specifying -tls\n"),
    "no TLS for a certificate": ("-tls-client-cert f", "error: specified -tls-client-cert without specifying -tls\n"),
    "no TLS for a name": ("-tls-server-name n", "error: specified -tls-server-name without specifying -tls\n"),
    "no key": ("-tls -tls-client-cert f", "specified -tls-client-cert without specifying -tls-client-key\n"),
    "no certificate": ("-tls -tls-client-key f", "specified -tls-client-key without specifying -tls-client-cert\n"),
    "a CA for nothing": ("-tls -tls-no-verify -tls-ca-cert f", _UNUSED_CA),
    "a name for nothing": ("-tls -tls-no-verify -tls-server-name n", _UNUSED_NAME),
    "ALTS and TLS": ("-tls -alts", "error: cannot specify -tls with -alts\n"),
    "ALTS and SPIFFE": ("-spiffe -alts", "error: -alts and -spiffe are mutually incompatible\n"),
    "TLS and SPIFFE": ("-tls -spiffe", "-tls and -spiffe are mutually incompatible\n"),
    "no such CA": (
        "-tls -tls-ca-cert /nowhere",
        "from file (/nowhere) error=open /nowhere: no such file or directory\n",
    ),
    "a CA that is none": (f"-tls -tls-ca-cert {TLS.good.key}", "no root CA certs parsed from file"),
    "no such certificate": ("-tls -tls-client-cert /n -tls-client-key /n", _NO_PAIR + "open /n: no such file"),
    "another's key": (f"-tls -tls-client-cert {TLS.client.cert} -tls-client-key {TLS.good.key}", _NO_PAIR),
}
ALL = {
    **MATRIX,
    **{
        name: (line if "-addr" in line else f"-addr {{good}} {line}", 1, words) for name, (line, words) in WRONG.items()
    },
}


@pytest.mark.parametrize(("line", "code", "words"), ALL.values(), ids=ALL.keys())
def test_the_matrix(env: Environment, lab: Lab, line: str, code: int, words: str) -> None:
    result = env.run("health", *lab.words(line))
    said = words.format(**{name: f"127.0.0.1:{port}" for name, port in lab.ports.items()})
    assert result.code == code
    assert said in result.err
    assert result.out == ""


@pytest.mark.parametrize(("line", "code"), [each[:2] for each in ALL.values()], ids=ALL.keys())
def test_the_real_program_ends_the_same(lab: Lab, line: str, code: int) -> None:
    program = require_program("grpc-health-probe")
    patience = [] if "-connect-timeout" in line or code in (0, 1) else ["-connect-timeout", "500ms"]
    ended = subprocess.run([program, *lab.words(line), *patience], capture_output=True, timeout=20, check=False)
    assert ended.returncode == code, ended.stderr


def test_what_goes_well_is_told_in_the_same_words(env: Environment, lab: Lab) -> None:
    program = require_program("grpc-health-probe")
    for line in ("-addr {good}", "-addr {bad}", "-addr {none}", "-addr {good} -tls-no-verify"):
        theirs = subprocess.run([program, *lab.words(line)], capture_output=True, text=True, timeout=20, check=False)
        assert env.run("health", *lab.words(line)).errors[0] + "\n" == theirs.stderr


def test_verbose_tells_the_names_of_headers_and_no_values(env: Environment, lab: Lab) -> None:
    result = env.run("health", *lab.words("-v -addr {good}"), "-rpc-header", "authorization: Bearer s3cr3t-t0ken")
    assert "> headers: authorization\n" in result.err
    assert "s3cr3t" not in result.err
    assert "time elapsed: connect=" in result.err
    assert result.err.endswith("status: SERVING\n")


def test_a_servers_words_do_nothing_to_a_terminal_and_have_an_end(env: Environment) -> None:
    with fakes.grpc_answer(13, "%1B[2J%0Aboom" + "x" * 5000) as server:
        where = f"127.0.0.1:{server.port}"
        results = [env.run("health", "-addr", where), env.run("health", where, "--plaintext")]
    for result in results:
        said = result.out + result.err
        assert result.code == 3
        assert r"\x1b[2J boom" in said
        assert "\x1b" not in said
        assert len(said) < 3000


def test_the_version_is_for_stdout(env: Environment) -> None:
    result = env.run("health", "-version")
    assert result.code == 0
    assert result.out.startswith("grpcdoctor ")


def test_words_behind_the_flags_are_ignored_aloud(env: Environment, lab: Lab) -> None:
    result = env.run("health", *lab.words("-addr {good} false -tls"))
    assert result.code == 0
    assert result.err.startswith('warning: everything from "false" on is ignored')


@pytest.mark.parametrize(
    "line",
    [
        "-addr :{port}",
        "-addr dns:///localhost:{port}",
        "-addr dns:localhost:{port}",
        "-addr passthrough:/localhost:{port}",
        "-addr unix:///{socket}",
        "-addr unix:/{socket}",
        "-addr unix:s",
    ],
)
def test_addresses_as_grpc_go_reads_them(env: Environment, tmp_path: Path, line: str) -> None:
    with grpc_servers(Options(), Options(unix=str(tmp_path / "s"))) as (server, _):
        env.patch.chdir(tmp_path)
        words = line.format(port=server.port, socket=str(tmp_path / "s").lstrip("/")).split()
        assert env.run("health", *words).code == 0


@pytest.mark.parametrize(
    ("more", "code", "out"),
    [
        ("-expect NOT_SERVING", 4, ""),
        ("-wait 3s -expect SERVING", 0, ""),
        ("-connect-only", 0, "CONNECTED"),
        ("-list", 0, "SERVING"),
        ("-output json", 0, '"healthy": true'),
        ("-plaintext", 0, ""),
    ],
)
def test_what_only_we_can_do_goes_with_it(env: Environment, lab: Lab, more: str, code: int, out: str) -> None:
    result = env.run("health", *lab.words("-addr {good}"), *more.split())
    assert result.code == code
    assert out in result.out


@pytest.mark.parametrize(
    "more",
    [
        "-tls -plaintext",
        "-expect fine",
        "-output xml",
        "-wait -1s",
        "-watch -list",
        "-connect-only -list",
        "-list -service x",
    ],
)
def test_what_does_not_go_together_is_refused(env: Environment, more: str) -> None:
    result = env.run("health", "-addr", "127.0.0.1:1", *more.split())
    assert result.code == 1
    assert result.err.startswith("error: ")


def test_a_server_that_comes_up_within_the_connect_timeout_is_waited_for(env: Environment) -> None:
    import threading
    import time

    port = free_port()

    def come_up() -> None:
        time.sleep(0.3)
        with grpc_servers(Options(port=port)):
            over.wait(10)

    over = threading.Event()
    thread = threading.Thread(target=come_up)
    thread.start()
    try:
        result = env.run("health", "-addr", f"127.0.0.1:{port}", "-connect-timeout", "15s")
    finally:
        over.set()
        thread.join()
    assert result.code == 0
