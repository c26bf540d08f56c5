"""Portrays everybody as the installation does."""

import pickle
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.carry.sitters import Sitter, find_portrait, sitters
from engine.common.arrays import Pixels
from engine.common.atomic_file import write_bytes
from engine.common.errors import NoUsableFace
from engine.faces.analyser import FaceAnalyser
from engine.finders.base import Holds
from engine.finders.towards_others import TRUNCATION
from engine.judges.base import Judge
from engine.judges.judging import judge_pictures, judge_worst_case
from engine.pipeline.settings import PortrayalSettings
from engine.stylegan2.network import Generator, to_uint8
from installation.settings import configuration
from installation.workers.models import ModelBundle

MARGIN = PortrayalSettings().margin


def portray_all(work: Path, only: Sequence[str], steps: int | None) -> None:
    """As the installation does; `steps`: of search and tuning, where fewer shall do for a trial."""
    bundle = ModelBundle(configuration.load(configuration.DEFAULT))
    torch.set_num_threads(1)
    settings = replace(bundle.settings, strip=1, nearest_strip=1)
    if steps:
        settings = replace(settings, search=replace(settings.search, steps=steps, tuning_steps=steps))
    bundle.settings = settings
    print(f"{torch.get_num_threads()} thread, search {settings.search}, finders {settings.finders}")
    with FaceAnalyser() as finder:
        for name, rendered, photograph, other in sitters():
            path = work / f"{name}.pickle"
            if path.exists() or (only and name not in only):
                continue
            began = time.process_time()
            try:
                done = bundle.portray([photograph()])
            except NoUsableFace as error:
                print(f"{name}: {error}", flush=True)
                continue
            sitter = Sitter(
                name,
                rendered,
                done.portrait,
                find_portrait(other(), finder) if other else None,
                done.continuum.end,
                {"match": done.continuum.picture(1.0)},
                seconds=done.seconds | {"cpu": time.process_time() - began},
                references={judge_curves.judge.name: judge_curves.reference for judge_curves in done.judged},
            )
            if done.doppelganger:
                sitter.given = done.doppelganger.kind
            if done.on_the_way and done.on_the_way.kind == "on-the-way":
                sitter.pictures["on the way"] = done.on_the_way.picture
            if done.doppelganger and done.doppelganger.kind == "nearest":
                sitter.pictures["nearest"] = done.doppelganger.picture
            binding = [judge_curves.judge for judge_curves in done.judged if judge_curves.judge.binding]
            if done.nearest:
                sitter.border = done.nearest.curves[binding[0].name].border
            # Another seed for each sitter, whoever sits beside them: how wide the face is.
            random = random_face(
                bundle.generator, someone_else_check(sitter, binding), int(done.face.face_px)
            )
            if random is not None:
                sitter.pictures["random"] = random
            write_bytes(path, pickle.dumps(sitter))
            (work / f"{name}.figures").unlink(missing_ok=True)
            shown = {stage: round(value, 1) for stage, value in sitter.seconds.items()}
            print(name, sorted(sitter.pictures), sitter.given, sitter.border, shown, flush=True)


def someone_else_check(sitter: Sitter, judges: Sequence[Judge]) -> Holds:
    """Whether each judge says someone else, in the worst case too, as `engine.pipeline.portrayal` asks."""

    def stays_beyond(judge: Judge, picture: Pixels) -> bool:
        reference = sitter.reference(judge)
        (plain,) = judge_pictures(judge, reference, [picture])
        if plain.same:
            return False
        (worst,) = judge_worst_case(judge, reference, [picture])
        return worst.worst_distance > judge.threshold * (1 + MARGIN)

    return lambda pictures: [all(stays_beyond(judge, picture) for judge in judges) for picture in pictures]


def random_face(network: Generator, holds: Holds, seed: int) -> Pixels | None:
    """The first of 50 faces of the generator that holds."""
    random = torch.Generator().manual_seed(seed)
    for _ in range(50):
        z = torch.randn(1, network.z_dim, generator=random)
        with torch.no_grad():
            picture = to_uint8(network(z, psi=TRUNCATION))[0].numpy()
        if holds([picture])[0]:
            return picture
    return None
