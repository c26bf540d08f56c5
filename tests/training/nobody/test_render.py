"""The renders' recipe: who is drawn, what is on the head, the FFHQ crop; Blender where it is installed."""

import dataclasses
import importlib.util
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.common.errors import UsageError
from tests.conftest import REPO, shared
from training.nobody.render import assets, casting
from training.nobody.render.archive import Archive, parameters_of
from training.nobody.render.body import clothes, eyes, facial_hair, hair, head, skin
from training.nobody.render.body.fields import polygon_distance, smoothstep
from training.nobody.render.body.head import HeadModel, Skull
from training.nobody.render.body.strands import Growth, choose_roots, grow, roots_at
from training.nobody.render.casting import Restrictions, matching_people
from training.nobody.render.colour import LUMINANCE, linear_to_srgb, srgb_to_linear
from training.nobody.render.description.person import Person
from training.nobody.render.description.population import STYLES, draw_person
from training.nobody.render.description.shot import Shot, draw_shot
from training.nobody.render.scene.camera import Camera, solve_camera
from training.nobody.render.scene.develop import develop, webp

BLENDER = importlib.util.find_spec("bpy") is not None
# Mean places, measured on the first renders: the right and the left eye, both corners of the mouth.
FFHQ_PLACES = np.array([[0.380, 0.471], [0.623, 0.469], [0.402, 0.729], [0.598, 0.729]])


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return HeadModel(shared("nobody/assets"))


def skull_of(model: HeadModel, person: Person, shot: Shot) -> tuple[np.ndarray, Skull]:
    vertices = head.shape_head(model, person, shot)
    outer = vertices[: head.OUTER_VERTICES]
    return vertices, Skull(outer, head.vertex_normals(outer, model.outer_triangles))


def someone(style: str | None = None, beard: str | None = None) -> Person:
    styles = frozenset([style]) if style else None
    beards = frozenset([beard]) if beard else None
    return next(matching_people(100_000, 1, Restrictions(styles=styles, beards=beards)))


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "training.nobody.render", *map(str, arguments)]
    return subprocess.run(line, cwd=REPO, capture_output=True, text=True, timeout=600)


# --- who, and the numbers that are printed ---


def archived_parameters() -> dict[str, dict[str, Any]]:
    """Those made with the present spread of shapes: names from 020000 on."""
    with tarfile.open(shared("nobody/renders.tar")) as tar:
        meta = tar.extractfile("meta.jsonl")
        assert meta is not None
        rows = [json.loads(line) for line in meta.read().decode().splitlines()]
    return {row["name"]: row for row in rows if row["name"] >= "02"}


def test_parameters_are_those_of_the_archived_renders():
    archived = archived_parameters()
    for name in sorted(archived)[::11]:
        printed = json.loads(json.dumps(parameters_of(name)))
        assert printed == archived[name], name


def test_another_seed_is_another_person():
    archived = archived_parameters()
    assert parameters_of("020000_0")["identity"] != archived["020001_0"]["identity"]
    assert parameters_of("020000_1")["identity"] == archived["020000_0"]["identity"]
    assert parameters_of("020000_1")["shot"] != archived["020000_0"]["shot"]


def test_the_command_prints_parameters_without_assets_or_blender():
    done = command("unused", 100_000, 3, "--parameters", "--shots", 2)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["name"] for row in rows] == [f"{100_000 + i // 2}_{i % 2}" for i in range(6)]
    assert rows[0] == json.loads(json.dumps(parameters_of("100000_0")))
    assert not Path(REPO / "unused").exists()


@given(st.integers(0, 10**7), st.integers(0, 50))
def test_draws_stay_in_their_ranges(seed: int, number: int):
    person, shot = draw_person(seed), draw_shot(seed, number)
    assert 0 <= person.age <= 1 and 0 <= person.tone <= 1
    assert np.abs(person.shape[6:]).max() <= 2.7
    assert ((person.skin.colour > 0) & (person.skin.colour < 1)).all()
    assert person.masculine or (person.beard.kind == "none" and person.beard.shade == 0)
    assert 70 <= shot.distance <= 160 and 1 <= len(shot.lights) <= 3
    json.dumps(parameters_of(f"{seed:06d}_{number}"), allow_nan=False)


# --- looks on demand ---


