"""The pages a phone shows: the one behind a link, the one where there is no link, and their static files."""

import gzip
import math
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from installation.delivery import files
from installation.delivery.files import TakeHomeFiles
from installation.settings.texts import Texts, languages
from installation.typography import plex

FOLDER = Path(__file__).parent / "web"

_TEMPLATES = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Static:
    """A file that is the same for everybody, plain and gzipped."""

    content_type: str
    content: bytes
    packed: bytes


def _static(path: Path, content_type: str) -> Static:
    content = path.read_bytes()
    return Static(content_type, content, gzip.compress(content, mtime=0))


STATIC = {
    "page.css": _static(FOLDER / "page.css", "text/css"),
    "page.js": _static(FOLDER / "page.js", "text/javascript"),
    "icon.svg": _static(FOLDER / "icon.svg", "image/svg+xml"),
    # Whole and unmodified: its licence keeps the name for exactly this file.
    "plex.ttf": _static(plex.FILE, "font/ttf"),
}


def render(content: TakeHomeFiles, token: str, lives_s: float) -> str:
    """The page of a link whose URL ends in `token`, and which lives for `lives_s` more."""
    text = Texts.load(content.language)
    for_sitter = partial(text.for_sitter, content.is_real)
    stays_for = (
        partial(text, "phone.group_stays_for") if content.is_group else partial(for_sitter, "phone.stays_for")
    )
    return _TEMPLATES.get_template("page.html").render(
        text=text,
        for_sitter=for_sitter,
        stays_for=stays_for,
        token=token,
        files=content.files,
        names=files,
        picture=next(
            name for name in (files.GROUP, files.ENLARGED, files.DOPPELGANGER) if name in content.files
        ),
        is_group=content.is_group,
        exact_px=content.exact_px,
        captions=content.captions,
        same=content.same,
        lives_s=math.floor(lives_s),
        minutes=math.ceil(lives_s / 60),
    )


@cache
def gone(forgotten: bool = False) -> str:
    """The page for every link that does not exist, in all languages: the asker's is unknown.

    forgotten: the asker has just chosen *forget it now*.
    """
    texts = [Texts.load(code) for code in languages()]
    return _TEMPLATES.get_template("gone.html").render(texts=texts, key="forgotten" if forgotten else "gone")
