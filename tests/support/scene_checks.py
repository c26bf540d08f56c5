"""What the tests of all scenes share: screens, moments worth looking at, and faults of a frame.

Set SCREENSHOTS to a folder to keep the frames that are drawn.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pygame import Rect

from engine.border.strip import NoBorderReason
from engine.judges.verdict import Verdict
from engine.pipeline.result import PortrayalResult
from installation.settings.phase import Phase
from installation.stage.canvas import Canvas, ItemKind
from installation.stage.view import Guidance, MeetingView, SaidSentence, SearchStatus, Sighting
from installation.visit.participants import Sitter
from installation.visit.state import Show
from tests.support.scene_views import BEGAN_S, LINK, WIFI, meeting, somebody, with_threshold

UPRIGHT, WIDE = (1080, 1920), (1920, 1080)


SCREENS = [UPRIGHT, WIDE, (3840, 2160), (2160, 3840), (1280, 1024), (1024, 768), (1000, 1000), (768, 1366)]


def moments() -> Iterator[tuple[str, Phase, float, dict[str, Any]]]:
    """What is worth looking at: a name, the phase, the time, and what differs from an ordinary visit."""
    found = somebody().result
    always = replace(found, median=with_threshold(found.median, 2.0), nearest=None, doppelganger=None)
    never = replace(always, median=with_threshold(found.median, 0.0))
    undecided = replace(always, median=replace(found.median, border=None))
    crowd = tuple(
        replace(found.judge_results[0], judge=name, border_t=t, no_border_reason=None)
        for name, t in (("dlib", 0.42), ("arcface", 0.5), ("sface", 0.93))
    )
    mute = replace(found.judge_results[1], fmr=None, border_t=None)
    crowd += (
        replace(mute, judge="anthropometry", no_border_reason=NoBorderReason.ALWAYS),
        replace(mute, judge="vggface", no_border_reason=NoBorderReason.NEVER),
    )
    yield "attract", Phase.ATTRACT, 6.0, {}
    yield "attract-waking", Phase.ATTRACT, 4.0, {"people": (), "engine_ready": False}
    yield "attract-resting", Phase.ATTRACT, 4.0, {"camera_failed": True}
    yield "attract-closed", Phase.ATTRACT, 4.0, {"show": Show(is_open=False)}
    yield "consent", Phase.CONSENT, 3.0, {}
    yield "consent-held", Phase.CONSENT, 3.0, {"pressed_since_s": BEGAN_S + 1.5}
    yield "consent-late", Phase.CONSENT, 40.0, {}
    for guidance in Guidance:
        sighting = Sighting(guidance, None if guidance is Guidance.NOBODY else somebody().box)
        name = guidance.name.lower().replace("_", "-")
        yield f"portrait-{name}", Phase.PORTRAIT, 2.2, {"sighting": sighting}
    counting = {"last_usable_s": BEGAN_S + 2.0, "usable_since_s": BEGAN_S + 0.5}
    yield "portrait-countdown", Phase.PORTRAIT, 2.0, counting
    yield "portrait-opening", Phase.PORTRAIT, 1.0, {"camera": None, "sighting": None}
    yield "search", Phase.SEARCH, 8.0, {}
    yield "search-late", Phase.SEARCH, 4.0, {"search": None}
    yield "search-nobody", Phase.SEARCH, 4.0, {"sitter": Sitter.SYNTHETIC}
    begun = replace(found, nearest=None, doppelganger=None, complete=False)
    middle = {"people": (found.median,)}
    yield "search-median", Phase.SEARCH, 2.0, middle
    for at_s in (1.0, 9.0):
        yield f"search-way-{at_s:.0f}", Phase.SEARCH, at_s, {"result": begun}
    yield "search-way-nobody", Phase.SEARCH, 5.0, {"result": begun, "sitter": Sitter.SYNTHETIC}
    for stage in ("faces", "reference", "tuning", "judging", "film"):
        live = SearchStatus(stage, 0.5, found.median.pictures[0])
        yield f"search-{stage}", Phase.SEARCH, 2.0, {"search": live}
        yield f"search-{stage}-nobody", Phase.SEARCH, 2.0, {"search": live, "sitter": Sitter.SYNTHETIC}
    for at_s in (1.0, 6.0, 11.0, 19.0, 26.0):
        yield f"border-{at_s:.0f}", Phase.BORDER, at_s, {}
    yield "border-always", Phase.BORDER, 25.0, {"result": always}
    yield "border-never", Phase.BORDER, 25.0, {"result": never}
    yield "border-undecided", Phase.BORDER, 25.0, {"result": undecided}
    yield "border-nobody", Phase.BORDER, 25.0, {"result": never, "sitter": Sitter.SYNTHETIC}
    yield "border-late", Phase.BORDER, 2.0, {"result": None}
    yield "jury", Phase.JURY, 4.0, {}
    for name, at_s in (("line", 4.0), ("judge", 11.0), ("witness", 18.0)):
        yield f"jury-{name}", Phase.JURY, at_s, {"result": heard(found)}
    of_nobody = {"result": heard(found), "sitter": Sitter.SYNTHETIC}
    yield "jury-witness-nobody", Phase.JURY, 18.0, of_nobody
    yield "jury-crowd", Phase.JURY, 4.0, {"result": replace(found, judge_results=crowd)}
    yield "jury-crowd-back", Phase.JURY, 16.0, {"result": replace(found, judge_results=crowd)}
    yield "jury-alone", Phase.JURY, 4.0, {"result": replace(found, judge_results=crowd[:1])}
    agreed = tuple(
        replace(each, border_t=t, no_border_reason=None)
        for each, t in zip(found.judge_results, (0.37, 0.385), strict=True)
    )
    yield "jury-agreed", Phase.JURY, 4.0, {"result": replace(found, judge_results=agreed)}
    yield "jury-nowhere", Phase.JURY, 4.0, {"result": replace(found, judge_results=crowd[3:])}
    yield "jury-nobody", Phase.JURY, 4.0, {"sitter": Sitter.SYNTHETIC}
    yield "meeting", Phase.MEETING, 6.0, {}
    yield "meeting-looks", Phase.MEETING, 2.0, {"meeting": MeetingView(meeting().picture)}
    yield "meeting-rests", Phase.MEETING, 6.0, {"meeting": meeting(0.59, 0.62)}
    said = SaidSentence("I look like you, " * 3 + "I do not")  # as long as curators may make it
    yield "meeting-says", Phase.MEETING, 6.0, {"meeting": replace(meeting(), sentence=said)}
    yield "meeting-late", Phase.MEETING, 2.0, {"meeting": None}
    yield "doppelganger", Phase.DOPPELGANGER, 2.0, {}
    yield "doppelganger-without-phones", Phase.DOPPELGANGER, 8.0, {"downloads_available": False}
    yield "doppelganger-link", Phase.DOPPELGANGER, 8.0, {"link": LINK}
    yield "doppelganger-wifi", Phase.DOPPELGANGER, 8.0, {"link": WIFI}
    yield "doppelganger-without-link", Phase.DOPPELGANGER, 30.0, {}
    yield "doppelganger-beyond", Phase.DOPPELGANGER, 2.0, {"result": never}
    yield "doppelganger-same", Phase.DOPPELGANGER, 2.0, {"result": always}
    yield "doppelganger-nobody", Phase.DOPPELGANGER, 2.0, {"sitter": Sitter.SYNTHETIC}
    yield "farewell", Phase.FAREWELL, 6.0, {}
    yield "farewell-link", Phase.FAREWELL, 6.0, {"link": LINK}
    yield "farewell-nobody", Phase.FAREWELL, 6.0, {"link": LINK, "sitter": Sitter.SYNTHETIC}


def heard(found: PortrayalResult) -> PortrayalResult:
    """The same, where each judge has been asked about the doppelgänger; those that bind say someone else."""
    shares = {True: 1.04, False: 0.5}
    asked = tuple(
        replace(
            each,
            of_doppelganger=Verdict(each.judge, each.threshold, each.threshold * shares[each.binding]),
        )
        for each in found.judge_results
    )
    return replace(found, judge_results=asked)


LATE: dict[Phase, dict[str, Any]] = {
    Phase.ATTRACT: {"people": ()},
    Phase.PORTRAIT: {"camera": None},
    Phase.SEARCH: {"search": None},
    Phase.BORDER: {"result": None},
    Phase.JURY: {"result": None},
    Phase.MEETING: {"meeting": None},
    Phase.DOPPELGANGER: {"result": None},
}


def faults(canvas: Canvas) -> list[str]:
    """What is wrong with how a frame is laid out."""
    layout, found = canvas.layout, [f"too long: {words}" for words in canvas.truncated_texts]
    screen = Rect(0, 0, layout.width_px, layout.height_px)
    # Two faces of that size do not go on a screen that is nearly square.
    pictures = sum(each.kind is ItemKind.PICTURE for each in canvas.drawn_items)
    smallest = 0.45 if pictures == 2 and max(screen.size) < 1.5 * min(screen.size) else 0.6
    for each in canvas.drawn_items:
        if not screen.contains(each.rect):
            found.append(f"beyond the screen: {each}")
        if each.kind is ItemKind.TEXT and each.size_px < layout.height_px / 36:
            found.append(f"too small: {each}")
        if each.kind is ItemKind.PICTURE and each.rect.height < smallest * layout.short_px:
            sides = [item.rect.height for item in canvas.drawn_items if item.kind is ItemKind.PICTURE]
            is_reference = max(sides) >= smallest * layout.short_px  # beside a ride
            if not is_reference or each.rect.height < 0.12 * layout.short_px:
                found.append(f"too small a face: {each}")
    for one, other in combinations(canvas.drawn_items, 2):
        words_in_field = {one.kind, other.kind} == {ItemKind.BUTTON, ItemKind.TEXT} and (
            one.rect.contains(other.rect) or other.rect.contains(one.rect)
        )
        if one.rect.colliderect(other.rect) and not words_in_field:
            found.append(f"overlap: {one} and {other}")
    return found


def keep(canvas: Canvas, name: str) -> None:
    """Saves a frame where somebody wants to look at it."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(Path(folder) / f"{name}.png"), canvas.pixels[..., 2::-1])


def assert_on_screen(canvas: Canvas, picture: np.ndarray) -> None:
    """The middle of the face is this picture, enlarged, and nothing else."""
    face = canvas.layout.face
    size = face.size
    large = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA), size, interpolation=cv2.INTER_CUBIC)
    low, high = round(0.4 * size[0]), round(0.6 * size[0])
    there = canvas.pixels[face.top + low : face.top + high, face.left + low : face.left + high, :3]
    assert np.abs(there.astype(int) - large[low:high, low:high, :3]).max() <= 1


def index_of(pictures: np.ndarray, picture: np.ndarray) -> int:
    return int(np.flatnonzero([np.array_equal(each, picture) for each in pictures])[0])
