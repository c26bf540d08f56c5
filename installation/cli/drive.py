"""`./kiosk drive`: moves the face of a picture as the face in a clip moves, with the clip's sound."""

import argparse
import os
from pathlib import Path

from tqdm import tqdm

from engine.common.errors import UsageError, on_one_line, printable
from hardware.memory import forbid_core_dumps
from installation.cli.interruption import let_signals_interrupt
from installation.cli.paths import LONGEST_NAME_BYTES, reachable_path
from installation.settings.configuration import DEFAULT, load

BAR = "{desc:<12}|{bar:40}| {elapsed}"


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `./kiosk drive`."""
    parser.add_argument(
        "picture", type=reachable_path, help="whose face moves: doppelganger.png of a visit, or a photograph"
    )
    parser.add_argument("clip", type=reachable_path, help="a film of the face that drives it")
    parser.add_argument(
        "--out", type=reachable_path, default=Path("driven.mp4"), help="the film to write; driven.mp4"
    )
    parser.add_argument(
        "--config", type=reachable_path, default=DEFAULT, help="a TOML file like config/default.toml"
    )


def run(arguments: argparse.Namespace) -> int:
    """Makes the rig of the picture, drives it and writes the film. Returns the exit code."""
    forbid_core_dumps()
    let_signals_interrupt()
    _check_free(arguments.out)
    configuration = load(arguments.config)

    from engine.photographs.photograph import load_photograph

    photograph = load_photograph(arguments.picture)

    from engine.faces.analyser import open_analyser
    from engine.live.photograph import rig_photograph
    from hardware.camera.film.decoding import is_film
    from installation.outputs.driven_film import write_driven_film
    from installation.workers.models import ModelBundle

    if not is_film(arguments.clip):
        raise UsageError(f"{printable(arguments.clip)}: is no film that can be read. Give MP4, MOV or WebM.")
    bundle = ModelBundle(configuration)
    with (
        open_analyser(bundle.settings.detector) as analyser,
        tqdm(total=1.0, bar_format=BAR, leave=False, disable=None) as bar,
    ):
        bar.set_description_str("searching")
        rig = rig_photograph(
            photograph,
            analyser,
            bundle.generator,
            bundle.directions(analyser),
            bundle.distance,
            bundle.settings.search,
            bundle.encoder,
            lambda share: bar.update(share - bar.n),
        )
        bar.reset()
        bar.set_description_str("driving")
        seconds = write_driven_film(
            arguments.out, rig, arguments.clip, analyser, lambda share: bar.update(share - bar.n)
        )
    print(f"{on_one_line(arguments.out)}: {seconds:.1f} seconds, {len(rig.picture)} pixels square.")
    return 0


def _check_free(path: Path) -> None:
    """Raises UsageError before the work begins if the film cannot be written."""
    if path.exists():
        raise UsageError(f"{path}: exists already. Name a new file with --out.")
    if len(os.fsencode(path.name)) > LONGEST_NAME_BYTES:
        raise UsageError(f"{path}: the name is too long. Choose a shorter --out.")
    parent = path.resolve().parent
    if path.suffix != ".mp4" or not parent.is_dir():
        raise UsageError(f"{path}: give a file OUT.mp4 in a folder that is there.")
    if not os.access(parent, os.W_OK | os.X_OK, effective_ids=True):
        raise UsageError(f"{parent}: may not be written to. Name a file elsewhere with --out.")
