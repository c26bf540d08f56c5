"""The files of numbers: what `weights/manifest.toml` lists, where it lies, how it gets there.

Nothing is ever under its final name before its sha256 is what the manifest says: a download grows as
`FILE.part`, is hashed as it lies on the disk, and only then renamed.
"""

import argparse
import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Literal
from urllib.parse import urlsplit

import requests
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tqdm import tqdm

from engine.common.errors import UsageError, WeightsError
from engine.judges.files import files_of
from installation.settings.configuration import Configuration

MANIFEST = Path(__file__).resolve().parents[2] / "weights" / "manifest.toml"

CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 60
CHUNK_BYTES = 1 << 16  # At most this much is lost where a transfer breaks off.

# What the search minimises -> the weights it is computed with.
PERCEPTUAL = {"pyramid": (), "features": ("nobody-encoder",), "lpips": ("lpips-vgg16", "lpips-heads")}

State = Literal["ok", "missing", "wrong"]

# A plain name: nothing in a manifest or a zip may point outside its folder.
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Checked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Licence(_Checked):
    """A licence, with one sentence on what it allows."""

    name: str
    summary: str
    url: str


class File(_Checked):
    """A file and how to recognise it; `size_bytes` is None where nobody publishes it."""

    file: FileName
    sha256: Sha256
    size_bytes: int | None = None


class Entry(File):
    """One entry of the manifest; `licence` is a key of the manifest's licences."""

    name: FileName
    urls: tuple[str, ...] = ()
    licence: str
    purpose: str
    members: tuple[File, ...] = ()

    @property
    def embedded(self) -> bool:
        """Whether the file comes with the repository."""
        return not self.urls


class _Document(_Checked):
    licences: dict[str, Licence]
    weights: tuple[Entry, ...]


