"""`./kiosk judges equity FOLDER`: whom the machine serves worse, by groups of people."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from engine.common.errors import UsageError, on_one_line
from hardware.memory import forbid_core_dumps
from installation.cli.judges_compare import chosen_judges
from installation.cli.paths import check_free, reachable_path
from installation.settings.configuration import DEFAULT, Configuration, load

if TYPE_CHECKING:  # torch and scipy are loaded only once a command needs them
    from engine.evaluation.equity import Look, VisitFigures
    from installation.outputs.equity import EquityReport, Errors, Group

Kind = Literal["everybody", "skin tone", "label"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `./kiosk judges equity`."""
    parser.add_argument(
        "folder", type=reachable_path, help="a sub-folder for each person, or files named <person>_<shot>.jpg"
    )
    parser.add_argument(
        "--labels",
        type=reachable_path,
        metavar="FILE.csv",
        help="groups of your own to compare: a line person,label,... for each person",
    )
    parser.add_argument(
        "--visits",
        type=int,
        default=0,
        metavar="N",
        help="also make a whole visit of N people of each group, for the border's place and the steps; "
        "minutes each (default: 0)",
    )
    parser.add_argument(
        "--judges", metavar="NAME,NAME", help="which judges to ask (default: every one at hand)"
    )
    parser.add_argument("--out", type=reachable_path, help="a new file for the figures, OUT.json")
    parser.add_argument(
        "--config", type=reachable_path, default=DEFAULT, help="a TOML file like config/default.toml"
    )


def run(arguments: argparse.Namespace) -> None:
    """Looks at everybody, prints a table and writes the report. Raises DoppelgangerError."""
    forbid_core_dumps()
    if arguments.out:
        check_free(arguments.out, [".json"])
    if arguments.visits < 0:
        raise UsageError(f"--visits: give a number of people, not {arguments.visits}.")
    configuration = load(arguments.config)

    from engine.evaluation.equity import group_errors, group_looks, skin_tones, thirds
    from engine.evaluation.labels import read_labels
    from engine.judges.calibration import JudgedShot, judge_shot, judged_pairs, labelled_files
    from installation.outputs.equity import EquityReport, equity_judge, group_part
    from installation.outputs.rates import write_figures
    from installation.workers.models import load_judges

    files = labelled_files(arguments.folder, print, repeated=False)
    people = sorted({person for person, _ in files})
    labels = read_labels(arguments.labels, people) if arguments.labels else {}
    judges = load_judges(configuration, chosen_judges(arguments.judges, configuration))
    shots: dict[str, list[JudgedShot]] = {judge.name: [] for judge in judges}
    looks: list[Look] = []
    accepted: dict[str, Path] = {}
    for path, found in _looks(files, configuration):
        looks.append(found.without_portrait())
        if found.portrait is None:
            continue
        accepted.setdefault(found.person, path)
        for judge in judges:
            shot = judge_shot(judge, found.person, found.portrait.image, found.portrait.landmarks)
            if shot is not None:
                shots[judge.name].append(shot)
    tones = skin_tones(looks)
    groups: list[tuple[str, Kind, list[str]]] = [("everybody", "everybody", people)]
    groups += [(name, "skin tone", own) for name, own in thirds(tones).items()]
    groups += [(name, "label", own) for name, own in sorted(labels.items())]
    pairs = {judge.name: judged_pairs(judge, shots[judge.name]) for judge in judges}
    visits = _visits(accepted, [own for _, _, own in groups[1:]], arguments.visits, configuration)
    report = EquityReport(
        photographs=len(looks),
        judges=[equity_judge(judge) for judge in judges],
        groups=[
            group_part(
                name,
                kind,
                group_looks(looks, own, tones),
                {judge.name: group_errors(pairs[judge.name], own, judge.threshold) for judge in judges},
                [visits[person] for person in own if person in visits],
            )
            for name, kind, own in groups
        ],
    )
    if arguments.out:
        write_figures(report, arguments.out)
    for line in lines(report):
        print(line)


