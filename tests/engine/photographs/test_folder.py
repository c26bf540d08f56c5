"""Folders as people bring them: hidden and broken files, links in circles, names that are no text."""

import os
import tempfile
from pathlib import Path

import pytest
from PIL import Image

from engine.common.errors import UsageError
from engine.photographs.folder import picture_files
from engine.photographs.photograph import readable_photographs


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(path, "PNG")
    return path


def test_pictures_are_listed_by_name_without_hidden_ones(tmp_path: Path) -> None:
    wanted = [put(tmp_path / name) for name in ("a.HEIC", "b.jpg", "b.png", "c.gif")]
    for other in ("._a.jpg", ".a.jpg", "a.txt", ".Trashes/a.jpg", "__MACOSX/a.jpg", "sub/a.jpg", "Thumbs.db"):
        put(tmp_path / other)
    assert picture_files(tmp_path) == wanted
    assert picture_files(tmp_path, (".png",)) == [tmp_path / "b.png"]


def test_sub_folders_as_deep_as_is_asked_and_never_in_a_circle(tmp_path: Path) -> None:
    first, second, third = (put(tmp_path / name) for name in ("a.png", "b/a.png", "b/c/a.png"))
    put(tmp_path / ".Spotlight-V100" / "a.png")
    (tmp_path / "b" / "up").symlink_to(tmp_path)
    (tmp_path / "round").symlink_to("round")
    assert picture_files(tmp_path, depth=0) == [first]
    assert picture_files(tmp_path, depth=1) == [first, second]
    assert picture_files(tmp_path, depth=9) == [first, second, third]


def test_what_leads_nowhere_is_named(tmp_path: Path) -> None:
    """A link to a folder that is named as a picture, and links in a circle."""
    first = put(tmp_path / "anna" / "a.png")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "anna" / "b.jpg").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "c.jpg").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "round").symlink_to("round")
    lines: list[str] = []
    assert picture_files(tmp_path, depth=1, report=lines.append) == [first]
    assert sorted(Path(line.split(" ")[2]).name for line in lines) == ["b.jpg", "c.jpg", "round"]
    assert all(line.isprintable() for line in lines)
    lines.clear()
    assert picture_files(tmp_path, report=lines.append) == [] and len(lines) == 1


def test_a_sub_folder_that_may_not_be_read_is_passed_over() -> None:
    with tempfile.TemporaryDirectory() as name:  # which, unlike tmp_path, another user can enter
        folder = Path(name)
        folder.chmod(0o755)
        first = put(folder / "a.png")
        closed = put(folder / "b" / "a.png").parent
        closed.chmod(0)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)  # root may read everything
        try:
            lines: list[str] = []
            assert picture_files(folder, depth=1, report=lines.append) == [first]
            assert len(lines) == 1 and f"{closed} cannot be read (Permission denied)" in lines[0]
            with pytest.raises(UsageError, match="cannot be read"):
                picture_files(closed)
        finally:
            os.seteuid(user)
            closed.chmod(0o755)


@pytest.mark.parametrize("name", ["nowhere", "a.txt", "nul\0", "x" * 1000])
def test_what_is_no_folder_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.txt").touch()
    with pytest.raises(UsageError, match="cannot be read") as refused:
        picture_files(tmp_path / name)
    assert str(refused.value).isprintable()


def test_what_cannot_be_read_is_reported_and_passed_over(tmp_path: Path) -> None:
    good = [put(tmp_path / "a.png"), put(tmp_path / "z.png")]
    gone = put(tmp_path / "b.png")
    os.mkfifo(tmp_path / "c.png")
    (tmp_path / "d.png").write_bytes(good[0].read_bytes()[:40])
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png")).touch()
    paths = picture_files(tmp_path)
    gone.unlink()  # after it was listed
    lines: list[str] = []
    assert [path for path, _ in readable_photographs(paths, lines.append)] == good
    assert len(lines) == 4 and all(line.isprintable() for line in lines)


def test_all_suffixes_of_jpeg_and_files_that_have_lost_theirs(tmp_path: Path) -> None:
    wanted = []
    for name in ("a.jfif", "b.JPE", "c.jif", "d.pjpeg", "e", "photo 12.05.2024"):
        Image.new("RGB", (8, 8)).save(tmp_path / name, "JPEG")
        wanted.append(tmp_path / name)
    (tmp_path / "README").write_text("no picture")
    os.mkfifo(tmp_path / "waits_for_ever")
    Image.new("RGB", (8, 8)).save(tmp_path / "f.bak", "JPEG")
    assert picture_files(tmp_path) == wanted
    assert picture_files(tmp_path, (".png",)) == []
