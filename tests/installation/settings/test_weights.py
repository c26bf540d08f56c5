"""Weights: a real web server on this machine, a manifest of small files, and what can go wrong."""

import io
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.common.errors import UsageError, WeightsError
from engine.faces.detectors import DETECTORS, DetectorChoice
from installation.settings import download
from installation.settings.configuration import Faces, load
from installation.settings.download import add, fetch
from installation.settings.manifest import MANIFEST, Manifest, detector_choice
from tests.support.weights_kit import CONTENT, Server, entry, sha256, write_manifest


def files(manifest: Manifest) -> list[str]:
    folder = manifest.downloads
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_fetch_puts_the_verified_file_in_place(manifest: Manifest, server: Server) -> None:
    path = fetch(manifest, "network", accept_licence=True)
    assert path.read_bytes() == CONTENT
    assert files(manifest) == ["network.pkl"]
    assert manifest.locate("network") == path
    fetch(manifest, "network")
    assert len(server.requested) == 1, "what is here already is not downloaded again"


def test_nothing_is_downloaded_before_the_licence_is_accepted(manifest: Manifest, server: Server) -> None:
    with pytest.raises(UsageError, match="--accept-licence"):
        fetch(manifest, "network")
    assert server.requested == []
    assert not manifest.downloads.exists()


def test_a_download_that_broke_off_goes_on_where_it_stopped(manifest: Manifest, server: Server) -> None:
    server.break_after = 300_000
    with pytest.raises(WeightsError, match="MB are kept"):
        fetch(manifest, "network", accept_licence=True)
    assert files(manifest) == ["network.pkl.part"]
    kept = (manifest.downloads / "network.pkl.part").stat().st_size
    assert 0 < kept <= 300_000
    with pytest.raises(WeightsError, match="fetch network"):
        manifest.locate("network")

    server.break_after = None
    assert fetch(manifest, "network", accept_licence=True).read_bytes() == CONTENT
    assert server.requested == [None, f"bytes={kept}-"]
    assert files(manifest) == ["network.pkl"]


def test_a_server_without_ranges_starts_over(manifest: Manifest, server: Server) -> None:
    server.ranges_known = False
    manifest.downloads.mkdir()
    (manifest.downloads / "network.pkl.part").write_bytes(CONTENT[:1000])
    assert fetch(manifest, "network", accept_licence=True).read_bytes() == CONTENT


def test_what_is_here_survives_somebody_elses_answer(tmp_path: Path, server: Server) -> None:
    """And the next address goes on from it."""
    server.files["mirror.pkl"] = CONTENT
    server.excuses = frozenset({"network.pkl"})
    urls = [server.url("network.pkl"), server.url("mirror.pkl")]
    manifest = write_manifest(tmp_path, entry(urls[:1]))
    manifest.downloads.mkdir()
    part = manifest.downloads / "network.pkl.part"
    part.write_bytes(CONTENT[:300_000])
    with pytest.raises(WeightsError, match=r"offers 13 bytes.* 0\.3 MB are kept"):
        fetch(manifest, "network", accept_licence=True)
    assert part.read_bytes() == CONTENT[:300_000]
    manifest = write_manifest(tmp_path, entry(urls))
    assert fetch(manifest, "network", accept_licence=True).read_bytes() == CONTENT
    assert server.requested[-1] == "bytes=300000-"


def test_who_starts_over_and_sends_nothing_leaves_nothing(manifest: Manifest, server: Server) -> None:
    server.ranges_known, server.break_after = False, 0
    manifest.downloads.mkdir()
    (manifest.downloads / "network.pkl.part").write_bytes(CONTENT[:300_000])
    with pytest.raises(WeightsError, match="broke off") as refusal:
        fetch(manifest, "network", accept_licence=True)
    assert "are kept" not in str(refusal.value)
    assert files(manifest) == []


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_a_whole_part_is_only_verified(tmp_path: Path, server: Server, size: int | None) -> None:
    server.files["network.pkl"] = CONTENT
    manifest = write_manifest(tmp_path, entry([server.url("network.pkl")], size=size))
    manifest.downloads.mkdir()
    (manifest.downloads / "network.pkl.part").write_bytes(CONTENT)
    assert fetch(manifest, "network", accept_licence=True).read_bytes() == CONTENT


def test_a_wrong_file_is_refused_and_nothing_is_left(tmp_path: Path, server: Server) -> None:
    server.files["network.pkl"] = CONTENT[:-1] + b"!"
    manifest = write_manifest(tmp_path, entry([server.url("network.pkl")]))
    with pytest.raises(WeightsError, match="not what the manifest says"):
        fetch(manifest, "network", accept_licence=True)
    assert files(manifest) == []


def test_a_wrong_size_is_refused_before_it_is_downloaded(tmp_path: Path, server: Server) -> None:
    server.files["network.pkl"] = b"<html>please log in</html>"
    manifest = write_manifest(tmp_path, entry([server.url("network.pkl")]))
    with pytest.raises(WeightsError, match="offers 26 bytes, not the 1048576"):
        fetch(manifest, "network", accept_licence=True)
    assert files(manifest) == []


