"""The command line: `./kiosk COMMAND`; COMMANDS lists them.

Each command is a module with `configure(parser)` and `run(arguments) -> exit code`. An error is one line on
stderr; the exit codes are those of `engine.common.errors` (0 done, 2 wrong use, 3 no usable face, 4 weights,
5 machine).
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.common.errors import DoppelgangerError, MachineError, UsageError, exception_summary, on_one_line
from hardware import machine
from installation.cli import streams
from installation.cli.interruption import INTERRUPTED
from installation.settings.paths import PROGRAM

COMMANDS = {
    "run": ("installation.cli.run", "the installation: a screen, a camera, visitors"),
    "visit": ("installation.cli.portray", "a photograph in, the border and the doppelgänger out"),
    "group": (
        "installation.cli.group",
        "a photograph of several people in, each face as its owner chose out",
    ),
    "drive": (
        "installation.cli.drive",
        "a picture, and a clip or words, in; the picture moving or speaking out",
    ),
    "wear": (
        "installation.cli.wear",
        "a picture and a camera in; the picture moving as you do, live, for a page or a virtual camera, out",
    ),
    "anonymise": (
        "installation.cli.anonymise",
        "a film or a photograph in, the same with heads of people who do not exist out",
    ),
    "deepfake": (
        "installation.cli.deepfake",
        "two films in; decoders that learn both faces, and a film of one with the face of the other, out",
    ),
    "serve": ("installation.cli.serve", "a rendering server, whose engines kiosks use over the network"),
    "weights": ("installation.cli.weights", "list, fetch, verify and add the weights"),
    "judges": ("installation.cli.judges", "list the judges, measure their thresholds"),
    "osc": ("installation.cli.osc", "list everything that can be changed while the piece runs"),
    "doctor": ("installation.cli.doctor", "what this machine lacks, and how to mend it"),
}
# These load every package. One that is built for another processor would end them without a line.
NEED_THE_MACHINE = ("run", "visit", "group", "drive", "wear", "anonymise", "deepfake", "serve", "judges")
NAME = Path(PROGRAM).name
# How often a thread of PyTorch (GNU OpenMP) polls for work before it sleeps. By default it polls for
# milliseconds: with another program on the same cores a visit then takes two to ten times as long.
SPINS = "2000"
# NumPy's OpenBLAS polls for as long as a tenth of a second, which no variable shortens: one small inverse a
# frame keeps its second thread busy for good, 0.75 of a core. What NumPy multiplies here is small.
BLAS_THREADS = "1"


def parser(chosen: str | None) -> argparse.ArgumentParser:
    """The parser. Only the module of the chosen command is imported, which keeps `--help` fast."""
    whole = argparse.ArgumentParser(prog=NAME, description="Where does a machine stop knowing you?")
    commands = whole.add_subparsers(dest="command", required=True, metavar="command")
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if name == chosen:
            importlib.import_module(module).configure(command)
    commands.add_parser("test", help="lint, types and tests (done by the kiosk script)")
    return whole


def main(words: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    words = list(sys.argv[1:] if words is None else words)
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", BLAS_THREADS)
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime's, for this process and its children
    chosen = next((word for word in words if word in COMMANDS), None)
    try:
        try:
            arguments = parser(chosen).parse_args(words)
        except SystemExit:  # after --help, and after wrong use
            sys.stdout.flush()
            raise
        except OSError:  # wrong use that Python 3.11.2 cannot print, as nobody receives it
            streams.abandon(sys.stderr)
            return UsageError.exit_code
        if arguments.command not in COMMANDS:
            raise UsageError("the tests are run by the script of a checkout: ./kiosk test")
        if arguments.command in NEED_THE_MACHINE and (reason := machine.unsupported_here()):
            raise MachineError(reason)
        code = int(importlib.import_module(COMMANDS[arguments.command][0]).run(arguments))
        sys.stdout.flush()
        return code
    except streams.ReaderLeft as left:
        return left.exit_code
    except DoppelgangerError as error:
        streams.tell(f"{NAME}: {on_one_line(error)}")
        return error.exit_code
    except KeyboardInterrupt:
        streams.tell(f"{NAME}: stopped; nothing was written.")
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("DOPPELGANGER_DEBUG"):
            raise
        # Without the exception's message, which may hold numbers of a visitor's face.
        streams.tell(
            f"{NAME}: unexpected {exception_summary(error)}. "
            "Run again with DOPPELGANGER_DEBUG=1 to see the whole of it, and report it."
        )
        return DoppelgangerError.exit_code


def run_program() -> None:
    """Runs one command as a program of its own and ends the process."""
    streams.prepare()
    try:
        code = main()
    finally:
        streams.settle()
    sys.exit(code)


if __name__ == "__main__":
    run_program()
