"""The hair on the head: one function a style, each from roots to strands on the unposed head."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from training.nobody.render.body.fields import smoothstep, unit
from training.nobody.render.body.head import HeadModel, Skull
from training.nobody.render.body.regions import scalp_height
from training.nobody.render.body.strands import (
    Growth,
    Roots,
    Strands,
    choose_roots,
    clump,
    curl,
    frizz,
    grow,
    roots_at,
)
from training.nobody.render.description.person import Hair, Person

ROOT_COUNT = {
    "buzz": 9000,
    "afro": 9000,
    "curly_short": 9000,
    "short_side": 11000,
    "short_back": 11000,
    "fringe": 11000,
}
MOST_ROOTS = 10500  # of every other style
LONG_LENGTH_CM = {"medium": 13, "long": 27, "wavy": 24, "bangs": 18, "curly_long": 22}
LONG_WAVE_CM = {"medium": 0.2, "long": 0.12, "wavy": 0.55, "bangs": 0.1, "curly_long": 0.45}
LONG_POINTS = {"curly_long": 40}  # along a strand; 18 of the other styles, whose waves are longer
LONG_WAVE_FREQUENCY = {"curly_long": 2.4}  # 0.9 of the others; radians a centimetre
HAIRLESS = ("bald", "hijab")


@dataclass(frozen=True)
class Head:
    """What a style has to work with: roots, their places on the generic head, and a number a strand."""

    hair: Hair
    masculine: bool
    skull: Skull
    random: np.random.Generator
    roots: Roots
    chance: np.ndarray  # (N,) in [0, 1)
    side: np.ndarray  # (N,) -1 or 1: to which side of the parting a strand falls

    @property
    def top(self) -> np.ndarray:
        """1 on top of the head, 0 at the sides (N,)."""
        return smoothstep(8, 11.5, self.roots.generic[:, 1])

    def directions(self, x: np.ndarray | float, y: np.ndarray | float, z: np.ndarray | float) -> np.ndarray:
        """(N, 3) from components that are numbers or (N,)."""
        return np.stack(np.broadcast_arrays(x, y, z, np.empty(len(self.roots)))[:3], axis=1)

    def blend(self, on_top: np.ndarray, at_sides: np.ndarray) -> np.ndarray:
        """Directions (N, 3) that change from the top of the head to its sides."""
        return self.top[:, None] * on_top + (1 - self.top)[:, None] * at_sides

    def grow(self, lengths: np.ndarray, combing: np.ndarray, how: Growth) -> np.ndarray:
        return grow(self.random, self.roots, lengths, combing, self.skull, how)

    def finish(
        self,
        strands: np.ndarray,
        locks: int,
        together: float,
        wave: float = 0.0,
        frequency: float = 1.0,
        frizziness: float = 0.0,
    ) -> np.ndarray:
        """Locks, waves and frizz."""
        strands, lock = clump(self.random, strands, locks, together)
        if wave:
            strands = curl(self.random, strands, lock, wave, frequency)
        return frizz(self.random, strands, frizziness) if frizziness else strands


def head_hair(model: HeadModel, person: Person, skull: Skull, random: np.random.Generator) -> list[Strands]:
    """All strands on a person's head; an empty list where there are none to be seen."""
    style = person.hair.style
    if style in HAIRLESS:
        return []
    skin = model.surface.generic
    height = scalp_height(skin, person.hair.recession, person.hair.low)
    density = smoothstep(-0.1, 0.8, height + 0.25 * random.normal(size=len(height)))  # a ragged hairline
    if style == "beanie":
        density = density * (height < 3.5)  # only what peeks out
        chosen = choose_roots(random, density, 2500)
    else:
        chosen = choose_roots(random, density, ROOT_COUNT.get(style, MOST_ROOTS))
    roots = roots_at(model.surface, skull, chosen)
    chance = random.random(len(roots))
    side = np.sign(roots.generic[:, 0] - person.hair.parting + 0.55 * random.normal(size=len(roots)))
    head = Head(person.hair, person.masculine, skull, random, roots, chance, side)
    return STYLES[style](head)


