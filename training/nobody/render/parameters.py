"""The parameters a picture was made from, as `meta.jsonl` holds them: training learns pairs from them."""

from typing import Any

import numpy as np

from training.nobody.render.description.person import Person
from training.nobody.render.description.shot import Shot


def picture_name(seed: int, number: int) -> str:
    """The name of a picture, without suffix."""
    return f"{seed:06d}_{number}"


def seed_and_number(name: str) -> tuple[int, int]:
    """The seed of a picture's person and the number of the shot."""
    seed, number = name.split("_")
    return int(seed), int(number)


def parameters(person: Person, shot: Shot) -> dict[str, Any]:
    """One line of `meta.jsonl`: {"name", "identity": {...}, "shot": {...}}, ready for JSON.

    The short names are the ones older archives of renders use; traits are rounded to four places.
    """
    return {
        "name": picture_name(person.seed, shot.number),
        "identity": {name: _plain(value) for name, value in _identity(person).items()},
        "shot": {
            "expr": {name: round(float(weight), 4) for name, weight in shot.expression.items()},
            "yaw": shot.yaw,
            "pitch": shot.pitch,
            "roll": shot.roll,
            "gaze": list(shot.gaze),
            "dist": shot.distance,
            "world": [*shot.sky_colour, shot.sky_strength],
            "lights": [
                [light.azimuth, light.elevation, float(light.size), light.power, *light.colour]
                for light in shot.lights
            ],
        },
    }


def _identity(person: Person) -> dict[str, Any]:
    skin, hair, brows, beard = person.skin, person.hair, person.brows, person.beard
    glasses, clothes = person.glasses, person.clothes
    return {
        "seed": person.seed,
        "c": person.shape,
        "asym": person.asymmetry,
        "sex": person.sex,
        "masc": person.masculine,
        "age": person.age,
        "tone_t": person.tone,
        "skin": skin.colour,
        "red": skin.redness,
        "dark": skin.eye_shadow,
        "freck": skin.freckles,
        "rough": skin.roughness,
        "lipc": skin.lip_colour,
        "lips": skin.lip_strength,
        "makeup": skin.makeup,
        "lipstick": skin.lipstick,
        "ms": skin.makeup_strength,
        "browc": brows.colour,
        "grey": hair.grey,
        "hair": hair.colour,
        "hairn": hair.pigment,
        "eye": person.eye_colour,
        "irisr": person.iris_radius,
        "brow_th": brows.thickness,
        "brow_y": brows.height,
        "brow_d": brows.density,
        "brow_arch": brows.arch,
        "style": hair.style,
        "beard": beard.kind,
        "recede": hair.recession,
        "beard_len": beard.length,
        "stub": beard.shade,
        "part": hair.parting,
        "curl": hair.curl,
        "hl": hair.length,
        "vol": hair.volume,
        "low": hair.low,
        "glasses": glasses.worn,
        "gl_w": glasses.width,
        "gl_h": glasses.height,
        "gl_round": glasses.squareness,
        "gl_c": glasses.colour,
        "cloth": clothes.colour,
        "collar": clothes.collar,
        "neck": clothes.neck,
        "wr": skin.wrinkles,
        "face_asy": person.unused,
        "fat": person.fullness,
        "cap": clothes.headwear_colour,
        "nl": skin.nasolabial,
    }


def _plain(value: Any) -> bool | str | float | list[float]:
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, np.ndarray):
        return [round(float(v), 4) for v in value]
    return round(float(value), 4)
