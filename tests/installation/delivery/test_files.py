"""The files behind a link, and the words on card and page."""

import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from installation.delivery import card
from installation.delivery.captions import Caption
from installation.delivery.files import CARD, DOPPELGANGER, ENLARGED, FILM, GROUP, OTHER, SAME, encode_files
from installation.delivery.page import render
from installation.delivery.pictures import TakeHomePictures
from installation.outputs import marks
from installation.settings.texts import Texts, languages
from installation.stage.canvas import WHITE, Canvas
from installation.stage.typesetting import Colour
from tests.support.delivery_kit import picture, take_home


def test_files_carry_the_mark_and_nothing_else(tmp_path: Path) -> None:
    given = take_home(film=None)
    package = encode_files(given)
    assert given.pair is not None
    same, other = given.pair
    for name, judged in ((DOPPELGANGER, given.doppelganger), (SAME, same), (OTHER, other)):
        (tmp_path / name).write_bytes(package.files[name].content)
        with Image.open(tmp_path / name) as image:
            assert (np.asarray(image) == judged).all()  # so every judge says what it said
            assert set(image.info) == {"xmp", "XML:com.adobe.xmp"} and not image.getexif()
        assert marks.read_digital_source_type(tmp_path / name) == marks.TRAINED_ALGORITHMIC_MEDIA
    (tmp_path / CARD).write_bytes(package.files[CARD].content)
    with Image.open(tmp_path / CARD) as image:
        assert image.size == (1080, 1350) and not image.getexif()
        assert set(image.info) <= {"xmp", "jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert marks.read_digital_source_type(tmp_path / CARD) == marks.TRAINED_ALGORITHMIC_MEDIA


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("with_pair", [True, False])
def test_the_card_fits_in_every_language(language: str, with_pair: bool) -> None:
    given = take_home(language=language)
    drawn = card.draw(given if with_pair else given.doppelganger_alone(), Texts.load(language))
    assert drawn.shape == (1350, 1080, 3)
    # Nothing runs into the margins.
    below = 720 if with_pair else 850
    assert (drawn[below:, :58] == 0).all() and (drawn[below:, -58:] == 0).all()
    assert (drawn[-24:] == 0).all()
    assert drawn[below:, 60:-60].max() == 255


@pytest.mark.parametrize("language", languages())
def test_the_card_says_legibly_that_nobody_is_shown(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A phone shows it a third as large."""
    written: dict[str, tuple[float, int]] = {}

    def write(_: Canvas, words: str, at: object, size_px: int, weight: int, colour: Colour = WHITE) -> None:
        written[words] = size_px, min(colour)

    monkeypatch.setattr(Canvas, "text", write)
    text = Texts.load(language)
    card.draw(take_home(language=language), text)
    size_px, grey = written[text("card.synthetic")]
    assert size_px >= 32 and grey >= 220


def test_the_card_shows_match_and_doppelganger_each_with_its_verdict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And how much of the border's pair is identical, not of these two."""
    given = take_home()
    assert given.match is not None and given.pair is not None
    drawn = card.draw(given, Texts.load("en"))
    for face, left in ((given.doppelganger, 0), (given.match, 544)):
        shown = drawn[176 : 176 + 536, left : left + 536]
        expected = cv2.resize(face, (536, 536), interpolation=cv2.INTER_CUBIC)
        assert np.abs(shown.astype(int) - expected).mean() < 6
    assert np.abs(drawn[176:712, :536].astype(int) - drawn[176:712, 544:]).mean() > 20  # the control
    written: list[str] = []
    monkeypatch.setattr(Canvas, "text", lambda _, words, *args, **more: written.append(words))
    card.draw(given, Texts.load("en"))
    assert written[:3] == ["Doppelgänger", "SOMEONE ELSE", "SAME PERSON"]
    # Of every pixel one bit differs: none of the values is identical.
    assert "0.0\u00a0% of the values are identical." in " ".join(written)


def test_the_doppelganger_alone_brings_no_face_that_is_the_sitters() -> None:
    alone = take_home().doppelganger_alone()
    assert alone.match is None and alone.pair is None and alone.film is None and alone.enlarged is not None
    assert set(encode_files(alone).files) == {DOPPELGANGER, ENLARGED, CARD}


def test_the_page_saves_the_enlarged_picture_and_offers_the_exact_one() -> None:
    page = render(encode_files(take_home()), "X", 600)
    buttons = re.findall(r'<a class="([a-z ]+)" href="X/save/([a-z_.0-9]+)"', page)
    assert buttons[0] == ("button", ENLARGED) and ("quiet", DOPPELGANGER) in buttons
    assert "64 px" in page and page.index("Forget it now") < page.index("<figure")
    without = render(encode_files(replace(take_home(), enlarged=None)), "X", 600)
    assert re.findall(r"X/save/(doppelganger[a-z_.0-9]+)", without) == [DOPPELGANGER]


@pytest.mark.parametrize("language", languages())
def test_a_group_gets_its_picture_and_film(language: str) -> None:
    """Some are shown with their own faces: so it does not say that nothing of them is kept."""
    given = TakeHomePictures(1, language, picture(3), film=b"film", is_group=True)
    content = encode_files(given)
    assert set(content.files) == {GROUP, FILM, CARD}
    page = render(content, "X", 600)
    assert f'poster="X/{GROUP}"' in page and f"X/save/{FILM}" in page
    text = Texts.load(language)
    assert text("phone.stays_for", minutes=10) not in page
    assert text("phone.group_stays_for", minutes=10) in page
    assert FILM not in render(encode_files(replace(given, film=None)), "X", 600)


def test_the_witness_is_named_as_one_and_comes_last() -> None:
    captions = (Caption("dlib", False, "It was asked."), Caption("Bertillon", True, "It was not.", True))
    page = render(encode_files(replace(take_home(), captions=captions)), "X", 600)
    assert page.index("dlib") < page.index("A witness that nobody asked") < page.index("Bertillon")
    assert "A witness" not in render(encode_files(take_home()), "X", 600)


# What only somebody who was portrayed can be told.
LIKENESS = re.compile(r"likeness|like yours|you end|sees you|still you|your own face"
                      r"|for me|[Bb]etween me|like mine"
                      r"|Ihrem|Ihnen|noch Sie|Sie enden|mir|meinem|meines"
                      r"|au vôtre|vous ressemble|encore vous|propre visage|vous finissez|au mien|le mien"
                      r"|a la suya|le parece|siendo usted|propia cara|termina usted|la mía")  # fmt: skip


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("with_pair", [True, False])
def test_nobody_without_a_camera_is_told_of_a_likeness(
    language: str, same: bool, with_pair: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither on the page nor on the card."""
    pair = (picture(1), picture(2)) if with_pair else None

    def told(is_real: bool) -> tuple[set[str], set[str]]:
        card_words: list[str] = []
        monkeypatch.setattr(Canvas, "text", lambda _, words, *args, **more: card_words.append(words))
        content = encode_files(
            TakeHomePictures(
                1, language, picture(3), pair=pair, match=pair and pair[0], same=same, is_real=is_real
            )
        )
        return set(LIKENESS.findall(render(content, "X", 600))), set(LIKENESS.findall(" ".join(card_words)))

    assert all(told(is_real=True)) and not any(told(is_real=False))


def test_the_languages_have_the_same_words() -> None:
    english = {key for key in Texts.load("en").lines if key.startswith(("phone.", "card."))}
    for language in languages():
        assert {k for k in Texts.load(language).lines if k.startswith(("phone.", "card."))} == english
