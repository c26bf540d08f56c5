"""Every link between the documents leads to a file, and every file that they name is there."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import REPO

LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]+)")
PACKAGES = "engine|installation|scenes|hardware|training|tests|benchmarks"
MODULE = re.compile(rf"(?<![\w/.-])((?:{PACKAGES})/[\w/]+\.py)\b")
FILE = re.compile(
    r"`((?:[\w.-]+/)*[\w.-]+\."
    r"(?:html|jpg|js|json|jsonl|lock|md|mp4|npz|npy|pkl|png|py|safetensors|tar|toml|ttf|txt|webp|xz))`"
)
VISIT_FOLDER = """
    report.json portrait.png doppelganger.png doppelganger_1024.png card.jpg
    on_the_way.png morph.mp4 continuum.png curve.png border_same.png
    border_other.png difference.png median_curve.png median_continuum.png median_border_same.png
    median_border_other.png median_difference.png prices.png prices_curve.png
"""
GROUP_FOLDER = "us/group.png us/group.mp4 us/report.json us/unlike.png unlike.png"
OF_THE_SYSTEM = "ndi-config.v1.json"
REHEARSAL = "out.mp4 out.jsonl"
GALLERY = "config/gallery.toml config/cues.toml config/counters.json counters.json"
TRAINING_RUN = """
    generator.safetensors discriminator-1-of-1.safetensors log.jsonl state.json pairs.png samples.jpg
    meta.jsonl
"""
NOT_HERE = frozenset(
    f"{VISIT_FOLDER} {GROUP_FOLDER} {OF_THE_SYSTEM} {REHEARSAL} {GALLERY} {TRAINING_RUN}".split()
)
"""Files that the reader makes, or another program's."""
FOLDERS = ("docs", "benchmarks", "installation", "training", "weights", "tests/data")
DOCUMENTS = sorted([*REPO.glob("*.md"), *(path for name in FOLDERS for path in (REPO / name).rglob("*.md"))])


def broken(document: Path, text: str) -> list[str]:
    """What `text` names, as part of `document`, that is not there."""
    targets = [document.parent / link for link in LINK.findall(text)]
    targets += [REPO / module for module in MODULE.findall(text) if "NAME" not in module]
    missing = [str(target) for target in targets if not target.exists()]
    return list(
        dict.fromkeys([*missing, *(file for file in FILE.findall(text) if not is_there(document, file))])
    )


@cache
def names_in_the_repository() -> frozenset[str]:
    """The names of all files, without their folders."""
    folders = [*PACKAGES.split("|"), "docs", "config", "weights"]
    return frozenset(
        path.name
        for path in (*REPO.iterdir(), *(p for folder in folders for p in (REPO / folder).rglob("*")))
    )


def is_there(document: Path, file: str) -> bool:
    """Whether a file that a document names exists: a path from the root or from the document, or a name."""
    if file in NOT_HERE or any(word in file for word in ("NAME", "XX", "PERSON_NUMBER")):
        return True
    if "/" not in file:
        return file in names_in_the_repository()
    return (REPO / file).exists() or (document.parent / file).exists()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPO)))
def test_links_and_files_are_there(document: Path) -> None:
    assert broken(document, document.read_text("utf-8")) == []


def test_a_link_or_a_module_that_is_not_there_is_found() -> None:
    text = "[a](gone.md), [b](README.md#here), engine/gone.py, `scenes/NAME.py`, [c](https://example.org)"
    assert broken(REPO / "README.md", text) == [str(REPO / "gone.md"), str(REPO / "engine/gone.py")]


def test_a_file_that_is_not_there_is_found() -> None:
    text = "`gone.toml`, `docs/gone.json`, `README.md`, `config/ffhq.toml`, `report.json`, `../README.md`"
    assert broken(REPO / "docs" / "visit.md", text) == ["gone.toml", "docs/gone.json"]
