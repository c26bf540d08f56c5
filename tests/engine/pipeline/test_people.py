"""People who do not exist: random ones, and those whose places come with the embedded generator."""

import json
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.common.errors import WeightsError
from engine.faces.analyser import FaceAnalyser
from engine.inversion.projection import SearchSettings, median_face
from engine.judges.base import Judge
from engine.judges.registry import panel
from engine.pipeline.people import CLEARLY, find_person, load_people, save_people
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

PEOPLE = REPO / "weights" / "nobody-people.safetensors"


@pytest.fixture(scope="module")
def generator() -> Generator:
    return load_generator(GENERATOR)


@pytest.fixture(scope="module")
def known(generator: Generator) -> torch.Tensor:
    return load_people(PEOPLE, generator)[0]


@pytest.fixture(scope="module")
def judge() -> Judge:
    (dlib,) = panel(["dlib"])
    return dlib


def test_the_embedded_ones_belong_to_the_embedded_generator_and_fit_beside_it(generator: Generator) -> None:
    latents, sha256 = load_people(PEOPLE, generator)
    assert sha256 == generator_sha256(GENERATOR)
    assert len(latents) >= 15
    manifest = tomllib.loads((REPO / "weights" / "manifest.toml").read_text())
    fetched = {"urls", "npm"}
    embedded = {e["name"]: e["size_bytes"] for e in manifest["weights"] if not fetched & e.keys()}
    assert "nobody-people" in embedded and sum(embedded.values()) <= EMBEDDED_BYTES
    assert load_configuration().people == "nobody-people"


def test_each_of_them_is_told_from_the_median_face_and_from_the_others(
    generator: Generator, known: torch.Tensor, judge: Judge
) -> None:
    places = torch.cat([median_face(generator).latent, known])
    with torch.no_grad():
        pictures = torch.cat([to_uint8(generator.synthesis(part)) for part in places.split(8)]).numpy()
    found = embeddings(judge, pictures)
    assert (distances(found[1:], found[:1]) > CLEARLY * judge.threshold).all()
    assert share_of_strangers(found[1:]) > 0.8


def _shown(picture: np.ndarray, _: float) -> np.ndarray:
    return picture


def test_before_the_synthetic_camera_there_is_nothing_to_ask_of_them(
    generator: Generator, known: torch.Tensor
) -> None:
    asked = {}
    with torch.no_grad(), FaceAnalyser() as finder:
        for number, place in enumerate(known):
            picture = to_uint8(generator.synthesis(place[None]))[0].numpy()
            frame = Room(partial(_shown, picture), 1280, 720).picture_at(0.0)
            (face,) = finder.find(frame)
            asked[number] = advise(face, [], (1280, 720), CaptureParameters(), was_ready=False)
    assert {number: step for number, step in asked.items() if step is not Guidance.READY} == {}


def test_known_ones_are_found_at_once_and_over_again(
    generator: Generator, known: torch.Tensor, judge: Judge
) -> None:
    settings = PortrayalSettings(k=2)
    seen: list[np.ndarray] = []
    for number in (1, 1 + len(known)):
        person = find_person(generator, judge, number, settings, seen.append, known)
        assert person.number == number
        with torch.no_grad():
            own = to_uint8(generator.synthesis(known[1:2]))[0].numpy()
        assert np.array_equal(person.continuum.picture(1.0), own)
        assert person.photograph.shape == (512, 512, 3)
    assert len(seen) == 2


def test_without_known_ones_random_people_are_looked_for(generator: Generator) -> None:
    seen: list[np.ndarray] = []
    (easily,) = panel(["dlib"], thresholds={"dlib": 0.3})
    person = find_person(generator, easily, 0, PortrayalSettings(k=2), seen.append)
    assert len(seen) == person.number + 1


def test_they_come_back_from_their_file(generator: Generator, tmp_path: Path) -> None:
    latents = torch.randn(3, generator.num_ws, generator.w_dim)
    save_people(latents, tmp_path / "p.safetensors", "ab" * 32)
    back, sha256 = load_people(tmp_path / "p.safetensors", generator)
    assert sha256 == "ab" * 32
    torch.testing.assert_close(back, latents, atol=2e-3, rtol=2e-3)


def refused_files(generator: Generator, folder: Path) -> Iterator[tuple[str, Path]]:
    told = {"people": json.dumps({"generator_sha256": "ab" * 32})}
    whole = torch.zeros(2, generator.num_ws, generator.w_dim, dtype=torch.float16)
    for reason, state, metadata in (
        ("not of people", {"latents": whole}, {}),
        ("not of people", {"latents": whole}, {"people": "[]"}),
        ("is missing", {"else": whole}, told),
        ("has the shape", {"latents": whole[:, 1:].clone()}, told),
        ("has the shape", {"latents": torch.zeros([])}, told),
        ("holds nobody", {"latents": whole[:0].clone()}, told),
        ("not finite", {"latents": whole + float("nan")}, told),
    ):
        path = folder / f"{len(list(folder.iterdir()))}.safetensors"
        save_file(state, path, metadata)
        yield reason, path


def test_what_holds_no_people_is_refused(generator: Generator, tmp_path: Path) -> None:
    for reason, path in refused_files(generator, tmp_path):
        with pytest.raises(WeightsError, match=reason):
            load_people(path, generator)
    with pytest.raises(WeightsError, match="no such file"):
        load_people(tmp_path / "missing.safetensors", generator)


def test_those_of_another_generator_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_people(load_file(PEOPLE)["latents"], tmp_path / "others.safetensors", "ab" * 32)
    monkeypatch.setattr("installation.workers.models.Manifest", FolderManifest(tmp_path))
    with pytest.raises(WeightsError, match=r"another generator.*people = " ""):
        ModelBundle(Configuration(people="others", search=Search(threads=torch.get_num_threads())))


def test_in_contrast_begins_anywhere_and_goes_on_with_the_farthest() -> None:
    row = np.array([[0.0], [1.0], [10.0], [6.0]])
    assert list(finding.in_contrast(row, 1)) == [1, 2, 3, 0]


def test_rendered_people_are_found_in_the_generator(
    renders: Path, generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "CLEARLY", 0.8)
    monkeypatch.setattr(finding, "SearchSettings", lambda steps, **words: SearchSettings(steps=12, **words))
    path, sheet = tmp_path / "p.safetensors", tmp_path / "p.png"
    words = [str(GENERATOR), str(renders), str(ENCODER), "--count", "2", "--threads", "1"]
    assert finding.main([*words, "--export", str(path), "--sheet", str(sheet)]) == 0
    latents, sha256 = load_people(path, generator)
    assert len(latents) == 2 and sha256 == generator_sha256(GENERATOR)
    assert not torch.equal(latents[0], latents[1]) and sheet.is_file()


def test_too_few_of_them_are_said_in_a_line(
    renders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(finding, "CLEARLY", 9.0)
    path = tmp_path / "p.safetensors"
    assert finding.main([str(GENERATOR), str(renders), str(ENCODER), "--export", str(path)]) == 1
    assert "far enough" in capsys.readouterr().err and not path.exists()