def test_restrictions_hold_and_leave_people_as_they_are():
    wanted = Restrictions((0.7, 1.0), (0.2, 0.8), frozenset(["bald", "buzz"]), frozenset(["full", "goatee"]))
    found = list(matching_people(100_000, 5, wanted))
    assert len(found) == 5
    assert [person.seed for person in found] == sorted({person.seed for person in found})
    for person in found:
        assert 0.7 <= person.age <= 1.0 and 0.2 <= person.tone <= 0.8
        assert person.hair.style in ("bald", "buzz") and person.beard.kind in ("full", "goatee")
        assert parameters_of(f"{person.seed}_0")["identity"]["age"] == round(person.age, 4)
    passed_over = set(range(100_000, found[-1].seed)) - {person.seed for person in found}
    assert not any(wanted.admit(draw_person(seed)) for seed in sorted(passed_over)[:200])


def test_what_nobody_looks_like_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(casting, "SEARCHED_PER_PERSON", 300)
    bearded_woman = Restrictions(styles=frozenset(["hijab"]), beards=frozenset(["full"]))
    with pytest.raises(UsageError, match="widen the restrictions"):
        list(matching_people(100_000, 1, bearded_woman))


def test_the_command_restricts_and_refuses_unknown_looks():
    done = command("unused", 100_000, 4, "--parameters", "--age", 0.7, 1, "--hair", "afro", "buzz")
    rows = [json.loads(line)["identity"] for line in done.stdout.splitlines()]
    assert len(rows) == 4
    assert all(row["age"] >= 0.7 and row["style"] in ("afro", "buzz") for row in rows)
    assert command("unused", 100_000, 4, "--parameters", "--hair", "mohawk").returncode == 2


# --- the geometry ---


def face_places(model: HeadModel, camera: Camera, posed: np.ndarray) -> np.ndarray:
    seen = camera.project(posed[model.landmarks])
    eyes_and_mouth = [seen[head.RIGHT_EYE].mean(0), seen[head.LEFT_EYE].mean(0), *seen[[48, 54]]]
    return np.array(eyes_and_mouth)


def posed_people(model: HeadModel, count: int) -> list[tuple[Shot, np.ndarray]]:
    shots = [draw_shot(seed, 0) for seed in range(20_000, 20_000 + count)]
    people = [draw_person(20_000 + i) for i in range(count)]
    return [
        (shot, head.pose_head(model, head.shape_head(model, person, shot), shot))
        for person, shot in zip(people, shots, strict=True)
    ]


def test_the_camera_frames_faces_as_ffhq_does(model: HeadModel):
    solved, straight = [], []
    for shot, posed in posed_people(model, 60):
        camera = solve_camera(posed[model.landmarks], shot.distance)
        solved.append(face_places(model, camera, posed))
        untouched = dataclasses.replace(camera, centre=np.zeros(2), roll=0.0)
        straight.append(face_places(model, untouched, posed))
    assert np.abs(np.mean(solved, axis=0) - FFHQ_PLACES).max() < 0.01
    assert np.std(solved, axis=0)[:2].max() < 0.007  # eyes stay in place from face to face
    # The same measure fails for a camera that looks straight at the nose.
    assert np.abs(np.mean(straight, axis=0) - FFHQ_PLACES).max() > 0.05
    assert np.std(straight, axis=0)[:2].max() > 0.007


def test_the_generic_face_is_framed_symmetrically(model: HeadModel):
    camera = solve_camera(model.vertices[model.landmarks], distance=110)
    right_eye, left_eye, right_corner, left_corner = face_places(model, camera, model.vertices)
    assert np.allclose(right_eye, [1, 0] + left_eye * [-1, 1], atol=1e-3)
    assert np.allclose(right_corner, [1, 0] + left_corner * [-1, 1], atol=1e-3)


def test_turning_left_moves_the_nose_to_the_right_of_the_picture(model: HeadModel):
    nose_tip = model.vertices[model.landmarks[30]]
    assert head.turn(nose_tip, head.rotation(0.3, 0, 0))[0] > nose_tip[0] + 1
    assert head.turn(nose_tip, head.rotation(0, 0.3, 0))[1] < nose_tip[1] - 1