def test_the_second_address_helps_out(tmp_path: Path, server: Server) -> None:
    server.files["mirror.pkl"] = CONTENT
    manifest = write_manifest(tmp_path, entry([server.url("gone.pkl"), server.url("mirror.pkl")]))
    assert fetch(manifest, "network", accept_licence=True).read_bytes() == CONTENT


def test_offline_says_what_to_put_where(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, entry(["http://127.0.0.1:1/network.pkl"]))
    with pytest.raises(WeightsError) as refusal:
        fetch(manifest, "network", accept_licence=True)
    message = str(refusal.value)
    assert "\n" not in message
    assert "http://127.0.0.1:1/network.pkl" in message
    assert "weights add" in message
    assert files(manifest) == []


def test_two_downloads_of_one_file_do_not_mix(manifest: Manifest) -> None:
    manifest.downloads.mkdir()
    with (manifest.downloads / "network.pkl.part").open("ab") as held:
        download._lock(held, Path(held.name))
        with pytest.raises(WeightsError, match="another download"):
            fetch(manifest, "network", accept_licence=True)


def test_locate_sees_a_truncated_download(manifest: Manifest) -> None:
    path = fetch(manifest, "network", accept_licence=True)
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsError, match="not the file"):
        manifest.locate("network")


def test_verify_sees_one_changed_byte(manifest: Manifest) -> None:
    path = fetch(manifest, "network", accept_licence=True)
    assert manifest.verify(manifest.entry("network")) == "ok"
    path.write_bytes(b"!" + CONTENT[1:])
    assert manifest.verify(manifest.entry("network")) == "wrong"
    path.unlink()
    assert manifest.verify(manifest.entry("network")) == "missing"


def test_embedded_weights_are_hashed_when_located(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, entry([]))
    with pytest.raises(WeightsError, match="comes with the repository"):
        manifest.locate("network")
    (tmp_path / "network.pkl").write_bytes(CONTENT)
    assert manifest.locate("network") == tmp_path / "network.pkl"
    (tmp_path / "network.pkl").write_bytes(b"!" + CONTENT[1:])
    with pytest.raises(WeightsError, match="not the file"):
        manifest.locate("network")


def test_add_knows_a_file_by_its_content(manifest: Manifest, tmp_path: Path) -> None:
    stick = tmp_path / "download (1)"
    stick.write_bytes(CONTENT)
    assert [added.name for added in add(manifest, stick)] == ["network"]
    assert manifest.locate("network").read_bytes() == CONTENT
    assert stick.exists()


