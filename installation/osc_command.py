"""`kiosk osc`: every address that curators can use."""

import argparse

from installation.control.documentation import listing, page
from installation.parameters import Parameters, Registry
from installation.visit import Timeouts

# Whatever declares parameters. Their order is that of the documentation.
DECLARATIONS: tuple[type[Parameters], ...] = (Timeouts,)


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--markdown", action="store_true", help="as docs/osc.md has it")


def run(arguments: argparse.Namespace) -> int:
    """Prints the list; returns the exit code."""
    registry = Registry(*DECLARATIONS)
    print(page(registry) if arguments.markdown else listing(registry))
    return 0