def test_smiling_widens_the_mouth_and_blinking_closes_the_eyes(model: HeadModel):
    person, neutral = draw_person(100_000), dataclasses.replace(draw_shot(100_000, 0), expression={})

    def landmarks(**expression: float) -> np.ndarray:
        shot = dataclasses.replace(neutral, expression=expression)
        return head.shape_head(model, person, shot)[model.landmarks]

    plain, smiling, blinking = landmarks(), landmarks(mouthSmile=0.9), landmarks(eyeBlink=0.9)
    assert np.ptp(smiling[[48, 54], 0]) > np.ptp(plain[[48, 54], 0]) + 0.3
    opening = plain[[37, 41], 1], blinking[[37, 41], 1]
    assert np.ptp(opening[1]) < 0.5 * np.ptp(opening[0])


# --- hair, skin, eyes, clothes ---


@pytest.mark.parametrize("style", STYLES)
def test_every_style_grows(model: HeadModel, style: str):
    person = someone(style)
    _, skull = skull_of(model, person, draw_shot(person.seed, 0))
    grown = hair.head_hair(model, person, skull, np.random.default_rng(person.seed + 11))
    assert bool(grown) == (style not in hair.HAIRLESS)
    for strands in grown:
        assert len(strands.points) > 500 and np.isfinite(strands.points).all() and strands.radius > 0


def test_strands_keep_their_length_and_stay_off_the_skin(model: HeadModel):
    person = someone("short_back")
    _, skull = skull_of(model, person, draw_shot(person.seed, 0))
    random = np.random.default_rng(1)
    on_top = smoothstep(8, 9, model.surface.generic[:, 1])
    roots = roots_at(model.surface, skull, choose_roots(random, on_top, 300))
    lengths = random.uniform(1, 4, len(roots))
    into_the_skull = Growth(points=10, rise=0.0, noise=0.0, comb=1.0, gravity=0.0, lift=0.3)
    grown = grow(random, roots, lengths, -roots.normals, skull, into_the_skull)
    assert np.allclose(np.linalg.norm(np.diff(grown, axis=1), axis=2).sum(1), lengths)
    _, nearest = skull.tree.query(grown[:, -1])
    height = ((grown[:, -1] - skull.vertices[nearest]) * skull.normals[nearest]).sum(1)
    assert np.median(height) > 0


@pytest.mark.parametrize("kind", ["stubble", "full", "goatee", "moustache", "chin"])
def test_every_beard_grows_below_the_nose(model: HeadModel, kind: str):
    person = someone(beard=kind)
    _, skull = skull_of(model, person, draw_shot(person.seed, 0))
    beard = facial_hair.beard(model, person, skull, np.random.default_rng(0))
    assert beard is not None and np.isfinite(beard.points).all()
    upper_limit = 3.0 if kind in ("stubble", "full") else 0.5
    assert (beard.points[:, 0, 1] < upper_limit).mean() > 0.95
    clean_shaven = facial_hair.beard(model, someone(beard="none"), skull, np.random.default_rng(0))
    assert clean_shaven is None


def test_skin_is_darker_and_more_creased_where_it_should_be(model: HeadModel):
    places = model.position_map(64)
    pale = next(matching_people(100_000, 1, Restrictions(age=(0, 0.1), tone=(0, 0.1))))
    deep = next(matching_people(100_000, 1, Restrictions(age=(0.9, 1), tone=(0.9, 1))))
    young, old = (skin.face_texture(model, person, places) for person in (pale, deep))
    for texture in (young, old):
        assert texture.colour.shape == (64 * 64, 3) and texture.height.shape == (64 * 64,)
        assert texture.colour.min() >= 0.004 and texture.colour.max() <= 0.95
    assert np.median(young.colour @ LUMINANCE) > 5 * np.median(old.colour @ LUMINANCE)
    assert old.height.std() > 1.5 * young.height.std()
    vertices = skin.vertex_colours(model, pale)
    assert vertices.shape == (head.SKIN_VERTICES, 3)
    assert vertices[head.MOUTH_SOCKET].mean() < 0.2 * vertices[:1000].mean()


def test_eyes_have_pupil_iris_and_sclera(model: HeadModel):
    person = draw_person(100_000)
    for part in head.EYEBALLS:
        ball = eyes.eyeball(model, person, model.vertices, part)
        assert ball.faces.max() == len(ball.vertices) - 1 and len(ball.colours) == len(ball.vertices)
        centre = model.vertices[part.vertices].mean(0)
        front = ball.vertices[:, 2] > eyes.CENTRE_Z
        radius = np.hypot(*(ball.vertices - centre).T[:2])
        brightness = ball.colours.sum(1)
        assert brightness[front & (radius < 0.15)].max() < 0.02
        assert brightness[front & (radius > 0.75)].min() > 1.0