class Manifest:
    """The manifest and the folder it lies in."""

    def __init__(self, document: _Document, folder: Path) -> None:
        self.folder = folder
        self.downloads = folder / "downloads"
        self.licences = document.licences
        self.entries = {entry.name: entry for entry in document.weights}

    @classmethod
    def load(cls, path: Path = MANIFEST) -> "Manifest":
        """Read a manifest. Raises WeightsError where it is missing or not a manifest."""
        try:
            document = _Document.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise WeightsError(f"{path}: cannot be read: {error}") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise WeightsError(f"{path}: {where}: {first['msg']}") from error
        unknown = [entry.name for entry in document.weights if entry.licence not in document.licences]
        if unknown:
            raise WeightsError(f"{path}: {unknown[0]}: its licence is not among [licences]")
        return cls(document, path.parent)

    def entry(self, name: str) -> Entry:
        """The entry of that name. Raises UsageError where there is none."""
        if name not in self.entries:
            raise UsageError(f"no weights are called {name!r}; there are: {', '.join(self.entries)}")
        return self.entries[name]

    def path(self, entry: Entry) -> Path:
        """Where an entry lies once it is there: a file, or the folder of a pack's members."""
        if entry.embedded:
            return self.folder / entry.file
        return self.downloads / (entry.name if entry.members else entry.file)

    def parts(self, entry: Entry) -> list[tuple[Path, File]]:
        """Each file of an entry and what it must be: the file itself, or a pack's members."""
        path = self.path(entry)
        return [(path / member.file, member) for member in entry.members] or [(path, entry)]

    def locate(self, name: str) -> Path:
        """The path of these weights, ready to be opened; the folder of the members for a pack.

        Embedded files, which are small, are hashed; of downloads, hashed when they came, only presence and
        size are looked at. Raises WeightsError, saying what to do, where something is not right.
        """
        entry = self.entry(name)
        if entry.embedded:
            state = self.verify(entry)
        else:
            state = _worst(_size_state(path, file) for path, file in self.parts(entry))
        if state == "missing":
            raise WeightsError(self._how_to_get(entry))
        if state == "wrong":
            raise WeightsError(
                f"{self.path(entry)}: not the file that the manifest describes; remove it. "
                + self._how_to_get(entry)
            )
        return self.path(entry)

    def verify(self, entry: Entry) -> State:
        """Hash what lies there: `ok`, `missing`, or `wrong` where any part differs."""
        return _worst(_hash_state(path, file) for path, file in self.parts(entry))

    def fetch(self, name: str, accept_licence: bool = False) -> Path:
        """Download these weights, verify them and put them in place; nothing to do where they are right.

        A download that was cut off goes on where it stopped. Raises UsageError where the licence is not
        accepted, WeightsError where no address answers or what came is not what the manifest says.
        """
        entry = self.entry(name)
        path = self.path(entry)
        if self.verify(entry) == "ok":
            return path
        if entry.embedded:
            raise WeightsError(self._how_to_get(entry))
        if not accept_licence:
            raise UsageError(f"{name}: read its licence, then add --accept-licence")
        try:
            self.downloads.mkdir(exist_ok=True)
            part = self.downloads / f"{entry.file}.part"
            with part.open("ab") as out:
                _lock(out, part)
                self._download(entry, out)
                self._install(part, entry)
        except OSError as error:
            raise WeightsError(f"{name}: cannot be stored: {error}") from error
        return path

    def add(self, file: Path) -> Entry:
        """Take in a file from anywhere, known by its sha256 whatever its name; returns its entry.

        Raises UsageError where the file cannot be read or the manifest does not know it.
        """
        try:
            if file.exists() and not file.is_file():
                raise UsageError(f"{file}: is not an ordinary file: give the one that was downloaded")
            digest = _sha256(file)
        except OSError as error:
            raise UsageError(f"{file}: cannot be read: {error.strerror}") from error
        known = [entry for entry in self.entries.values() if entry.sha256 == digest]
        if not known:
            raise UsageError(f"{file}: the manifest knows no file with its sha256, {digest}; is it whole?")
        entry = known[0]
        try:
            target = self.folder if entry.embedded else self.downloads
            target.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target, prefix=".adding-") as scratch:
                copy = Path(scratch) / entry.file
                shutil.copyfile(file, copy)
                self._install(copy, entry)
        except OSError as error:
            raise WeightsError(f"{entry.name}: cannot be stored: {error}") from error
        return entry

    def _download(self, entry: Entry, out: BinaryIO) -> None:
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
            f"{entry.name}: not downloaded: {'; '.join(problems)}. {kept}{self._how_to_get(entry)}"
        )

    def _install(self, file: Path, entry: Entry) -> None:
        """Verify `file`, which lies on the weights' own disk, and move it to its place; wrong ones go."""
        if _hash_state(file, entry) != "ok":
            file.unlink()
            raise WeightsError(f"{entry.name}: {entry.file} is not what the manifest says; it was removed")
        if entry.members:
            self._unpack(file, entry)
            file.unlink()
        else:
            os.replace(file, self.path(entry))

    def _unpack(self, archive: Path, entry: Entry) -> None:
        target = self.path(entry)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unpacking-") as scratch:
            folder = Path(scratch) / entry.name
            folder.mkdir()
            try:
                with zipfile.ZipFile(archive) as pack:
                    inside = {Path(info.filename).name: info for info in pack.infolist()}
                    for member in entry.members:
                        # Bytes are copied to a name of ours; no path inside the zip is ever followed.
                        with pack.open(inside[member.file]) as source:
                            (folder / member.file).write_bytes(source.read())
            except (KeyError, zipfile.BadZipFile) as error:
                raise WeightsError(f"{entry.file}: lacks a member or is no zip: {error}") from error
            for member in entry.members:
                if _hash_state(folder / member.file, member) != "ok":
                    raise WeightsError(f"{entry.file}: {member.file} in it is not what the manifest says")
            if target.exists():
                shutil.rmtree(target)
            os.replace(folder, target)

    def _how_to_get(self, entry: Entry) -> str:
        if entry.embedded:
            return f"{entry.name} comes with the repository: `git checkout -- {self.path(entry)}`"
        return (
            f"Get {entry.name} with `./kiosk weights fetch {entry.name}`; without a network, download "
            f"{entry.urls[0]} elsewhere, bring the file here, and `./kiosk weights add {entry.file}`"
        )


def _worst(states: Iterable[State]) -> State:
    found = set(states)
    return "missing" if "missing" in found else "wrong" if "wrong" in found else "ok"


def _size_state(path: Path, file: File) -> State:
    with _readable(path):
        if not path.is_file():
            return "missing"
        return "ok" if file.size_bytes in (None, path.stat().st_size) else "wrong"


