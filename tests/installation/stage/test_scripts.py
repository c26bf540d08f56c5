"""Text in every script: shaped, in its direction, broken where its readers break it, and never as boxes."""

import numpy as np
import pytest
from pygame import Rect

from installation.settings.texts import Texts
from installation.stage.canvas import WHITE, Canvas, TextBlock
from installation.stage.typesetting import height_px, render_line, shorten, text_width, wrap
from installation.typography.direction import is_rtl
from installation.typography.plex import is_plain
from installation.typography.segmentation import clusters
from installation.typography.shaping import shape

SENTENCES = {
    "Japanese": "機械はあなたを探しています。「顔はどこ？」とキャッシュメモリーが聞いた、ちょっと。",
    "Chinese": "机器正在寻找你。“你在哪里？”（二〇二四年）它说：你好！",
    "Korean": "기계가 당신을 찾고 있습니다.",
    "Arabic": "الآلة تبحث عنك على بعد 12.5 cm (StyleGAN) الآن!",
    "Hebrew": "המכונה מחפשת אותך עם StyleGAN (NVIDIA) במרחק 12 cm!",
    "Thai": "เครื่องกำลังมองหาคุณอยู่ท่ามกลางใบหน้าที่ไม่มีอยู่จริง",
    "Devanagari": "मशीन आपको क्षण में ढूँढ रही है।",
    "Greek": "Η μηχανή σε ψάχνει.",
    "Cyrillic": "Машина ищет вас.",
    "Vietnamese": "Ma\u0301y đang ti\u0300m ba\u0323n e\u0302\u0301 ế",
    "emoji": "👩‍👩‍👧‍👦 🇩🇪 1️⃣ ❤️ 👍🏽",
}
INVISIBLE = dict.fromkeys(map(ord, "\u200e\u200f\u061c"))  # marks of a line's direction
NOWHERE = "\ue000"  # for private use: in no typeface


def picture(words: str, rtl: bool = False) -> np.ndarray:
    return render_line(words, 40, 400, WHITE, rtl=rtl)[0]


def from_left(words: str, rtl: bool = False) -> list[int]:
    """The glyphs of a line from left to right."""
    glyphs = sorted(shape(words, 400, base_rtl=rtl).glyphs, key=lambda glyph: glyph.x_em)
    return [glyph.glyph_id for glyph in glyphs]


@pytest.mark.parametrize(
    "two",
    ["日月", "얼굴", "שמ", "قم", "กข", "कख", "😀👍", "ქა", "অআ"],
    ids=lambda two: f"U+{ord(two[0]):04X}",
)
def test_two_characters_are_not_the_same_box(two: str) -> None:
    assert not np.array_equal(picture(two[0]), picture(two[1]))


@pytest.mark.parametrize(
    "words", [*SENTENCES.values(), f"one {NOWHERE} more\x07"], ids=[*SENTENCES, "nowhere"]
)
def test_no_box_is_ever_drawn(words: str) -> None:
    for weight in (300, 400, 600):
        assert all(glyph.glyph_id for glyph in shape(words, weight).glyphs)


def test_german_and_english_are_set_by_pillow_alone() -> None:
    for language in ("de", "en"):
        for key, line in Texts.load(language).lines.items():
            assert is_plain(line.replace("\n", " ")), key


def test_arabic_letters_join() -> None:
    alone, joined = set(from_left("ع")), from_left("ععع", rtl=True)
    assert len(set(joined)) == len(joined) == 3 and not alone & set(joined)
    assert text_width("لا", 40) < 0.8 * (text_width("ل", 40) + text_width("ا", 40))


def test_marks_and_conjuncts_are_one_with_their_letter() -> None:
    assert len(from_left("क्ष")) == 1
    assert text_width("ที่", 40) == text_width("ท", 40)
    assert text_width("e\u0302\u0301", 40) == pytest.approx(text_width("ế", 40), abs=0.5)
    assert len(from_left("👩‍👩‍👧‍👦")) == len(from_left("🇩🇪")) == len(from_left("👩‍💻")) == 1
    assert text_width("1️⃣", 40) < 1.3 * text_width("😀", 40)


def test_hebrew_is_read_from_the_right_and_latin_in_it_from_the_left() -> None:
    parts = {part: from_left(part) for part in ("א", "ב", "ג", "ד", "a", "b", "(", ")", "1", "2")}

    def expected(signs: str) -> list[int]:
        return [glyph for sign in signs for glyph in ([*from_left(" ")] if sign == " " else parts[sign])]

    assert from_left("אב", rtl=True) == expected("בא")
    assert from_left("אב ab (ba) 12 גד", rtl=True) == expected("דג ab (ba) 12 בא")
    # Brackets belong to what is inside, and stand around it.
    assert from_left("ab (אב) ba") == expected("ab (בא) ba")
    assert from_left("אב (12)", rtl=True) == expected("(12) בא")


