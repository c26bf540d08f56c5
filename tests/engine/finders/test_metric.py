"""The metric of the latent, against the matrix that it stands for."""

import pytest
import torch

from engine.finders.metric import FLOOR, LatentMetric
from engine.finders.nearest import NearestSettings, _ProjectedSteps


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


def test_a_step_goes_onto_a_constraint_by_the_least_visible_way():
    gradients = samples(5, 12)
    matrix = matrix_of(gradients)
    settings = NearestSettings(steps=8, recovery=1.0, memory=0.0, reach=10.0)
    normal = -torch.linspace(2, 1, 12)  # the violation falls fastest where a move is most visible
    lengths = []
    for metric in (LatentMetric(gradients), LatentMetric()):
        move = torch.zeros(12, requires_grad=True)
        steps = _ProjectedSteps(move, 1, settings, metric)
        steps.step(0, torch.zeros(12), [(0.5, normal)])
        found = move.detach()
        assert float(normal @ found) == pytest.approx(-0.5, abs=1e-4)
        lengths.append(float(found @ matrix @ found))
    shortest = 0.5**2 / float(normal @ torch.linalg.inv(matrix) @ normal)
    assert lengths[0] == pytest.approx(shortest, rel=1e-3)
    assert lengths[1] > 1.01 * lengths[0]
