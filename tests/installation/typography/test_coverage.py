"""What can be set, and what is said where a typeface is missing."""

import subprocess
import sys

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
assert languages() == ("en", "de"), language_faults()
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
