"""`./kiosk deepfake people | train | swap`: one encoder, two decoders, as the deepfakes of 2017 were made."""

import argparse
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from engine.common.errors import UsageError, on_one_line
from engine.live.decoders.layout import LAYOUTS
from hardware.memory import forbid_core_dumps
from installation.cli.interruption import INTERRUPTED, let_signals_interrupt
from installation.cli.paths import check_free, check_free_folder, reachable_path, writing
from installation.settings.configuration import DEFAULT, load

BAR = "{desc:<28}|{bar:40}| {elapsed}"
LONGEST_MINUTES = 7 * 24 * 60.0
LONGEST_FILM_S = 600.0
# Whether a film is swapped calmly, in each of the pictures side by side.
WAYS: dict[str, tuple[bool, ...]] = {"2017": (False,), "ours": (True,), "both": (False, True)}


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the actions and their arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    people = actions.add_parser("people", help="two films of people who do not exist, in motion")
    people.add_argument(
        "--out", type=reachable_path, required=True, metavar="FOLDER", help="where a.mp4 and b.mp4 go; new"
    )
    people.add_argument(
        "--numbers",
        type=int,
        nargs=2,
        default=(7, 10),
        metavar=("A", "B"),
        help="which of the generator's people; 7 10",
    )
    people.add_argument("--seconds", type=float, default=30.0, help="how long both films are; 30")

    train = actions.add_parser("train", help="learns both faces; goes on where it was stopped")
    train.add_argument("a", type=reachable_path, metavar="A.mp4", help="a film of the one face")
    train.add_argument("b", type=reachable_path, metavar="B.mp4", help="a film of the other one")
    train.add_argument("--minutes", type=float, default=10.0, help="how long it learns; 10")
    train.add_argument(
        "--out", type=reachable_path, required=True, metavar="FOLDER", help="where the weights are kept"
    )

    swap = actions.add_parser("swap", help="the film of one of them with the face of the other")
    swap.add_argument("film", type=reachable_path, metavar="A.mp4", help="a film of the one who is replaced")
    swap.add_argument("--to", required=True, choices=("A", "B"), help="whose face is put in")
    swap.add_argument(
        "--weights", type=reachable_path, required=True, metavar="FOLDER", help="the folder of `train`"
    )
    swap.add_argument("--out", type=reachable_path, required=True, help="the film to write")

    swap.add_argument(
        "--way",
        choices=tuple(WAYS),
        help="2017: each frame by itself; ours: with regard to those before and after; both: side by side. "
        "As the layout",
    )

    for action in (train, swap):
        action.add_argument(
            "--layout",
            choices=tuple(LAYOUTS),
            default="thin",
            help="published, low-memory: as in 2017; thin: the project's own",
        )
        action.add_argument(
            "--i-have-their-consent",
            nargs="+",
            default=[],
            metavar="NAME",
            help="everybody who is in the films and has agreed; written into what is made",
        )
    for action in (people, train, swap):
        action.add_argument(
            "--config", type=reachable_path, default=DEFAULT, help="a TOML file like config/default.toml"
        )


def run(arguments: argparse.Namespace) -> int:
    """Runs the chosen action; returns the exit code."""
    forbid_core_dumps()
    let_signals_interrupt()
    return {"people": _people, "train": _train, "swap": _swap}[arguments.action](arguments)


def _people(arguments: argparse.Namespace) -> int:
    if not 1 <= arguments.seconds <= LONGEST_FILM_S:
        raise UsageError(f"--seconds: give 1 to {LONGEST_FILM_S:.0f}.")
    check_free_folder(arguments.out)
    configuration = load(arguments.config)

    from engine.common.atomic_file import replacing_folder
    from engine.faces.analyser import open_analyser
    from engine.live.acting import Act
    from installation.outputs.films.acted_film import write_acted_film
    from installation.workers.models import ModelBundle

    bundle = ModelBundle(configuration)
    with open_analyser(bundle.settings.detector) as analyser, replacing_folder(arguments.out) as folder:
        for name, number in zip(("a", "b"), arguments.numbers, strict=True):
            with _bar() as bar:
                bar.set_description_str(f"person {number}")
                rig = bundle.rig_of_nobody(number, analyser)
                write_acted_film(
                    folder / f"{name}.mp4",
                    rig,
                    Act(number),
                    arguments.seconds,
                    _moving(bar),
                )
    out = on_one_line(arguments.out)
    print(f"{out}: a.mp4 and b.mp4, {arguments.seconds:.0f} seconds each. Nobody in them exists.")
    return 0


