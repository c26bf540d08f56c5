"""LPIPS with random weights in the very files it is published in, against the formula written out."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from engine.common.errors import WeightsError
from engine.perceptual.lpips import LPIPS

CONVOLUTIONS = {
    0: (3, 64), 2: (64, 64),
    5: (64, 128), 7: (128, 128),
    10: (128, 256), 12: (256, 256), 14: (256, 256),
    17: (256, 512), 19: (512, 512), 21: (512, 512),
    24: (512, 512), 26: (512, 512), 28: (512, 512),
}  # fmt: skip
HEADS = [64, 128, 256, 512, 512]
State = dict[str, torch.Tensor]


def vgg_state() -> State:
    torch.manual_seed(1)
    state = {"classifier.0.weight": torch.zeros(2, 2)}
    for i, (inputs, outputs) in CONVOLUTIONS.items():
        state[f"features.{i}.weight"] = torch.randn(outputs, inputs, 3, 3) * (2 / inputs / 9) ** 0.5
        state[f"features.{i}.bias"] = torch.randn(outputs) / 10
    return state


def heads_state() -> State:
    torch.manual_seed(2)
    return {f"lin{i}.model.1.weight": torch.rand(1, channels, 1, 1) for i, channels in enumerate(HEADS)}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("lpips")
    torch.save(vgg_state(), folder / "vgg.pth", _use_new_zipfile_serialization=False)
    torch.save(heads_state(), folder / "heads.pth")
    return folder / "vgg.pth", folder / "heads.pth"


@pytest.fixture(scope="module")
def metric(files: tuple[Path, Path]) -> LPIPS:
    return LPIPS.from_files(*files)


def lpips_written_out(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Section 3 of the paper, layer by layer, for one pair (3, H, W)."""
    vgg, heads = vgg_state(), heads_state()
    distance = torch.zeros([])
    pair = torch.stack([a, b])
    x = (pair - torch.tensor([-0.030, -0.088, -0.188]).view(3, 1, 1)) / torch.tensor(
        [0.458, 0.448, 0.450]
    ).view(3, 1, 1)
    last_of_stage = [2, 7, 14, 21, 28]
    for i in CONVOLUTIONS:
        x = F.conv2d(x, vgg[f"features.{i}.weight"], vgg[f"features.{i}.bias"], padding=1).clamp(min=0)
        if i in last_of_stage:
            unit = x / x.square().sum(dim=1, keepdim=True).sqrt()
            weight = heads[f"lin{last_of_stage.index(i)}.model.1.weight"][0]
            distance += (weight * (unit[0] - unit[1]).square()).sum(dim=0).mean()
            x = F.max_pool2d(x, 2)
    return distance


def pictures(count: int, height: int = 64, width: int = 48) -> torch.Tensor:
    torch.manual_seed(3)
    return F.interpolate(torch.rand(count, 3, 8, 6) * 2 - 1, (height, width), mode="bilinear")


def test_is_the_formula(metric: LPIPS) -> None:
    a, b = pictures(6).chunk(2)
    expected = torch.stack([lpips_written_out(*pair) for pair in zip(a, b, strict=True)])
    assert expected.min() > 0.01
    assert torch.allclose(metric(a, b), expected, rtol=1e-4)


def test_features_can_be_kept(metric: LPIPS) -> None:
    a, b = pictures(4).chunk(2)
    target = metric.features(a)
    assert target.shape[0] == 2
    assert torch.allclose((metric.features(b) - target).square().sum(dim=1), metric(a, b))


def test_is_a_distance(metric: LPIPS) -> None:
    a, b = pictures(4).chunk(2)
    assert torch.equal(metric(a, a), torch.zeros(2))
    assert torch.allclose(metric(a, b), metric(b, a))
    assert (metric(a, (a + b) / 2) < metric(a, b)).all()


