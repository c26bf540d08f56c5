"""The metric of the latent, against the matrix that it stands for."""

import pytest
import torch

from engine.finders.metric import FLOOR, LatentMetric
from engine.finders.nearest import NearestSettings, _Moves


def samples(count: int, numbers: int) -> torch.Tensor:
    """Gradients (N, D) that are large in the first few numbers."""
    random = torch.Generator().manual_seed(1)
    return torch.randn(count, numbers, generator=random) * torch.linspace(3, 0.1, numbers)


def matrix_of(gradients: torch.Tensor) -> torch.Tensor:
    """H, whose least eigenvalue is 1."""
    floor = FLOOR * gradients.square().sum() / gradients.numel()
    return gradients.T @ gradients / len(gradients) / floor + torch.eye(gradients.shape[1])


def test_whitening_twice_is_the_inverse_of_the_matrix():
    gradients = samples(5, 12)
    vectors = torch.randn(3, 12, generator=torch.Generator().manual_seed(2))
    metric = LatentMetric(gradients.view(5, 1, 3, 4))
    twice = metric.whiten(metric.whiten(vectors))
    assert torch.allclose(twice, vectors @ torch.linalg.inv(matrix_of(gradients)), atol=1e-5)
    assert torch.allclose(metric.whiten(vectors[0]), metric.whiten(vectors)[0], atol=1e-6)


@pytest.mark.parametrize("gradients", [[], [torch.zeros(4)]])
def test_without_gradients_it_is_euclidean(gradients):
    vector = torch.arange(4.0)
    assert torch.equal(LatentMetric(gradients).whiten(vector), vector)


def test_a_jump_ends_where_the_constraint_is_met_with_the_least_visible_move():
    gradients = samples(5, 12)
    metric, settings = LatentMetric(gradients), NearestSettings()
    normal = -torch.ones(12)  # the violation falls evenly along every number
    move = torch.zeros(12, requires_grad=True)
    moves = _Moves(move, 1, 8, settings, metric)
    for _ in range(3):
        moves.jump([(settings.stride + float(normal @ move.detach()), normal)])
    found = move.detach()
    assert float(normal @ found) == pytest.approx(-settings.stride, abs=1e-4)
    matrix = matrix_of(gradients)
    shortest = -torch.linalg.inv(matrix) @ normal
    shortest = shortest * (found @ matrix @ found / (shortest @ matrix @ shortest)).sqrt()
    assert torch.allclose(found, shortest, atol=1e-4)
    # In the Euclidean metric the shortest move to the same limit is more visible.
    evenly = -normal * settings.stride / 12
    assert float(found @ matrix @ found) < float(evenly @ matrix @ evenly)
