"""What can be set in the typefaces at hand: characters, and whole scripts."""

import re
import unicodedata
from functools import lru_cache

from hardware.machine import SystemPackage, install_command
from installation.typography.families import family_of, has_ink, is_installed
from installation.typography.segmentation import clusters

CORE = SystemPackage("fonts-noto-core", "google-noto-fonts-all")
CJK = SystemPackage("fonts-noto-cjk", "google-noto-sans-cjk-fonts")
# A typeface that only this package has.
_TYPEFACE_OF = {CORE: "NotoSansSymbols2", CJK: "NotoSansCJK"}
# How the names of the characters begin that CJK has; any others are in CORE, if anywhere.
_CJK_NAMES = re.compile("BOPOMOFO|CJK|FULLWIDTH|HALFWIDTH|HANGUL|HIRAGANA|IDEOGRAPHIC|KANGXI|KATAKANA")
_NAMED = 2  # characters in a message

# A word of each script that visitors are most likely to read.
SAMPLES = {
    "Latin": "ß",
    "Greek": "Ω",
    "Cyrillic": "Ж",
    "Vietnamese": "ế",
    "Hebrew": "ש",
    "Arabic": "لآ",
    "Devanagari": "क्षि",
    "Bengali": "ক্ষ",
    "Tamil": "க்ஷ",
    "Thai": "ที่",
    "Chinese": "脸臉",
    "Japanese": "顔か",
    "Korean": "얼굴",
    "emoji": "👩‍💻",
}


@lru_cache(maxsize=4096)
def unsettable(words: str) -> str:
    """Why a text cannot be set, and what to do, in two sentences; empty where it can."""
    missing: set[str] = set()
    for cluster in clusters(words):
        if not cluster.isspace() and family_of(cluster, "") is None:
            missing |= {sign for sign in cluster if family_of(sign, "") is None} or set(cluster)
    return f"No typeface has {_named(sorted(missing))}. {_advice(missing)}" if missing else ""


def settable_scripts() -> dict[str, bool]:
    """The scripts of `SAMPLES`, and whether they can be set."""
    return {script: not unsettable(sample) for script, sample in SAMPLES.items()}


@lru_cache(maxsize=4096)
def draws_nothing(words: str) -> bool:
    """Whether nothing is seen of a text: it is empty, or all spaces, joiners and other invisible signs."""
    return not any(
        (family := family_of(cluster, "")) and has_ink(family, cluster) for cluster in clusters(words)
    )


def remedy() -> str:
    """The command that installs the typefaces of what scripts are missing."""
    return install_command(_missing_packages() or [*_TYPEFACE_OF])


def _missing_packages() -> list[SystemPackage]:
    return [package for package, typeface in _TYPEFACE_OF.items() if not is_installed(typeface)]


def _named(signs: list[str]) -> str:
    """In ASCII, which every OSC client can show."""
    names = [f"U+{ord(sign):04X} {unicodedata.name(sign, '')}".rstrip() for sign in signs[:_NAMED]]
    more = len(signs) - _NAMED
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def _advice(signs: set[str]) -> str:
    in_a_typeface = {sign for sign in signs if unicodedata.category(sign) not in ("Cc", "Cn", "Co", "Cs")}
    have_them = {_package_of(sign) for sign in in_a_typeface}
    if have_them.isdisjoint(_missing_packages()):
        return "Leave it out."
    return f"Leave it out, or `{remedy()}` and start again."


def _package_of(sign: str) -> SystemPackage:
    return CJK if _CJK_NAMES.match(unicodedata.name(sign, "")) else CORE