def _train(arguments: argparse.Namespace) -> int:
    if not 0 < arguments.minutes <= LONGEST_MINUTES:
        raise UsageError(f"--minutes: give more than 0 and at most {LONGEST_MINUTES:.0f}.")
    folder: Path = arguments.out
    from hardware.camera.film.decoding import check_film

    check_film(arguments.a)
    check_film(arguments.b)
    if not folder.is_dir():
        check_free_folder(folder)

    from engine.faces.analyser import open_analyser
    from engine.live.decoders.training import Progress
    from installation.outputs.consent import require_consent
    from installation.workers.decoder_training import prepare_course, train_in_folder
    from installation.workers.models import ModelBundle

    subjects = require_consent([arguments.a, arguments.b], arguments.i_have_their_consent)
    layout = LAYOUTS[arguments.layout]
    bundle = ModelBundle(load(arguments.config))
    with _bar() as bar:

        def prepared(doing: str, share: float) -> None:
            bar.set_description_str(doing, refresh=False)
            bar.update(share - bar.n)

        with open_analyser(bundle.settings.detector) as analyser:
            course = prepare_course(arguments.a, arguments.b, layout.side_px, bundle, analyser, prepared)
        bar.reset()
        folder.mkdir(exist_ok=True)
        begun: list[float] = []

        def learned(progress: Progress) -> None:
            begun.append(progress.seconds) if not begun else None
            bar.set_description_str(f"learning, {progress.loss:.1f} grey off", refresh=False)
            bar.update(min(1.0, (progress.seconds - begun[0]) / (60 * arguments.minutes)) - bar.n)

        try:
            progress, held_grey = train_in_folder(
                folder, layout, course, subjects, 60 * arguments.minutes, bundle, learned
            )
        except KeyboardInterrupt:
            bar.close()
            print(f"{on_one_line(folder)}: stopped, and kept. The same command goes on.")
            return INTERRUPTED
    print(
        f"{on_one_line(folder)}: {layout.name}, {progress.pictures} pictures in {progress.seconds:.0f} s "
        f"({progress.pictures / progress.seconds:.1f} a second). On held frames {held_grey:.1f} grey levels "
        f"from B; B's mean picture is {course.frozen_grey():.1f} from it."
    )
    return 0


def _swap(arguments: argparse.Namespace) -> int:
    from hardware.camera.film.decoding import check_film

    check_film(arguments.film)
    check_free(arguments.out, (".mp4",))

    from engine.common.device import brought_to, choose
    from engine.faces.analyser import open_analyser
    from engine.live.decoders.network import SIDES
    from engine.live.decoders.storage import load_decoders, weights_path
    from installation.outputs.consent import require_consent
    from installation.outputs.films.recorded import recording_of
    from installation.outputs.films.swapped_film import write_swapped_film
    from installation.settings.manifest import detector_choice

    subjects = require_consent([arguments.film], arguments.i_have_their_consent)
    network, _, taught = load_decoders(weights_path(arguments.weights, LAYOUTS[arguments.layout]))
    configuration = load(arguments.config)
    device = choose(configuration.search.device)
    to = SIDES[arguments.to == "B"]
    with (
        open_analyser(detector_choice(configuration.faces.detector)) as analyser,
        recording_of(arguments.film) as recording,
        _bar() as bar,
        writing(arguments.out),
    ):
        bar.set_description_str("swapping")
        reports = write_swapped_film(
            arguments.out,
            recording,
            brought_to(network, device),
            to,
            subjects.joined(taught),
            analyser,
            WAYS[arguments.way] if arguments.way else (network.layout.calm,),
            _moving(bar),
        )
    for remark in recording.remarks:
        print(remark)
    for report in reports:
        follows, way = report.following, "ours" if report.calm else "2017"
        print(
            f"{on_one_line(arguments.out)}: {report.seconds:.1f} seconds, the face of {arguments.to} in "
            f"{report.swapped} of {report.frames} frames, {way}. It follows its driver by "
            f"{_number(follows.mouth)} (mouth), {_number(follows.smile)} (smile), {_number(follows.yaw)} "
            f"(yaw), where 1 is exactly. {report.flashes} flashes, {report.flashes_a_minute:.1f} a minute; "
            f"usually it changes by {report.usual_grey:.1f} grey levels more than the film."
        )
    return 0


def _number(correlation: float) -> str:
    return "-" if math.isnan(correlation) else f"{correlation:.2f}"


def _moving(bar: "tqdm[None]") -> Callable[[float], None]:
    """Moves a bar to the share that is done."""

    def move(share: float) -> None:
        bar.update(share - bar.n)

    return move


@contextmanager
def _bar() -> "Iterator[tqdm[None]]":
    with tqdm(total=1.0, bar_format=BAR, leave=False, disable=None) as bar:
        yield bar
