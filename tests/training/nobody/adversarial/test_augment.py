"""Adaptive augmentation: what it changes, and how its probability moves."""

import pytest
import torch

from training.nobody.adversarial.augment import MAX_P, AdaptiveProbability, augment


def test_augmentation_of_probability_0_changes_nothing() -> None:
    images = torch.rand(4, 3, 32, 32) * 2 - 1
    torch.testing.assert_close(augment(images, torch.tensor(0.0)), images, atol=1e-5, rtol=0)


def test_augmentation_changes_pictures_and_lets_gradients_through() -> None:
    images = (torch.rand(8, 3, 32, 32) * 2 - 1).requires_grad_(True)
    augmented = augment(images, torch.tensor(1.0))
    assert ((augmented - images).abs().mean(dim=(1, 2, 3)) > 0.05).all()
    augmented.sum().backward()
    assert images.grad is not None and images.grad.abs().sum() > 0


@pytest.mark.parametrize(("logit", "p"), [(1.0, MAX_P), (-1.0, 0.0)])
def test_probability_follows_the_sureness_of_the_discriminator(logit: float, p: float) -> None:
    probability = AdaptiveProbability(0.4, full_range_kimg=1.0, device=torch.device("cpu"))
    for _ in range(200):
        probability.observe(torch.full([8], logit))
    assert float(probability.p) == pytest.approx(p)