def test_subdivision_keeps_the_surface(model: HeadModel):
    corners = np.array([[0.0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0], [3, 1, 0]])
    faces = np.array([[0, 1, 2, 3], [1, 4, 2, -1]])
    vertices, divided = eyes.subdivide(corners, faces)
    assert len(divided) == 8 and (divided[:, 3] >= 0).sum() == 4

    def area(points: np.ndarray, polygons: np.ndarray) -> float:
        a, b, c = (points[head.triangles(polygons)[:, i]] for i in range(3))
        return float(np.cross(b - a, c - a)[:, 2].sum() / 2)

    assert area(vertices, divided) == pytest.approx(area(corners, faces)) == pytest.approx(5.0)


def test_clothes_cover_what_they_should(model: HeadModel):
    scarf = clothes.headwear(model, someone("hijab"), model.vertices)
    assert scarf is not None and np.isfinite(scarf.vertices).all()
    eye = model.vertices[model.landmarks[head.LEFT_EYE]].mean(0)
    assert np.linalg.norm(scarf.generic - eye, axis=1).min() > 1.5
    assert scarf.generic[:, 1].max() > 13
    assert clothes.headwear(model, someone("buzz"), model.vertices) is None
    bare = dataclasses.replace(
        draw_person(1), clothes=dataclasses.replace(draw_person(1).clothes, collar="bare")
    )
    assert clothes.garment(model, bare, model.vertices) is None


def test_glasses_sit_before_the_eyes(model: HeadModel):
    rims = clothes.glasses(model, draw_person(1).glasses, model.vertices)
    assert len(rims) == 5
    eye = model.vertices[model.landmarks[head.RIGHT_EYE]].mean(0)
    rim = rims[0].points
    assert rim[:, 0].min() < eye[0] < rim[:, 0].max() and rim[:, 1].min() < eye[1] < rim[:, 1].max()
    assert rim[:, 2].min() > eye[2]


# --- fields and colours ---


@given(st.floats(-2, 2), st.floats(-2, 2))
def test_distance_to_a_square(x: float, y: float):
    square = np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]])
    outside = np.hypot(max(abs(x) - 1, 0), max(abs(y) - 1, 0))
    expected = outside if outside > 0 else max(abs(x), abs(y)) - 1
    assert polygon_distance(np.array([[x, y]]), square)[0] == pytest.approx(expected, abs=1e-6)


@given(st.floats(0, 1))
def test_srgb_there_and_back(value: float):
    assert linear_to_srgb(srgb_to_linear(np.array([value])))[0] == pytest.approx(value, abs=1e-4)


def test_smoothstep_falls_where_its_edges_are_swapped():
    assert np.allclose(smoothstep(2, 1, np.array([0, 1, 1.5, 2, 3])), [1, 1, 0.5, 0, 0])


# --- pictures and their folder ---


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


# --- assets ---


def write_obj(path: Path, vertices: np.ndarray, lines: list[str]) -> None:
    rows = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices]
    path.write_text("\n".join(["# a comment", *rows, *lines]) + "\n")


def test_assets_are_made_from_the_face_kits_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(assets, "IDENTITIES", 2)
    with np.load(shared("nobody/assets") / "ict.npz") as stored:
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
    assert np.array_equal(landmarks, np.load(shared("nobody/assets") / "lm68.npy"))
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
def test_missing_blender_is_explained(tmp_path: Path):
    done = command(tmp_path / "out", 100_000, 1, "--assets", shared("nobody/assets"))
    assert done.returncode == 5 and "pip install bpy" in done.stderr and done.stderr.count("\n") == 1
    assert not list((tmp_path / "out").glob("*.webp"))


@pytest.mark.slow
@pytest.mark.skipif(not BLENDER, reason="needs bpy (pip install bpy==5.0.1)")
def test_rendering_and_going_on(tmp_path: Path):
    folder = shared("nobody/assets")
    options = ("--assets", folder, "--resolution", 64, "--samples", 2, "--hair", "bald")
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
