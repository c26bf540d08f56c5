"""Renders many pictures in processes of their own; goes on where an earlier run was stopped."""

import importlib.util
import multiprocessing
import os
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from engine.common.errors import MachineError
from training.nobody.render.archive import Archive
from training.nobody.render.body.head import HeadModel
from training.nobody.render.description.population import draw_person
from training.nobody.render.description.shot import draw_shot
from training.nobody.render.parameters import seed_and_number
from training.nobody.render.scene.develop import develop, webp

if TYPE_CHECKING:
    from training.nobody.render.scene.studio import Studio

PICTURES_PER_PROCESS = 100  # Blender holds on to a little memory with every picture


@dataclass(frozen=True)
class Settings:
    """How to render: resolution in pixels, samples a pixel, threads a process."""

    assets: Path
    resolution: int
    samples: int
    threads: int


_studio: "Studio | None" = None  # of a worker process: Blender can only be set up once


def _open_studio(settings: Settings) -> None:
    global _studio
    warnings.simplefilter("ignore", DeprecationWarning)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Blender reports every file it writes
    from training.nobody.render.scene.studio import Studio

    _studio = Studio(HeadModel(settings.assets), settings.resolution, settings.samples, settings.threads)


def _render(name: str) -> bytes:
    assert _studio is not None
    seed, number = seed_and_number(name)
    person, shot = draw_person(seed), draw_shot(seed, number)
    return webp(develop(_studio.render(person, shot), person.skin.colour, shot.exposure))


def render_all(archive: Archive, names: list[str], settings: Settings, workers: int) -> int:
    """Renders what is missing among `names` and returns how many pictures failed.

    Raises:
        MachineError: Blender is missing, or its process died.
    """
    if importlib.util.find_spec("bpy") is None:
        raise MachineError("rendering needs Blender as a module: pip install bpy==5.0.1")
    archive.mend(names)
    missing = [name for name in names if not archive.picture(name).exists()]
    failed = 0
    with (
        ProcessPoolExecutor(
            workers,
            multiprocessing.get_context("spawn"),
            _open_studio,
            (settings,),
            max_tasks_per_child=PICTURES_PER_PROCESS,
        ) as pool,
        tqdm(total=len(names), initial=len(names) - len(missing), unit="picture") as progress,
    ):
        waiting = {pool.submit(_render, name): name for name in missing}
        try:
            for done in as_completed(waiting):
                failed += not _keep(archive, waiting[done], done, progress.write)
                progress.update()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return failed


def _keep(archive: Archive, name: str, done: Future[bytes], say: Callable[[str], None]) -> bool:
    try:
        archive.add(name, done.result())
    except BrokenProcessPool as error:
        raise MachineError(
            "the rendering process ended unexpectedly (too little memory?); run again to go on"
        ) from error
    except (RuntimeError, ValueError, ArithmeticError) as error:
        say(f"{name} was not rendered: {error}")
        return False
    return True
