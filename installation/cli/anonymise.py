"""`./kiosk anonymise`: a film or a photograph in which people have heads of people who do not exist."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from engine.common.errors import UsageError, on_one_line, printable
from hardware.memory import forbid_core_dumps
from installation.cli import streams
from installation.cli.interruption import INTERRUPTED, let_signals_interrupt
from installation.cli.paths import check_free, reachable_path, writing
from installation.settings.configuration import DEFAULT, load

if TYPE_CHECKING:
    from engine.common.arrays import Pixels

BAR = "{desc:<12}|{bar:40}| {elapsed}, {remaining} left"
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
    out: Path | None = arguments.out
    sheet: Path | None = arguments.sheet
    if out is None and sheet is None:
        raise UsageError("Nothing to write: name the film or the photograph to write with --out.")
    if out is not None and sheet is not None and out.resolve() == sheet.resolve():
        raise UsageError(f"{sheet}: is --out, too. Name another file with --sheet.")

    from installation.outputs.anonymised import (
        find_people,
        write_anonymised,
        write_contact_sheet,
    )
    from installation.outputs.films.recorded import recording_of

    read = _read(source)
    if out is not None:
        check_free(out, (".mp4",) if isinstance(read, Path) else PHOTOGRAPHS)
    if sheet is not None:
        check_free(sheet, (".png",), "--sheet")
    configuration = load(arguments.config)

    from engine.faces.analyser import open_analyser
    from engine.faces.mediapipe_detector import MediaPipeDetector
    from engine.live.crowd.lookout import Lookout
    from engine.live.crowd.nobodies import Nobodies
    from installation.workers.models import ModelBundle

    detector = MediaPipeDetector()
    with recording_of(read) as recording:
        with _progress("looking") as notify:
            people = find_people(recording, Lookout(detector), source, notify)
        numbers = [person.number for person in people]
        if unknown := sorted(set(arguments.keep) - set(numbers)):
            raise UsageError(f"--keep {unknown[0]}: there are only the people 1 to {len(people)}.")
        for remark in recording.remarks:
            print(remark)
        if sheet is not None:
            with writing(sheet, "--sheet"):
                write_contact_sheet(sheet, recording, people)
            print(f"{on_one_line(sheet)}: {_count(len(people))}, with their own faces.", flush=True)
        if out is None:
            return 0
        try:
            bundle = ModelBundle(configuration)
            with open_analyser(bundle.settings.detector) as analyser:
                directions = bundle.directions(analyser)
            nobodies = Nobodies(bundle.generator, directions, detector, bundle.people)
            with _progress("drawing") as notify, writing(out):
                write_anonymised(out, recording, people, nobodies, arguments.keep, notify)
        except KeyboardInterrupt:
            if sheet is None:
                raise
            streams.tell(f"Stopped: {on_one_line(sheet)} was written, {on_one_line(out)} was not.")
            return INTERRUPTED
    kept = len(set(arguments.keep))
    print(
        f"{on_one_line(out)}: {_count(len(people) - kept)} replaced, {kept} kept. Faces that were not found "
        "are still in it: look at all of it before you share it."
    )
    return 0


def _read(source: Path) -> "Path | Pixels":
    """The path of a film, or a photograph. Raises UsageError where the file is neither."""
    from engine.photographs.animation import is_animation
    from engine.photographs.folder import PICTURE_SUFFIXES
    from engine.photographs.photograph import is_picture, load_photograph
    from hardware.camera.film.decoding import check_film, is_film

    if is_film(source):
        return source
    if not is_picture(source) and source.suffix.lower() not in PICTURE_SUFFIXES:
        check_film(source)
    photograph = load_photograph(source)
    if is_animation(source):
        raise UsageError(
            f"{printable(source)} is an animation. Make a film of it (MP4, WebM), or give one picture of it."
        )
    return photograph


@contextmanager
def _progress(doing: str) -> Iterator[Callable[[float], None]]:
    """A bar with the time left; yields what is called with the share that is done."""
    with tqdm(total=1.0, bar_format=BAR, desc=doing, smoothing=0, leave=False, disable=None) as bar:

        def notify(share: float) -> None:
            bar.update(share - bar.n)

        yield notify


def _count(people: int) -> str:
    return "1 person" if people == 1 else f"{people} people"
