"""Draws people from seeds: how frequent their traits are, and which go together.

A seed always gives the same person. The order of the random draws is part of that: a new trait is drawn
last, or from a random generator of its own.
"""

from typing import Any

import numpy as np

from training.nobody.render.colour import from_bytes, srgb_to_linear
from training.nobody.render.description.person import Beard, Brows, Clothes, Glasses, Hair, Person, Skin
from training.nobody.render.description.recipe import faces_move
from training.nobody.render.description.shares import (
    BEARDS,
    COLLARS,
    FIRST_SHARES,
    SECOND_SHARES,
    STRAIGHT_SHORT_STYLES,
    Shares,
)

SHAPE_LIMIT = 2.7  # beyond it the shapes turn into caricatures

SKIN_TONES = from_bytes(  # sRGB, light to deep; a tone of 0 to 1 runs evenly through them
    (240, 206, 190),
    (230, 190, 168),
    (216, 168, 143),
    (194, 144, 115),
    (166, 117, 88),
    (132, 89, 65),
    (100, 66, 48),
    (74, 49, 38),
)
HAIR_COLOURS = {  # sRGB bytes
    "black": (18, 15, 14),
    "dark brown": (42, 28, 20),
    "brown": (74, 48, 30),
    "light brown": (112, 78, 48),
    "blond": (190, 150, 98),
    "platinum": (222, 200, 160),
    "red": (136, 62, 28),
}
GREY, WHITE = from_bytes((138, 134, 130), (215, 212, 208))
LIGHT_SKIN_HAIR = {
    "black": 0.14,
    "dark brown": 0.22,
    "brown": 0.22,
    "light brown": 0.16,
    "blond": 0.14,
    "platinum": 0.04,
    "red": 0.08,
}
DEEP_SKIN_HAIR = {"black": 0.62, "dark brown": 0.28, "brown": 0.07, "red": 0.015, "blond": 0.015}
EYE_COLOURS = from_bytes(  # the first three are brown
    (58, 34, 18),
    (46, 28, 17),
    (82, 53, 28),
    (102, 78, 44),
    (84, 98, 66),
    (84, 106, 102),
    (78, 104, 130),
    (98, 120, 138),
    (108, 114, 118),
)
BROWN_EYES = 3
LIPSTICKS = from_bytes((150, 40, 50), (170, 70, 80), (120, 30, 50), (190, 95, 95), (140, 60, 60))
FRAME_COLOURS = from_bytes((20, 18, 18), (60, 40, 28), (120, 110, 100), (140, 100, 50))
CLOTH_COLOURS = from_bytes(
    (28, 28, 30),
    (225, 222, 215),
    (120, 122, 126),
    (34, 44, 70),
    (70, 80, 58),
    (186, 168, 140),
    (92, 30, 38),
    (60, 90, 120),
    (150, 70, 60),
    (44, 70, 66),
    (200, 190, 190),
    (80, 64, 90),
)


