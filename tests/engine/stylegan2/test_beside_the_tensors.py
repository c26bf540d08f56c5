"""What training programs leave beside the tensors is data, whatever of Python, NumPy or PyTorch it is."""

import array
import collections
import datetime
import enum
import fractions
import functools
import http
import io
import ipaddress
import itertools
import logging
import math
import operator
import pathlib
import pickle
import platform
import random
import re
import sys
import time
import typing
import zoneinfo
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from engine.stylegan2.checkpoint import load_generator
from engine.stylegan2.torch_files import read_checkpoint_file
from tests.support.checkpoint_files import as_rosinality, old_torch, small_state, zip_torch


class Mode(enum.Enum):
    LATENT = "latent"


class Level(enum.IntEnum):
    ONE = 1


Sizes = collections.namedtuple("Sizes", "width height names")

BESIDE: dict[str, Any] = {
    "defaultdict": [collections.defaultdict(kind) for kind in (float, int, list, dict, str)],
    "numbers": [1j, 10**50, float("nan"), True],
    "classes": [float, complex, bytes, torch.nn.Linear, type(None)],
    "singletons": [..., NotImplemented, None],
    "generator": torch.Generator(),
    "new types": [torch.zeros(3).to(torch.float8_e4m3fn), torch.zeros(3, dtype=torch.uint16)],
    "other tensors": [torch.zeros(2, dtype=torch.int64), torch.zeros(2).bool(), torch.eye(2).to_sparse()],
    "nested tensor": torch.nested.nested_tensor([torch.zeros(2)]),
    "random numbers": [np.random.RandomState(1), np.random.default_rng(1), random.Random(1)],
    "bit generators": [np.random.PCG64(1), np.random.MT19937(1), np.random.SeedSequence(1)],
    "arrays": [np.arange(4.0), np.float32(1), np.array(["a"]), array.array("f", [1.0])],
    "typing": [typing.Any, list[int]],
    "optional": typing.Optional[int],  # noqa: UP045 (pickles as another call)
    "paths": [Path("a"), pathlib.PureWindowsPath("a")],
    "enum": [Mode.LATENT, Level.ONE],
    "namedtuple": [Sizes(1, 2.5, ("face", "hair")), Sizes(torch.zeros(2), None, {"a": 1})],
    "logger": logging.getLogger("training"),
    "standard library": [fractions.Fraction(1, 2), re.compile("a"), operator.itemgetter(1)],
    "streams": [io.BytesIO(b"a"), io.StringIO("a")],
    "containers": [collections.ChainMap({}), collections.Counter("a"), collections.deque([1], 3), {1}],
    "times": [datetime.datetime.now(datetime.UTC), datetime.timedelta(1)],
    "errors": [ValueError("a"), KeyError(1)],
    "functions": [torch.nn.functional.relu, functools.partial(torch.nn.functional.relu, inplace=True)],
    "namespace": SimpleNamespace(a=1),
    "texts": Sizes("a face, 3 of 4", "two words", ()),
    "masked arrays": np.ma.array([1.0, 2.0], mask=[True, False]),
    "times of the day": [datetime.datetime(2026, 1, 1, tzinfo=zoneinfo.ZoneInfo("UTC")), time.gmtime(0)],
    "itertools": [itertools.count(3), itertools.repeat(1, 2)],
    "machine": [platform.uname(), http.HTTPStatus.OK, ipaddress.ip_network("10.0.0.0/8")],
    "log": logging.LogRecord("a", 20, "train.py", 1, "two words", None, None),
    "union": int | None,
    "functions of Python": [len, max, print, sorted, math.sqrt, operator.add],
    "ranges": [range(3), slice(1), frozenset([1])],
}
FORMS: dict[str, Callable[[Any], bytes]] = {
    "zip": zip_torch,
    "old": old_torch,
    **{f"protocol {i}": functools.partial(pickle.dumps, protocol=i) for i in (2, 4, 5)},
}


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The module of the program that writes the checkpoint, which exists while it does."""
    module = ModuleType("somebody_options")
    for value in (Mode, Level, Sizes):
        monkeypatch.setattr(value, "__module__", module.__name__)
        setattr(module, value.__name__, value)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    yield


@pytest.mark.usefixtures("options")
@pytest.mark.parametrize("kind", BESIDE)
def test_what_stands_beside_the_tensors_is_data(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "network.pt"
    for form, dumps in FORMS.items():
        path.write_bytes(dumps({"extra": BESIDE[kind], "epoch": 3}))
        assert read_checkpoint_file(path)["epoch"] == 3, form


@pytest.mark.usefixtures("options")
def test_a_generator_beside_everything(tmp_path: Path) -> None:
    path = tmp_path / "network.pt"
    path.write_bytes(zip_torch({"g_ema": as_rosinality(small_state()), **BESIDE}))
    assert load_generator(path).resolution == 8


def test_a_path_of_python_3_13(tmp_path: Path) -> None:
    content = pickle.dumps({"g_ema": as_rosinality(small_state()), "extra": Path("a")}, 2)
    path = tmp_path / "network.pkl"
    path.write_bytes(content.replace(b"cpathlib\n", b"cpathlib._local\n"))
    assert load_generator(path).resolution == 8
