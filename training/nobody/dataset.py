"""Reads rendered people from disk: cut-outs, their parameters, and which of them are held out of training.

A set of renders is a tar or a folder of WebP files with `meta.jsonl`, as `training.nobody.render` writes it.
**Convention:** cut-outs are uint8 (N, 4, R, R), RGB premultiplied by alpha.
"""

import io
import json
import logging
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from engine.common.errors import UsageError
from engine.photographs.folder import is_hidden, picture_files

log = logging.getLogger(__name__)

HELD_OUT_ONE_IN = 20
META_FILE = "meta.jsonl"
WHERE_TO_GET = "make them with `python -m training.nobody.render OUT 200000 1000 --assets DIR`"

Array = NDArray[Any]


def load_cutouts(renders: Path, resolution: int) -> tuple[list[str], torch.Tensor]:
    """Reads every WebP of a tar or a folder of renders.

    Hidden files are passed over; those that cannot be read as well, each with a line in the log.

    Returns:
        Names without suffix, sorted; and uint8 (N, 4, R, R), premultiplied, shrunk by area averaging.

    Raises:
        UsageError: there is no such tar or folder, or no picture in it.
    """

    def decode(file: tuple[str, bytes]) -> tuple[str, Array] | None:
        name, stored = file
        try:
            rgba = Image.open(io.BytesIO(stored), formats=("WEBP",)).convert("RGBA").convert("RGBa")
        except Exception as error:  # on damaged bytes decoders raise anything
            log.warning("passed over: %s of %s is damaged (%s)", name, renders, error)
            return None
        small = rgba.resize((resolution, resolution), Image.Resampling.BOX)
        return name, np.asarray(small).transpose(2, 0, 1)

    with ThreadPoolExecutor() as pool:
        pictures = dict(filter(None, pool.map(decode, _webp_files(renders))))
    if not pictures:
        raise UsageError(f"{renders}: holds no renders (*.webp) that can be read; {WHERE_TO_GET}")
    names = sorted(pictures)
    return names, torch.from_numpy(np.stack([pictures[name] for name in names]))


def _webp_files(renders: Path) -> Iterator[tuple[str, bytes]]:
    if renders.is_dir():
        for path in picture_files(renders, (".webp",), report=log.warning):
            try:
                if not path.is_file():
                    raise OSError("no ordinary file")
                stored = path.read_bytes()
            except OSError as error:
                log.warning("passed over: %s cannot be read (%s)", path, error)
            else:
                yield path.stem, stored
        return
    with _opened_tar(renders) as tar:
        for member in _members(tar, renders):
            if member.isfile() and member.name.endswith(".webp") and not is_hidden(Path(member.name).name):
                content = tar.extractfile(member)
                assert content is not None
                yield Path(member.name).stem, content.read()


def held_out(names: Sequence[str]) -> Array:
    """Which renders are never trained on, bool (N,): told by the name alone, whoever else there is.

    All pictures of a person are held out, or none: the name of the person's first one decides.
    """
    firsts = [f"{name.partition('_')[0]}_0" for name in names]
    return np.array([zlib.crc32(first.encode()) % HELD_OUT_ONE_IN == 0 for first in firsts], bool)


def load_divided_cutouts(renders: Path, resolution: int, at_least: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut-outs to train on, and those held out, uint8 (N, 4, R, R) each.

    Raises:
        UsageError: there are fewer than `at_least`, or none of either kind.
    """
    names, cutouts = load_cutouts(renders, resolution)
    kept_back = torch.from_numpy(held_out(names))
    if len(names) < at_least or kept_back.all() or not kept_back.any():
        raise UsageError(f"{renders}: {len(names)} renders are too few. Give a thousand or more.")
    return cutouts[~kept_back], cutouts[kept_back]


def read_parameters(renders: Path) -> dict[str, dict[str, Any]]:
    """`meta.jsonl` of a tar or a folder of renders: name -> {"identity": {...}, "shot": {...}}.

    Raises:
        UsageError: it is missing.
    """
    if renders.is_dir():
        meta = renders / META_FILE
        lines = meta.read_text() if meta.is_file() else None
    else:
        with _opened_tar(renders) as tar:
            members = _members(tar, renders)
            member = next((m for m in members if Path(m.name).name == META_FILE), None)
            stored = tar.extractfile(member) if member else None
            lines = stored.read().decode() if stored else None
    if lines is None:
        raise UsageError(f"{renders}: holds no {META_FILE}; {WHERE_TO_GET}")
    rows = [json.loads(line) for line in lines.splitlines()]
    return {row["name"]: row for row in rows}


def _members(tar: tarfile.TarFile, renders: Path) -> Iterator[tarfile.TarInfo]:
    """Raises UsageError where the tar is cut short."""
    try:
        yield from tar
    except (OSError, EOFError, tarfile.TarError) as error:
        raise UsageError(f"{renders}: is cut short ({error}): copy it again") from None


def _opened_tar(renders: Path) -> tarfile.TarFile:
    """Raises UsageError where it cannot be opened."""
    try:
        return tarfile.open(renders)
    except FileNotFoundError:
        raise UsageError(f"{renders}: no such tar or folder of renders; {WHERE_TO_GET}") from None
    except (OSError, tarfile.TarError) as error:
        raise UsageError(f"{renders}: is no readable tar of renders ({error}); {WHERE_TO_GET}") from None
