"""What the decoders learn from: the cropped faces of two films, and one person in the poses of the other.

Side B is drawn by the puppet in the pose of each frame of A. So pairs exist, of which nobody has to hope that
the encoder finds them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.live.decoders.placement import Placement, crop, face_mask, placements
from engine.live.expression import Expression, Mesh, measure, motion_between, neutral
from engine.live.motion import Motion, limited
from engine.live.rigs.flows import flow_back
from engine.live.rigs.puppet import draw
from engine.live.rigs.rig import Rig
from engine.live.smoothing import smoothed

# Standard deviation over time by which measured motion is calmed.
CALM_S = 0.03
# The rest frame looks as straight ahead as any; one degree counts as much as this share of the face's width.
DEGREE = 0.01


@dataclass(frozen=True, eq=False)
class Faces:
    """Cropped faces. frames: (N,), their frames in the film, ascending. pictures: uint8 (N, 4, S, S), RGB and
    mask."""

    frames: NDArray[np.int64]
    pictures: torch.Tensor

    def __len__(self) -> int:
        return len(self.frames)

    def part(self, start: int, stop: int) -> "Faces":
        """The faces from one to before another."""
        return Faces(self.frames[start:stop], self.pictures[start:stop])

    def chosen(self, which: NDArray[np.bool_]) -> "Faces":
        """Those for which (N,) is true."""
        return Faces(self.frames[which], self.pictures[torch.from_numpy(which)])

    def mean(self) -> torch.Tensor:
        """Mean picture and mask, float (4, S, S), 0 to 1."""
        return self.pictures.float().mean(dim=0) / 255


@dataclass(frozen=True, eq=False)
class Flow:
    """How neighbouring faces of a film move.

    first: (M,), the index of each earlier face. back: (M, S, S, 2), from each pixel of the later face the way
    to where it lies in the earlier one, as shares of half a side.
    """

    first: NDArray[np.int64]
    back: torch.Tensor


@dataclass(frozen=True, eq=False)
class Lessons:
    """What one decoder learns from. own: its person's faces. seen, drawn: the other person's faces, and this
    one in the same poses; `flow` is that of `drawn`."""

    own: Faces
    seen: Faces
    drawn: Faces
    flow: Flow


def cut_faces(
    pictures: Iterable[tuple[int, Pixels]],
    meshes: Sequence[Mesh | None],
    places: Mapping[int, Placement],
    side_px: int,
) -> Faces:
    """The faces of a film. pictures: its frames with their numbers, ascending; those without mesh are left
    out."""
    frames, cut = [], []
    for frame, picture in pictures:
        mesh, place = meshes[frame], places.get(frame)
        if mesh is None or place is None:
            continue
        mask = np.rint(255 * face_mask(mesh, place, side_px)).astype(np.uint8)
        cut.append(np.dstack([crop(picture, place, side_px), mask]))
        frames.append(frame)
    whole = np.stack(cut) if cut else np.zeros((0, side_px, side_px, 4), np.uint8)
    return Faces(np.array(frames, np.int64), torch.from_numpy(whole).permute(0, 3, 1, 2).contiguous())


def motions(meshes: Sequence[Mesh | None], rate_hz: float) -> dict[int, Motion]:
    """frame -> how the face has moved from its neutral, without its place in the frame. Nothing lags: all of
    the film is known."""
    expressions = {frame: measure(mesh) for frame, mesh in enumerate(meshes) if mesh is not None}
    rest = neutral(list(expressions.values()))
    rows = np.stack([motion_between(rest, each).array() for each in expressions.values()])
    calm = smoothed(rows, CALM_S * rate_hz)
    return {
        frame: limited(replace(Motion.from_array(row), x=0.0, y=0.0, scale=0.0, roll_deg=0.0))
        for frame, row in zip(expressions, calm, strict=True)
    }


def rest_frame(meshes: Sequence[Mesh | None]) -> int:
    """The frame whose face is nearest to its neutral, and looks straight ahead."""
    expressions = {frame: measure(mesh) for frame, mesh in enumerate(meshes) if mesh is not None}
    rest = neutral(list(expressions.values()))

    def unrest(now: Expression) -> float:
        moved = motion_between(rest, now)
        turned = abs(now.yaw_deg) + abs(moved.pitch_deg)
        shut = moved.left_lid + moved.right_lid
        return DEGREE * turned + 0.1 * shut + abs(moved.jaw) + abs(moved.smile) + abs(moved.mouth_width)

    return min(expressions, key=lambda frame: unrest(expressions[frame]))


def drawn_in_poses(
    rig: Rig,
    poses: Mapping[int, Motion],
    mesh_of: Callable[[Pixels], Mesh | None],
    rate_hz: float,
    side_px: int,
    notify: Callable[[float], None] = lambda _: None,
) -> Faces:
    """The rig's person in each of these poses, frame -> motion, cropped as films are. mesh_of: finds the face
    in a picture of the rig. Draws each picture twice, so that none is kept."""
    meshes: list[Mesh | None] = [None] * (max(poses) + 1)
    for number, (frame, motion) in enumerate(poses.items()):
        meshes[frame] = mesh_of(draw(rig, motion))
        notify((number + 1) / len(poses))
    places = placements(meshes, rate_hz)
    return cut_faces(((frame, draw(rig, motion)) for frame, motion in poses.items()), meshes, places, side_px)


def paired(seen: Faces, drawn: Faces) -> tuple[Faces, Faces]:
    """Both reduced to the frames that are in both."""
    _, a, b = np.intersect1d(seen.frames, drawn.frames, return_indices=True)
    return Faces(seen.frames[a], seen.pictures[a]), Faces(drawn.frames[b], drawn.pictures[b])


def flow_of(faces: Faces) -> Flow:
    """The flow between all faces that are neighbours in the film; found by DIS (`engine.live.rigs.flows`)."""
    side_px = faces.pictures.shape[-1]
    first = np.flatnonzero(np.diff(faces.frames) == 1)
    pictures = faces.pictures.permute(0, 2, 3, 1).contiguous().numpy()
    ways = [
        flow_back(
            np.ascontiguousarray(pictures[i, ..., :3]),
            np.ascontiguousarray(pictures[i + 1, ..., :3]),
            (pictures[i + 1, ..., 3] > 127).astype(np.float32),
        )
        for i in first.tolist()
    ]
    back = np.stack(ways) if ways else np.zeros((0, side_px, side_px, 2), np.float32)
    return Flow(first, torch.from_numpy(back * (2 / side_px)).half())
