"""A decision never passes to somebody else."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from engine.common.arrays import Pixels
from engine.faces.detector import Box, DetectedHead, box_centre
from engine.live.crowd.decision import Decision
from engine.live.crowd.head import distance_in_widths
from engine.live.crowd.tracks import LOST_AFTER_S, Crowd, Track, follow

RATE_HZ = 30
WIDTH, HEIGHT = 320, 160
CROSSINGS = 200


def head_at(x: float, y: float, width_px: float) -> DetectedHead:
    half = width_px / 2
    return DetectedHead(0.9, (x - half, y - half, x + half, y + half), np.zeros((6, 2)))


def textured(seed: int) -> Pixels:
    """Somebody's looks, uint8 (64, 64, 3)."""
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (64, 64), interpolation=cv2.INTER_CUBIC), np.uint8)


def drawn(*people: tuple[Pixels, Box]) -> Pixels:
    """A frame; later people stand before earlier ones. Where looks are (64, 64, 4), the last is alpha."""
    picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    for looks, box in people:
        x0, y0, x1, y1 = np.round(box).astype(int).tolist()
        left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, WIDTH), min(y1, HEIGHT)
        if left < right and top < bottom:
            part = cv2.resize(looks, (x1 - x0, y1 - y0))
            part = part[top - y0 : bottom - y0, left - x0 : right - x0]
            below = picture[top:bottom, left:right]
            below[:] = np.where(part[..., 3:] > 127, part[..., :3], below) if part.shape[2] == 4 else part
    return picture


Views = dict[str, list[Pixels]]
"""Of each person several pictures of the head, other light, turn and expression, uint8 (64, 64, 4) RGBA."""


@pytest.fixture(scope="module")
def views(people: dict[str, list[Path]]) -> Views:
    """Heads of rendered people, cut out as ellipses."""
    inside = np.zeros((64, 64, 1), np.uint8)
    cv2.ellipse(inside, (32, 32), (25, 31), 0, 0, 360, (255,), -1)

    def head(path: Path) -> Pixels:
        middle = np.array(Image.open(path).convert("RGB"))[40:232, 32:224]
        small = cv2.resize(middle, (64, 64), interpolation=cv2.INTER_AREA)
        return np.concatenate([np.asarray(small, np.uint8), inside], axis=2)

    return {person: [head(path) for path in paths] for person, paths in people.items()}


def nearest_box(crowd: Crowd, heads: list[DetectedHead], _picture: Pixels, now_s: float) -> Crowd:
    """The control: each track takes the nearest box."""
    tracks = [
        replace(
            track,
            head=min(heads, key=lambda h: distance_in_widths(track.head.box_px, h.box_px)),
            found_s=now_s,
        )
        for track in crowd.tracks
        if heads
    ]
    taken = {id(track.head) for track in tracks}
    new = [head for head in heads if id(head) not in taken]
    return Crowd(
        (*tracks, *(Track(crowd.next_number + i, head, now_s) for i, head in enumerate(new))),
        crowd.next_number + len(new),
        now_s,
    )


Follow = Callable[[Crowd, list[DetectedHead], Pixels, float], Crowd]


