"""People who do not exist: random ones, and those whose places come with the embedded generator."""

import json
import tomllib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.common.errors import UsageError, WeightsError
from engine.faces.analyser import FaceAnalyser
from engine.inversion.projection import Place, draw, median_face
from engine.judges.base import Judge
from engine.judges.registry import panel
from engine.pipeline.people import CLEARLY, find_person
from engine.pipeline.people_file import load_people, render_names, save_people
from engine.pipeline.settings import PortrayalSettings
from engine.stylegan2.checkpoint import generator_sha256, load_generator
from engine.stylegan2.network import Generator, to_uint8
from hardware.camera.synthetic import Room
from installation.capture.guidance import advise
from installation.settings.configuration import Configuration, Search
from installation.settings.configuration import load as load_configuration
from installation.stage.view import Guidance
from installation.visit.parameters import CaptureParameters
from installation.workers.models import ModelBundle
from tests.conftest import REPO, FolderManifest
from tests.engine.stylegan2.test_encoder import EMBEDDED_BYTES, ENCODER, GENERATOR
from training.nobody import people as finding
from training.nobody.evaluation.diversity import share_of_strangers
from training.nobody.evaluation.embeddings import distances, embeddings
from training.nobody.evaluation.sharpness import fine_energy

PEOPLE = REPO / "weights" / "nobody-people.safetensors"
MAPS = ("b8.conv0", "b16.conv1")
# How many times as much fine energy maps give: the least of all, and the middle one.
LEAST_GAIN, MIDDLE_GAIN = 2.0, 3.5


@pytest.fixture(scope="module")
def generator() -> Generator:
    return load_generator(GENERATOR)


@pytest.fixture(scope="module")
def known(generator: Generator) -> tuple[Place, ...]:
    return load_people(PEOPLE, generator)[0]


@pytest.fixture(scope="module")
def pictures(generator: Generator, known: tuple[Place, ...]) -> np.ndarray:
    """Of each of them, uint8 (N, R, R, 3)."""
    return drawn(generator, known)


@torch.no_grad()
def drawn(generator: Generator, places: Sequence[Place]) -> np.ndarray:
    return np.concatenate([to_uint8(draw(generator, place)).numpy() for place in places])


@pytest.fixture(scope="module")
def judge() -> Judge:
    (dlib,) = panel(["dlib"])
    return dlib


def test_the_embedded_ones_belong_to_the_embedded_generator_and_fit_beside_it(generator: Generator) -> None:
    people, sha256 = load_people(PEOPLE, generator)
    assert sha256 == generator_sha256(GENERATOR)
    assert len(people) >= 15 and len(set(render_names(PEOPLE))) == len(people)
    manifest = tomllib.loads((REPO / "weights" / "manifest.toml").read_text())
    fetched = {"urls", "npm"}
    embedded = {e["name"]: e["size_bytes"] for e in manifest["weights"] if not fetched & e.keys()}
    assert "nobody-people" in embedded and sum(embedded.values()) <= EMBEDDED_BYTES
    assert load_configuration().people == "nobody-people"


def test_each_of_them_is_told_from_the_median_face_and_from_the_others(
    generator: Generator, pictures: np.ndarray, judge: Judge
) -> None:
    found = embeddings(judge, np.concatenate([drawn(generator, [median_face(generator)]), pictures]))
    assert (distances(found[1:], found[:1]) > CLEARLY * judge.threshold).all()
    assert share_of_strangers(found[1:]) > 0.8


def test_each_of_them_is_sharper_than_the_generator_draws_by_itself(
    generator: Generator, known: tuple[Place, ...], pictures: np.ndarray, judge: Judge
) -> None:
    soft = drawn(generator, [Place(person.latent) for person in known])
    gained = fine_energy(pictures) / fine_energy(soft)
    assert gained.min() > LEAST_GAIN and np.median(gained) > MIDDLE_GAIN
    found = embeddings(judge, np.concatenate([pictures, soft]))
    same = np.diag(distances(found[: len(known)], found[len(known) :]))
    assert (same < judge.threshold).all()  # detail makes nobody somebody else


def _shown(picture: np.ndarray, _: float) -> np.ndarray:
    return picture


def test_before_the_synthetic_camera_there_is_nothing_to_ask_of_them(
    pictures: np.ndarray,
) -> None:
    asked = {}
    with FaceAnalyser() as finder:
        for number, picture in enumerate(pictures):
            frame = Room(partial(_shown, picture), 1280, 720).picture_at(0.0)
            (face,) = finder.find(frame)
            asked[number] = advise(face, [], (1280, 720), CaptureParameters(), was_ready=False)
    assert {number: step for number, step in asked.items() if step is not Guidance.READY} == {}


