"""The progress of reading a cluster, on stderr and only on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from grpcdoctor.cli.terminal import is_terminal

Progress = Callable[[int, int, str], None]


@contextmanager
def reading(what: str) -> Iterator[Progress | None]:
    """A bar that counts the kinds read; None (and nothing shown) where stderr is no terminal."""
    if not is_terminal(sys.stderr):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("reading {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def show(done: int, total: int, kind: str) -> None:
            bar.update(task, completed=done, total=total, description=f"{what}: {kind}")

        yield show