def _buzz(head: Head) -> list[Strands]:
    lengths = (0.25 + 0.5 * head.hair.curl) * (0.7 + 0.6 * head.chance)
    combing = head.roots.along_skin(head.directions(0, -0.2, -1.0))
    how = Growth(points=4, rise=0.75, noise=0.25, comb=0.25, gravity=0, lift=0.05)
    return [Strands(head.grow(lengths, combing, how), 0.022)]


def _short(head: Head) -> list[Strands]:
    """Short on the sides, longer on top: to the side, to the back, or forward into a fringe."""
    hair, top = head.hair, head.top
    x, y, _ = head.roots.generic.T
    lengths = np.where(y > 8.5, 3.2 + 2.2 * hair.length, 1.2 + 0.8 * hair.length) * (0.75 + 0.5 * head.chance)
    lengths *= np.interp(y, [-5, 2, 6, 9, 12], [0.35, 0.5, 0.8, 1, 1])
    gravity = 0.08
    if hair.style == "short_side":
        over = head.directions(-np.sign(hair.parting), 0.15, -0.35)
        combing = head.blend(over, head.directions(0, -0.8, -0.6))
    elif hair.style == "short_back":
        combing = head.directions(0.1 * x / 7, 0.1 - 0.6 * (1 - top), -1)
    else:
        gravity = 0.16
        forward = head.directions(0.12 * np.sign(hair.parting) + 0.05 * x, 0, 1)
        combing = head.blend(forward, head.directions(0, -1, 0.15))
    how = Growth(
        points=9,
        rise=0.20 + 0.12 * hair.volume,
        noise=0.05,
        comb=0.6,
        gravity=gravity,
        lift=0.10 + 0.85 * hair.volume * head.chance * top,
        cling=0.5,
    )
    strands = head.grow(lengths, head.roots.along_skin(combing), how)
    return [Strands(head.finish(strands, 300, 0.5, 0.12 * hair.curl, 1.3, 0.012), 0.025)]


def _curly_short(head: Head) -> list[Strands]:
    x, y, _ = head.roots.generic.T
    lengths = 2.0 + 3.0 * head.hair.curl * head.top + head.chance
    lengths *= np.interp(y, [-5, 2, 7, 10], [0.4, 0.6, 0.9, 1])
    how = Growth(
        points=16,
        rise=0.7,
        noise=0.25,
        comb=0.25,
        gravity=0.05,
        lift=0.2 + 1.4 * head.chance * head.hair.volume,
        off_face=0.3,
    )
    strands = head.grow(lengths, head.roots.along_skin(head.directions(0.2 * x, -0.2, -0.3)), how)
    return [Strands(head.finish(strands, 700, 0.75, 0.32, 4.2, 0.03), 0.028)]


def _afro(head: Head) -> list[Strands]:
    y = head.roots.generic[:, 1]
    lengths = (3.2 + 3.5 * head.hair.length) * (0.8 + 0.3 * head.chance)
    lengths *= np.interp(y, [-5, 0, 6, 9], [0.55, 0.8, 1, 1])
    how = Growth(points=16, rise=1, noise=0.30, comb=0.5, gravity=0.01, lift=0.2)
    strands = head.grow(lengths, head.roots.normals, how)
    return [Strands(head.finish(strands, 900, 0.5, 0.22, 6, 0.05), 0.03)]


def _pulled(head: Head) -> list[Strands]:
    """Pulled back into a bun."""
    knot = np.array([0, 7.5 + 3 * head.hair.curl, -9.0])
    lengths = 1.25 * np.linalg.norm(knot - head.roots.places, axis=1)
    how = Growth(
        points=14,
        rise=0.12,
        noise=0.03,
        comb=0.9,
        gravity=0,
        lift=0.1 + 0.30 * head.chance,
        cling=0.8,
        combed_length=60.0,
        target=knot,
    )
    strands = head.grow(lengths, head.roots.along_skin(knot - head.roots.places), how)
    return [Strands(_bun(head.random, knot), 0.035), Strands(head.finish(strands, 300, 0.3), 0.03)]


