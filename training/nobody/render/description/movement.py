"""The faces of the second recipe: mouth, brows, lids, gaze and turn of the head, drawn independently.

Each table gives the share of pictures that show a kind; the ranges are those of the weights of ICT-FaceKit's
expressions, uniform unless said otherwise. Angles are radians, with the signs of `shot`.
"""

from dataclasses import dataclass

import numpy as np

MOUTHS = {
    "rest": 0.20,
    "smile": 0.22,
    "laugh": 0.13,
    "open": 0.19,
    "funnel": 0.09,
    "pucker": 0.08,
    "frown": 0.05,
    "press": 0.04,
}
BROWS = {"rest": 0.50, "up": 0.20, "worried": 0.08, "down": 0.22}
LIDS = {"open": 0.66, "half": 0.12, "shut": 0.15, "wide": 0.07}
LOOKING_ASIDE = 0.40  # the others look into the camera, as far as their eyes reach

JAW_OPEN = (0.12, 0.8)
SMILE = (0.25, 1.0)
ROUNDED = (0.3, 1.0)  # funnel and pucker
BROWS_MOVED = (0.3, 1.0)
LIDS_OPEN, LIDS_HALF, LIDS_SHUT = (0.0, 0.12), (0.2, 0.75), (0.92, 1.0)  # share of the opening closed

EYE_REACH = (0.54, 0.38)  # how far a gaze of weight 1 turns the eyeballs, sideways and up or down
GAZE_NOISE = 0.06  # standard deviation of a look into the camera, as a weight
ASIDE = (0.95, 0.85)  # largest weights added to a look into the camera to look aside

TURNED_FAR = 0.35  # share of heads whose yaw is drawn from `FAR_YAW`, to either side
FAR_YAW = (0.25, 0.75)
YAW_SD, YAW_LIMIT = 0.20, 0.6
PITCH_MEAN, PITCH_SD, PITCH_RANGE = 0.075, 0.13, (-0.28, 0.42)


@dataclass(frozen=True)
class Movement:
    """What the face and the head do in one picture; the fields are those of `Shot`."""

    expression: dict[str, float]
    yaw: float
    pitch: float
    gaze: tuple[float, float]


def draw_movement(random: np.random.Generator) -> Movement:
    """One moment of a moving face."""
    yaw, pitch = _draw_turn(random)
    expression = _draw_mouth(random) | _draw_brows(random)
    lids = _choose(random, LIDS)
    expression |= _draw_lids(random, lids)
    gaze = _draw_gaze(random, yaw, pitch)
    return Movement(expression, yaw, pitch, gaze=(0.0, 0.0) if lids == "shut" else gaze)


def _choose(random: np.random.Generator, shares: dict[str, float]) -> str:
    return str(random.choice(list(shares), p=list(shares.values())))


def _draw_mouth(random: np.random.Generator) -> dict[str, float]:
    mouth = _choose(random, MOUTHS)
    amount = random.random()  # of the kind's main weight, within its range

    def within(ends: tuple[float, float]) -> float:
        return ends[0] + amount * (ends[1] - ends[0])

    if mouth == "smile":
        return _smile(within(SMILE)) | {"jawOpen": random.choice([0, 0, 0.06, 0.14]) * within(SMILE)}
    if mouth == "laugh":
        return _smile(random.uniform(0.5, 1.0)) | {"jawOpen": within((0.1, 0.6))}
    if mouth == "open":
        return {"jawOpen": within(JAW_OPEN), "mouthFunnel": random.uniform(0, 0.2)}
    if mouth == "funnel":
        return {"mouthFunnel": within(ROUNDED), "jawOpen": random.uniform(0, 0.35)}
    if mouth == "pucker":
        return {"mouthPucker": within(ROUNDED)}
    if mouth == "frown":
        return {"mouthFrown": within((0.2, 0.8))}
    if mouth == "press":
        return {"mouthPress": within((0.2, 0.7))}
    return {}


def _smile(weight: float) -> dict[str, float]:
    return {
        "mouthSmile": weight,
        "cheekSquint": 0.5 * weight,
        "eyeSquint": 0.3 * weight,
        "mouthUpperUp": 0.25 * weight,
    }


def _draw_brows(random: np.random.Generator) -> dict[str, float]:
    brows, weight = _choose(random, BROWS), random.uniform(*BROWS_MOVED)
    if brows == "up":
        return {"browInnerUp": weight, "browOuterUp": 0.8 * weight}
    if brows == "worried":
        return {"browInnerUp": weight}
    if brows == "down":
        return {"browDown": weight}
    return {"browInnerUp": random.uniform(0, 0.15)}


def _draw_lids(random: np.random.Generator, lids: str) -> dict[str, float]:
    if lids == "wide":
        return {"eyeWide": random.uniform(0.3, 1.0), "eyeBlink": 0.0}
    closed = {"open": LIDS_OPEN, "half": LIDS_HALF, "shut": LIDS_SHUT}[lids]
    return {"eyeBlink": random.uniform(*closed)}


def _draw_turn(random: np.random.Generator) -> tuple[float, float]:
    """Yaw and pitch of the head."""
    yaw = float(np.clip(random.normal() * YAW_SD, -YAW_LIMIT, YAW_LIMIT))
    if random.random() < TURNED_FAR:
        yaw = float(random.choice([-1, 1])) * random.uniform(*FAR_YAW)
    return yaw, float(np.clip(PITCH_MEAN + random.normal() * PITCH_SD, *PITCH_RANGE))


def _draw_gaze(random: np.random.Generator, yaw: float, pitch: float) -> tuple[float, float]:
    """Weights of looking to the person's left and up, -1 to 1."""
    camera = np.array([-yaw, pitch]) / EYE_REACH
    moved = random.normal(size=2) * GAZE_NOISE
    if random.random() < LOOKING_ASIDE:
        moved = random.uniform(-1, 1, size=2) * ASIDE
    left, up = np.clip(camera + moved, -1, 1)
    return float(left), float(up)
