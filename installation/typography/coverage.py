"""What can be set in the typefaces at hand: characters, and whole scripts."""

import unicodedata
from functools import lru_cache

from hardware.machine import SystemPackage, install_command
from installation.typography.families import family_of, system_has_noto
from installation.typography.segmentation import clusters

NOTO = SystemPackage("fonts-noto-core fonts-noto-cjk", "google-noto-sans-fonts google-noto-sans-cjk-fonts")
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


def remedy() -> str:
    """The command that installs what scripts are missing."""
    return install_command([NOTO])


def _named(signs: list[str]) -> str:
    """In ASCII, which every OSC client can show."""
    names = [f"U+{ord(sign):04X} {unicodedata.name(sign, '')}".rstrip() for sign in signs[:_NAMED]]
    more = len(signs) - _NAMED
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def _advice(signs: set[str]) -> str:
    in_no_typeface = all(unicodedata.category(sign) in ("Cc", "Cn", "Co", "Cs") for sign in signs)
    if in_no_typeface or (system_has_noto()):
        return "Leave it out."
    return f"Leave it out, or `{remedy()}` and start again."
