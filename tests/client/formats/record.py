"""Asks grpcurl's own code anew for everything in golden/: python -m tests.client.formats.record (needs Go).

A new line needs its `type` and `data` (messages), `type`, `format` and `request` (requests) or `type` (templates).
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.client.formats.schema import protoset

HERE = Path(__file__).parent

Ask = Callable[..., dict[str, str]]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        program, schema = Path(folder, "recorder"), Path(folder, "formats.protoset")
        subprocess.run(["go", "build", "-o", str(program), "."], cwd=HERE / "recorder", check=True)
        schema.write_bytes(protoset())
        command = [str(program), str(schema)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as recorder:

            def ask(**question: Any) -> dict[str, str]:
                assert recorder.stdin is not None
                assert recorder.stdout is not None
                print(json.dumps(question), file=recorder.stdin, flush=True)
                answer: dict[str, str] = json.loads(recorder.stdout.readline())
                return answer

            for name, record in (("messages", _message), ("requests", _request), ("templates", _template)):
                _record(HERE / "golden" / f"{name}.jsonl", record, ask)
            assert recorder.stdin is not None
            recorder.stdin.close()


def _record(golden: Path, record: Callable[[Ask, dict[str, Any]], dict[str, Any]], ask: Ask) -> None:
    rows = [record(ask, json.loads(line)) for line in golden.read_text().splitlines()]
    golden.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _message(ask: Ask, row: dict[str, Any]) -> dict[str, Any]:
    asked = {"do": "print", "type": row["type"], "data": row["data"]}
    plain = ask(**asked, format="json")
    printed = {"json": plain["result"], "defaults": ask(**asked, format="json", defaults=True)["result"]}
    shown = {"error": plain["error"]} if plain["error"] else printed
    return {"type": row["type"], "data": row["data"], **shown, "text": ask(**asked, format="text")["result"]}


def _request(ask: Ask, row: dict[str, Any]) -> dict[str, Any]:
    asked = {"type": row["type"], "format": row["format"], "request": row["request"]}
    answer = ask(do="read", **asked)
    assert not answer["error"], (row, answer)
    return {**asked, "data": answer["result"]}


def _template(ask: Ask, row: dict[str, Any]) -> dict[str, Any]:
    asked = {"do": "template", "type": row["type"]}
    as_json, as_text = ask(**asked, format="json", defaults=True), ask(**asked, format="text")
    return {"type": row["type"], "json": as_json["result"], "text": as_text["result"]}


if __name__ == "__main__":
    main()
