"""Makes the rig of one sitter's picture, once.

The generator moves and the picture follows. Moving a tuned match in the generator moves little, because its
noise maps hold the face in place; so the match is drawn *soft*, with the tuned weights and without the maps,
at rest and turned by several angles. The dense flow between these then moves the sharp picture. Lids, mouth
and brows move by the face's mesh (`engine.live.rigs.eyes`, `mouth`, `fields`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
import torch

from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.inversion.projection import Place, draw, fast_dtype
from engine.live.expression import Expression, Mesh, measure, motion_between
from engine.live.frame import Array
from engine.live.motion import Motion
from engine.live.rigs import puppet
from engine.live.rigs.directions import Directions, face_box
from engine.live.rigs.eyes import Eye
from engine.live.rigs.fields import expression_fields, head_weight, pixel_grid
from engine.live.rigs.flows import HULL_SCALE, Flows, face_hull, flow_back
from engine.live.rigs.mouth import Mouth
from engine.live.rigs.rig import FLOW_PX, MAP_PX, MOST_TURN_DEG, Rig
from engine.stylegan2.network import Generator, to_uint8

# A further soft picture counts if it turns the head by so much more.
LEAST_STEP_DEG = 0.7
# What is drawn to see how much of it is measured, and the gains that may follow from that.
PROBES = {"brows": 0.03, "gaze": 0.08, "jaw": 0.06, "mouth_width": 0.06, "smile": 0.04, "pucker": 0.1}
GAINS = (0.6, 1.4)


class Turn(NamedTuple):
    """How the soft pictures go on in a direction: in at most `steps` steps of `step_deg`, as the directions
    count them, until the sitter's own picture has turned by `most_deg`."""

    step_deg: float
    steps: int
    most_deg: float


YAW = Turn(8.0, 5, MOST_TURN_DEG)
PITCH = Turn(8.0, 3, 9.0)


def make_rig(
    picture: Pixels,
    mesh: Mesh,
    generator: Generator,
    place: Place,
    directions: Directions,
    analyser: FaceAnalyser,
    check: Callable[[], None] = lambda: None,
) -> Rig:
    """The rig of a picture uint8 (R, R, 3) RGB in FFHQ framing; one below `FLOW_PX` is enlarged to it.

    mesh: of its face. place: where a search has found it in the generator. analyser: measures the soft
    pictures. check: called before each; what it raises ends the work. Raises ValueError for a larger side
    that is no multiple of `FLOW_PX`.
    """
    if len(picture) < FLOW_PX:
        mesh = mesh * (FLOW_PX / len(picture))
        picture = np.asarray(cv2.resize(picture, (FLOW_PX, FLOW_PX), interpolation=cv2.INTER_CUBIC), np.uint8)
    if len(picture) % FLOW_PX:
        raise ValueError(f"a picture of {len(picture)} pixels cannot be rigged: give a multiple of {FLOW_PX}")
    face = face_hull(mesh[:, :2] * (FLOW_PX / len(picture)), FLOW_PX, HULL_SCALE)
    heads = _Heads(SoftPictures(generator, place, FLOW_PX), picture, face, analyser, check)
    rig = Rig(
        picture=picture,
        rest=measure(mesh),
        yaw=heads.turned(directions.yaw, YAW, "yaw_deg", "pitch_deg"),
        pitch=heads.turned(directions.pitch, PITCH, "pitch_deg", "yaw_deg"),
        fields=expression_fields(mesh, len(picture), MAP_PX),
        head=head_weight(mesh, len(picture), MAP_PX),
        eyes=(Eye.of(mesh[:, :2], 0), Eye.of(mesh[:, :2], 1)),
        mouth=Mouth.of(mesh[:, :2], len(picture), _light(picture, mesh)),
    )
    return replace(rig, gains=_gains(rig, analyser))