def test_known_ones_are_found_at_once_and_over_again(
    generator: Generator, known: tuple[Place, ...], pictures: np.ndarray, judge: Judge
) -> None:
    settings = PortrayalSettings(k=2)
    seen: list[np.ndarray] = []
    for number in (1, 1 + len(known)):
        person = find_person(generator, judge, number, settings, seen.append, known)
        assert person.number == number
        assert np.array_equal(person.continuum.picture(1.0), pictures[1])
        assert person.photograph.shape == (512, 512, 3)
    assert len(seen) == 2


def test_without_known_ones_random_people_are_looked_for(generator: Generator) -> None:
    seen: list[np.ndarray] = []
    (easily,) = panel(["dlib"], thresholds={"dlib": 0.3})
    person = find_person(generator, easily, 0, PortrayalSettings(k=2), seen.append)
    assert len(seen) == person.number + 1


def somebody(generator: Generator, seed: int, layers: Sequence[str] = MAPS) -> Place:
    """A random place, and random maps of these layers; of the first one an empty map."""
    random = torch.Generator().manual_seed(seed)
    latent = torch.randn(1, generator.num_ws, generator.w_dim, generator=random)
    sides = {layer: generator.synthesis.noise_layers()[layer].noise_const.shape for layer in layers}
    maps = {f"{layer}.noise_const": torch.randn(*side, generator=random) for layer, side in sides.items()}
    for name in list(maps)[:1]:
        maps[name] = torch.zeros_like(maps[name])
    return Place(latent, maps)


@pytest.mark.parametrize("layers", [MAPS, ()], ids=["with maps", "without"])
def test_they_come_back_from_their_file(
    generator: Generator, tmp_path: Path, layers: tuple[str, ...]
) -> None:
    people, path = [somebody(generator, seed, layers) for seed in range(3)], tmp_path / "p.safetensors"
    save_people(people, path, "ab" * 32, ["a", "b", "c"])
    back, sha256 = load_people(path, generator)
    assert sha256 == "ab" * 32 and render_names(path) == ["a", "b", "c"]
    for person, own in zip(back, people, strict=True):
        torch.testing.assert_close(person.latent, own.latent, atol=2e-3, rtol=2e-3)
        assert person.offsets.keys() == own.offsets.keys()
        for name, offset in own.offsets.items():
            level = float(offset.abs().max()) / 127
            torch.testing.assert_close(person.offsets[name], offset, atol=0.6 * level, rtol=2e-3)


def test_a_file_from_before_there_were_maps_is_read(generator: Generator, tmp_path: Path) -> None:
    told = {"people": json.dumps({"generator_sha256": "ab" * 32})}
    latents = torch.randn(2, generator.num_ws, generator.w_dim).half()
    save_file({"latents": latents}, tmp_path / "p.safetensors", told)
    people, _ = load_people(tmp_path / "p.safetensors", generator)
    assert torch.equal(torch.cat([person.latent for person in people]), latents.float())
    assert not any(person.offsets for person in people) and render_names(tmp_path / "p.safetensors") == []


def test_only_maps_that_all_of_them_have_are_kept(generator: Generator, tmp_path: Path) -> None:
    whole, some = somebody(generator, 0), somebody(generator, 1, MAPS[:1])
    with pytest.raises(ValueError, match="same tensors"):
        save_people([whole, some], tmp_path / "p.safetensors", "ab" * 32)
    weights = Place(whole.latent, {"b4.conv1.weight": torch.zeros(1)})
    with pytest.raises(ValueError, match="noise maps"):
        save_people([weights], tmp_path / "p.safetensors", "ab" * 32)
    assert not list(tmp_path.iterdir())


