"""A person, as `population` draws one from a seed: everything that stays from one picture to the next."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Skin:
    """Colours are linear RGB (3,); amounts are in [0, 1] unless said otherwise."""

    colour: np.ndarray
    redness: float
    eye_shadow: float  # darkness of the hollows around the eyes
    freckles: float  # 0 = none; rarely above 1
    roughness: float  # of the surface, as Blender's Principled BSDF means it
    wrinkles: float  # 0 to about 1.3
    nasolabial: float  # depth of the fold from nose to mouth, 0.5 to 1.2
    lip_colour: np.ndarray  # factors on the skin's colour
    lip_strength: float
    makeup: bool
    makeup_strength: float
    lipstick: np.ndarray


@dataclass(frozen=True)
class Hair:
    """Lengths are factors on the style's own; `recession` and `low` are centimetres of the hairline."""

    style: str
    colour: np.ndarray  # linear RGB, with the grey in it
    pigment: np.ndarray  # sRGB of its youth
    grey: float  # share of grey, 0 to 1
    recession: float  # upwards at the temples, 0 to 1.4
    low: float  # downwards if negative
    parting: float  # x of the parting
    curl: float  # 0 to 1
    length: float
    volume: float


@dataclass(frozen=True)
class Brows:
    """Thickness, height and arch in centimetres."""

    colour: np.ndarray
    thickness: float
    height: float
    density: float
    arch: float


@dataclass(frozen=True)
class Beard:
    """`shade` is the darkening of shaven or bearded skin, 0 to 0.8; length in centimetres."""

    kind: str
    length: float
    shade: float


@dataclass(frozen=True)
class Glasses:
    """Half widths of a lens in centimetres; `squareness` is the exponent of a superellipse (2: round)."""

    worn: bool
    width: float
    height: float
    squareness: float
    colour: np.ndarray


@dataclass(frozen=True)
class Clothes:
    """`neck` is the factor the neck is shortened by, so that shoulders reach into the picture."""

    colour: np.ndarray
    collar: str
    neck: float
    headwear_colour: np.ndarray


@dataclass(frozen=True)
class Person:
    """One person. `age` and `tone` run from 0 (18 years, palest) to 1 (80 years, deepest)."""

    seed: int
    shape: np.ndarray  # (100,) coefficients of ICT-FaceKit's identity modes, in standard deviations
    asymmetry: float
    sex: float  # below 0.5: masculine
    age: float
    tone: float
    fullness: float  # of the cheeks, standard normal
    skin: Skin
    hair: Hair
    brows: Brows
    beard: Beard
    eye_colour: np.ndarray
    iris_radius: float  # cm
    glasses: Glasses
    clothes: Clothes
    unused: np.ndarray  # (6,), drawn but not shown: keeps seeds' people and `meta.jsonl` as they were

    @property
    def masculine(self) -> bool:
        return self.sex < 0.5
