"""`./kiosk osc`: every address that curators can use."""

import argparse

from installation.app.registration import load_scenes, registry_of
from installation.control.protocol.documentation import listing, page
from installation.settings.configuration import Stage
from installation.settings.registry import Registry


def whole_registry() -> Registry:
    """Of the scenes that come with the project."""
    return registry_of(load_scenes(Stage().scenes).values())


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--markdown", action="store_true", help="as docs/osc.md has it")


def run(arguments: argparse.Namespace) -> int:
    """Prints the list; returns the exit code."""
    registry = whole_registry()
    print(page(registry) if arguments.markdown else listing(registry))
    return 0
