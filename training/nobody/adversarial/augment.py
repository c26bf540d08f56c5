"""Adaptive discriminator augmentation: the same random changes for real and for drawn pictures.

So few people (about a thousand) are soon learned by heart by the discriminator. What it is shown is therefore
changed at random, with a probability p that grows while it is too sure of the training pictures. Each change
leaves most pictures as they are at p < 1, and so does not leak into what is drawn.

Source: Karras et al., *Training Generative Adversarial Networks with Limited Data*, 2020. Of the paper's
changes these are kept: whole-pixel shift, isotropic and anisotropic scale, rotation, fractional shift,
brightness, contrast, hue, saturation. Left out: mirror images, which the composed pictures have anyway;
quarter turns, upside-down colours, filters, noise and cut-outs, which cost more than they brought there or
ask a lot of a short training.
"""

import math

import torch
import torch.nn.functional as F

TARGET = 0.6
MAX_P = 0.8  # beyond about 0.8 the changes begin to show in what is drawn (section 2.3)
ADJUST_EVERY = 4


def augment(images: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """Pictures (N, 3, R, R) and p (0..1, on their device) -> changed pictures; differentiable in them."""
    return _recoloured(_moved(images, p), p)


class AdaptiveProbability:
    """Keeps r_t = E[sign D(real)] near `TARGET` by moving p. Stays on the device: nothing waits for it.

    Attributes:
        p: the probability, a float32 tensor of no dimensions.
        sureness: r_t over the last `ADJUST_EVERY` batches.
    """

    def __init__(self, p: float, full_range_kimg: float, device: torch.device) -> None:
        """`full_range_kimg`: after so many thousand pictures p can have gone from 0 to 1."""
        self.p = torch.tensor(p, device=device)
        self.sureness = torch.zeros([], device=device)
        self.full_range_images = full_range_kimg * 1000
        self._signs: list[torch.Tensor] = []

    def observe(self, real_logits: torch.Tensor) -> None:
        """Takes the logits (N,) of one batch of augmented real pictures."""
        self._signs.append(real_logits.detach().sign().mean())
        if len(self._signs) == ADJUST_EVERY:
            self.sureness = torch.stack(self._signs).mean()
            step = ADJUST_EVERY * len(real_logits) / self.full_range_images
            self.p = (self.p + (self.sureness - TARGET).sign() * step).clamp(0, MAX_P)
            self._signs.clear()


def _sometimes(values: torch.Tensor, p: torch.Tensor, otherwise: float) -> torch.Tensor:
    """`values` (N,) with probability p each, else `otherwise`, which is a tensor first: a GPU would wait for
    a single number to be carried over."""
    return torch.where(torch.rand_like(values) < p, values, torch.full_like(values, otherwise))


def _moved(images: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """Shift, scale and rotation in one resampling; a shift by whole pixels alone copies them exactly."""
    n, _, _, size = images.shape
    device = images.device

    def normal() -> torch.Tensor:
        return torch.randn(n, device=device)

    def shift() -> torch.Tensor:
        """In units of half a picture."""
        whole = ((torch.rand(n, device=device) * 2 - 1) * 0.125 * size).round() / size
        return 2 * (_sometimes(whole, p, 0.0) + _sometimes(0.125 * normal(), p, 0.0))

    # Rotations come in two places, so that p of all pictures are turned in the end (appendix B of the paper).
    p_rotation = 1 - (1 - p).sqrt()
    before, after = (
        _sometimes((torch.rand(n, device=device) * 2 - 1) * math.pi, p_rotation, 0.0) for _ in range(2)
    )
    scale = _sometimes(torch.exp2(0.2 * normal()), p, 1.0)
    stretch = _sometimes(torch.exp2(0.2 * normal()), p, 1.0)
    linear = (
        _rotation(after)
        @ torch.diag_embed(torch.stack([scale * stretch, scale / stretch], dim=1))
        @ _rotation(before)
    )
    transform = torch.cat([linear, torch.stack([shift(), shift()], dim=1)[:, :, None]], dim=2)
    grid = F.affine_grid(transform, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bicubic", padding_mode="reflection", align_corners=False)


def _rotation(angle: torch.Tensor) -> torch.Tensor:
    """Angles (N,) in radians -> matrices (N, 2, 2)."""
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([torch.stack([cos, -sin], dim=1), torch.stack([sin, cos], dim=1)], dim=1)


def _recoloured(images: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """Brightness, contrast, hue and saturation as one matrix and one offset for each picture."""
    n, device = len(images), images.device
    ones = torch.ones(n, device=device)
    brightness = _sometimes(0.2 * torch.randn_like(ones), p, 0.0)
    contrast = _sometimes(torch.exp2(0.5 * torch.randn_like(ones)), p, 1.0)
    hue = _sometimes((torch.rand_like(ones) * 2 - 1) * math.pi, p, 0.0)
    saturation = _sometimes(torch.exp2(torch.randn_like(ones)), p, 1.0)

    # Grey is kept, what is left of a colour is turned about the grey axis (Rodrigues) and stretched.
    eye = torch.eye(3, device=device)
    grey = torch.full((3, 3), 1 / 3, device=device)
    # ((0, -1, 1), (1, 0, -1), (-1, 1, 0)) / sqrt(3) is the cross product with that axis.
    cross = (eye.roll(1, dims=0) - eye.roll(1, dims=1)) / math.sqrt(3)
    hue_, saturation_ = hue[:, None, None], saturation[:, None, None]
    turned = hue_.cos() * (eye - grey) + hue_.sin() * cross
    matrix = contrast[:, None, None] * (grey + saturation_ * turned)
    # Contrast acts on the brightened picture.
    coloured = torch.bmm(matrix, images.flatten(2)) + (contrast * brightness)[:, None, None]
    return coloured.reshape(images.shape)
