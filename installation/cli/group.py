"""`./kiosk group`: a photograph of several people in, a picture in which each appears as they chose out."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from engine.common.errors import UsageError, on_one_line
from engine.live.crowd.decision import Decision
from hardware.memory import forbid_core_dumps
from installation.cli.interruption import let_signals_interrupt
from installation.cli.paths import check_free_folder, reachable_path
from installation.cli.portray import ProgressBar
from installation.settings.configuration import DEFAULT, load
from installation.settings.manifest import Manifest

if TYPE_CHECKING:
    from installation.outputs.group.folder import GroupReport


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `./kiosk group`."""
    parser.add_argument("photo", type=reachable_path, help="a photograph of the people")
    parser.add_argument(
        "--choices",
        default="",
        metavar="CHOICE,CHOICE",
        help="of each person from the left: real, doppelganger or anonymous; who has none is anonymous",
    )
    parser.add_argument(
        "--out", type=reachable_path, required=True, help="folder to write, which must not exist yet"
    )
    parser.add_argument(
        "--config", type=reachable_path, default=DEFAULT, help="a TOML file like config/default.toml"
    )


def run(arguments: argparse.Namespace) -> int:
    """Finds everybody, paints them one after the other and writes the folder. Returns the exit code."""
    forbid_core_dumps()
    let_signals_interrupt()
    folder: Path = arguments.out
    check_free_folder(folder)
    choices = parse_choices(arguments.choices)
    configuration = load(arguments.config)

    from engine.photographs.photograph import load_photograph

    photograph = load_photograph(arguments.photo)

    from engine.faces.analyser import open_analyser
    from engine.faces.mediapipe_detector import MediaPipeDetector
    from engine.faces.mesh import FaceMesh
    from engine.live.crowd.lookout import Lookout
    from engine.live.crowd.nobodies import Nobodies
    from engine.pipeline.group import GroupPainter, find_heads, measure_members
    from engine.stylegan2.encoder import load_encoder
    from installation.outputs.group.folder import write_group
    from installation.workers.models import ModelBundle

    detector, mesh = MediaPipeDetector(), FaceMesh()
    members = measure_members(photograph, find_heads(photograph, Lookout(detector)), mesh)
    if len(choices) > len(members):
        found = "face was" if len(members) == 1 else "faces were"
        raise UsageError(f"--choices: there are {len(choices)}, but only {len(members)} {found} found.")
    choices += [Decision.ANONYMOUS] * (len(members) - len(choices))
    bundle = ModelBundle(configuration, for_stage=True)
    with open_analyser(bundle.settings.detector) as analyser:
        directions = bundle.directions(analyser)
    with ProgressBar() as bar:
        painter = GroupPainter(
            photograph,
            members,
            lambda picture: bundle.portray([picture], bar.show, meets=True),
            Nobodies(bundle.generator, directions, detector, bundle.people),
            bundle.judges,
            mesh,
            bundle.settings,
        )
        portrait = painter.paint(choices)
        bar.show_stage("writing")
        frechet = painter.frechet(portrait, load_encoder(Manifest.load().locate("nobody-encoder"))[0])
        report = write_group(folder, portrait, bundle.judges, bundle.provenance(), frechet)
    faces = "1 face" if len(members) == 1 else f"{len(members)} faces, from the left"
    print(f"{on_one_line(folder)}: {faces}:")
    for line in lines(report):
        print(line)
    return 0


def parse_choices(text: str) -> list[Decision]:
    """Choices by comma. Raises UsageError where one is none."""
    words = [word.strip().lower() for word in text.split(",")] if text.strip() else []
    for word in words:
        if word not in set(Decision):
            known = ", ".join(Decision)
            raise UsageError(f"--choices: {on_one_line(word)!r} is none of {known}.")
    return [Decision(word) for word in words]


def lines(report: "GroupReport") -> list[str]:
    """One line for each face: what it is, what each judge says, and how alike both pictures are; and one of
    all that were replaced."""
    rows = []
    for face in report.faces:
        words = [f"{face.number} {face.choice.value}"]
        if face.appears is not face.choice:
            words.append(f"shown as {face.appears.value}" if face.appears else "not shown")
        for name, verdict in (face.judges or {}).items():
            distance = "no face" if verdict.distance is None else f"{verdict.distance:.3f}"
            words.append(f"{name} {'same' if verdict.same else 'someone else'} ({distance})")
        if face.rmse is not None:
            words.append(f"RMSE {face.rmse:.1f}, PSNR {face.psnr_db:.1f} dB, SSIM {face.ssim:.3f}")
        if face.note:
            words.append(face.note)
        rows.append("; ".join(words))
    table = report.table
    if table.faces and table.rmse is not None and table.psnr_db is not None and table.ssim is not None:
        words = [f"replaced, medians of {table.faces}: RMSE {table.rmse:.1f}, PSNR {table.psnr_db:.1f} dB"]
        words.append(f"SSIM {table.ssim:.3f}")
        words += [f"{name} {value:.3f}" for name, value in table.distances.items() if value is not None]
        if table.frechet is not None:
            words.append(f"Fréchet distance of the set {table.frechet:.4f}")
        rows.append(", ".join(words))
    return rows
