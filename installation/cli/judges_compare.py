"""`./kiosk judges compare FOLDER`: what judges make of changed photographs."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.common.errors import NoUsableFace, UsageError, on_one_line
from installation.cli.paths import check_free, reachable_path
from installation.settings.configuration import DEFAULT, Configuration, load
from installation.settings.manifest import Manifest, judges_at_hand

if TYPE_CHECKING:  # torch and scipy are loaded only once a command needs them
    from engine.evaluation.comparison import Pair
    from engine.evaluation.pairs import PairFiles
    from engine.faces.analyser import FaceAnalyser
    from installation.outputs.comparison import ComparedJudge, ComparisonReport


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `./kiosk judges compare`."""
    parser.add_argument(
        "folder",
        type=reachable_path,
        help="one pair for each person: original/NAME.jpg and changed/NAME.png (any picture formats); "
        "where another/NAME.jpg is another photograph of them, judges know them by it",
    )
    parser.add_argument(
        "--judges", metavar="NAME,NAME", help="which judges to ask (default: every one at hand)"
    )
    parser.add_argument("--out", type=reachable_path, help="a new file for the figures, OUT.json")
    parser.add_argument(
        "--config", type=reachable_path, default=DEFAULT, help="a TOML file like config/default.toml"
    )


def run(arguments: argparse.Namespace) -> None:
    """Asks the judges, prints a table and writes the report. Raises DoppelgangerError."""
    if arguments.out:
        check_free(arguments.out, [".json"])
    configuration = load(arguments.config)

    from engine.evaluation.comparison import compare, compare_pictures
    from engine.evaluation.pairs import ANOTHER, ORIGINAL, pair_files
    from engine.stylegan2.encoder import load_encoder
    from installation.outputs.comparison import (
        ComparisonReport,
        compared_judge,
        picture_likeness_part,
    )
    from installation.outputs.rates import write_figures
    from installation.workers.models import load_judges

    files = pair_files(arguments.folder, print)
    judges = load_judges(configuration, chosen_judges(arguments.judges, configuration))
    pairs = list(_pairs(files, configuration))
    if not pairs:
        raise UsageError(f"{arguments.folder}: no pair has a face that can be portrayed.")
    encoder, _ = load_encoder(Manifest.load().locate("nobody-encoder"))
    report = ComparisonReport(
        pairs=len(pairs),
        left_out=len(files) - len(pairs),
        known_by=ANOTHER if files[0].another else ORIGINAL,
        judges=[compared_judge(judge, compare(judge, pairs)) for judge in judges],
        likeness=picture_likeness_part(compare_pictures(pairs, encoder)),
    )
    if arguments.out:
        write_figures(report, arguments.out)
    for line in lines(report):
        print(line)


def chosen_judges(text: str | None, configuration: Configuration) -> list[str]:
    """The judges that are named by comma, or every one at hand."""
    if text is None:
        return judges_at_hand(configuration.judges)
    return [word.strip() for word in text.split(",")]


def _pairs(files: "list[PairFiles]", configuration: Configuration) -> "Iterator[Pair]":
    """Finds the faces; says which pairs are left out, and why."""
    from engine.faces.analyser import open_analyser
    from installation.settings.manifest import detector_choice

    with open_analyser(detector_choice(configuration.faces.detector)) as analyser:
        for pair in files:
            with leaving_out(pair.name):
                yield _read(pair, analyser)


@contextmanager
def leaving_out(name: str) -> Iterator[None]:
    """Passes over what cannot be used; says what, and why."""
    try:
        yield
    except (UsageError, NoUsableFace) as error:
        print(f"left out {on_one_line(name)}: {on_one_line(error)}")


def _read(pair: "PairFiles", analyser: "FaceAnalyser") -> "Pair":
    from engine.evaluation.comparison import COMPARED_PX, Pair
    from engine.faces.alignment import crop_ffhq
    from engine.faces.sitter import find_sitter
    from engine.photographs.photograph import load_photograph

    photograph, picture = load_photograph(pair.original), load_photograph(pair.changed)
    face, original = find_sitter(analyser, photograph, size_px=COMPARED_PX)
    known_by = original
    if pair.another:
        known_by = find_sitter(analyser, load_photograph(pair.another), size_px=COMPARED_PX).portrait
    found = analyser.find(picture)
    return Pair(
        known_by,
        original,
        crop_ffhq(picture, found[0].landmarks, COMPARED_PX) if found else None,
        crop_ffhq(picture, face.landmarks, COMPARED_PX) if picture.shape == photograph.shape else None,
    )


def lines(report: "ComparisonReport") -> list[str]:
    """The report as a table for a terminal."""
    known = (
        "by another photograph"
        if report.known_by == "another"
        else "by the original itself, so that before is the best there can be"
    )
    told = [
        f"{report.pairs} pairs, {report.left_out} left out; judges know each person {known}.",
        f"{'':14}{'recognised: before':>24}{'after':>24}   {'found first':>14}{'strangers':>20}   distance",
    ]
    told += [_judge_line(judge) for judge in report.judges]
    like = report.likeness
    if like.rmse is not None and like.psnr_db is not None and like.ssim is not None:
        told.append(
            f"likeness, medians of {like.compared} pairs: RMSE {like.rmse:.1f} grey levels, "
            f"PSNR {like.psnr_db:.1f} dB, SSIM {like.ssim:.3f}"
        )
    if like.frechet is not None:
        told.append(f"Fréchet distance of both sets, by the embedded encoder's features: {like.frechet:.4f}")
    return told


def _judge_line(judge: "ComparedJudge") -> str:
    before, after = judge.before, judge.after
    first = f"{before.found_first.count} -> {after.found_first.count}"
    strangers = str(before.strangers) if before.strangers else "one person only"
    distances = " -> ".join(
        "no face" if each.distance is None else f"{each.distance:.3f}" for each in (before, after)
    )
    return (
        f"{judge.name:14}{before.recognised!s:>24}{after.recognised!s:>24}   "
        f"{first:>14}{strangers:>20}   {distances} ({judge.threshold:g})"
    )
