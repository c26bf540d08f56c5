"""Files that `torch.save` wrote, read as data: nothing is imported, nothing is called.

PyTorch's own weights-only reader takes plain state dicts only. Here the pickle inside is read with
`pickles.read_pickle`, so that a whole module or training arguments beside the tensors do no harm, and numbers
are read from the file only when `tensor` is asked for one of its tensors.

Two forms exist: since PyTorch 1.6 an uncompressed ZIP archive with one pickle and one entry for each
storage; before, several pickles one after the other and the storages behind them.
"""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from engine.common.errors import InvalidWeights
from engine.common.weights_file import (
    OLD_TORCH_START,
    ZIP_START,
    check_stored_archive,
    reporting_forbidden_names,
    starts_with,
)
from engine.stylegan2.pickles import (
    PARAMETER,
    PARAMETER_WITH_STATE,
    STORAGE,
    TENSOR,
    Name,
    Record,
    read_pickle,
)

DTYPES = {
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64,
}
MAX_STORAGES = 100_000


@dataclass(frozen=True, slots=True)
class Stored:
    """The numbers of one storage, still in the file. `read` returns their bytes, little-endian."""

    kind: str
    read: Callable[[], bytes]


def read_torch(path: Path) -> Any:
    """What a file of `torch.save` holds, as `read_pickle` returns it, with a `Stored` for each storage.

    Raises:
        ForbiddenName, InvalidWeights: as `read_pickle` does; or the file is a ZIP archive of something else.
        Exception: of any kind, where the file is damaged; see `reporting_weights_errors`.
    """
    return _read_archive(path) if starts_with(path, ZIP_START) else _read_old(path)


def is_tensor(value: Any) -> bool:
    """Whether a value of a pickle stands for a tensor or a parameter."""
    return isinstance(value, Record) and value.name in (TENSOR, PARAMETER, PARAMETER_WITH_STATE)


def tensor(value: Any) -> torch.Tensor:
    """The tensor or parameter that a value of a pickle stands for.

    Raises `InvalidWeights` where it is none, or not one of floating-point numbers.
    """
    if isinstance(value, Record) and value.name in (PARAMETER, PARAMETER_WITH_STATE):
        value = value.arguments[0]
    if not isinstance(value, Record) or value.name != TENSOR:
        raise InvalidWeights("damaged: something else stands where a tensor should")
    stored, offset, size, stride = value.arguments[:4]
    flat = _numbers(stored)
    # as_strided refuses what lies outside the storage; set_ with a size would enlarge the storage.
    return flat.as_strided(size, stride, offset)


def _numbers(stored: Any) -> torch.Tensor:
    """All numbers of a storage, one-dimensional."""
    if isinstance(stored, Stored):
        if stored.kind not in DTYPES:
            raise InvalidWeights(f"no plain tensor of floating-point numbers but a {stored.kind}")
        return torch.frombuffer(bytearray(stored.read()), dtype=DTYPES[stored.kind])
    if not isinstance(stored, Record) or stored.name != STORAGE:
        raise InvalidWeights("damaged: something else stands where a storage should")
    (content,) = stored.arguments
    if not content.startswith(OLD_TORCH_START):
        raise InvalidWeights("a tensor in it is not stored the way PyTorch does")
    with reporting_forbidden_names():
        storage = torch.load(BytesIO(content), map_location="cpu", weights_only=True)
    return torch.empty(0, dtype=storage.dtype).set_(storage)


def _read_archive(path: Path) -> Any:
    check_stored_archive(path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        pickles = [name for name in names if name.count("/") <= 1 and name.endswith("data.pkl")]
        if any(name.endswith("constants.pkl") for name in names):
            raise InvalidWeights(
                "a TorchScript program, no checkpoint: take the .pkl or .pt that it was exported from"
            )
        if not pickles:
            raise InvalidWeights(
                f"a ZIP archive without PyTorch's data.pkl (it holds {_few(names)}): unpack it and "
                "take the .pkl or .pt inside"
            )
        folder = pickles[0].removesuffix("data.pkl")
        order = f"{folder}byteorder"
        if order in names and archive.read(order).strip() != b"little":
            raise InvalidWeights("it was written by a big-endian machine; write it again on a common one")

        def persistent(identity: Any) -> Stored:
            kind, key = _identity(identity)
            return Stored(kind, lambda: _entry(path, f"{folder}data/{key}"))

        return read_pickle(BytesIO(archive.read(pickles[0])), persistent)


def _entry(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def _read_old(path: Path) -> Any:
    """Pickles of a magic number, the format's version, the machine's sizes, the content and the storages'
    keys; then for each key the count of its numbers (8 bytes) and the numbers."""
    places: dict[str, tuple[str, int, int]] = {}  # kind, first byte, count of bytes
    kinds: dict[str, str] = {}

    def persistent(identity: Any) -> Any:
        if identity[0] == "module" and type(identity[1]) is Name:  # a class, and its source text
            return identity[1]
        kind, key = _identity(identity)
        kinds[key] = kind
        return Stored(kind, lambda: _part(path, *places[key][1:]))

    with path.open("rb") as file:
        for _ in range(2):
            read_pickle(file)
        machine = read_pickle(file)
        if not machine.get("little_endian", True):
            raise InvalidWeights("it was written by a big-endian machine; write it again on a common one")
        content = read_pickle(file, persistent)
        keys = read_pickle(file)
        if len(keys) > MAX_STORAGES:
            raise InvalidWeights(f"it has more than {MAX_STORAGES} storages")
        for key in keys:
            count = int.from_bytes(file.read(8), "little")
            size = count * NUMBER_BYTES.get(kinds[key], 8)
            places[key] = kinds[key], file.tell(), size
            if file.tell() + size > path.stat().st_size:
                raise InvalidWeights("its end is missing: it was cut short on the way; fetch it again")
            file.seek(size, 1)
    return content


NUMBER_BYTES = {
    **{kind: dtype.itemsize for kind, dtype in DTYPES.items()},
    **{"LongStorage": 8, "IntStorage": 4, "ShortStorage": 2, "CharStorage": 1, "ByteStorage": 1},
    **{"BoolStorage": 1, "ComplexFloatStorage": 8, "ComplexDoubleStorage": 16},
}


def _part(path: Path, start: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(size)


def _identity(identity: Any) -> tuple[str, str]:
    """The kind and the key of a storage: ('storage', kind, key, device, count, ...)."""
    mark, kind, key = identity[:3]
    if mark != "storage" or type(kind) is not Name or type(key) is not str:
        raise TypeError
    if len(identity) > 5 and identity[5] is not None:
        raise InvalidWeights("a storage in it is part of another, as PyTorch wrote it before 0.4")
    return kind.dotted.rpartition(".")[2], key


def _few(names: list[str]) -> str:
    return ", ".join(names[:2]) + (", ..." if len(names) > 2 else "")
