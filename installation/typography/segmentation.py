"""Where text may be divided: between grapheme clusters, and between lines. By ICU (UAX #14 and #29)."""

import re
from functools import lru_cache

from icu4py.breakers import CharacterBreaker, LineBreaker

# Scripts that put no spaces between words: Thai to Tibetan, Myanmar, Khmer; Chinese characters and kana; and
# emoji. Korean has spaces. The zero width space marks a break in any script.
_UNSPACED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
    "\U0001f000-\U0001faff\U00020000-\U0003ffff\u200b]"
)
_KANA = re.compile("[\u3041-\u30ff]")
# Spaces at which a line may end. Those of a width of their own keep it inside a line; any others, as many as
# there are, make one ordinary space. The no-break spaces U+00A0, U+2007 and U+202F belong to a word.
_OF_OWN_WIDTH = "\u2000-\u2006\u2008-\u200a\u205f\u3000"
_ORDINARY = " \t-\r\x1c-\x1f\x85\u1680\u2028\u2029"
_SPACE_AND_WORD = re.compile(f"([{_OF_OWN_WIDTH}{_ORDINARY}]*)([^{_OF_OWN_WIDTH}{_ORDINARY}]+)")
_NOT_OF_OWN_WIDTH = re.compile(f"[{_ORDINARY}]+")


@lru_cache(maxsize=1024)
def clusters(words: str) -> tuple[str, ...]:
    """The grapheme clusters of a text: what readers take for one sign, such as a letter with its accents."""
    return tuple(CharacterBreaker(words, "en"))


@lru_cache(maxsize=1024)
def words_with_spaces(text: str) -> tuple[tuple[str, str], ...]:
    """The words of a text, between which a line may end, each with the space before it: (space, word).

    The space before the first word is empty, or the indentation of a Japanese paragraph (U+3000).
    """
    found: list[tuple[str, str]] = []
    for match in _SPACE_AND_WORD.finditer(text):
        space = _NOT_OF_OWN_WIDTH.sub("", match[1])
        found.append((space or (" " if found else ""), match[2]))
    return tuple(found)


@lru_cache(maxsize=4096)
def pieces(word: str, within_phrases: bool = False) -> tuple[str, ...]:
    """The parts of a word without spaces between which a line may end; a word of most scripts is one part.

    No line begins with closing punctuation or a small kana. Japanese ends lines between phrases, or with
    `within_phrases` between any two characters that allow it.
    """
    if not _UNSPACED.search(word):
        return (word,)
    phrases = "-lw-phrase" if _KANA.search(word) and not within_phrases else ""
    return tuple(LineBreaker(word, f"ja-u-lb-strict{phrases}"))
