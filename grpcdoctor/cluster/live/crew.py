"""Crew: several jobs at a time in daemon threads, which neither Ctrl-C nor the end of the program waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Protocol

from grpcdoctor.cluster.live.answers import Asker, Failure, RequestFailed

Tell = Callable[[], None]


class Job(Protocol):
    """One piece of reading. It keeps what it found; the crew sets how it ended."""

    failure: Failure | None
    done: bool

    def run(self, asker: Asker, tell: Tell) -> None:
        """Does it; calls `tell` whenever there is more to see. RequestFailed ends it."""


def run_all(
    jobs: Sequence[Job], asker: Asker, parallel: int, progress: Callable[[Job], None] = lambda job: None
) -> None:
    """Runs the jobs until all are done or the asker's deadline has come; those left undone then have its failure.

    `progress` is called in the caller's thread, after each step of a job.
    """
    todo: SimpleQueue[Job] = SimpleQueue()
    steps: SimpleQueue[Job] = SimpleQueue()
    for job in jobs:
        todo.put(job)
    for _ in range(min(parallel, len(jobs))):
        threading.Thread(target=_work, args=(todo, steps, asker), name="grpcdoctor-cluster", daemon=True).start()
    left = set(map(id, jobs))
    while left:
        try:
            job = steps.get(timeout=asker.deadline.remaining + 0.05)
        except Empty:
            break
        if job.done:
            left.discard(id(job))
        progress(job)
    for job in jobs:
        if id(job) in left and job.failure is None:
            job.failure = asker.time_over


def _work(todo: SimpleQueue[Job], steps: SimpleQueue[Job], asker: Asker) -> None:
    while not asker.stop.is_set():
        try:
            job = todo.get_nowait()
        except Empty:
            return
        _do(job, asker, lambda job=job: steps.put(job))  # type: ignore[misc]
        job.done = True
        steps.put(job)


def _do(job: Job, asker: Asker, tell: Tell) -> None:
    try:
        job.run(asker, tell)
    except RequestFailed as failed:
        job.failure = failed.failure
    except Exception as broken:  # a bug of ours, and no reason to lose what the others find
        job.failure = Failure(0, f"grpcdoctor failed on what the server sent ({type(broken).__name__})")