def _looks(files: list[tuple[str, Path]], configuration: Configuration) -> "Iterator[tuple[Path, Look]]":
    """Looks at each photograph as a visit does; says which cannot be read."""
    from engine.evaluation.equity import look
    from engine.faces.analyser import open_analyser
    from engine.photographs.photograph import load_photograph
    from installation.settings.manifest import detector_choice

    with open_analyser(detector_choice(configuration.faces.detector)) as analyser:
        for person, path in files:
            try:
                photograph = load_photograph(path)
            except UsageError as error:
                print(f"left out {on_one_line(path.name)}: {on_one_line(error)}")
                continue
            yield path, look(person, photograph, analyser)


def _visits(
    accepted: dict[str, Path], groups: list[list[str]], each: int, configuration: Configuration
) -> "dict[str, VisitFigures]":
    """Whole visits of the first people of each group of whom a photograph was accepted."""
    chosen = dict.fromkeys(
        person for own in groups for person in [person for person in own if person in accepted][:each]
    )
    if not chosen:
        return {}

    from engine.common.errors import NoUsableFace
    from engine.evaluation.equity import visit_figures
    from engine.photographs.photograph import load_photograph
    from installation.cli.portray import ProgressBar
    from installation.workers.models import ModelBundle

    bundle = ModelBundle(configuration, for_stage=True)
    made: dict[str, VisitFigures] = {}
    for person in chosen:
        with ProgressBar() as bar:
            try:
                made[person] = visit_figures(bundle.portray([load_photograph(accepted[person])], bar.show))
            except NoUsableFace as error:
                print(f"no visit of {on_one_line(person)}: {on_one_line(error)}")
    return made


def lines(report: "EquityReport") -> list[str]:
    """The report for a terminal."""
    told = [f"{report.photographs} photographs of {report.groups[0].people} people.", ""]
    told.append(f"{'':20}{'people':>8}{'skin tone, ITA':>18}{'refused':>24}   reasons")
    told += [_looks_line(group) for group in report.groups]
    for judge in report.judges:
        told += ["", f"{judge.name} at {judge.threshold:g} ({judge.threshold_source})"]
        told.append(f"{'':20}{'strangers taken for one':>28}{'one taken for two':>28}")
        told += [_errors_line(group.name, group.judges[judge.name]) for group in report.groups]
    if any(group.visits for group in report.groups):
        told += ["", f"{'':20}{'borders':>20}{'at t':>8}{'steps':>7}{'given':>20}{'visible change':>16}"]
        told += [_visits_line(group) for group in report.groups if group.visits]
    told += [
        "",
        "Intervals take pairs as independent; pairs that share a person are not: they are wider in truth.",
    ]
    return told


def _looks_line(group: "Group") -> str:
    tone = "" if group.ita_deg is None else f"{group.ita_deg[0]:.0f} to {group.ita_deg[1]:.0f}°"
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(group.reasons.items()))
    return f"{on_one_line(group.name):20}{group.people:>8}{tone:>18}{group.refused!s:>24}   {reasons or '-'}"


def _errors_line(name: str, errors: "Errors") -> str:
    strangers, missed = (
        "no pairs" if each is None else str(each) for each in (errors.false_matches, errors.misses)
    )
    return f"{on_one_line(name):20}{strangers:>28}{missed:>28}"


def _visits_line(group: "Group") -> str:
    visits = group.visits
    assert visits
    place = "-" if visits.border_t is None else f"{visits.border_t:.2f}"
    change = "-" if visits.visible_change is None else f"{visits.visible_change:.1f}"
    return (
        f"{on_one_line(group.name):20}{visits.borders!s:>20}{place:>8}{visits.steps:>7.0f}"
        f"{visits.doppelgangers!s:>20}{change:>16}"
    )
