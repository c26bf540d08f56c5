"""The typefaces at hand, and which of them sets a character.

IBM Plex Sans comes first. What it lacks is looked for in the Noto families of two Python packages and then in
those that Debian's packages install. Each of the packages may be missing: its characters can then not be set.
"""

import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

import uharfbuzz as hb

from installation.typography import plex

# The file with the symbols comes after the scripts' own, the one with the emoji last.
_SCRIPTS_PACKAGE = "manimgx_fonts"
_LAST = ("NotoSansSymbols", "NotoEmoji")
# Chinese, Japanese and Korean draw many characters of one code differently: one member of the file for each.
_CJK_PACKAGE = "manimgx_fonts_cjk"
_CJK_FILE = "NotoSansCJK-VF.otf.ttc"
_CJK_MEMBERS = {"ja": 0, "ko": 1, "zh-hant": 3, "zh-tw": 3, "zh-mo": 4, "zh-hk": 4, "zh": 2}
SYSTEM_FOLDER = Path("/usr/share/fonts")
_SYSTEM_FILES = ("Noto*-Regular.ttf", "Noto*-Regular.otf", "Noto*-Regular.ttc")
# Asks for the emoji where a character is a letter or a sign as well.
EMOJI_SELECTOR = "\ufe0f"


@dataclass(frozen=True)
class Family:
    """A typeface file; member: which one of the several that a collection holds."""

    path: Path
    member: int = 0


PLEX = Family(plex.FILE)


@lru_cache(maxsize=1024)
def harfbuzz_font(family: Family, weight: int) -> hb.Font:
    """A typeface at a weight from 100 to 700, or the nearest it has. Shared: do not change it."""
    font = hb.Font(hb.Face(_blob(family.path), family.member))
    font.set_variations({"wght": weight})
    return font


@lru_cache(maxsize=8192)
def family_of(cluster: str, language: str) -> Family | None:
    """The first typeface that has a glyph for all of a grapheme cluster; None where none has.

    language: of the words, a BCP 47 code: Chinese characters take its form.
    """
    families = [PLEX, *_script_families(), *_cjk_families(language)]
    if EMOJI_SELECTOR in cluster:
        families.sort(key=lambda family: "Emoji" not in family.path.name)
    families += _system_families(language)
    return next((family for family in families if has_glyphs(family, cluster)), None)


@lru_cache(maxsize=8192)
def has_glyphs(family: Family, cluster: str) -> bool:
    """Whether a typeface sets a grapheme cluster without its sign for missing glyphs, glyph 0."""
    return all(info.codepoint for info in _shaped(family, cluster).glyph_infos)


@lru_cache(maxsize=8192)
def has_ink(family: Family, cluster: str) -> bool:
    """Whether anything is seen of a grapheme cluster; not of spaces, joiners, direction marks and fillers."""
    font = harfbuzz_font(family, 400)
    glyphs = (font.get_glyph_extents(info.codepoint) for info in _shaped(family, cluster).glyph_infos)
    return any(extents is not None and extents.width and extents.height for extents in glyphs)


@lru_cache(maxsize=1024)
def written_language(words: str, language: str) -> str:
    """The language of a text, a BCP 47 code: by signs of Japanese, Korean or Taiwan; else `language`."""
    names = {unicodedata.name(sign, "").partition(" ")[0] for sign in words}
    if names & {"HIRAGANA", "KATAKANA"}:
        return "ja"
    if "HANGUL" in names:
        return "ko"
    return "zh-Hant" if "BOPOMOFO" in names else language


def _cjk_member(language: str) -> int:
    """Which member of the collection has the language's Chinese characters; else the simplified ones."""
    code = language.lower().replace("_", "-")
    members = (number for known, number in _CJK_MEMBERS.items() if f"{code}-".startswith(f"{known}-"))
    return next(members, _CJK_MEMBERS["zh"])


def is_installed(typeface: str) -> bool:
    """Whether a typeface, such as `NotoSansSymbols2`, is installed as part of a package of the system."""
    return any(family.path.stem == f"{typeface}-Regular" for family in _system_families(""))


def _shaped(family: Family, cluster: str) -> hb.Buffer:
    buffer = hb.Buffer()
    buffer.add_str(cluster)
    buffer.guess_segment_properties()
    hb.shape(harfbuzz_font(family, 400), buffer)
    return buffer


@cache
def _blob(path: Path) -> hb.Blob:
    return hb.Blob.from_file_path(path)


def _folder(package: str) -> Path | None:
    spec = find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


@cache
def _script_families() -> tuple[Family, ...]:
    folder = _folder(_SCRIPTS_PACKAGE)
    paths = sorted(folder.glob("Noto*.ttf")) if folder else []
    paths = [path for path in paths if "Italic" not in path.name]
    return tuple(Family(path) for path in sorted(paths, key=lambda path: path.name.startswith(_LAST)))


@cache
def _cjk_families(language: str) -> tuple[Family, ...]:
    folder = _folder(_CJK_PACKAGE)
    return (Family(folder / _CJK_FILE, _cjk_member(language)),) if folder else ()


@cache
def _system_families(language: str) -> tuple[Family, ...]:
    paths = [path for pattern in _SYSTEM_FILES for path in sorted(SYSTEM_FOLDER.rglob(pattern))]
    return tuple(Family(path, _cjk_member(language) if "CJK" in path.name else 0) for path in paths)