@given(content=st.binary(max_size=200))
def test_add_refuses_whatever_the_manifest_does_not_know(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("weights")
    manifest = write_manifest(folder, entry([]))
    (folder / "unknown").write_bytes(content)
    with pytest.raises(UsageError, match=sha256(content)):
        add(manifest, folder / "unknown")
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.toml", "unknown"]


def test_a_web_page_in_place_of_weights_is_named(tmp_path: Path, server: Server) -> None:
    page = b"<!DOCTYPE html><html><title>Sign in to the network</title></html>".ljust(len(CONTENT))
    server.files["network.pkl"] = page
    manifest = write_manifest(tmp_path, entry([server.url("network.pkl")]))
    with pytest.raises(WeightsError, match=r"a web page.*it was removed"):
        fetch(manifest, "network", accept_licence=True)
    (tmp_path / "network.pkl").write_bytes(page)
    with pytest.raises(UsageError, match="it is a web page"):
        add(manifest, tmp_path / "network.pkl")


def test_add_refuses_what_cannot_be_read(manifest: Manifest, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        add(manifest, tmp_path / "nothing")


def test_add_refuses_what_is_no_file(manifest: Manifest, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(UsageError, match="not an ordinary file"):
            add(manifest, path)


def test_what_may_not_be_read_is_told_in_one_line(manifest: Manifest) -> None:
    path = fetch(manifest, "network", accept_licence=True)
    path.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)  # root may read everything
    try:
        for ask in (lambda: manifest.verify(manifest.entry("network")), lambda: fetch(manifest, "network")):
            with pytest.raises(WeightsError, match="cannot be read") as refusal:
                ask()
            assert "\n" not in str(refusal.value)
    finally:
        os.seteuid(user)


# --- packs ---


def pack(members: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for name, content in members.items():
            writer.writestr(name, content)
    return archive.getvalue()


def pack_manifest(folder: Path, archive: bytes, member: str, digest: str, url: str) -> Manifest:
    text = entry([url], sha256(archive), len(archive)).replace("network.pkl", "pack.zip", 1)
    return write_manifest(folder, text + f'[[weights.members]]\nfile = "{member}"\nsha256 = "{digest}"\n')


def test_of_a_pack_only_the_named_members_are_kept(tmp_path: Path, server: Server) -> None:
    archive = pack({"inner/judge.onnx": CONTENT, "other.onnx": b"not asked for", "../../escaped": b"never"})
    server.files["pack.zip"] = archive
    manifest = pack_manifest(tmp_path, archive, "judge.onnx", sha256(CONTENT), server.url("pack.zip"))
    path = fetch(manifest, "network", accept_licence=True)
    assert path == manifest.downloads / "network"
    assert files(manifest) == ["network/judge.onnx"]
    assert (manifest.locate("network") / "judge.onnx").read_bytes() == CONTENT
    (path / "judge.onnx").write_bytes(b"changed")
    assert manifest.verify(manifest.entry("network")) == "wrong"
    fetch(manifest, "network", accept_licence=True)
    assert manifest.verify(manifest.entry("network")) == "ok"


@pytest.mark.parametrize(
    ("archive", "member", "digest"),
    [
        (pack({"judge.onnx": CONTENT}), "judge.onnx", sha256(b"another")),
        (pack({"judge.onnx": CONTENT}), "lacking.onnx", sha256(CONTENT)),
        (b"no zip at all", "judge.onnx", sha256(CONTENT)),
    ],
    ids=["wrong member", "lacking member", "no zip"],
)
def test_a_wrong_pack_leaves_no_member(
    tmp_path: Path, server: Server, archive: bytes, member: str, digest: str
) -> None:
    server.files["pack.zip"] = archive
    manifest = pack_manifest(tmp_path, archive, member, digest, server.url("pack.zip"))
    with pytest.raises(WeightsError, match=r"pack\.zip"):
        fetch(manifest, "network", accept_licence=True)
    assert not (manifest.downloads / "network").exists()


# --- the manifest itself ---


def test_the_projects_manifest_is_complete() -> None:
    manifest = Manifest.load(MANIFEST)
    expected = {"ffhq-1024", "ffhq-512", "buffalo_l", "buffalo_s", "sface", "lpips-vgg16", "lpips-heads"}
    assert expected <= set(manifest.entries)
    for listed in manifest.entries.values():
        assert all(url.startswith("https://") for url in listed.urls)
    # Two entries may keep different files of one npm package.
    files = {listed.sha256: listed.npm or listed.name for listed in manifest.entries.values()}
    assert all(files[e.sha256] == (e.npm or e.name) for e in manifest.entries.values())


def test_every_detector_of_the_configuration_has_its_file_in_the_manifest() -> None:
    manifest = Manifest.load(MANIFEST)
    assert {Faces(detector=name).detector for name in DETECTORS} == set(DETECTORS)
    with pytest.raises(ValidationError, match="choose among mediapipe, scrfd-l, scrfd-s"):
        Faces(detector="scrfd")
    with pytest.raises(UsageError, match="no face detector"):
        detector_choice("scrfd")
    for detector, listed in DETECTORS.items():
        if listed.weights is None:
            assert detector_choice(detector) == DetectorChoice(detector, None)
            continue
        pack, file = listed.weights
        assert file in {member.file for member in manifest.entry(pack).members}
        if manifest.presence(manifest.entry(pack)) == "missing":
            with pytest.raises(WeightsError, match=f"weights fetch {pack}"):
                detector_choice(detector)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            '[search]\nfinders = ["nearst"]',
            "search.finders.0: .*no finder 'nearst': choose among nearest, on-the-way",
        ),
        ('[search]\nfinders = ["nearest", "nearest"]', "search.finders: .*'nearest' is named twice"),
        ('[judging]\npanel = ["dlip"]', "judging.panel.0: .*no judge 'dlip': choose among dlib"),
        ('[judging]\npanel = ["dlib", "dlib"]', "judging.panel: .*'dlib' is named twice"),
        ("[judging.thresholds]\ndlip = 0.5", "judging.thresholds.dlip.*: .*no judge 'dlip'"),
        ('[faces]\ndetector = "scrfd"', "faces.detector: .*choose among mediapipe"),
    ],
)
def test_an_unknown_or_doubled_name_is_refused_by_file_and_entry(
    tmp_path: Path, entry: str, message: str
) -> None:
    file = tmp_path / "gallery.toml"
    file.write_text(entry)
    with pytest.raises(UsageError, match=rf"gallery\.toml: {message}"):
        load(file)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('file = "network.pkl"', 'file = "../network.pkl"', "file"),
        ('file = "network.pkl"', 'file = "/network.pkl"', "file"),
        (sha256(CONTENT), "abc", "sha256"),
        ('licence = "free"', 'licence = "none"', "licence"),
        ("purpose", "porpoise", "porpoise|purpose"),
        ("[[weights]]", "[[weights", "cannot be read"),
    ],
)
def test_a_wrong_manifest_is_refused_in_one_line(
    tmp_path: Path, before: str, after: str, message: str
) -> None:
    with pytest.raises(WeightsError, match=message) as refusal:
        write_manifest(tmp_path, entry([]).replace(before, after))
    assert "\n" not in str(refusal.value)
