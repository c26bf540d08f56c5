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
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from engine.common.errors import InvalidWeights
from engine.common.forbidden_name import ForbiddenName
from engine.common.weights_file import (
    OLD_TORCH_START,
    ZIP_START,
    check_stored_archive,
)
from engine.stylegan2.known_names import PARAMETER, PARAMETER_WITH_STATE, TENSOR, TENSOR_OF_NEW_TYPE
from engine.stylegan2.pickled_values import Name, Record
from engine.stylegan2.pickles import Budget, read_pickle

DTYPES = {
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64,
}
MAX_STORAGES = 100_000
ARRAYS = ("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct")


MAX_DIMENSIONS = 8
MAX_DEPTH = 4  # of a file of torch.save inside a pickle inside a file


@dataclass
class Stored:
    """The numbers of one storage, still in the file. `read` returns their bytes, little-endian."""

    kind: str
    read: Callable[[], bytes]

    @cached_property
    def numbers(self) -> torch.Tensor:
        """All of them, one-dimensional, read once for all tensors that share the storage."""
        if self.kind not in DTYPES:
            raise InvalidWeights(f"no plain tensor of floating-point numbers but a {self.kind}")
        return torch.frombuffer(bytearray(self.read()), dtype=DTYPES[self.kind])


def read_checkpoint_file(path: Path) -> Any:
    """What a file of `torch.save` or a plain pickle holds, as `read_pickle` returns it, with a `Stored` for
    each storage.

    Raises:
        ForbiddenName, InvalidWeights: as `read_pickle` does; or the file is a ZIP archive of something else.
        Exception: of any kind, where the file is damaged; see `reporting_weights_errors`.
    """
    with path.open("rb") as file:
        return _Reader(Budget(), 0).read(file, lambda: path.open("rb"))


def is_tensor(value: Any) -> bool:
    """Whether a value of a pickle stands for a tensor, a parameter or a NumPy array."""
    kinds = (TENSOR, TENSOR_OF_NEW_TYPE, PARAMETER, PARAMETER_WITH_STATE, *ARRAYS)
    return isinstance(value, Record) and value.name in kinds


def tensor(value: Any) -> torch.Tensor:
    """The tensor, parameter or NumPy array that a value of a pickle stands for; may share memory with others.

    Raises `InvalidWeights` where it is none, or not one of floating-point numbers.
    """
    if isinstance(value, Record) and value.name in (PARAMETER, PARAMETER_WITH_STATE):
        value = value.arguments[0]
    if isinstance(value, Record) and value.name in ARRAYS:
        return _array(value)
    if isinstance(value, Record) and value.name == TENSOR_OF_NEW_TYPE:
        raise InvalidWeights("no tensor of floating-point numbers of 16, 32 or 64 bits")
    if not isinstance(value, Record) or value.name != TENSOR:
        raise InvalidWeights("damaged: something else stands where a tensor should")
    stored, offset, size, stride = value.arguments[:4]
    if isinstance(stored, Record):
        raise InvalidWeights("a tensor in it is not stored the way PyTorch does")
    if not isinstance(stored, Stored):
        raise InvalidWeights("damaged: something else stands where a storage should")
    if len(size) > MAX_DIMENSIONS:
        raise InvalidWeights(f"a tensor in it has {len(size)} dimensions")
    # as_strided refuses what lies outside the storage; set_ with a size would enlarge the storage.
    return stored.numbers.as_strided(size, stride, offset)


def _array(value: Record) -> torch.Tensor:
    """A NumPy array of floating-point numbers, by the state that it pickles with: (version, shape, dtype,
    Fortran order, bytes)."""
    try:
        _, shape, kind, is_fortran, content = value.state
        code = kind.arguments[0]
        is_plain = code in ("f2", "f4", "f8") and kind.state[1] in ("<", "=") and is_fortran in (False, 0)
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise InvalidWeights("damaged: something else stands where an array should") from error
    if not is_plain or type(content) is not bytes:
        raise InvalidWeights("no plain array of floating-point numbers")
    numbers = np.frombuffer(content, np.dtype(f"<{code}")).reshape(shape)
    return torch.from_numpy(numbers.copy())