def test_gradients_reach_the_picture_and_nothing_else(metric: LPIPS) -> None:
    a = pictures(1).requires_grad_()
    metric(a, pictures(2)[1:]).sum().backward()
    assert a.grad is not None and a.grad.isfinite().all() and a.grad.abs().sum() > 0
    assert all(not parameter.requires_grad and parameter.grad is None for parameter in metric.parameters())


def test_gradients_are_finite_where_every_feature_is_zero(metric: LPIPS) -> None:
    silent = LPIPS()
    with torch.no_grad():
        for parameter in silent.vgg.parameters():
            parameter.fill_(-1.0)
    a = torch.ones(1, 3, 16, 16, requires_grad=True)
    silent(a, -a.detach()).sum().backward()
    assert a.grad is not None and a.grad.isfinite().all()


def changed(state: State, name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> State:
    state[name] = change(state[name])
    return state


def without(state: State, name: str) -> State:
    del state[name]
    return state


HEAD, CONV = "lin2.model.1.weight", "features.10.weight"


@pytest.mark.parametrize(
    ("vgg", "heads", "message"),
    [
        (lambda: without(vgg_state(), CONV), heads_state, r"vgg\.pth: 10\.weight is missing"),
        (
            lambda: changed(vgg_state(), CONV, lambda t: t[:1]),
            heads_state,
            r"vgg\.pth: 10\.weight has the shape",
        ),
        (
            lambda: changed(vgg_state(), CONV, lambda t: t / 0),
            heads_state,
            r"vgg\.pth: 10\.weight .*not finite",
        ),
        (
            lambda: vgg_state() | {"features.30.weight": torch.ones(1)},
            heads_state,
            r"vgg\.pth: 30\.weight is not part",
        ),
        (lambda: [1], heads_state, r"vgg\.pth: holds no weights by name"),
        (vgg_state, lambda: without(heads_state(), HEAD), r"heads\.pth: lin2\.model\.1\.weight is missing"),
        (
            vgg_state,
            lambda: changed(heads_state(), HEAD, torch.flatten),
            r"heads\.pth: lin2.* has the shape \[256\]",
        ),
        (vgg_state, lambda: changed(heads_state(), HEAD, torch.neg), r"heads\.pth: lin2.* negative"),
        (vgg_state, vgg_state, r"heads\.pth: lin0.* is missing"),
    ],
)
def test_other_weights_are_refused(
    tmp_path: Path, vgg: Callable[[], State], heads: Callable[[], State], message: str
) -> None:
    torch.save(vgg(), tmp_path / "vgg.pth")
    torch.save(heads(), tmp_path / "heads.pth")
    with pytest.raises(WeightsError, match=message):
        LPIPS.from_files(tmp_path / "vgg.pth", tmp_path / "heads.pth")


def test_missing_and_damaged_files(tmp_path: Path, files: tuple[Path, Path]) -> None:
    with pytest.raises(WeightsError, match=r"none\.pth: no such file"):
        LPIPS.from_files(tmp_path / "none.pth", files[1])
    (tmp_path / "half.pth").write_bytes(files[0].read_bytes()[:-1000])
    with pytest.raises(WeightsError, match=r"half\.pth: damaged"):
        LPIPS.from_files(tmp_path / "half.pth", files[1])


def test_towards_a_target_is_the_distance_where_everything_counts(metric: LPIPS) -> None:
    a, b = pictures(2, 64, 64).split(1)
    distance = metric.towards(a, torch.ones(1, 1, 64, 64))
    assert float(distance(b)) == pytest.approx(float(metric(a, b)), rel=1e-4)
    assert float(distance(a)) == 0


def test_towards_a_target_ignores_what_has_no_weight(metric: LPIPS) -> None:
    (a, b), weight = pictures(2, 64, 64).clone().split(1), torch.zeros(1, 1, 64, 64)
    weight[..., :32] = 1
    b[..., :32] = a[..., :32]
    assert float(metric.towards(a, weight)(b)) == 0
    assert float(metric.towards(a, 1 - weight)(b)) > 0
