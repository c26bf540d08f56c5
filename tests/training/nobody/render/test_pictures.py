"""Colours, development, the folder of pictures, the face model's files, and Blender where it is installed."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.common.errors import UsageError
from tests.conftest import REPO
from training.nobody.render import assets
from training.nobody.render.archive import Archive
from training.nobody.render.colour import linear_to_srgb, srgb_to_linear
from training.nobody.render.scene.develop import develop, webp

BLENDER = importlib.util.find_spec("bpy") is not None
# Mean places, measured on the first renders: the right and the left eye, both corners of the mouth.
FFHQ_PLACES = np.array([[0.380, 0.471], [0.623, 0.469], [0.402, 0.729], [0.598, 0.729]])


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "training.nobody.render", *map(str, arguments)]
    return subprocess.run(line, cwd=REPO, capture_output=True, text=True, timeout=600)


@given(st.floats(0, 1))
def test_srgb_there_and_back(value: float):
    assert linear_to_srgb(srgb_to_linear(np.array([value])))[0] == pytest.approx(value, abs=1e-4)


def test_development_keeps_alpha_straight_and_exposes_for_the_skin():
    light = np.zeros((32, 32, 4), np.float32)
    light[:, 8:24] = (0.02, 0.015, 0.01, 1.0)
    light[:, 24] = light[:, 20] / 2  # half covered: premultiplied light is halved
    fair, deep = np.array([0.4, 0.3, 0.2]), np.array([0.06, 0.03, 0.02])
    picture = develop(light, fair, 1.0)
    assert picture.shape == (32, 32, 4) and picture.dtype == np.uint8
    assert picture[5, 24, 3] == 128 and picture[5, 20, 3] == 255 and not picture[5, 0].any()
    assert np.array_equal(picture[5, 24, :3], picture[5, 20, :3])
    assert np.array_equal(picture, develop(light * [3, 3, 3, 1], fair, 1.0))
    assert develop(light, deep, 1.0)[16, 16, 0] < picture[16, 16, 0] < develop(light, fair, 1.2)[16, 16, 0]


def test_webp_holds_alpha(tmp_path: Path):
    picture = np.zeros((16, 16, 4), np.uint8)
    picture[4:12, 4:12] = (200, 120, 80, 255)
    (tmp_path / "a.webp").write_bytes(webp(picture))
    read = np.asarray(Image.open(tmp_path / "a.webp"))
    assert read.shape == (16, 16, 4) and np.array_equal(read[..., 3], picture[..., 3])


def test_an_archive_is_mended(tmp_path: Path):
    archive = Archive(tmp_path)
    names = [f"{seed}_0" for seed in range(100_000, 100_004)]
    archive.add(names[0], b"a")
    archive.add(names[1], b"b")
    archive.picture(names[2]).write_bytes(b"c")  # stopped before its line was written
    archive.picture(names[1]).unlink()
    with archive.meta.open("a") as meta:
        meta.write('{"name": "100003_0", "iden')  # torn
    archive.mend(names)
    rows = [json.loads(line) for line in archive.meta.read_text().splitlines()]
    assert [row["name"] for row in rows] == [names[0], names[2]]
    assert not list(tmp_path.glob(".*"))


def write_obj(path: Path, vertices: np.ndarray, lines: list[str]) -> None:
    rows = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices]
    path.write_text("\n".join(["# a comment", *rows, *lines]) + "\n")


def test_assets_are_made_from_the_face_kits_files(
    head_assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(assets, "IDENTITIES", 2)
    with np.load(head_assets / "ict.npz") as stored:
        known = {name: stored[name] for name in stored}
    source = tmp_path / "FaceXModel"
    source.mkdir()
    lines = [f"vt {u:.6f} {v:.6f}" for u, v in known["vt"]]
    for i, (face, texels) in enumerate(zip(known["F"], known["FT"], strict=True)):
        if i == 0 or known["M"][i] != known["M"][i - 1]:
            lines.append(f"usemtl {known['mats'][known['M'][i]]}")
        lines.append("f " + " ".join(f"{v + 1}/{t + 1}" for v, t in zip(face, texels, strict=True) if v >= 0))
    write_obj(source / "generic_neutral_mesh.obj", known["V"], lines)
    for i in range(2):
        write_obj(source / f"identity{i:03d}.obj", known["V"] + known["I"][i], [])
    for name in ("jawOpen", "PupilDilate_L"):
        write_obj(source / f"{name}.obj", known["V"] + known["E"][known["en"].tolist().index(name)], [])

    assets.convert(source, tmp_path / "ict")
    arrays, landmarks = assets.load_assets(tmp_path / "ict")
    assert np.array_equal(landmarks, np.load(head_assets / "lm68.npy"))
    assert arrays["en"].tolist() == ["PupilDilate_L", "jawOpen"]
    for name in ("V", "F", "FT", "vt"):
        assert arrays[name].dtype == known[name].dtype and np.allclose(arrays[name], known[name], atol=1e-5)
    assert np.allclose(arrays["I"], known["I"][:2], atol=1e-3)

    (source / "identity001.obj").unlink()
    with pytest.raises(UsageError, match=r"lacks identity001\.obj"):
        assets.convert(source, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_missing_assets_are_explained(tmp_path: Path):
    done = command(tmp_path / "out", 100_000, 1, "--assets", tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "ICT-VGL/ICT-FaceKit" in done.stderr and "da5f95a" in done.stderr
    (tmp_path / "ict.npz").write_bytes(b"not a zip")
    (tmp_path / "lm68.npy").write_bytes(b"")
    assert command(tmp_path / "out", 100_000, 1, "--assets", tmp_path).returncode == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(BLENDER, reason="bpy is installed")
def test_missing_blender_is_explained(head_assets: Path, tmp_path: Path):
    done = command(tmp_path / "out", 100_000, 1, "--assets", head_assets)
    assert done.returncode == 5 and "pip install bpy" in done.stderr and done.stderr.count("\n") == 1
    assert not list((tmp_path / "out").glob("*.webp"))


@pytest.mark.slow
@pytest.mark.skipif(not BLENDER, reason="needs bpy (pip install bpy==5.0.1)")
def test_rendering_and_going_on(head_assets: Path, tmp_path: Path):
    options = ("--assets", head_assets, "--resolution", 64, "--samples", 2, "--hair", "bald")
    done = command(tmp_path / "out", 100_000, 2, *options)
    assert done.returncode == 0, done.stderr
    pictures = sorted((tmp_path / "out").glob("*.webp"))
    assert len(pictures) == 2
    for path in pictures:
        picture = np.asarray(Image.open(path))
        assert picture.shape == (64, 64, 4)
        assert not picture[:2, :8, 3].any() and (picture[24:48, 24:40, 3] == 255).all()
        assert 60 < picture[24:48, 24:40, :3].mean() < 220
    rows = [json.loads(line) for line in (tmp_path / "out" / "meta.jsonl").read_text().splitlines()]
    assert sorted(row["name"] for row in rows) == [path.stem for path in pictures]

    before = pictures[0].stat().st_mtime_ns
    pictures[1].unlink()
    assert command(tmp_path / "out", 100_000, 2, *options).returncode == 0
    assert pictures[0].stat().st_mtime_ns == before and pictures[1].exists()
    assert len((tmp_path / "out" / "meta.jsonl").read_text().splitlines()) == 2
