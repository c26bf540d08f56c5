"""One moment of a person: expression, pose, gaze, distance and light, drawn from the seed and a number.

Angles are radians: yaw turns the face to the person's left (right in the picture), pitch lowers it, roll
tilts the head to the person's right.
"""

import math
from dataclasses import dataclass

import numpy as np

from training.nobody.render.description.movement import draw_movement
from training.nobody.render.description.recipe import faces_move

SOFTBOX_SIZES = (14, 30, 60)  # diameters of the key light, as long as a head is tall or larger
FILL_SIZE, RIM_SIZE = 90, 30


@dataclass(frozen=True)
class Light:
    """A round lamp, seen from the head: azimuth from the camera, elevation, diameter (cm), power."""

    azimuth: float
    elevation: float
    size: float
    power: float
    colour: tuple[float, float, float]


@dataclass(frozen=True)
class Shot:
    """What one picture shows of a person."""

    number: int
    expression: dict[str, float]  # ICT-FaceKit's expression (without _L and _R) -> weight
    yaw: float
    pitch: float
    roll: float
    gaze: tuple[float, float]  # weights of looking to the person's left and up, -1 to 1
    moves: bool  # eyeballs turn with the gaze, and lids shut at an `eyeBlink` of 1 whatever the eye's size
    distance: float  # from camera to nose, cm
    sky_colour: tuple[float, float, float]
    sky_strength: float
    lights: tuple[Light, ...]  # key, perhaps fill, perhaps rim
    exposure: float  # factor on the picture's brightness


def draw_shot(seed: int, number: int) -> Shot:
    """The `number`th shot of the person of a seed."""
    random = np.random.default_rng(seed * 1009 + number * 7919 + 13)
    if faces_move(seed):
        movement = draw_movement(random)
        expression, gaze = movement.expression, movement.gaze
        yaw, pitch, roll = movement.yaw, movement.pitch, random.normal() * 0.05
    else:
        expression = _draw_expression(random)
        yaw = float(np.clip(random.normal() * 0.20, -0.6, 0.6))
        pitch = float(np.clip(0.075 + random.normal() * 0.09, -0.2, 0.32))
        roll = random.normal() * 0.05
        gaze = (
            float(np.clip(-yaw * 0.9 + random.normal() * 0.12, -0.7, 0.7)),
            float(np.clip(-pitch * 1.2 + random.normal() * 0.06, -0.4, 0.4)),
        )
    distance = random.uniform(70, 160)
    warmth = random.normal() * 0.10
    return Shot(
        number=number,
        expression=expression,
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        gaze=gaze,
        moves=faces_move(seed),
        distance=distance,
        sky_colour=(1 + warmth * 0.6, 1.0, 1 - warmth * 0.6),
        sky_strength=random.uniform(0.18, 0.6),
        lights=_draw_lights(random),
        exposure=random.uniform(0.82, 1.2),
    )


def _draw_expression(random: np.random.Generator) -> dict[str, float]:
    """The first recipe's: a face nearly at rest, its eyes open."""
    weights: dict[str, float] = {}
    mood = random.random()
    if mood < 0.45:
        smile = random.uniform(0.25, 0.95)
        weights = {
            "mouthSmile": smile,
            "cheekSquint": smile * 0.5,
            "eyeSquint": smile * 0.3,
            "jawOpen": random.choice([0, 0, 0.06, 0.14]) * smile,
            "mouthUpperUp": 0.25 * smile,
        }
    elif mood < 0.55:
        weights = {"jawOpen": random.uniform(0.04, 0.25), "mouthFunnel": random.uniform(0, 0.3)}
    elif mood < 0.63:
        frown = random.uniform(0.2, 0.6)
        weights = {"mouthFrown": frown, "browDown": frown * 0.6}
    elif mood < 0.70:
        surprise = random.uniform(0.3, 0.9)
        weights = {"browInnerUp": surprise, "browOuterUp": surprise * 0.8, "eyeWide": surprise * 0.3}
    elif mood < 0.76:
        weights = {"mouthPress": random.uniform(0.2, 0.6), "browDown": random.uniform(0, 0.5)}
    elif mood < 0.80:
        weights = {"mouthPucker": random.uniform(0.1, 0.5)}
    weights["browInnerUp"] = weights.get("browInnerUp", 0) + random.uniform(0, 0.15)
    weights["eyeBlink"] = random.uniform(0, 0.12)
    return weights


def _draw_lights(random: np.random.Generator) -> tuple[Light, ...]:
    azimuth = float(np.clip(random.normal() * 0.6, -1.3, 1.3))
    elevation = random.uniform(0.05, 0.95)
    warmth = random.normal() * 0.08
    warm, cool = (1 + warmth, 1.0, 1 - warmth), (1 - warmth, 1.0, 1 + warmth)
    lights = [Light(azimuth, elevation, float(random.choice(SOFTBOX_SIZES)), random.uniform(0.8, 1.5), warm)]
    if random.random() < 0.6:
        azimuth_of_fill = -azimuth + random.normal() * 0.3
        lights.append(
            Light(azimuth_of_fill, random.uniform(-0.2, 0.5), FILL_SIZE, random.uniform(0.1, 0.5), cool)
        )
    if random.random() < 0.4:
        from_behind = math.pi + random.choice([-1, 1]) * random.uniform(0.5, 1.1)
        lights.append(
            Light(from_behind, random.uniform(0.1, 0.8), RIM_SIZE, random.uniform(0.5, 2.0), (1.0, 1.0, 1.0))
        )
    return tuple(lights)