def draw_person(seed: int) -> Person:
    """The person of a seed."""
    shares = SECOND_SHARES if faces_move(seed) else FIRST_SHARES
    random = np.random.default_rng(7_000_021 + seed)
    shape = draw_shape(random, shares.shape_sd)
    asymmetry = random.normal() * 0.2
    sex = random.random()
    masculine = sex < 0.5
    age = random.random() ** shares.age_exponent
    tone, skin_colour = _draw_skin_colour(random)
    lean_shape(shape, masculine, age, tone)
    skin = _draw_complexion(random, masculine, age, tone)
    pigment, grey, brow_colour, hair_colour = _draw_hair_colour(random, age, tone)
    eye_colour, iris_radius = _draw_eyes(random, tone)
    brows = _draw_brows(random, masculine, brow_colour)
    style, beard_kind, recession = _draw_haircut(random, shares, masculine, age, tone)
    beard = _draw_beard(random, masculine, beard_kind)
    hair = Hair(
        style=style,
        colour=hair_colour,
        pigment=pigment,
        grey=grey,
        recession=recession,
        parting=random.choice([-1, 1]) * random.uniform(0, 2.8),
        curl=random.uniform(0, 1),
        length=random.uniform(0.75, 1.35),
        volume=random.uniform(0.5, 1.3),
        low=random.normal() * 0.35,
    )
    glasses = _draw_glasses(random, shares)
    cloth_colour = _draw_cloth_colour(random)
    collar = _choose(random, COLLARS)
    neck = random.uniform(0.42, 0.62)
    wrinkles = np.clip((age - 0.25) * 1.5, 0, 1) * random.uniform(0.6, 1.3)
    unused = random.normal(size=6) * 0.09
    fullness = random.normal()
    clothes = Clothes(cloth_colour, collar, neck, headwear_colour=_draw_cloth_colour(random))
    nasolabial = np.random.default_rng(seed + 5).uniform(0.5, 1.2)
    return Person(
        seed=seed,
        shape=shape,
        asymmetry=asymmetry,
        sex=sex,
        age=age,
        tone=tone,
        fullness=fullness,
        skin=Skin(colour=skin_colour, wrinkles=wrinkles, nasolabial=nasolabial, **skin),
        hair=hair,
        brows=brows,
        beard=beard,
        eye_colour=eye_colour,
        iris_radius=iris_radius,
        glasses=glasses,
        clothes=clothes,
        unused=unused,
    )


def _choose(random: np.random.Generator, shares: dict[str, float]) -> str:
    return str(random.choice(list(shares), p=list(shares.values())))


def draw_shape(random: np.random.Generator, sd: float = FIRST_SHARES.shape_sd) -> np.ndarray:
    """Shape coefficients (100,) of anybody, whom `lean_shape` then makes fit their sex, age and tone."""
    return np.clip(random.normal(size=100) * sd, -SHAPE_LIMIT, SHAPE_LIMIT)


def lean_shape(shape: np.ndarray, masculine: bool, age: float, tone: float) -> None:
    """Moves the modes that go with sex (0, 5), and with age and skin tone (2), towards theirs; in place."""
    shape[0] = shape[0] * 0.75 + (-0.55 if masculine else 1.05)
    shape[2] = shape[2] * 0.85 + (age - 0.45) * 1.1 - (tone - 0.4) * 0.9
    shape[5] += -0.2 if masculine else 0.5


def _draw_skin_colour(random: np.random.Generator) -> tuple[float, np.ndarray]:
    place = random.random() * (len(SKIN_TONES) - 1)
    lower = min(int(place), len(SKIN_TONES) - 2)
    anchor = SKIN_TONES[lower] * (1 - (place - lower)) + SKIN_TONES[lower + 1] * (place - lower)
    lightness = 1 + random.normal() * 0.02
    warmth = 1 + random.normal() * np.array([0.012, -0.004, -0.022])
    hue = 1 + random.normal(size=3) * 0.006
    return place / (len(SKIN_TONES) - 1), srgb_to_linear(np.clip(anchor * lightness * warmth * hue, 0, 1))


def _draw_complexion(random: np.random.Generator, masculine: bool, age: float, tone: float) -> dict[str, Any]:
    """The fields of `Skin` that are drawn with the skin's colour."""
    return dict(
        redness=random.uniform(0.3, 1.0) * (1 - 0.4 * tone),
        eye_shadow=random.uniform(0.2, 1.0) * (0.5 + 0.5 * age),
        freckles=max(0, random.normal() * 0.5) * (tone < 0.55),
        roughness=random.uniform(0.45, 0.60),
        lip_colour=np.array(
            [random.uniform(0.80, 0.98), random.uniform(0.50, 0.68), random.uniform(0.50, 0.70)]
        ),
        lip_strength=random.uniform(0.55, 1),
        makeup=not masculine and random.random() < 0.45,
        lipstick=srgb_to_linear(LIPSTICKS[random.integers(len(LIPSTICKS))]),
        makeup_strength=random.uniform(0.3, 0.8),
    )


