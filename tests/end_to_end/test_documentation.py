"""Every link between the documents leads to a file, and every module that they name is there."""

import re
from pathlib import Path

import pytest

from tests.conftest import REPO

LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]+)")
PACKAGES = "engine|installation|scenes|hardware|training|tests|benchmarks"
MODULE = re.compile(rf"(?<![\w/.-])((?:{PACKAGES})/[\w/]+\.py)\b")
FOLDERS = ("docs", "benchmarks", "installation", "training", "weights", "tests/data")
DOCUMENTS = sorted([*REPO.glob("*.md"), *(path for name in FOLDERS for path in (REPO / name).rglob("*.md"))])


def broken(document: Path, text: str) -> list[str]:
    """What `text` names, as part of `document`, that is not there."""
    targets = [document.parent / link for link in LINK.findall(text)]
    targets += [REPO / module for module in MODULE.findall(text) if "NAME" not in module]
    return [str(target) for target in targets if not target.exists()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPO)))
def test_links_and_modules_are_there(document: Path) -> None:
    assert broken(document, document.read_text("utf-8")) == []


def test_a_link_or_a_module_that_is_not_there_is_found() -> None:
    text = "[a](gone.md), [b](README.md#here), `engine/gone.py`, `scenes/NAME.py`, [c](https://example.org)"
    assert broken(REPO / "README.md", text) == [str(REPO / "gone.md"), str(REPO / "engine/gone.py")]