class _Reader:
    """Reads a file, and the files inside its pickles; all of them together may cost one `budget`.

    `again` opens the same file anew, when numbers are asked for.
    """

    def __init__(self, budget: Budget, depth: int) -> None:
        self.budget, self.depth = budget, depth
        self.inner: dict[int, tuple[Record, Any]] = {}

    def read(self, file: BinaryIO, again: Callable[[], BinaryIO]) -> Any:
        start = file.read(len(OLD_TORCH_START))
        file.seek(0)
        if start.startswith(ZIP_START):
            return self.archive(file, again)
        if start == OLD_TORCH_START:
            return self.old(file, again)
        return read_pickle(file, None, self.storage, self.budget)

    def storage(self, record: Record) -> Any:
        """What a file of `torch.save` inside a pickle holds; the record itself where it is none.

        It is read even if nothing uses it, because PyTorch would run it.
        """
        if len(record.arguments) != 1 or not isinstance(record.arguments[0], bytes):
            return record
        (content,) = record.arguments
        if id(content) not in self.inner:
            if self.depth == MAX_DEPTH:
                raise InvalidWeights(f"more than {MAX_DEPTH} files inside one another")
            try:
                reader = _Reader(self.budget, self.depth + 1)
                found = reader.read(BytesIO(content), lambda: BytesIO(content))
            except ForbiddenName:
                raise
            except Exception:  # damaged, which matters only if a tensor is in it
                found = None
            self.inner[id(content)] = record, found  # the record keeps the content, and so its id
        found = self.inner[id(content)][1]
        return found if isinstance(found, Stored) else record

    def archive(self, file: BinaryIO, again: Callable[[], BinaryIO]) -> Any:
        name = check_stored_archive(file)
        folder = name.removesuffix("data.pkl")
        stored: dict[tuple[str, str], Stored] = {}

        def persistent(identity: Any) -> Stored:
            kind, key = _identity(identity)
            entry = f"{folder}data/{key}"
            return stored.setdefault((kind, key), Stored(kind, lambda: _entry(again(), entry)))

        with zipfile.ZipFile(file) as archive:
            order = f"{folder}byteorder"
            if order in archive.namelist() and archive.read(order).strip() != b"little":
                raise InvalidWeights(BIG_ENDIAN)
            return read_pickle(BytesIO(archive.read(name)), persistent, self.storage, self.budget)

    def old(self, file: BinaryIO, again: Callable[[], BinaryIO]) -> Any:
        """Pickles of a magic number, the format's version, the machine's sizes, the content and the storages'
        keys; then for each key the count of its numbers (8 bytes) and the numbers."""
        places: dict[str, tuple[int, int]] = {}  # first byte, count of bytes
        stored: dict[str, Stored] = {}

        def persistent(identity: Any) -> Any:
            if identity[0] == "module" and type(identity[1]) is Name:  # a class, and its source text
                return identity[1]
            kind, key = _identity(identity)
            return stored.setdefault(key, Stored(kind, lambda: _part(again(), *places[key])))

        def next_pickle(persistent: Callable[[Any], Any] | None = None) -> Any:
            return read_pickle(file, persistent, self.storage, self.budget)

        next_pickle(), next_pickle()
        if not next_pickle().get("little_endian", True):
            raise InvalidWeights(BIG_ENDIAN)
        content, keys = next_pickle(persistent), next_pickle()
        if len(keys) > MAX_STORAGES:
            raise InvalidWeights(f"it has more than {MAX_STORAGES} storages")
        place = file.tell()
        end = file.seek(0, 2)
        for key in keys:
            file.seek(place)
            size = int.from_bytes(file.read(8), "little") * NUMBER_BYTES.get(stored[key].kind, 8)
            places[key] = place + 8, size
            place += 8 + size
            if place > end:
                raise InvalidWeights("its end is missing: it was cut short on the way; fetch it again")
        return content


BIG_ENDIAN = "it was written by a big-endian machine; write it again on a common one"
NUMBER_BYTES = {
    **{kind: dtype.itemsize for kind, dtype in DTYPES.items()},
    **{"LongStorage": 8, "IntStorage": 4, "ShortStorage": 2, "CharStorage": 1, "ByteStorage": 1},
    **{"UntypedStorage": 1, "BoolStorage": 1, "ComplexFloatStorage": 8, "ComplexDoubleStorage": 16},
}


def _entry(stream: BinaryIO, name: str) -> bytes:
    with stream, zipfile.ZipFile(stream) as archive:
        return archive.read(name)


def _part(stream: BinaryIO, start: int, size: int) -> bytes:
    with stream:
        stream.seek(start)
        return stream.read(size)


def _identity(identity: Any) -> tuple[str, str]:
    """The kind and the key of a storage: ('storage', kind, key, device, count, ...)."""
    mark, kind, key = identity[:3]
    if mark != "storage" or type(kind) is not Name or type(key) is not str:
        raise TypeError
    if len(identity) > 5 and identity[5] is not None:
        raise InvalidWeights("a storage in it is part of another, as PyTorch wrote it before 0.4")
    return kind.dotted.rpartition(".")[2], key
