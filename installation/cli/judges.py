"""`./kiosk judges`: list, check, calibrate, compare and equity; the last two have modules of their own."""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.common.errors import NoUsableFace, UsageError, on_one_line
from engine.faces.detectors import DetectorChoice
from installation.cli import judges_compare, judges_equity
from installation.cli.paths import reachable_path
from installation.settings.configuration import DEFAULT, load
from installation.settings.manifest import Manifest, detector_choice, judge_files

if TYPE_CHECKING:  # torch and scipy are loaded only once a command needs them
    from engine.judges.calibration import Calibration, Rate

CURVE_POINTS = 9
NAMED_RATES = (1e-2, 1e-3, 1e-4)


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the subcommands and their arguments."""
    commands = parser.add_subparsers(dest="judges_command", required=True)
    commands.add_parser("list", help="the judges, their thresholds and where those come from")
    check = commands.add_parser("check", help="try the recognisers that a configuration adds")
    check.add_argument("--config", type=reachable_path, required=True, help="a TOML file with [judges.NAME]")
    calibrate = commands.add_parser("calibrate", help="measure a judge's errors on labelled photographs")
    calibrate.add_argument(
        "folder", type=reachable_path, help="a sub-folder for each person, or files named <person>_<shot>.jpg"
    )
    calibrate.add_argument("--judge", default="dlib", help="which judge (default: dlib)")
    calibrate.add_argument(
        "--fmr",
        type=float,
        default=0.001,
        help="the false match rate wanted of the threshold (default: 0.001)",
    )
    calibrate.add_argument(
        "--config", type=reachable_path, default=DEFAULT, help="the TOML file that names the face detector"
    )
    compare = commands.add_parser("compare", help="ask every judge about photographs and changed ones")
    judges_compare.configure(compare)
    equity = commands.add_parser("equity", help="whom the machine serves worse, by groups of people")
    judges_equity.configure(equity)


def run(arguments: argparse.Namespace) -> int:
    """Runs the chosen subcommand; returns the exit code. Raises DoppelgangerError for whatever is wrong."""
    if arguments.judges_command == "list":
        _list()
    elif arguments.judges_command == "check":
        _check(arguments.config)
    elif arguments.judges_command == "compare":
        judges_compare.run(arguments)
    elif arguments.judges_command == "equity":
        judges_equity.run(arguments)
    else:
        _calibrate(arguments.folder, arguments.judge, arguments.fmr, arguments.config)
    return 0


def _list() -> None:
    from engine.judges.registry import JUDGES

    for name, entry in JUDGES.items():
        role = "binding for the doppelgänger" if entry.binding else "in the jury only, binds nobody"
        where = f"weights {entry.weights[0]}, {entry.weights[1]}" if entry.weights else "embedded"
        print(f"{name}: {entry.description}; {role}; {where}")
        for point in entry.points.values():
            strangers = (
                "" if point.fmr is None else f", takes {point.fmr * 10_000:g} of 10,000 strangers for you"
            )
            missed = "" if point.fnmr is None else f", misses {point.fnmr * 100:g} of 100 pictures of you"
            print(
                f"    {point.name}: {entry.metric} <= {point.threshold:g}{strangers}{missed} ({point.source})"
            )


def _check(config: Path) -> None:
    """Tries every [judges.NAME] on the known pair; says what was measured and whether it has gradients."""
    configuration = load(config)
    if not configuration.judges:
        raise UsageError(f"{config}: has no table [judges.NAME]; docs/verdict.md shows one.")

    from engine.judges.known_pair import load_known_pair, try_out
    from engine.judges.verifiers.onnx import OnnxJudge

    pair = load_known_pair(Manifest.load().locate("known-pair"))
    for model in configuration.judges.values():
        judge = OnnxJudge(model)
        distances = try_out(judge, pair)
        print(
            f"{model.name}: two pictures of one person at {distances.same:.3f}, two people at "
            f"{distances.other:.3f}, threshold {judge.threshold:g} ({judge.threshold_source})"
        )
        if judge.network_with_gradients() is None:
            role = (
                "The search probes it, which takes long and changes more of the face" if model.binding else ""
            )
            print(
                f"    no gradients: {judge.not_converted}. {role or 'It binds nobody, so none are needed'}."
            )


def _calibrate(folder: Path, name: str, fmr: float, config: Path) -> None:
    from engine.judges.calibration import calibrate, labelled_files
    from engine.judges.judging import REFERENCE_K, K
    from engine.judges.registry import panel

    if not 0 < fmr < 1:
        raise UsageError(f"A false match rate lies between 0 and 1, not at {fmr}")
    configuration = load(config)
    files = labelled_files(folder, print)
    own = list(configuration.judges.values())
    (judge,) = panel([name], judge_files([] if name in configuration.judges else [name]), configured=own)
    detector = detector_choice(configuration.faces.detector)
    measured = calibrate(judge, _portraits(files, detector))
    print(
        f"{name}, {judge.metric} distance, verdicts over {K} perturbations, references over {REFERENCE_K}: "
        f"{len(measured.genuine)} pairs of one person, {len(measured.impostor)} of strangers"
    )
    print("threshold   FMR  [95 % interval]                FNMR  [95 % interval]")
    low, high = float(measured.impostor[0]), float(measured.genuine[-1])
    thresholds = {*np.linspace(min(low, high), max(low, high), CURVE_POINTS).tolist(), judge.threshold}
    for threshold in sorted(thresholds):
        mark = "  <- now" if threshold == judge.threshold else ""
        print(
            f"{threshold:9.4f}   {_rate(measured.fmr(threshold))}   {_rate(measured.fnmr(threshold))}{mark}"
        )
    wanted = measured.threshold(fmr)
    print(f"threshold for FMR {fmr:g}: {wanted:.4f}")
    print(f"    FMR {_rate(measured.fmr(wanted))}, FNMR {_rate(measured.fnmr(wanted))}")
    doubts = measured.doubts(fmr)
    if doubts:
        print(f"Warning: {doubts}")
    print(
        "The intervals take pairs as independent; pairs that share a person are not: they are wider in truth."
    )
    _print_points(name, measured, {*NAMED_RATES, fmr})


def _print_points(name: str, measured: "Calibration", rates: Iterable[float]) -> None:
    """Prints the operating points as tables of a configuration, those that at least one stranger supports."""
    print("\nFor the configuration; [judging.thresholds] then calls one by its name:")
    for fmr in sorted(rates, reverse=True):
        if fmr * len(measured.impostor) < 1:
            print(f"# no point at FMR {fmr:g}: {len(measured.impostor)} pairs of strangers are too few")
            continue
        threshold = measured.threshold(fmr)
        strangers, missed = measured.fmr(threshold), measured.fnmr(threshold)
        low, high = (f"{100 * end:.2g}" for end in strangers.interval)
        print(f"[judging.points.{name}.fmr-{_power(fmr)}]")
        print(f"threshold = {threshold:.4f}")
        print(f"fmr = {fmr:g}")
        print(f"fnmr = {missed.value:.4g}")
        pairs = f"{strangers.count} of {strangers.trials} pairs of strangers"
        print(f'source = "measured: {pairs} ({low} to {high} %, 95 % interval)"')


def _power(fmr: float) -> str:
    """0.001 -> 1e-3, as the operating points of dlib are called."""
    mantissa, exponent = f"{fmr:e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def _rate(rate: "Rate") -> str:
    low, high = rate.interval
    return f"{rate.value:7.4f} [{low:.4f}, {high:.4f}] {rate.count:>6}/{rate.trials:<7}"


def _portraits(
    files: list[tuple[str, Path]], detector: DetectorChoice
) -> Iterator[tuple[str, NDArray[np.uint8], NDArray[np.float32]]]:
    """Finds, checks and crops each face as a visit does; says which photographs it leaves out, and why."""
    from engine.faces.analyser import open_analyser
    from engine.faces.sitter import find_sitter
    from engine.photographs.photograph import load_photograph

    with open_analyser(detector) as finder:
        for person, path in files:
            try:
                portrait = find_sitter(finder, load_photograph(path)).portrait
            except (UsageError, NoUsableFace) as error:
                print(f"left out {on_one_line(path.name)}: {on_one_line(error)}")
                continue
            yield person, portrait.image, portrait.landmarks
