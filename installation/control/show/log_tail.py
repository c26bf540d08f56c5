"""The last lines of the log, for the curators.

They are what the terminal and the journal show of this process: the program logs nothing of a visitor.
"""

import logging
import threading
from collections import deque

from installation.control.show.feedback import Feedback

LINES = 40
LONGEST_LINE = 240  # characters


class LogTail(logging.Handler):
    """Keeps the last lines; `publish` reports them. Lines may come from any thread."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._lines_lock = threading.Lock()
        self._new: deque[tuple[int, str, str]] = deque(maxlen=LINES)
        self._number = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps the message of a record as one line, without any traceback."""
        line = " ".join(record.getMessage().split())
        if len(line) > LONGEST_LINE:
            line = line[: LONGEST_LINE - 1] + "…"
        with self._lines_lock:
            self._new.append((self._number, record.levelname.lower(), line))
            self._number += 1

    def publish(self, feedback: Feedback, now_s: float) -> None:
        """Reports the lines since the last call, each in the place of the one `LINES` before it."""
        with self._lines_lock:
            lines, self._new = list(self._new), deque(maxlen=LINES)
        for number, level, line in lines:
            feedback.publish("/log/line", number, level, line, now_s=now_s, name=str(number % LINES))