def _hash_state(path: Path, file: File) -> State:
    state = _size_state(path, file)
    with _readable(path):
        if state == "ok" and _sha256(path) != file.sha256:
            return "wrong"
    return state


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Raises WeightsError where `path` may not be looked at, or the disk fails."""
    try:
        yield
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}): change its permissions") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _lock(out: BinaryIO, part: Path) -> None:
    """Keep a second download out of the same file for as long as `out` is open."""
    try:
        fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise WeightsError(f"{part}: another download is writing it; wait for it to end") from error


def _download(url: str, out: BinaryIO, entry: Entry) -> str | None:
    """Append to `out` what it lacks of the file at `url`; returns None, or in a few words why it failed."""
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
            if kept < here:  # Only now: what is here is not given up for somebody's page of excuses.
                out.seek(kept)  # Or tell() still says where the end was.
                out.truncate()
            # disable=None: no bar where nobody watches a terminal.
            with tqdm(
                desc=entry.file, total=total, initial=kept, unit="B", unit_scale=True, disable=None
            ) as bar:
                for chunk in answer.iter_content(CHUNK_BYTES):
                    out.write(chunk)
                    bar.update(len(chunk))
            out.flush()
            os.fsync(out.fileno())
    except requests.RequestException as error:
        return _reason(error)
    return None


def _reason(error: requests.RequestException) -> str:
    match error:
        case requests.HTTPError(response=requests.Response() as answer):
            return f"answers {answer.status_code} {answer.reason}"
        case requests.Timeout():
            return "does not answer in time"
        case requests.ConnectionError() | requests.exceptions.ChunkedEncodingError():
            return "cannot be reached, or broke off"
        case _:
            return f"failed ({type(error).__name__})"


def needed_weights(configuration: Configuration) -> list[str]:
    """The manifest's names of what this configuration works with. Raises UsageError for unknown judges."""
    files_of(configuration.judging.thresholds)  # for its error alone
    names = (
        *(configuration.generator, configuration.encoder, configuration.people),
        *PERCEPTUAL[configuration.perceptual],
        *(weights for weights, _ in files_of(configuration.judging.panel).values()),
    )
    return list(dict.fromkeys(name for name in names if name))


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `./kiosk weights`."""
    parser.set_defaults(manifest=MANIFEST)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="all weights, their licences, and which are here")
    fetch = actions.add_parser("fetch", help="download weights, verified and in one piece")
    fetch.add_argument("names", nargs="+", metavar="NAME")
    fetch.add_argument("--accept-licence", action="store_true", help="you have read it and accept it")
    actions.add_parser("verify", help="hash every file that is here")
    add = actions.add_parser("add", help="take in a file that came another way")
    add.add_argument("file", type=Path, metavar="FILE")


def run(arguments: argparse.Namespace) -> int:
    """`./kiosk weights`; returns the exit code."""
    manifest = Manifest.load(arguments.manifest)
    match arguments.action:
        case "list":
            _list(manifest)
        case "fetch":
            for entry in [manifest.entry(name) for name in arguments.names]:
                if manifest.verify(entry) != "ok":
                    accepted = arguments.accept_licence or _ask(manifest, entry)
                    manifest.fetch(entry.name, accepted)
                print(manifest.path(entry))
        case "verify":
            return _verify(manifest)
        case "add":
            entry = manifest.add(arguments.file)
            licence = manifest.licences[entry.licence]
            print(f"{entry.name}: added. {licence.name}: {licence.summary}")
    return 0


def _list(manifest: Manifest) -> None:
    for entry in manifest.entries.values():
        state = _worst(_size_state(path, file) for path, file in manifest.parts(entry))
        place = {"ok": "embedded" if entry.embedded else "here", "missing": "not here", "wrong": "wrong size"}
        licence = manifest.licences[entry.licence]
        print(f"{entry.name:<16}{place[state]:<12}{_size(entry):>8}  {entry.purpose}")
        print(f"{'':<38}{licence.name}: {licence.summary}")


def _verify(manifest: Manifest) -> int:
    """Print the state of every entry; a download that is not here is nothing wrong."""
    wrong = False
    for entry in manifest.entries.values():
        state = manifest.verify(entry)
        wrong = wrong or state == "wrong" or (state == "missing" and entry.embedded)
        print(f"{entry.name:<16}{state:<9}{manifest.path(entry)}")
    return WeightsError.exit_code if wrong else 0


def _ask(manifest: Manifest, entry: Entry) -> bool:
    """Show the licence and ask; without a terminal nobody accepts."""
    licence = manifest.licences[entry.licence]
    print(f"{entry.name} ({entry.purpose}, {_size(entry)})\n{licence.name}: {licence.summary}\n{licence.url}")
    if sys.stdin is None or not sys.stdin.isatty():
        return False
    try:
        return input("Type yes to accept this licence: ").strip().lower() == "yes"
    except EOFError:  # Ctrl-D
        return False


def _size(entry: Entry) -> str:
    if entry.size_bytes is None:
        return "?"
    return (
        f"{entry.size_bytes / 1e6:.0f} MB" if entry.size_bytes > 1e6 else f"{entry.size_bytes / 1e3:.0f} kB"
    )
