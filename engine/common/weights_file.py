"""Reads, checks and writes files of weights.

Weights are downloads and not trusted. PyTorch's files are read with its weights-only reader, which executes
nothing; names, shapes and values are compared with what the network expects; every fault is raised as one
`WeightsError` that names the file.
"""

import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from engine.common.atomic_file import replacing
from engine.common.errors import InvalidWeights, WeightsError
from engine.common.file_kind import unusable_kind
from engine.common.forbidden_name import ForbiddenName

MAX_FILE_BYTES = 2 * 2**30
ZIP_START = b"PK\x03\x04"
OLD_TORCH_START = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."  # a pickled magic number
FLOATING_TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@contextmanager
def reporting_weights_errors(path: Path) -> Iterator[None]:
    """Turns every exception while `path` is read into a `WeightsError` of one line.

    A damaged file can fail in any way inside the readers, hence the broad `except`: any other exception than
    `InvalidWeights` is reported as damage.
    """
    try:
        if path.is_dir():
            raise InvalidWeights("a folder; give the file of weights inside")
        if not path.is_file():
            raise InvalidWeights("no such file; './kiosk weights list' shows what can be fetched")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InvalidWeights(
                f"larger than {MAX_FILE_BYTES / 2**30:.0f} GiB, more than any weights used here"
            )
        if kind := unusable_kind(path):
            raise InvalidWeights(kind)
        yield
    except WeightsError:
        raise
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror or type(error).__name__}") from error
    except InvalidWeights as error:
        raise WeightsError(f"{path}: {_one_line(str(error))}") from error
    except Exception as error:
        if isinstance(error, SafetensorError) and "file not fully covered" in str(error):
            raise WeightsError(f"{path}: its end is missing: it was cut short; fetch it again") from error
        reason = _one_line(str(error))[:100] or type(error).__name__
        raise WeightsError(
            f"{path}: damaged, or no file of weights ({reason}); fetch it again with './kiosk weights fetch'"
        ) from error


def _one_line(text: str) -> str:
    """`text` without control characters, at most 300: names read from a file may contain anything."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[:300]).split())


def load_torch(path: Path) -> Any:
    """The content of a file that `torch.save` wrote, in its zip or its older form; runs nothing of it.

    Raises:
        ForbiddenName: the file names something else than tensors and plain containers.
        Exception: of any kind, where the file is damaged; see `reporting_weights_errors`.
    """
    if starts_with(path, ZIP_START):
        check_stored_archive(path)
    with reporting_forbidden_names():
        return torch.load(path, map_location="cpu", weights_only=True)


def check_stored_archive(file: Path | BinaryIO) -> str:
    """The name of the pickle in a ZIP archive of PyTorch's.

    Raises `InvalidWeights` where it is an archive of something else, damaged, compressed, as PyTorch's never
    is, or holds two files of one name, of which readers take different ones.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            size = archive.fp.seek(0, 2) if archive.fp else 0
    except zipfile.BadZipFile as error:
        raise InvalidWeights("a damaged ZIP archive, or one that was cut short; fetch it again") from error
    names = [entry.filename for entry in entries]
    bases = [name.rpartition("/")[2] for name in names if name.count("/") <= 1]
    if "constants.pkl" in bases:
        raise InvalidWeights(
            "a TorchScript program, no checkpoint: take the .pkl or .pt that it was exported from"
        )
    if names and all(name.endswith(".npy") for name in names):
        raise InvalidWeights(
            f"a ZIP archive of NumPy arrays (.npz, it holds {names[0]}); make a state dict of it: "
            "torch.save({name: torch.from_numpy(array) for name, array in numpy.load(FILE).items()}, 'g.pt')"
        )
    if "data.pkl" not in bases:
        held = ", ".join(names[:2]) + (", ..." if len(names) > 2 else "")
        raise InvalidWeights(
            f"a ZIP archive without PyTorch's data.pkl (it holds {held}): unpack it and "
            "take the .pkl or .pt inside"
        )
    if bases.count("data.pkl") > 1 or len(set(names)) < len(names):
        raise InvalidWeights(
            "a ZIP archive with two files of one name; it may be malicious, nothing of it was run"
        )
    stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
    if not stored or sum(entry.file_size for entry in entries) > size:
        raise InvalidWeights("its archive unpacks to more than the file holds")
    return next(n for n in names if n.count("/") <= 1 and n.rpartition("/")[2] == "data.pkl")


def starts_with(path: Path, start: bytes) -> bool:
    """Whether the file begins with these bytes."""
    with path.open("rb") as file:
        return file.read(len(start)) == start


@contextmanager
def reporting_forbidden_names() -> Iterator[None]:
    """Turns the refusal of `torch.load(..., weights_only=True)` into a `ForbiddenName`."""
    try:
        yield
    except Exception as error:
        if found := re.search(r"GLOBAL ([\w.]+\w)", str(error)):
            raise ForbiddenName(found[1]) from error
        raise


def check_state(state: Mapping[str, Any], expected: Mapping[str, torch.Size], file_bytes: int) -> None:
    """Compares weights by name with the shapes a network expects.

    Args:
        state: what the file holds.
        expected: shape by name, complete.
        file_bytes: the size of the file, which the weights cannot exceed (a tensor may claim to repeat a
            small storage many times over).

    Raises:
        InvalidWeights: a weight is missing, unknown, of another shape, no plain floating-point tensor, or
            holds a number that is not finite.
    """
    if missing := [name for name in expected if name not in state]:
        raise InvalidWeights(f"{missing[0]} is missing" + _and_more(missing))
    if extra := [name for name in state if name not in expected]:
        raise InvalidWeights(f"{extra[0]} is not part of this network" + _and_more(extra))
    for name, tensor in state.items():
        if not is_plain_tensor(tensor):
            raise InvalidWeights(f"{name} is no plain tensor of floating-point numbers")
        if tensor.shape != expected[name]:
            raise InvalidWeights(
                f"{name} has the shape {list(tensor.shape)}, expected {list(expected[name])}"
            )
    if sum(tensor.numel() * tensor.element_size() for tensor in state.values()) > file_bytes:
        raise InvalidWeights("its tensors claim more numbers than the file holds")
    for name, tensor in state.items():
        if not tensor.isfinite().all():
            raise InvalidWeights(f"{name} holds numbers that are not finite")


def is_plain_tensor(value: object) -> bool:
    """Whether `value` is an ordinary dense tensor of floating-point numbers in memory."""
    return (
        type(value) in (torch.Tensor, torch.nn.Parameter)
        and isinstance(value, torch.Tensor)
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and value.dtype in FLOATING_TYPES
    )


def _and_more(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""


def save_weights(
    state: Mapping[str, torch.Tensor], path: Path, metadata: dict[str, str], dtype: torch.dtype
) -> None:
    """Writes weights as safetensors, all of the file or nothing; whole numbers keep their own type.

    Raises:
        WeightsError: the file cannot be written, or a number is not finite in `dtype` (float16: up to 65504).
    """
    tensors = {
        name: tensor.detach().to("cpu", dtype if tensor.is_floating_point() else tensor.dtype).contiguous()
        for name, tensor in state.items()
    }
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise WeightsError(f"{path}: not written, {name} has numbers that {dtype} cannot hold")
    try:
        with replacing(path) as temporary:
            save_file(tensors, temporary, metadata)
    except Exception as error:
        raise WeightsError(f"{path}: cannot be written ({error})") from error
