"""`./kiosk anonymise`: a film or a photograph in which people have heads of people who do not exist."""

import argparse
from pathlib import Path

from tqdm import tqdm

from engine.common.errors import UsageError, on_one_line
from hardware.memory import forbid_core_dumps
from installation.cli.interruption import let_signals_interrupt
from installation.cli.paths import check_free, reachable_path
from installation.settings.configuration import DEFAULT, load

BAR = "{desc:<12}|{bar:40}| {elapsed}"
PHOTOGRAPHS = (".png", ".jpg", ".jpeg")


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `./kiosk anonymise`."""
    parser.add_argument("source", type=reachable_path, help="a film or a photograph with people")
    parser.add_argument(
        "--out",
        type=reachable_path,
        help="what to write: OUT.mp4 of a film, OUT.png or OUT.jpg of a photograph",
    )
    parser.add_argument(
        "--sheet", type=reachable_path, help="write a contact sheet SHEET.png that numbers the people"
    )
    parser.add_argument(
        "--keep", type=int, nargs="+", default=[], metavar="N", help="people who keep their own head"
    )
    parser.add_argument(
        "--config", type=reachable_path, default=DEFAULT, help="a TOML file like config/default.toml"
    )


def run(arguments: argparse.Namespace) -> int:
    """Finds everybody, then writes. Returns the exit code."""
    forbid_core_dumps()
    let_signals_interrupt()
    source: Path = arguments.source
    if arguments.out is None and arguments.sheet is None:
        raise UsageError("Nothing to write: name the film or the photograph to write with --out.")

    from hardware.camera.film.decoding import is_film

    film = is_film(source)
    if arguments.out is not None:
        check_free(arguments.out, (".mp4",) if film else PHOTOGRAPHS)
    if arguments.sheet is not None:
        check_free(arguments.sheet, (".png",), "--sheet")
    configuration = load(arguments.config)

    from engine.faces.analyser import open_analyser
    from engine.faces.mediapipe_detector import MediaPipeDetector
    from engine.live.crowd.lookout import Lookout
    from engine.live.crowd.nobodies import Nobodies
    from engine.photographs.photograph import load_photograph
    from installation.outputs.anonymised import (
        find_people,
        recording_of,
        write_anonymised,
        write_contact_sheet,
    )
    from installation.workers.models import ModelBundle

    detector = MediaPipeDetector()
    with (
        recording_of(source if film else load_photograph(source)) as recording,
        tqdm(total=1.0, bar_format=BAR, leave=False, disable=None) as bar,
    ):

        def notify(share: float) -> None:
            bar.update(share - bar.n)

        bar.set_description_str("looking")
        people = find_people(recording, Lookout(detector), source, notify)
        numbers = [person.number for person in people]
        if unknown := sorted(set(arguments.keep) - set(numbers)):
            raise UsageError(f"--keep {unknown[0]}: there are only the people 1 to {len(people)}.")
        if arguments.sheet is not None:
            write_contact_sheet(arguments.sheet, recording, people)
        if arguments.out is not None:
            bundle = ModelBundle(configuration)
            with open_analyser(bundle.settings.detector) as analyser:
                directions = bundle.directions(analyser)
            bar.reset()
            bar.set_description_str("drawing")
            nobodies = Nobodies(bundle.generator, directions, detector)
            write_anonymised(arguments.out, recording, people, nobodies, arguments.keep, notify)
    if arguments.sheet is not None:
        print(f"{on_one_line(arguments.sheet)}: {_count(len(people))}, with their own faces.")
    if arguments.out is not None:
        print(
            f"{on_one_line(arguments.out)}: {_count(len(people) - len(set(arguments.keep)))} replaced, "
            f"{len(set(arguments.keep))} kept. Faces that were not found are still in it: look at all of it "
            "before you share it."
        )
    return 0


def _count(people: int) -> str:
    return "1 person" if people == 1 else f"{people} people"
