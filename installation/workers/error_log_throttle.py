"""Counts faulty input, and logs at most one line a minute for each kind of fault."""

import logging
import threading
from collections import Counter
from dataclasses import dataclass

log = logging.getLogger(__name__)

INTERVAL_S = 60.0


@dataclass
class _Kind:
    # `new`: noted since the last line; `logged_s`: when that was.
    new: int = 0
    latest: str = ""
    logged_s: float | None = None


class ErrorLogThrottle:
    """Counts faults by kind. Any thread may call `note`; one thread calls `report`.

    subject: what is at fault, at the beginning of each line.
    """

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._lock = threading.Lock()
        self._kinds: dict[str, _Kind] = {}
        self.counts: Counter[str] = Counter()

    def note(self, kind: str, detail: str) -> None:
        """Counts one more of a kind (kinds are few and fixed). The detail is one short line."""
        with self._lock:
            entry = self._kinds.setdefault(kind, _Kind())
            entry.new += 1
            entry.latest = detail
            self.counts[kind] += 1

    def report(self, now_s: float) -> None:
        """Logs the kinds that were noted since their last line, each at most once a minute."""
        with self._lock:
            for kind, entry in self._kinds.items():
                if entry.new and (entry.logged_s is None or now_s - entry.logged_s >= INTERVAL_S):
                    times = f" ({entry.new} times)" if entry.new > 1 else ""
                    log.warning("%s: %s%s: %s", self._subject, kind, times, entry.latest)
                    entry.new, entry.logged_s = 0, now_s
