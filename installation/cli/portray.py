"""`./kiosk visit`: one photograph in, a folder with the border and the doppelgänger out."""

import argparse
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tqdm import tqdm

from engine.common.errors import UsageError, on_one_line
from hardware.memory import forbid_core_dumps
from installation.cli.interruption import let_signals_interrupt
from installation.cli.paths import check_free_folder, reachable_path
from installation.outputs.report import PriceList, Report
from installation.settings.configuration import DEFAULT, MAX_SEED, load
from installation.settings.texts import FALLBACK, Texts

if TYPE_CHECKING:
    from engine.pipeline.progress import Progress


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `./kiosk visit`."""
    parser.add_argument(
        "photo", type=reachable_path, nargs="?", help="a portrait photograph; the sample sitter by default"
    )
    parser.add_argument(
        "--out", type=reachable_path, help="folder to write, which must not exist yet; visit-1, visit-2 ..."
    )
    parser.add_argument(
        "--config", type=reachable_path, default=DEFAULT, help="a TOML file like config/default.toml"
    )
    parser.add_argument(
        "--keep-portrait", action="store_true", help="also write portrait.png, the sitter's own face"
    )
    parser.add_argument(
        "--prices",
        action="store_true",
        help="also write what it costs until each judge of the panel lets go; minutes more",
    )
    parser.add_argument(
        "--reach",
        type=float,
        default=0.0,
        help="how far beyond the border, 0 to 1: further, more judges say someone else, and it is less alike",
    )
    parser.add_argument("--seed", type=int, help="which perturbations the judges average over")


def run(arguments: argparse.Namespace) -> int:
    """Portrays the sitter and writes the folder. Returns the exit code."""
    forbid_core_dumps()
    let_signals_interrupt()
    folder = arguments.out or _next_folder()
    check_free_folder(folder)
    configuration = load(arguments.config)
    if arguments.seed is not None:
        if not 0 <= arguments.seed <= MAX_SEED:
            raise UsageError(f"--seed must be from 0 to {MAX_SEED}, not {arguments.seed}.")
        judging = configuration.judging.model_copy(update={"seed": arguments.seed})
        configuration = configuration.model_copy(update={"judging": judging})
    if not 0 <= arguments.reach <= 1:
        raise UsageError(f"--reach must be from 0 to 1, not {arguments.reach}.")
    photo = arguments.photo or sample_sitter()

    from engine.photographs.photograph import load_photograph

    photograph = load_photograph(photo)

    from installation.outputs.record import write_visit
    from installation.workers.models import ModelBundle

    bundle = ModelBundle(configuration)
    if arguments.prices:
        bundle.settings = replace(bundle.settings, price_list=True)
    with ProgressBar() as bar:
        portrayal = bundle.portray([photograph], bar.show, reach=arguments.reach)
        bar.show_stage("writing")
        # The file name may not be valid text; the report must be.
        source = photo.name.encode(errors="replace").decode()
        report = write_visit(folder, portrayal, bundle.provenance(), source, arguments.keep_portrait)
    print(f"{on_one_line(folder)}: {_in_words(report)}")
    if arguments.prices:
        print(_prices_in_words(report.price_list))
    return 0


def _next_folder() -> Path:
    number = 1
    while (folder := Path(f"visit-{number}")).exists():
        number += 1
    return folder


def sample_sitter() -> Path:
    """The portrait of Eileen Collins that comes with scikit-image (NASA, public domain)."""
    spec = find_spec("skimage")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "data" / "astronaut.png"


def _in_words(report: Report) -> str:
    """The result of the visit in one line, and one more for each picture refused and for a note on the
    photograph."""
    from installation.outputs.record import refusal_words  # loads torch, as the portrayal has done

    notes = [refusal_words(refused) for refused in report.refused]
    notes += [report.sitter.note] if report.sitter.note else []
    note = "".join(f"\n{words}" for words in notes)
    judge = report.judges[0]
    if report.identical_share is not None:
        share = Texts.load(FALLBACK).share(report.identical_share)
        border = (
            f"{judge.name} stops knowing the sitter between two pictures, {share} of whose values are "
            "identical"
        )
    else:
        border = f"{judge.name} has no border here ({judge.note})"
    if report.doppelganger is None:
        none = "no doppelgänger is given" if report.refused else "no doppelgänger holds"
        return f"{border}; {none}.{note}"
    from engine.finders.registry import description_of

    return f"{border}; doppelganger.png {description_of(report.doppelganger.kind)}.{note}"


def _prices_in_words(listed: PriceList | None) -> str:
    """The price list in one line."""
    if listed is None:
        return "No price list: no judge of the panel lets go before the face has changed too much."
    prices = [
        f"{price.judge} lets go at {price.visible_change:.1f}"
        for price in listed.prices
        if price.visible_change is not None
    ]
    knows = "know" if len(listed.still_know) > 1 else "knows"
    end = f"{', '.join(listed.still_know) or 'nobody'} still {knows} the sitter at the end"
    return f"Visible change, in just-noticeable differences: {'; '.join([*prices, end])}."


class ProgressBar:
    """One bar in the terminal, renamed and reset for each stage."""

    NAMES: ClassVar = {
        "faces": "finding the face",
        "reference": "learning the sitter",
        "search": "searching",
        "tuning": "tuning",
        "judging": "asking the judges",
        "doppelganger": "looking beyond the border",
        "nearest": "taking the shortest way across",
        "nearest_judging": "asking the judges again",
        "prices": "finding the price list",
        "prices_judging": "asking the judges along it",
        "film": "preparing the film",
        "writing": "writing the folder",
    }

    def __enter__(self) -> "ProgressBar":
        self.bar = tqdm(total=100, bar_format="{desc:<34}|{bar:40}| {elapsed}", leave=False, disable=None)
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def show(self, progress: "Progress") -> None:
        """Shows the progress of a portrayal."""
        self.show_stage(progress.stage, progress.share, progress.step.loss if progress.step else None)

    def show_stage(self, stage: str, share: float = 0.0, loss: float | None = None) -> None:
        """Names the stage and fills the bar to `share`."""
        words = self.NAMES[stage] if loss is None else f"{self.NAMES[stage]}, distance {loss:.3f}"
        self.bar.set_description_str(words, refresh=False)
        self.bar.n = round(share * 100)
        self.bar.refresh()
