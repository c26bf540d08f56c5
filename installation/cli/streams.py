"""Standard input, output and error of the command line, whatever the caller has connected them to.

They may be closed, a full disk, or a pipe whose reader has left. None of that may break a command or end in a
traceback, and output that is lost on a full disk must not look like success.
"""

import io
import os
import sys
from typing import TextIO

from engine.common.errors import DoppelgangerError, MachineError
from engine.common.native_output import own_stderr


class ReaderLeft(DoppelgangerError):
    """The program that reads standard output, such as `head`, has seen enough: no fault."""

    exit_code = 0


class _Output(io.FileIO):
    """File descriptor 1. Its errors can be told from those of any other file."""

    def write(self, data: object) -> int:
        """Raises ReaderLeft for a pipe that nobody reads, MachineError for every other fault."""
        try:
            return super().write(data)  # type: ignore[arg-type]
        except BrokenPipeError:
            raise ReaderLeft from None
        except OSError as error:
            raise MachineError(
                f"standard output cannot be written ({error.strerror}): free space, or send it elsewhere."
            ) from None


def prepare() -> None:
    """Makes all three streams usable; once, when the program starts."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # Closed: the next file to be opened would get this number, and what is printed.
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    encoding = sys.stdout.encoding if sys.stdout else "utf-8"
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_Output(1, "w", closefd=False)),
        encoding=encoding,
        errors="backslashreplace",  # a file's name need not be text
        line_buffering=os.isatty(1),
    )
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    # One thread may silence native libraries on stderr while another thread has a line to print there.
    sys.stderr = own_stderr()


def tell(line: str) -> None:
    """Prints a line to standard error, if anybody can receive it."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        abandon(sys.stderr)


def settle() -> None:
    """Writes out what is still buffered; what cannot be written is dropped. Python would end with 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, DoppelgangerError):
            abandon(stream)


def abandon(stream: TextIO) -> None:
    """Sends everything that the stream still holds, or is given later, nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
