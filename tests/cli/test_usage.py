"""Wrong command lines: exit 2, exactly one line that says what to do, and the usage hint."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from tests.cli.environment import Environment
from tests.lab.certificates import lab_certificates

WRONG = {
    "": "name a TARGET, such as grpc.example.com or localhost:50051",
    "h:0": "a port is a number from 1 to 65535",
    "ftp://h": "unknown scheme 'ftp://'",
    "::1:x": "too many colons",
    "h/path": "--call SERVICE/METHOD",
    "h --timeout -1": "'-1' is no time to wait; write seconds above zero, such as 5, 5s or 500ms",
    "h --timeout 0": "is no time to wait",
    "h --timeout nan": "is no time to wait",
    "h --timeout 1e999": "is no time to wait",
    "h --timeout ٣": "is no time to wait",
    "h --count 0": "--count",
    "h --concurrency 0": "--concurrency",
    "h --output xml": "there is no format 'xml'; there are: ",
    "h --output layout": "there is no format 'layout'",
    "h --fail-on info": "--fail-on",
    "h --call nope": "'nope' is no method; write package.Service/Method",
    "h --call S/M --data {": "--data is no JSON",
    "h --data {}": "--call SERVICE/METHOD",
    "h --call S/M --data @/nope": "--data: cannot read /nope: No such file",
    "h --quick --call S/M": "--quick makes no call",
    "h --quick --second-opinion": "--quick asks nobody else",
    "h --targets - --call S/M --data -": "cannot both be read from standard input",
    "h --plaintext --insecure": "--insecure is for TLS, and --plaintext asks for plaintext",
    "h --plaintext --cacert x": "--cacert is for TLS",
    "h --plaintext --servername x": "--servername is for TLS",
    "grpc://h --cert x --key y": "--cert is for TLS, and the scheme of the target asks for plaintext",
    "https://h --plaintext": "asks for TLS and --plaintext for none",
    "h --insecure --cacert x": "--insecure verifies nothing, so --cacert has no use",
    "h --cert x": "--cert needs --key FILE",
    "h --key x": "--key needs --cert FILE",
    "h --cacert /nope": "--cacert: cannot read /nope: No such file",
    "h --cacert /": "--cacert: cannot read /: Is a directory",
    "h --connect-to :9": "--connect-to names no host; write HOST:PORT",
    "h --connect-to h:x": "is not a port",
    "unix:/x --connect-to h:1": "--connect-to is for hosts",
    "h --authority a\nb": "is no authority; write a host, or host:port",
    "--targets /nope": "--targets: cannot read /nope: No such file",
    "a b --save run.json": "--save keeps the run of one target",
    "h --save /nope/run.json": "--save: there is no folder /nope",
    "h --save /tmp": "--save: /tmp is a folder; name a file",
    "--replay /nope": "--replay: cannot read /nope: No such file",
    "h --replay x": "--replay uses no network; leave out TARGET",
    "--replay x --timeout 3": "--replay uses no network; leave out --timeout",
    "h -H authorization": "metadata needs a colon; write it as 'name: value'",
    "h -H :path": "use --authority",
    "h -H a_b!:c": "may hold only 0-9 a-z _ - .",
    "h -H te:x": "'te' belongs to gRPC itself",
    "h -H grpc-timeout:1S": "'grpc-timeout' belongs to gRPC itself",
    "h -H x:ä": "the value of 'x' is not all printable ASCII; name it x-bin",
}


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_command_line_gets_one_line_that_says_what_to_do(env: Environment, words: str) -> None:
    env.answer()
    result = env.run("probe", *words.split(" ") if words else ())
    assert (result.code, result.out) == (2, "")
    assert len(result.errors) == 2, result.err
    assert result.errors[0].startswith("grpcdoctor probe: ")
    assert WRONG[words] in result.errors[0]
    assert result.errors[1] == "Try 'grpcdoctor probe --help'."


def test_a_wrong_line_of_a_targets_file_is_named(env: Environment, tmp_path: Path) -> None:
    path = tmp_path / "targets"
    path.write_text("h:1\n\n# fine\nh:99999\n")
    result = env.run("probe", "--targets", str(path))
    assert result.code == 2
    assert f"{path}:4: " in result.errors[0]
    assert "standard input:1: " in env.run("probe", "--targets", "-", stdin="h:x").errors[0]


def test_a_targets_file_without_targets_is_an_error(env: Environment, tmp_path: Path) -> None:
    path = tmp_path / "targets"
    path.write_text("# nothing\n")
    assert "names no target" in env.run("probe", "--targets", str(path)).errors[0]


def test_a_binary_targets_file_is_an_error(env: Environment, tmp_path: Path) -> None:
    path = tmp_path / "targets"
    path.write_bytes(b"\xff\xfe\x00")
    assert "is no text file" in env.run("probe", "--targets", str(path)).errors[0]


@pytest.mark.parametrize("header", ["authorization Bearer s3cr3t", "x y: s3cr3t", "au\nth: s3cr3t", "x: s3cr3t\x01"])
def test_an_error_about_a_header_does_not_repeat_its_value(env: Environment, header: str) -> None:
    result = env.run("probe", "h", "-H", header)
    assert result.code == 2
    assert "s3cr3t" not in result.err


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two certificates with their keys, the first also in DER, its key also behind a password."""
    folder = tmp_path_factory.mktemp("pems")
    lab = lab_certificates()
    for name, pair in (("a", lab.good), ("b", lab.client)):
        shutil.copy(pair.cert, folder / f"{name}.pem")
        shutil.copy(pair.key, folder / f"{name}.key")
    certificate = x509.load_pem_x509_certificate((folder / "a.pem").read_bytes())
    (folder / "a.der").write_bytes(certificate.public_bytes(Encoding.DER))
    key = load_pem_private_key((folder / "a.key").read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pass"))
    (folder / "locked.key").write_bytes(locked)
    return folder


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("--cacert a.der", "a.der is DER, not PEM; convert it: openssl x509 -inform der -in "),
        ("--cacert a.key", "a.key holds no certificates in PEM"),
        ("--cert a.key --key a.key", "a.key holds no certificate in PEM"),
        ("--cert a.pem --key a.pem", "a.pem holds no private key in PEM (-----BEGIN …)"),
        ("--cert a.pem --key b.key", "b.key does not belong to the certificate in "),
        ("--cert a.pem --key locked.key", "locked.key is encrypted; decrypt it first: openssl pkey -in "),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_cure(
    env: Environment, pems: Path, words: str, wanted: str
) -> None:
    arguments = [str(pems / word) if "." in word else word for word in words.split()]
    result = env.run("probe", "h", *arguments)
    assert result.code == 2
    assert len(result.errors) == 2
    assert wanted in result.errors[0]


def test_files_that_fit_are_accepted(env: Environment, pems: Path) -> None:
    from tests.report import samples

    env.answer(samples.healthy())
    files = [str(pems / name) for name in ("b.pem", "a.pem", "a.key")]
    assert env.run("probe", "h", "--cacert", files[0], "--cert", files[1], "--key", files[2]).code == 0
