"""The command line: `./kiosk run | visit | weights | judges | osc | doctor`.

Each command is a module with `configure(parser)` and `run(arguments) -> exit code`. What goes wrong is told
in one line; exit codes are those of `engine.common.errors` (0 done, 2 wrong use, 3 no usable face, 4 weights,
5 machine).
"""

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence

from engine.common.errors import DoppelgangerError, exception_summary
from engine.common.native_output import own_stderr

COMMANDS = {
    "run": ("installation.cli.run", "the installation: a screen, a camera, visitors"),
    "visit": ("installation.cli.portray", "a photograph in, the border and the doppelgänger out"),
    "weights": ("installation.cli.weights", "list, fetch, verify and add the weights"),
    "judges": ("installation.cli.judges", "list the judges, measure their thresholds"),
    "osc": ("installation.cli.osc", "list everything that can be changed while the piece runs"),
    "doctor": ("installation.cli.doctor", "what this machine lacks, and how to mend it"),
}
INTERRUPTED = 130
# How often a thread of PyTorch looks for work before it sleeps. By its own default it spins for milliseconds,
# and where another program wants the core a visit takes twice as long, or ten times. Alone, both are as fast.
SPINS = "2000"


def parser(chosen: str | None) -> argparse.ArgumentParser:
    """The parser; only the chosen command's module is imported, so that the command line answers at once."""
    whole = argparse.ArgumentParser(prog="kiosk", description="Where does a machine stop knowing you?")
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
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name need not be text
    chosen = next((word for word in words if word in COMMANDS), None)
    arguments = parser(chosen).parse_args(words)
    try:
        return int(importlib.import_module(COMMANDS[arguments.command][0]).run(arguments))
    except DoppelgangerError as error:
        print(f"kiosk: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("kiosk: stopped; nothing was written.", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("DOPPELGANGER_DEBUG"):
            raise
        # Without its own words, which may hold a number of a visitor's face.
        print(
            f"kiosk: unexpected {exception_summary(error)}. "
            "Run again with DOPPELGANGER_DEBUG=1 to see the whole of it, and report it.",
            file=sys.stderr,
        )
        return DoppelgangerError.exit_code


if __name__ == "__main__":
    # While one thread loads native libraries in silence, others have something to say that is said once.
    if sys.stderr is not None:
        sys.stderr = own_stderr()
    sys.exit(main())
