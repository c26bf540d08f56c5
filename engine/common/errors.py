"""The expected errors, each with the exit code of the command line.

The message of each is one line: what is wrong, where, and what to do next. The command line prints that line
and exits with `exit_code`; nothing else about an error reaches a visitor or a curator.
"""

import functools
import sys
import traceback
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import ParamSpec

Arguments = ParamSpec("Arguments")


def exception_summary(fault: BaseException) -> str:
    """Type, file and line of an exception, for logs; without its message, which may hold a visitor's data."""
    frames = traceback.extract_tb(fault.__traceback__)
    where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return f"{type(fault).__name__}{where}"


class DoppelgangerError(Exception):
    """Base of all expected errors. `str(error)` is the one line to show."""

    exit_code = 1


class UsageError(DoppelgangerError):
    """The command or its input file cannot be used as given."""

    exit_code = 2


class FaceRefusal(StrEnum):
    """Why a picture holds no face that can be portrayed. Scenes and translations use these words."""

    NONE = "none"
    SEVERAL = "several"
    TOO_SMALL = "too_small"
    CUT_OFF = "cut_off"
    TURNED_AWAY = "turned_away"
    TOO_DARK = "too_dark"
    BLURRED = "blurred"


class NoUsableFace(DoppelgangerError):
    """The photograph holds no face that can be portrayed. `reason` is a `FaceRefusal`."""

    exit_code = 3

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = FaceRefusal(reason)


class WeightsError(DoppelgangerError):
    """Weights are missing, or are not what the manifest says."""

    exit_code = 4


class MachineError(DoppelgangerError):
    """The machine lacks something; `./kiosk doctor` says what."""

    exit_code = 5


def report_errors_in_one_line(main: Callable[Arguments, int]) -> Callable[Arguments, int]:
    """Decorates the `main` of a tool: an expected error is printed to standard error as one line.

    Its exit code is then returned.
    """

    @functools.wraps(main)
    def wrapper(*args: Arguments.args, **kwargs: Arguments.kwargs) -> int:
        try:
            return main(*args, **kwargs)
        except DoppelgangerError as error:
            print(on_one_line(error), file=sys.stderr)
            return error.exit_code

    return wrapper


class InvalidWeights(ValueError):
    """A file of weights is not accepted. The message is the reason, and follows the file's name."""


def on_one_line(value: object) -> str:
    """Free of line breaks and control characters. Bytes of a file's name that are no text (surrogates) stay:
    the program's output escapes them."""
    return "".join(c if c.isprintable() or "\ud800" <= c <= "\udfff" else "?" for c in str(value))


def printable(value: object) -> str:
    """On one line and free of control characters, whatever is in a file's name or a decoder's complaint."""
    return "".join(c if c.isprintable() else "?" for c in str(value))
