"""`kiosk visit`: one photograph in, a folder with the border and the doppelgänger out."""

import argparse
from importlib.util import find_spec
from pathlib import Path

from tqdm import tqdm

from engine.errors import UsageError
from installation.configuration import DEFAULT, Configuration, load


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `kiosk visit`."""
    parser.add_argument("photo", type=Path, nargs="?", help="a portrait photograph; the sample sitter by default")
    parser.add_argument("--out", type=Path, help="folder to write, which must not exist yet; visit-1, visit-2 ...")
    parser.add_argument("--config", type=Path, default=DEFAULT, help="a TOML file like config/default.toml")
    parser.add_argument("--keep-portrait", action="store_true", help="also write portrait.png, the sitter's own face")
    parser.add_argument("--seed", type=int, help="which perturbations the judges average over")


def run(arguments: argparse.Namespace) -> int:
    """Portrays the sitter and writes the folder. Returns the exit code."""
    folder = _free_folder(arguments.out)
    configuration = load(arguments.config)
    if arguments.seed is not None:
        judging = configuration.judging.model_copy(update={"seed": arguments.seed})
        configuration = configuration.model_copy(update={"judging": judging})
    photo = arguments.photo or _sample_sitter()

    from engine.photograph import load_photograph

    photograph = load_photograph(photo)

    from installation.atelier import Atelier, write_visit

    atelier = Atelier(configuration)
    with _ProgressBar() as bar:
        portrayal = atelier.portray(photograph, bar.show)
    source = "skimage.data.astronaut" if arguments.photo is None else photo.name
    words = write_visit(folder, atelier, portrayal, source, keep_portrait=arguments.keep_portrait)
    print("\n".join(words))
    return 0


def _free_folder(asked: Path | None) -> Path:
    if asked is None:
        number = 1
        while (folder := Path(f"visit-{number}")).exists():
            number += 1
        return folder
    if asked.exists():
        raise UsageError(f"{asked}: exists already. Name a new folder with --out.")
    if not asked.resolve().parent.is_dir():
        raise UsageError(f"{asked.parent}: no such folder. Make it first, or choose another --out.")
    return asked


def _sample_sitter() -> Path:
    """The portrait of Eileen Collins that comes with scikit-image (NASA, public domain)."""
    spec = find_spec("skimage")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "data" / "astronaut.png"


class _ProgressBar:
    """One bar in the terminal that is renamed and refilled for each stage."""

    NAMES = {
        "faces": "finding the face",
        "reference": "learning the sitter",
        "search": "searching",
        "tuning": "tuning",
        "judging": "asking the judges",
        "doppelganger": "looking beyond the border",
        "film": "preparing the film",
    }

    def __enter__(self) -> "_ProgressBar":
        self.bar = tqdm(total=100, bar_format="{desc:<28}|{bar:40}| {elapsed}", leave=False)
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def show(self, progress: "Progress") -> None:  # type: ignore[name-defined]  # noqa: F821
        """Follows `engine.portrayal.Progress`."""
        loss = f" {progress.step.loss:.3f}" if progress.step else ""
        self.bar.set_description_str(self.NAMES[progress.stage] + loss, refresh=False)
        self.bar.n = round(progress.share * 100)
        self.bar.refresh()


__all__ = ["Configuration", "configure", "run"]