def refused_files(generator: Generator, folder: Path) -> Iterator[tuple[str, Path]]:
    told = {"people": json.dumps({"generator_sha256": "ab" * 32})}
    mapped = {"people": json.dumps({"generator_sha256": "ab" * 32, "maps": ["b8.conv0"]})}
    whole = torch.zeros(2, generator.num_ws, generator.w_dim, dtype=torch.float16)
    with_maps = {"latents": whole, "map_peaks": torch.ones(2, 1).half(), "maps": packed(bytes(2 * 64))}
    for reason, state, metadata in (
        ("not of people", {"latents": whole}, {}),
        ("not of people", {"latents": whole}, {"people": "[]"}),
        ("is missing", {"else": whole}, told),
        ("has the shape", {"latents": whole[:, 1:].clone()}, told),
        ("has the shape", {"latents": torch.zeros([])}, told),
        ("holds nobody", {"latents": whole[:0].clone()}, told),
        ("not finite", {"latents": whole + float("nan")}, told),
        ("map_peaks is missing", {"latents": whole}, mapped),
        ("is not part", with_maps, told),
        (r"\(maps\) are missing", {name: with_maps[name] for name in ("latents", "map_peaks")}, mapped),
        ("no row of bytes", with_maps | {"maps": torch.zeros(8)}, mapped),
        ("has the shape", with_maps | {"map_peaks": torch.ones(2, 2)}, mapped),
        ("not finite", with_maps | {"map_peaks": torch.full((2, 1), torch.inf)}, mapped),
        ("damaged", with_maps | {"maps": torch.zeros(8, dtype=torch.uint8)}, mapped),
        ("maps are damaged", with_maps | {"maps": with_maps["maps"][:-2].clone()}, mapped),
        ("another length", with_maps | {"maps": packed(bytes(2 * 64 - 1))}, mapped),
        ("another length", with_maps | {"maps": packed(bytes(2 * 64 + 1))}, mapped),
        ("another length", with_maps | {"maps": packed(bytes(10**8))}, mapped),
        ("does not have", with_maps, {"people": mapped["people"].replace("b8", "b9")}),
        ("does not tell", with_maps, {"people": mapped["people"].replace('["b8.conv0"]', '"b8.conv0"')}),
        ("does not tell", with_maps, {"people": mapped["people"].replace('["b8.conv0"]', "[1, 1]")}),
        ("maps of 1", with_maps, {"people": mapped["people"].replace('["b8.conv0"]', "[1]")}),
    ):
        path = folder / f"{len(list(folder.iterdir()))}.safetensors"
        save_file(state, path, metadata)
        yield reason, path


def packed(values: bytes) -> torch.Tensor:
    return torch.frombuffer(bytearray(zlib.compress(values)), dtype=torch.uint8)


def test_what_holds_no_people_is_refused(generator: Generator, tmp_path: Path) -> None:
    for reason, path in refused_files(generator, tmp_path):
        with pytest.raises(WeightsError, match=reason):
            load_people(path, generator)
    with pytest.raises(WeightsError, match="no such file"):
        load_people(tmp_path / "missing.safetensors", generator)


def test_those_of_another_generator_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_people([Place(load_file(PEOPLE)["latents"][:1])], tmp_path / "others.safetensors", "ab" * 32)
    monkeypatch.setattr("installation.workers.models.Manifest", FolderManifest(tmp_path))
    with pytest.raises(WeightsError, match=r"another generator.*people = " ""):
        ModelBundle(Configuration(people="others", search=Search(threads=torch.get_num_threads())))


def test_in_contrast_begins_anywhere_and_goes_on_with_the_farthest() -> None:
    row = np.array([[0.0], [1.0], [10.0], [6.0]])
    assert list(finding.in_contrast(row, 1)) == [1, 2, 3, 0]


def test_rendered_people_are_found_in_the_generator(
    renders: Path,
    generator: Generator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(finding, "CLEARLY", 0.8)
    monkeypatch.setattr(finding, "SETTINGS", replace(finding.SETTINGS, steps=12, tuning_steps=8))
    path, sheet = tmp_path / "p.safetensors", tmp_path / "p.png"
    words = [str(GENERATOR), str(renders), str(ENCODER), "--threads", "1"]
    assert finding.main([*words, "--count", "2", "--export", str(path), "--sheet", str(sheet)]) == 0
    people, sha256 = load_people(path, generator)
    assert len(people) == 2 and sha256 == generator_sha256(GENERATOR)
    assert not torch.equal(people[0].latent, people[1].latent) and sheet.is_file()
    soft = drawn(generator, [Place(person.latent) for person in people])
    assert (fine_energy(drawn(generator, people)) > 1.2 * fine_energy(soft)).all()
    names = render_names(path)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == [*names, "median"]

    monkeypatch.setattr(finding, "search_latent", None)  # whom a file names is not searched again
    turned, again = names[::-1], tmp_path / "again.safetensors"
    words = [*words, "--begin", str(path), "--export", str(again), "--names"]
    assert finding.main([*words, *turned]) == 0
    assert render_names(again) == turned
    for new, old in zip(load_people(again, generator)[0], people[::-1], strict=True):
        assert torch.equal(new.latent, old.latent) and new.offsets.keys() == old.offsets.keys()
    assert finding.main([*words, "of nobody"]) == UsageError.exit_code
    assert "no of nobody" in capsys.readouterr().err


def test_too_few_of_them_are_said_in_a_line(
    renders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(finding, "CLEARLY", 9.0)
    path = tmp_path / "p.safetensors"
    assert finding.main([str(GENERATOR), str(renders), str(ENCODER), "--export", str(path)]) == 1
    assert "far enough" in capsys.readouterr().err and not path.exists()
