"""Texts in every language."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from engine.border.strip import NoBorderReason
from engine.common.errors import UsageError
from engine.pipeline.result import PictureKind
from installation.delivery.captions import captions
from installation.settings import texts
from installation.settings.texts import FOLDER, Texts, language_faults, languages
from installation.stage.theme import StageParameters
from installation.stage.view import Guidance
from tests.conftest import REPO
from tests.support.judge_kit import verdict
from tests.support.scene_views import somebody


def test_every_language_has_every_line() -> None:
    lines = {language: Texts.load(language).lines for language in languages()}
    for language, own in lines.items():
        assert own.keys() == lines["en"].keys(), language
        for key, line in own.items():
            # Between groups of digits French and Spanish write a narrow space.
            assert line.strip() or (key == "jury.thousands" and line), f"{language}: {key} is empty"
            fields = re.findall(r"{(\w+)}", line)
            assert sorted(fields) == sorted(re.findall(r"{(\w+)}", lines["en"][key])), f"{language}: {key}"


def test_every_line_that_scenes_ask_for_is_there() -> None:
    lines = Texts.load("en").lines
    for file in sorted((REPO / "scenes").rglob("*.py")):
        for key in re.findall(r'"([a-z]+\.[a-z_]+)"', file.read_text("utf-8")):
            assert key in lines, f"{file.name}: {key}"
    assert {f"guidance.{each.name.lower()}" for each in Guidance} <= lines.keys()
    assert {f"without.{each}{end}" for each in NoBorderReason for end in ("", "_words")} <= lines.keys()
    assert {f"doppelganger.{each}" for each in PictureKind} <= lines.keys()


def test_a_share_is_never_rounded_up_to_all() -> None:
    english, german = Texts.load("en"), Texts.load("de")
    shares = [english.share(share).replace("\u00a0", " ") for share in (0.98449, 0.9999, 1.0, 0.0)]
    assert shares == ["98.4 %", "99.9 %", "100.0 %", "0.0 %"]
    assert german.share(0.98449) == "98,4\u00a0%"


def test_operating_points_are_told_in_one_way() -> None:
    """To the visitor, or of somebody who does not exist; on the screen and on the phone."""
    english, german = Texts.load("en"), Texts.load("de")
    assert english.strangers(0.0057) == "Of 10,000 strangers it mistakes 57 for you."
    of_nobody = german.strangers(0.25, is_real=False)
    assert of_nobody == "Von 10.000 Fremden verwechselt sie 2.500 mit dieser Person."
    assert "1 for you" in english.strangers(1e-9) and "nobody" in english.strangers(None)
    found = replace(
        somebody().result, judge_results=(replace(somebody().result.judge_results[0], fmr=0.001),)
    )
    asked = replace(found, judge_results=(replace(found.judge_results[0], of_doppelganger=verdict(0.7)),))
    made = "Davis King, 2017. It has learned from 3,000,000 photographs of 7,485 people."
    (one,) = captions(asked, english)
    assert one.words == f"{made} Of 10,000 strangers it mistakes 10 for you."
    (one,) = captions(asked, english, is_real=False)
    assert one.words == f"{made} Of 10,000 strangers it mistakes 10 for this person."
    own = replace(asked, judge_results=(replace(asked.judge_results[0], judge="ours"),))
    (one,) = captions(own, english)
    assert one.words == "Of 10,000 strangers it mistakes 10 for you."


def test_every_language_file_is_toml_with_a_name() -> None:
    for file in FOLDER.glob("*.toml"):
        assert Texts.load(file.stem)("language.name")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "en.toml").write_text((FOLDER / "en.toml").read_text("utf-8"), "utf-8")
    monkeypatch.setattr(texts, "FOLDER", tmp_path)
    return tmp_path


def test_languages_of_other_scripts_are_there_with_their_direction(folder: Path) -> None:
    (folder / "he.toml").write_text('[language]\nname = "עברית"\n[phone]\ngone = "אין כאן כלום."\n', "utf-8")
    (folder / "ja.toml").write_text('[language]\nname = "日本語"\n', "utf-8")
    assert languages() == ("en", "he", "ja") and language_faults() == []
    assert [Texts.load(code).direction for code in languages()] == ["ltr", "rtl", "ltr"]


_NAMED = '[language]\nname = "Xx"\n'
_LIVES = _NAMED + '[doppelganger]\nlives = "%s"\n'


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (
            '[language]\nname = "\ue000"',
            "name cannot be drawn. No typeface has U+E000. Leave it out.",
        ),
        ('[language]\nname = "Xx"\n[stop]\nstop = "\ue000\ue001\ue002"', "stop.stop cannot be drawn"),
        ("[language]\nname = 3", "language.name is not a text"),
        ('name = "Xx"', "name is not a text of a section"),
        ("[language", "cannot be read"),
        ("", "language.name is not there"),
        ('[stop]\nstop = "Halt"', "language.name is not there"),
        ('[language]\nname = "\\u200e \\u200d"', "language.name draws nothing"),
        (_NAMED + '[consent]\nquestion = " \\u3000\\n"', "consent.question draws nothing"),
        (_NAMED + '[verdict]\nsame = ""', "verdict.same draws nothing"),
        (_LIVES % "{minute}", "doppelganger.lives has {minute} where the English line has {minutes}."),
        (_LIVES % "{minutes} {hours}", "doppelganger.lives has {hours}, {minutes} where"),
        (_LIVES % "{minutes:d}", "doppelganger.lives has {minutes:d} where"),
        (_LIVES % "{minutes!r}", "doppelganger.lives has {minutes!r} where"),
        (_LIVES % "{minutes.real}", "doppelganger.lives has {minutes.real} where"),
        (_LIVES % "{}", "doppelganger.lives has {} where"),
        (_LIVES % "3", "doppelganger.lives has no {value} where"),
        (_LIVES % "{minutes", "doppelganger.lives has unbalanced braces"),
        (_LIVES % "minutes}", "doppelganger.lives has unbalanced braces"),
        (_LIVES % "{min\\nutes}", "doppelganger.lives has {min utes} where"),
        (
            _NAMED + '[stop]\nstop = "{seconds}"',
            "stop.stop has {seconds} where the English line has no {value}.",
        ),
        (_NAMED + '[stop]\nstop = "{"', "stop.stop has unbalanced braces"),
        (_NAMED + '[judge]\ndlib = "{judge}"', "judge.dlib has {judge} where"),
        (_NAMED + '[border]\nline_nobody = "{judges}"', "border.line_nobody has {judges} where"),
    ],
)
def test_a_language_that_cannot_be_shown_is_left_out_and_named(folder: Path, content: str, why: str) -> None:
    (folder / "xx.toml").write_text(content, "utf-8")
    assert languages() == ("en",)
    (line,) = language_faults()
    assert line.startswith(f"{folder}/xx.toml: ") and why in line and "\n" not in line
    with pytest.raises(UsageError, match=r"xx\.toml"):
        Texts.load("xx")
    with pytest.raises(ValueError, match=r"xx\.toml"):
        StageParameters(language="xx")


def test_a_language_may_begin_with_a_byte_order_mark_and_group_digits_by_a_space(folder: Path) -> None:
    """As Windows editors write files, and as numbers are written in French."""
    words = '\ufeff[language]\nname = "Français"\n[jury]\nthousands = "\u202f"\n'
    (folder / "fr.toml").write_text(words, "utf-8")
    assert languages() == ("en", "fr") and language_faults() == []
    assert "5\u202f000" in Texts.load("fr").strangers(0.5)


def test_a_language_that_is_no_ordinary_file_keeps_nobody_waiting(folder: Path) -> None:
    os.mkfifo(folder / "xx.toml")
    assert languages() == ("en",)
    assert "not an ordinary file" in language_faults()[0]


@pytest.mark.parametrize(
    ("value", "threshold", "figures"),
    [
        (0.6001, 0.6, "0.601"),
        (0.6, 0.6, "0.600"),
        (0.5999, 0.6, "0.599"),
        (0.60004, 0.6, "0.601"),
        (0.54997, 0.5499, "0.551"),
        (0.5496, 0.5497, "0.549"),
        (0.412, 0.6, "0.412"),
        (0.8, 0.6, "0.800"),
    ],
)
def test_a_distance_never_reads_as_on_the_other_side_of_the_threshold(
    value: float, threshold: float, figures: str
) -> None:
    text = Texts.load("en")
    assert text.distance(value, threshold, 3) == figures
    assert (float(figures) <= threshold) == (value <= threshold)
    line = text.number(threshold, 3)  # as it is written beside the distance
    assert (figures < line, figures > line) == (value < threshold, value > threshold)
