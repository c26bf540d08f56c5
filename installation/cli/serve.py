"""`./kiosk serve`: the rendering server, whose engines kiosks use over the network."""

import argparse
import logging

from engine.common.errors import UsageError
from hardware.memory import forbid_core_dumps, overwrite_freed_memory, swap_devices
from installation.cli.paths import reachable_path
from installation.settings.configuration import DEFAULT, load, needed_weights
from installation.settings.manifest import Manifest

log = logging.getLogger(__name__)


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `./kiosk serve`."""
    parser.add_argument(
        "--config", type=reachable_path, default=DEFAULT, help="a TOML file with the table [server]"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serves until ctrl+C or SIGTERM. Returns the exit code."""
    forbid_core_dumps()
    overwrite_freed_memory()
    configuration = load(arguments.config)
    if configuration.server.keys is None:
        raise UsageError(
            f"{arguments.config}: server.keys: name the file of the kiosks' keys (docs/server.md)."
        )
    manifest = Manifest.load()
    for name in needed_weights(configuration):
        manifest.locate(name)
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S", level=logging.INFO)
    if swaps := swap_devices():
        log.warning("swap is on (%s): memory may be written to disk. Switch it off: swapoff -a", swaps[0])

    from installation.server.serving import serve

    settings = configuration.server
    count = f"{settings.engines} engine{'s' if settings.engines != 1 else ''}"
    serve(configuration, lambda door: print(f"{door.url}: {count}. ctrl+C ends it.", flush=True))
    return 0