@dataclass(frozen=True, eq=False)
class SoftPictures:
    """Draws a place of the generator without its noise maps, uint8 (side_px, side_px, 3) RGB."""

    generator: Generator
    place: Place
    side_px: int

    @torch.no_grad()
    def draw(self, added: torch.Tensor | None = None) -> Pixels:
        """The picture; added: to w in all layers, (w_dim,)."""
        place = self.place if added is None else replace(self.place, latent=self.place.latent + added)
        picture = to_uint8(draw(self.generator, place, fast_dtype(self.generator.device), "none"))[0].numpy()
        return _shrunk(picture, self.side_px)


@dataclass(frozen=True, eq=False)
class _Heads:
    """Turns the soft head and, along with it, the sitter's picture. face: `face_hull` of the picture."""

    soft: SoftPictures
    picture: Pixels
    face: Array
    analyser: FaceAnalyser
    check: Callable[[], None]

    def turned(self, direction: torch.Tensor, turn: Turn, angle: str, other: str) -> Flows:
        """The flows along a direction, and what they turn as measured on the sitter's picture.

        angle, other: the field of `Expression` that the direction is to change, and the other one.
        """
        soft, side_px = self.soft.draw(), self.soft.side_px
        picture = _shrunk(self.picture, side_px)
        rest = _measured(self.analyser, picture)
        found = {0.0: (0.0, np.zeros((side_px, side_px, 2), np.float32))}
        for sign in (-1, 1):
            reached_deg = 0.0
            for step in range(1, turn.steps + 1):
                self.check()
                flow = flow_back(soft, self.soft.draw(sign * step * turn.step_deg * direction), self.face)
                moved = _measured(self.analyser, _warped(picture, flow))
                if rest is None or moved is None:
                    break
                turned_deg = sign * (getattr(moved, angle) - getattr(rest, angle))
                if turned_deg < reached_deg + LEAST_STEP_DEG:
                    break
                reached_deg = turned_deg
                found[sign * turned_deg] = (getattr(moved, other) - getattr(rest, other), flow)
                if reached_deg >= turn.most_deg:
                    break
        amounts = sorted(found)
        if len(amounts) == 1:  # nothing turns: no flow on both sides
            amounts = [0.0, 0.0]
        scale = np.float32(len(self.picture) / side_px)
        return Flows(
            np.array(amounts),
            np.stack([scale * _coarse(found[amount][1]) for amount in amounts]),
            np.array([found[amount][0] for amount in amounts]),
        )


def _shrunk(picture: Pixels, side_px: int) -> Pixels:
    size = (side_px, side_px)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _coarse(flow: Array) -> Array:
    """A flow as a map of `MAP_PX`."""
    return np.asarray(cv2.resize(flow, (MAP_PX, MAP_PX), interpolation=cv2.INTER_AREA), np.float32)


def _warped(picture: Pixels, flow: Array) -> Pixels:
    at = pixel_grid(len(picture), len(picture)) + flow
    warped = cv2.remap(picture, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(warped, np.uint8)


def _measured(analyser: FaceAnalyser, picture: Pixels) -> Expression | None:
    mesh = analyser.mesh(picture, face_box(len(picture)))
    return None if mesh is None else measure(mesh)


def _light(picture: Pixels, mesh: Mesh) -> float:
    """How light the face is, 0 to 1, by its brighter skin: 1 in good light on any skin but the darkest."""
    inside = face_hull(mesh[:, :2], len(picture), 0.8) > 0
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[inside]
    return float(np.clip(np.percentile(luma, 90) / 190, 0.3, 1.0))


def _gains(rig: Rig, analyser: FaceAnalyser) -> dict[str, float]:
    """`Rig.gains`, from one picture of each expression."""
    gains = {}
    for name, asked in PROBES.items():
        drawn = _shrunk(puppet.draw(rig, Motion(**{name: asked})), FLOW_PX)
        measured = _measured(analyser, drawn)
        at_rest = _measured(analyser, _shrunk(rig.picture, FLOW_PX))
        if measured is not None and at_rest is not None:
            got = getattr(motion_between(at_rest, measured), name)
            gains[name] = float(np.clip(asked / max(got, 1e-6), *GAINS))
    return gains
