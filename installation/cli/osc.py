"""`./kiosk osc`: lists every OSC address; the tables are in `control.protocol.address_space`."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from installation.settings.registry import Registry


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--markdown", action="store_true", help="as docs/osc.md has it")


def run(arguments: argparse.Namespace) -> int:
    """Prints the list; returns the exit code."""
    from installation.control.protocol.documentation import markdown_page, terminal_listing

    registry = default_registry()
    print(markdown_page(registry) if arguments.markdown else terminal_listing(registry))
    return 0


def default_registry() -> "Registry":
    """The parameters of the scenes that come with the project, at their defaults."""
    from installation.app.registration import load_scenes, registry_of
    from installation.settings.configuration import Stage
    from installation.stage.scene import scene_of

    others = (scene_of(name)() for name in (Stage().gathering, Stage().decoders))
    return registry_of([*load_scenes(Stage().scenes).values(), *others])