def _bun(random: np.random.Generator, knot: np.ndarray) -> np.ndarray:
    """900 arcs around a ball."""
    centre, radius = knot + np.array([0, 1.0, -0.5]), 2.6
    start = unit(random.normal(size=(900, 3)))
    onwards = unit(np.cross(start, [0.2, 1, 0.1]))
    angle = np.linspace(0, 1.6, 10)[None, :, None]
    return centre + radius * (start[:, None] * np.cos(angle) + onwards[:, None] * np.sin(angle))


def _long(head: Head) -> list[Strands]:
    """Anything that falls beyond the ears, with or without bangs."""
    hair, random, roots = head.hair, head.random, head.roots
    x, y, z = roots.generic.T
    lengths = LONG_LENGTH_CM[hair.style] * hair.length + 1.5 * random.normal(size=len(roots))
    lengths = np.clip(lengths * np.interp(y, [-5, 3, 10], [0.55, 0.8, 1]), 4, 36)
    combing = head.blend(
        head.directions(head.side, 0.15, -0.25), head.directions(0.25 * np.sign(x), -1, -0.25)
    )
    bangs = np.zeros(len(roots), bool)
    if hair.style == "bangs":
        bangs = (z > 4.5) & (np.abs(x) < 5.5) & (y > 9)
        to_the_brows = (roots.places[bangs, 1] - 5.3) * 1.12 + 0.4 * random.normal(size=bangs.sum())
        lengths[bangs] = np.clip(to_the_brows, 3, 7.5)
        combing[bangs] = head.directions(0.05 * x, 0.1, 1)[bangs]
    combing = roots.along_skin(combing)
    how = Growth(
        points=LONG_POINTS.get(hair.style, 18),
        rise=0.22,
        noise=0.03,
        comb=0.6,
        gravity=0.46,
        stiffness=0.72,
        lift=(0.12 + 0.95 * hair.volume * head.chance) * (0.5 + 0.5 * head.top),
        off_face=0.7 if hair.style == "bangs" else 1.0,
        combed_length=6.5,
    )
    strands = head.grow(lengths, combing, how)
    if bangs.any():
        over_forehead = replace(
            how,
            rise=0.25,
            comb=0.5,
            gravity=0.30,
            stiffness=0.6,
            lift=0.12 + 0.4 * head.chance[bangs],
            off_face=0.0,
            combed_length=4.0,
        )
        strands[bangs] = grow(random, roots[bangs], lengths[bangs], combing[bangs], head.skull, over_forehead)
    wave = LONG_WAVE_CM[hair.style] * (0.5 + hair.curl)
    strands = head.finish(strands, 260, 0.5, wave, LONG_WAVE_FREQUENCY.get(hair.style, 0.9), 0.012)
    return [Strands(strands[~_across_face_or_throat(strands)], 0.03)]


def _across_face_or_throat(strands: np.ndarray) -> np.ndarray:
    x, y, z = np.abs(strands[..., 0]), strands[..., 1], strands[..., 2]
    throat = (x < 4.2) & (z > 1.5) & (y < -6)
    face = (x < 5.5) & (z > 6) & (y < 4.6)
    return (throat | face).any(1)


def _beanie(head: Head) -> list[Strands]:
    longest = 1 if head.masculine else 10
    lengths = (1.2 + longest * head.hair.curl) * (0.6 + 0.6 * head.chance)
    combing = unit(head.directions(0, -1.0, -0.2))
    how = Growth(points=10, rise=0.2, noise=0.05, comb=0.25, gravity=0.15, lift=0.2, off_face=0.8)
    return [Strands(head.finish(head.grow(lengths, combing, how), 80, 0.4, frizziness=0.015), 0.028)]


STYLES: dict[str, Callable[[Head], list[Strands]]] = {
    "buzz": _buzz,
    "short_side": _short,
    "short_back": _short,
    "fringe": _short,
    "curly_short": _curly_short,
    "afro": _afro,
    "pulled": _pulled,
    "medium": _long,
    "long": _long,
    "wavy": _long,
    "bangs": _long,
    "curly_long": _long,
    "beanie": _beanie,
}
