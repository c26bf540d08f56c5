"""What can be set, and what is said where a typeface is missing."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copyfile

import pytest

from installation.typography import families, plex
from installation.typography.coverage import SAMPLES, settable_scripts, unsettable
from tests.conftest import REPO


def test_every_script_of_the_list_can_be_set() -> None:
    assert [script for script, settable in settable_scripts().items() if not settable] == []


def test_what_cannot_be_set_is_named_in_plain_ascii() -> None:
    for words in (*SAMPLES.values(), "a\u200db", "\u2067שלום\u2069", "a\nb", "ế = e\u0302\u0301", ""):
        assert unsettable(words) == ""
    line = unsettable("so \ue003, \ue001 \ue002")
    assert line == "No typeface has U+E001, U+E002 and 1 more. Leave it out."
    # A mark on a letter of another script is no letter that anybody can set, but each of them is.
    assert unsettable("日\u0e48").isascii()


def test_without_the_packages_of_typefaces_it_starts_and_names_what_to_install() -> None:
    script = """
from pathlib import Path
from installation.typography import families
families._folder = lambda package: None
families.SYSTEM_FOLDER = Path("/nowhere")
from installation.settings.texts import languages, language_faults
from installation.stage.theme import StageParameters
from installation.settings.registry import Registry
from scenes.attract import AttractParameters
assert languages() == ("en", "de", "es", "fr"), language_faults()
registry = Registry(StageParameters, AttractParameters)
assert registry.set("attract/invitation", "Und du? Κι εσύ; А ты? ế") == "Und du? Κι εσύ; А ты? ế"
print(registry.set("attract/invitation", "顔"))
assert registry.get("attract/invitation").startswith("Und du?")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPO, capture_output=True, text=True, timeout=120, check=True
    )
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("attract/")]
    assert "cannot be drawn. No typeface has U+9854 CJK UNIFIED IDEOGRAPH-9854. Leave it out, or" in line
    assert "fonts-noto-core fonts-noto-cjk" in line


def forget_typefaces() -> None:
    for cached in (
        families._system_families,
        families._script_families,
        families._cjk_families,
        families.family_of,
        unsettable,
    ):
        cached.cache_clear()


@pytest.fixture
def typefaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Puts typefaces of these names, all with the characters of IBM Plex Sans, in place of the system's."""

    def install(*names: str) -> None:
        folder = tmp_path / "-".join(names)
        folder.mkdir()
        for name in names:
            copyfile(plex.FILE, folder / f"{name}-Regular.ttf")
        monkeypatch.setattr(families, "SYSTEM_FOLDER", folder)
        monkeypatch.setattr(families, "_folder", lambda package: None)
        forget_typefaces()

    yield install
    forget_typefaces()


def test_the_package_that_has_a_sign_is_named_unless_it_is_installed(
    typefaces: Callable[..., None],
) -> None:
    """Whatever other typefaces of the same kind are there."""
    signs = {"Tibetan": "བོད", "a ballot": "\u2717", "a clef": "\U0001d11e"}
    for names, core, cjk in (
        (["NotoSansMono"], True, True),
        (["NotoSansMono", "NotoSansCJK"], True, False),
        (["NotoSansSymbols2"], False, True),
        (["NotoSansSymbols2", "NotoSansCJK"], False, False),
    ):
        typefaces(*names)
        for name, sign in signs.items():
            assert ("fonts-noto-core" in unsettable(sign)) == core, (name, names)
        assert ("fonts-noto-cjk" in unsettable("顔")) == cjk, names
        assert unsettable("顔").endswith("and start again." if cjk else "Leave it out.")
        assert unsettable("\ue000").endswith("U+E000. Leave it out.")
