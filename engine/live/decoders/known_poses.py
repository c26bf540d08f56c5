"""What can be known of two people's common motion at once, in closed form.

B was drawn in the pose of each frame of A. So some of these poses, spread over the film, are known of both
people. A picture's code is its mixture of these poses, by kernel ridge regression from how much it resembles
each of them (Saunders, Gammerman and Vovk, *Ridge Regression Learning Algorithm in Dual Variables*, 1998).
The same mixture of the pictures of either person draws that person. What remains, the network learns.
"""

import numpy as np
import torch

from engine.live.decoders.faces import Faces
from engine.live.decoders.network import Side, TwoDecoders, as_input, coarse, resemblance

# As a share of the kernel's value for two equal pictures, which is 1.
RIDGE = 0.003
# Two pictures resemble each other by exp(-1) at this multiple of the median distance.
WIDTH = 2.0
# The mouth moves in few pixels, the head in all of them: those about the mouth count so much more. Its place
# in the crop, in shares of the side: left, top, right, bottom.
MOUTH_WEIGHT, MOUTH = 8.0, (0.31, 0.6, 0.69, 0.88)


def begin_with_known_poses(network: TwoDecoders, faces_a: Faces, faces_b: Faces) -> None:
    """Sets both people's means and known poses, spread over their faces.

    faces_a, faces_b: of the same poses, one for one.
    """
    faces: dict[Side, Faces] = {"a": faces_a, "b": faces_b}
    for side, each in faces.items():
        set_known_poses(network, side, each)


def set_known_poses(network: TwoDecoders, side: Side, faces: Faces) -> None:
    """Sets one person's mean and, where the layout has some, known poses. The code is of use once both people
    have the same."""
    network.set_mean(side, faces.mean())
    count = min(network.layout.poses, len(faces))
    if not count:
        return
    known = torch.from_numpy(np.linspace(0, len(faces) - 1, count).round().astype(np.int64))
    differing = as_input(faces.pictures[known]) - network.means[side]
    weight = coarse(mouth_weight(network.layout.side_px).expand(1, 3, -1, -1))[0]
    seen = coarse(differing[:, :3]) * weight
    width = WIDTH * torch.cdist(seen, seen).median().clamp(min=1e-3)
    seen = seen / width
    network.focus[side].data.copy_(weight / width)
    network.poses[side].data[:count] = seen
    network.ways[side].data[:count, :count] = torch.linalg.inv(
        resemblance(seen, seen) + RIDGE * torch.eye(count)
    )
    network.draws[side].data[:count] = differing[:, : network.channels].flatten(1)


def mouth_weight(side_px: int) -> torch.Tensor:
    """float (1, 1, S, S): 1, and `MOUTH_WEIGHT` about the mouth."""
    weight = torch.ones(1, 1, side_px, side_px)
    left, top, right, bottom = (round(share * side_px) for share in MOUTH)
    weight[..., top:bottom, left:right] = MOUTH_WEIGHT
    return weight
