"""Runs what waits for the disk on a thread of its own, so that the stage does not wait."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

MOST_WAITING = 8


class DiskTasks:
    """Runs tasks one after the other on one thread; their callbacks run on the caller's, in `finish`."""

    def __init__(self) -> None:
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="disk")
        self._waiting: list[tuple[Future[Any], Callable[[Future[Any]], None]]] = []

    def run(self, work: Callable[[], Any], then: Callable[[Future[Any]], None]) -> bool:
        """Queues `work`; `then` is called with its finished future later. Returns whether there was room."""
        if len(self._waiting) >= MOST_WAITING:
            return False
        self._waiting.append((self._disk.submit(work), then))
        return True

    def finish(self) -> None:
        """Calls the callbacks of all finished tasks, in order. Never waits."""
        while self._waiting and self._waiting[0][0].done():
            future, then = self._waiting.pop(0)
            then(future)

    def close(self) -> None:
        """Waits until all tasks are finished."""
        self._disk.shutdown()
