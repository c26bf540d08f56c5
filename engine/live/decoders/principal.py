"""What can be known of two people's common motion at once: a linear code, by least squares.

The code is that of A's principal pictures (Turk and Pentland, *Eigenfaces for Recognition*, 1991). Since B
was drawn in the pose of each frame of A, B's pictures give the same code, and both people can be drawn from
it. What is not linear the network learns afterwards.
"""

import torch

from engine.live.decoders.faces import Faces
from engine.live.decoders.network import Side, TwoDecoders, as_input, coarse

# Ridges: of the drawn pictures over the code, whose numbers have unit variance; and of the code over what is
# seen, as a share of its mean variance.
DRAWN_RIDGE, SEEN_RIDGE = 0.1, 0.1


def begin_with_principal(network: TwoDecoders, faces_a: Faces, faces_b: Faces) -> None:
    """Sets both people's means and, where the layout has one, the linear code.

    faces_a, faces_b: of the same poses, one for one.
    """
    faces: dict[Side, Faces] = {"a": faces_a, "b": faces_b}
    for side, each in faces.items():
        network.set_mean(side, each.mean())
    count = network.layout.principal
    if not count:
        return
    seen = {side: coarse(as_input(each.pictures[:, :3])) for side, each in faces.items()}
    seen = {side: rows - rows.mean(dim=0) for side, rows in seen.items()}
    _, _, principal = torch.linalg.svd(seen["a"], full_matrices=False)
    ways = torch.zeros(seen["a"].shape[1], count)
    ways[:, : len(principal[:count])] = principal[:count].T
    code = seen["a"] @ ways
    spread = code.std(dim=0).clamp(min=1e-6)
    code = code / spread
    network.looks["a"].data.copy_(ways / spread)
    network.looks["b"].data.copy_(_ridge_of_rows(seen["b"], code))
    inner = code.T @ code / len(code) + DRAWN_RIDGE * torch.eye(count)
    for side, each in faces.items():
        pictures = as_input(each.pictures[:, : network.channels]).flatten(1)
        drawn = torch.linalg.solve(inner, code.T @ (pictures - pictures.mean(dim=0)) / len(code))
        network.draws[side].data.copy_(drawn)


def _ridge_of_rows(rows: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """The map (D, K) from rows (N, D) to wanted ones (N, K), in the dual form, since N is less than D."""
    inner = rows @ rows.T
    ridge = SEEN_RIDGE * inner.diagonal().mean() * torch.eye(len(rows))
    return rows.T @ torch.linalg.solve(inner + ridge, wanted)