def _draw_hair_colour(
    random: np.random.Generator, age: float, tone: float
) -> tuple[np.ndarray, float, np.ndarray, np.ndarray]:
    """Pigment (sRGB), share of grey, colour of the brows and of the hair (linear)."""
    shares = LIGHT_SKIN_HAIR if tone < 0.45 else DEEP_SKIN_HAIR
    pigment = from_bytes(HAIR_COLOURS[_choose(random, shares)])[0]
    grey = float(np.clip((age - 0.45) * 2.2 + random.normal() * 0.25, 0, 1))
    brows = srgb_to_linear(np.clip(pigment * 0.75 * (1 - 0.5 * grey) + 0.5 * grey * 0.45, 0, 1))
    faded = GREY if random.random() < 0.5 else WHITE
    lightness = 1 + random.normal() * 0.08
    hue = 1 + random.normal(size=3) * 0.008
    mixed = (pigment * (1 - grey) + faded * grey) * lightness * hue
    return pigment, grey, brows, srgb_to_linear(np.clip(mixed, 0, 0.86))


def _draw_eyes(random: np.random.Generator, tone: float) -> tuple[np.ndarray, float]:
    choices = len(EYE_COLOURS) if tone < 0.45 else BROWN_EYES
    colour = srgb_to_linear(EYE_COLOURS[random.integers(choices)] * random.uniform(0.8, 1.15))
    return colour, random.uniform(0.58, 0.64)


def _draw_brows(random: np.random.Generator, masculine: bool, colour: np.ndarray) -> Brows:
    return Brows(
        colour=colour,
        thickness=random.uniform(0.24, 0.44) if masculine else random.uniform(0.15, 0.30),
        height=random.uniform(-0.42, 0.12) + (-0.1 if masculine else 0.12),
        density=random.uniform(0.55, 1.15),
        arch=random.uniform(-0.15, 0.2) + (0 if masculine else 0.08),
    )


def _draw_haircut(
    random: np.random.Generator, shares: Shares, masculine: bool, age: float, tone: float
) -> tuple[str, str, float]:
    """Style, kind of beard, recession of the hairline."""
    style = _choose(random, shares.mens_styles if masculine else shares.womens_styles)
    beard, recession = "none", 0.0
    if masculine:
        beard = _choose(random, BEARDS)
        if beard == "full" and age < 0.08:
            beard = "stubble"
        recession = float(np.clip(random.normal() * 0.35 + age * 0.7, 0, 1.4))
    if tone > 0.7 and style in STRAIGHT_SHORT_STYLES:
        style = "curly_short" if random.random() < 0.6 else "buzz"
    return style, beard, recession


def _draw_beard(random: np.random.Generator, masculine: bool, kind: str) -> Beard:
    length = random.uniform(0.5, 2.2)
    if not masculine:
        return Beard(kind, length, shade=0.0)
    shade = random.uniform(0.25, 0.8) if kind != "none" else random.uniform(0, 0.35)
    return Beard(kind, length, shade)


def _draw_glasses(random: np.random.Generator, shares: Shares) -> Glasses:
    return Glasses(
        worn=random.random() < shares.glasses,
        width=random.uniform(2.2, 2.9),
        height=random.uniform(1.6, 2.3),
        squareness=random.uniform(2.2, 5),
        colour=srgb_to_linear(FRAME_COLOURS[random.integers(len(FRAME_COLOURS))]),
    )


def _draw_cloth_colour(random: np.random.Generator) -> np.ndarray:
    dye = CLOTH_COLOURS[random.integers(len(CLOTH_COLOURS))] * random.uniform(0.8, 1.15)
    return srgb_to_linear(np.clip(dye + random.normal(size=3) * 0.025, 0.02, 0.95))