def crossing(views: Views, seed: int, step: Follow) -> tuple[bool, bool]:
    """Somebody who has decided, and another one who crosses before or behind them, and is turned otherwise
    every few frames, while the finder misses much. Whether the decision still held when the other came near,
    and whether it ended on the other."""
    random = np.random.default_rng(seed)
    one, another = random.choice(sorted(views), 2, replace=False).tolist()
    own = views[one][random.integers(len(views[one]))]
    width_px, speed = random.uniform(25, 50), random.uniform(80, 400)
    other_px = width_px * random.choice([0.8, 1.0, 1.0, 1.2])
    other_y = 80 + random.uniform(-0.3, 0.3) * width_px
    in_front, missed = random.random() < 0.5, random.choice([0.0, 0.2, 0.5])
    crowd, held = Crowd(), False
    for frame in range(int(RATE_HZ * 360 / speed)):
        now_s = frame / RATE_HZ
        a = head_at(160 + random.normal(0, 0.01 * width_px), 80, width_px)
        b = head_at(-60 + speed * now_s, other_y, other_px)
        other = views[another][frame // 8 % len(views[another])]
        people = [(own, a.box_px), (other, b.box_px)]
        picture = drawn(*(people if in_front else people[::-1]))
        hidden = distance_in_widths(a.box_px, b.box_px) < 0.5
        heads = [h for h in (a, b) if random.random() >= missed and not (hidden and (h is a) is in_front)]
        if b.box_px[2] < a.box_px[0] - 2 * width_px:
            held = any(track.decision is Decision.REAL for track in crowd.tracks)
        crowd = step(crowd, heads, picture, now_s)
        if frame < 4:
            for track in crowd.tracks:
                if distance_in_widths(track.head.box_px, a.box_px) < 0.2:
                    crowd = crowd.decide(track.number, Decision.REAL, picture)
        for track in crowd.tracks:
            if track.decision is Decision.REAL and any(track.head is h for h in heads if h is b):
                return held, True
    return held, False


def test_in_200_crossings_no_decision_passes_to_somebody_else(views: Views) -> None:
    outcomes = [crossing(views, seed, follow) for seed in range(CROSSINGS)]
    assert [seed for seed, (_, passed) in enumerate(outcomes) if passed] == []
    # There was a decision that could have passed.
    assert sum(held for held, _ in outcomes) > 0.6 * CROSSINGS


def test_matching_the_nearest_boxes_passes_decisions_on(views: Views) -> None:
    assert sum(crossing(views, seed, nearest_box)[1] for seed in range(CROSSINGS)) > 0.2 * CROSSINGS


def test_somebody_alone_stays_the_same_track_and_keeps_the_decision() -> None:
    random, looks = np.random.default_rng(0), textured(0)
    crowd = Crowd()
    for frame in range(300):
        x, y = 160 + 60 * np.sin(frame / RATE_HZ) + random.normal(0, 0.7), 80 + random.normal(0, 0.7)
        head = head_at(x, y, 60 + random.normal(0, 0.7))
        crowd = follow(crowd, [] if frame % 10 == 7 else [head], drawn((looks, head.box_px)), frame / RATE_HZ)
        if frame == 3:
            crowd = crowd.decide(1, Decision.REAL, drawn((looks, head.box_px)))
    (track,) = crowd.tracks
    assert (track.number, track.decision) == (1, Decision.REAL)
    assert box_centre(track.head.box_px) == pytest.approx((x, y))


def decided(*heads: DetectedHead) -> tuple[Crowd, Pixels]:
    """Everybody in the frame has decided to be seen."""
    picture = drawn(*((textured(i), head.box_px) for i, head in enumerate(heads)))
    crowd = follow(Crowd(), heads, picture, 0.0)
    for track in crowd.tracks:
        crowd = crowd.decide(track.number, Decision.REAL, picture)
    return crowd, picture


def decisions(crowd: Crowd) -> list[Decision | None]:
    return [track.decision for track in crowd.tracks]


def test_who_overlaps_is_undecided_again() -> None:
    crowd, _ = decided(head_at(100, 100, 50), head_at(250, 100, 50))
    assert decisions(crowd) == [Decision.REAL] * 2
    a, b = head_at(112, 100, 50), head_at(244, 100, 50)
    picture = drawn((textured(0), a.box_px), (textured(1), b.box_px))
    crowd = follow(crowd, [a, b], picture, 1 / RATE_HZ)
    assert decisions(crowd) == [Decision.REAL] * 2
    c = head_at(160, 100, 50)
    crowd = follow(crowd, [a, b, c], picture, 2 / RATE_HZ)
    numbers = {track.number for track in crowd.tracks if track.decision is None}
    assert len(numbers) == 2 and min(numbers) >= 3
    assert [track.number for track in crowd.tracks if track.decision] == [2]


def test_who_was_away_is_undecided_again() -> None:
    crowd, picture = decided(head_at(100, 100, 50))
    for frame in range(1, 9):
        crowd = follow(crowd, [], picture, frame / RATE_HZ)
    crowd = follow(crowd, [head_at(100, 100, 50)], picture, 0.3)
    assert decisions(crowd) == [None]


def test_who_looks_otherwise_is_not_found_and_soon_undecided() -> None:
    """Not found in that frame, a head is not shown."""
    head = head_at(100, 100, 50)
    crowd, picture = decided(head)
    crowd = follow(crowd, [head], picture, 1 / RATE_HZ)
    assert decisions(crowd) == [Decision.REAL]
    other = drawn((textured(9), head.box_px))
    for frame in range(2, 2 + math.ceil(LOST_AFTER_S * RATE_HZ)):
        crowd = follow(crowd, [head], other, frame / RATE_HZ)
        assert crowd.tracks[0].found_s < frame / RATE_HZ or crowd.tracks[0].decision is None
    assert decisions(crowd) == [None]


def test_who_looks_otherwise_in_a_single_frame_keeps_the_decision() -> None:
    head = head_at(100, 100, 50)
    crowd, picture = decided(head)
    crowd = follow(crowd, [head], drawn((textured(9), head.box_px)), 1 / RATE_HZ)
    crowd = follow(crowd, [head], picture, 2 / RATE_HZ)
    assert [(track.number, track.decision, track.found_s) for track in crowd.tracks] == [
        (1, Decision.REAL, 2 / RATE_HZ)
    ]


def test_who_has_not_decided_is_the_same_after_a_longer_while() -> None:
    """So that the same nobody stands for them."""
    head = head_at(100, 100, 50)
    crowd = follow(Crowd(), [head], drawn(), 0.0)
    for at_s in (0.1, 0.2, 0.3):
        crowd = follow(crowd, [], drawn(), at_s)
    assert [track.number for track in follow(crowd, [head], drawn(), 0.4).tracks] == [1]
    assert follow(crowd, [], drawn(), 0.6).tracks == ()


def test_a_box_that_is_wrong_once_leaves_the_track_where_it_is() -> None:
    """The detector's networks give boxes of different widths in turn."""
    crowd = Crowd()
    for frame, width_px in enumerate((50, 50, 62, 50, 64, 50, 50)):
        crowd = follow(crowd, [head_at(100, 100, width_px)], drawn(), frame / 13)
    assert [track.number for track in crowd.tracks] == [1]


def test_a_decision_taken_back_leaves_no_picture_of_the_person() -> None:
    crowd, picture = decided(head_at(100, 100, 50))
    crowd = crowd.decide(1, None, picture)
    assert [(track.decision, track.patch) for track in crowd.tracks] == [(None, None)]


@pytest.mark.parametrize("gap_s", [0.25, 0.5, 5.0, 600.0, -1.0])
def test_a_gap_without_frames_ends_a_decision(gap_s: float) -> None:
    """A camera that stalls, and goes on with whoever is there then."""
    head = head_at(100, 100, 50)
    crowd, picture = decided(head)
    crowd = follow(crowd, [head], picture, 0.1)
    assert decisions(crowd) == [Decision.REAL]
    crowd = follow(crowd, [head], picture, 0.1 + gap_s)
    assert [(track.number, track.decision) for track in crowd.tracks] == [(2, None)]


def test_one_look_of_ten_a_second_may_miss_who_has_decided() -> None:
    head = head_at(100, 100, 50)
    crowd, picture = decided(head)
    crowd = follow(crowd, [], picture, 0.102)
    assert decisions(follow(crowd, [head], picture, 0.203)) == [Decision.REAL]


def test_who_is_not_found_in_the_newest_frame_decides_nothing() -> None:
    """Another person may be in their place, whose looks would be taken for theirs."""
    head = head_at(100, 100, 50)
    crowd = follow(Crowd(), [head], drawn((textured(0), head.box_px)), 0.0)
    other = drawn((textured(1), head.box_px))
    crowd = follow(crowd, [], other, 0.08)
    assert decisions(crowd.decide(1, Decision.REAL, other)) == [None]
    crowd = follow(crowd, [head], other, 0.16)
    assert decisions(crowd.decide(1, Decision.REAL, other)) == [Decision.REAL]
