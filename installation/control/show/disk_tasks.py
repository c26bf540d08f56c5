"""What has to wait for the disk, so that the stage does not."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

MOST = 8


class DiskTasks:
    """Work done one after the other in a thread of its own; what follows from it is done in `finish`."""

    def __init__(self) -> None:
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="disk")
        self._waiting: list[tuple[Future[Any], Callable[[Future[Any]], None]]] = []

    def run(self, work: Callable[[], Any], then: Callable[[Future[Any]], None]) -> bool:
        """Does `work`, later `then` with what became of it. Returns whether there was room for it."""
        if len(self._waiting) >= MOST:
            return False
        self._waiting.append((self._disk.submit(work), then))
        return True

    def finish(self) -> None:
        """Does what follows from all work that is done, in order. Never waits."""
        while self._waiting and self._waiting[0][0].done():
            future, then = self._waiting.pop(0)
            then(future)

    def close(self) -> None:
        """Waits until all work is done."""
        self._disk.shutdown()