def test_a_line_is_ordered_as_in_its_paragraph() -> None:
    """A sentence that begins with a name is Hebrew; a comma at a line's end belongs to the name."""
    comma, glyph = from_left(",")[0], from_left("N")[0]
    first, *_ = wrap("StyleGAN, (NVIDIA) המכונה מחפשת אותך", 30, 400, 150)
    shown = from_left(first, rtl=is_rtl(first))
    assert is_rtl(first) and shown.index(comma) == shown.index(glyph) + 1
    assert not is_rtl("The machine says שלום to you") and is_rtl("\u200fStyleGAN") and not is_rtl("12,5 %")


def test_numbers_in_arabic_stay_whole() -> None:
    digits = [from_left(sign)[0] for sign in "12.5"]
    shown = from_left("قم 12.5 cm", rtl=True)
    at = shown.index(digits[0])
    assert shown[at : at + 4] == digits
    hebrew = from_left("אב 12-15", rtl=True)
    assert hebrew[:5] == [from_left(sign)[0] for sign in "12-15"]


@pytest.mark.parametrize("script", ["Japanese", "Chinese", "Thai", "emoji", "Arabic", "Devanagari"])
def test_lines_end_where_readers_end_them(script: str) -> None:
    words = SENTENCES[script]
    signs = clusters(words.replace(" ", ""))
    for width_px in range(90, 900, 90):
        lines = wrap(words, 30, 400, width_px)
        shown = [line.translate(INVISIBLE).replace(" ", "") for line in lines]
        assert [sign for line in shown for sign in clusters(line)] == list(signs)
        assert not any(line[0] in "、。」）”？！：ッャョュー" or line[-1] in "「（“" for line in lines)
    assert len(wrap(words, 30, 400, 100)) > 1


def test_thai_and_japanese_lines_end_between_words() -> None:
    thai = wrap(SENTENCES["Thai"], 30, 400, 300)
    for word in ("เครื่อง", "กำลัง", "ใบหน้า", "ท่ามกลาง"):
        assert any(word in line for line in thai)
    japanese = wrap("コンピューターはあなたを探しています", 30, 400, 300)
    assert "コンピューターは" in japanese[0] and any("あなたを" in line for line in japanese)


def test_a_cut_line_ends_between_signs() -> None:
    for words in ("👩‍👩‍👧‍👦" * 5, "กำ้ที่" * 5, "e\u0302\u0301" * 20, "क्षि" * 9):
        signs = clusters(words)
        for width_px in range(40, 300, 17):
            cut = shorten(words, 30, 400, width_px).removesuffix("…")
            assert clusters(cut) == signs[: len(clusters(cut))]


def test_a_paragraph_from_right_to_left_begins_at_the_right() -> None:
    canvas, rect = Canvas(1280, 720), Rect(100, 100, 600, 400)
    canvas.column([TextBlock("StyleGAN", 30), TextBlock("המכונה", 30), TextBlock("12 cm", 30)], rect)
    left, right, number = (item.rect for item in canvas.drawn_items)
    assert abs(left.left - rect.left) < 5 and abs(number.left - rect.left) < 5
    assert abs(right.right - rect.right) < 5


@pytest.mark.parametrize("words", ["ปู่กำ้ที่ญี่ปุ่น ฎุ", "ฺष्ट्र्रि र्क्षू", "ﷲّٰ يَوْمٌ قُرْآنٌ"])
def test_lines_with_high_and_deep_marks_do_not_touch(words: str) -> None:
    canvas, rect = Canvas(1280, 720), Rect(0, 100, 1200, 500)
    canvas.column([TextBlock(f"{words}\n{words}", 60)], rect)
    first, second = (item.rect for item in canvas.drawn_items)
    assert second.top >= first.bottom - 4
    assert height_px((((words, words), 60, 0.0),)) >= second.bottom - first.top - 8


def test_chinese_characters_take_the_form_of_their_language() -> None:
    forms = [render_line("骨直", 60, 400, WHITE, language)[0] for language in ("ja", "zh", "zh-Hant")]
    assert not np.array_equal(forms[0], forms[1]) and not np.array_equal(forms[1], forms[2])
    # In a paragraph with kana the whole is Japanese, a line without them too.
    canvas = Canvas(600, 300)
    canvas.column([TextBlock("骨直\nかな", 60)], Rect(0, 0, 600, 300))
    japanese = canvas.rgb.copy()
    canvas.clear()
    canvas.language = "ja"
    canvas.column([TextBlock("骨直\nかな", 60)], Rect(0, 0, 600, 300))
    assert np.array_equal(canvas.rgb, japanese)
