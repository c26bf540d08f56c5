"""Sets of renders and of people with hidden and broken files among them."""

import logging
import os
import shutil
import tarfile
from pathlib import Path

import pytest

from engine.common.errors import UsageError
from tests.conftest import DATA
from tests.support.renders import RENDERS
from training.nobody.dataset import load_cutouts, read_parameters
from training.nobody.rank import load_people


@pytest.fixture
def renders(tmp_path: Path) -> Path:
    """Three renders and their parameters, and what a Mac and a bad copy add to them."""
    folder = tmp_path / "renders"
    folder.mkdir()
    with tarfile.open(RENDERS) as tar:
        names = [name for name in tar.getnames() if name.endswith(".webp")][:3]
        for name in (*names, "meta.jsonl"):
            content = tar.extractfile(name)
            assert content is not None
            (folder / Path(name).name).write_bytes(content.read())
            (folder / f"._{Path(name).name}").write_bytes(bytes(4096))
    (folder / "broken.webp").write_bytes((folder / Path(names[0]).name).read_bytes()[:200])
    return folder


@pytest.mark.parametrize("packed", [False, True])
def test_hidden_and_broken_renders_are_passed_over(
    renders: Path, packed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    source = renders
    if packed:
        source = renders.with_suffix(".tar")
        with tarfile.open(source, "w") as tar:
            for path in sorted(renders.iterdir()):
                tar.add(path, path.name)
    else:
        os.mkfifo(renders / "fifo.webp")
    names, cutouts = load_cutouts(source, 64)
    assert len(names) == len(cutouts) == 3 and not any(name.startswith(".") for name in names)
    assert len(caplog.records) == (1 if packed else 2)
    assert set(names) <= set(read_parameters(source))


def test_a_tar_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(RENDERS.read_bytes()[:40_000])
    with pytest.raises(UsageError, match=r"a\.tar"):
        load_cutouts(tmp_path / "a.tar", 64)


def test_hidden_and_broken_people_are_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("000200_0.webp", "000200_1.webp", "000201_0.webp"):
        shutil.copy(DATA / "people" / name, tmp_path)
        (tmp_path / f"._{name}").write_bytes(bytes(4096))
    (tmp_path / "000201_1.webp").write_bytes((tmp_path / "000201_0.webp").read_bytes()[:200])
    with caplog.at_level(logging.WARNING):
        assert [len(person) for person in load_people(tmp_path, 32)] == [2, 1]
    assert [record.getMessage().count("000201_1") for record in caplog.records] == [1]
    with pytest.raises(UsageError, match="no people"):
        load_people(tmp_path.parent, 32)
