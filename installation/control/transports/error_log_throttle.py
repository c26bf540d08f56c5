"""One line for each kind of nonsense, however much of it comes."""

import logging
import threading
from collections import Counter
from dataclasses import dataclass

log = logging.getLogger(__name__)

EVERY_S = 60.0


@dataclass
class _Kind:
    new: int = 0
    latest: str = ""
    told_s: float | None = None


class ErrorLogThrottle:
    """Counts what is wrong with what comes in. Any thread may `note`; one of them calls `report`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kinds: dict[str, _Kind] = {}
        self.counts: Counter[str] = Counter()

    def note(self, kind: str, detail: str) -> None:
        """Counts one more of a kind, of which there are few. The detail is one short line."""
        with self._lock:
            entry = self._kinds.setdefault(kind, _Kind())
            entry.new += 1
            entry.latest = detail
            self.counts[kind] += 1

    def report(self, now_s: float) -> None:
        """Logs what is new, each kind at most once a minute."""
        with self._lock:
            for kind, entry in self._kinds.items():
                if entry.new and (entry.told_s is None or now_s - entry.told_s >= EVERY_S):
                    times = f" ({entry.new} times)" if entry.new > 1 else ""
                    log.warning("osc: %s%s: %s", kind, times, entry.latest)
                    entry.new, entry.told_s = 0, now_s
