"""Files that try to run something, to lie about their size, or are damaged at random."""

import io
import os
import pickle
import struct
import subprocess
import sys
import tempfile
import zipfile
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.common.errors import WeightsError
from engine.stylegan2 import pickles
from engine.stylegan2.checkpoint import (
    Architecture,
    convert,
    load_generator,
)
from tests.conftest import REPO
from tests.support.checkpoint_files import (
    as_rosinality,
    as_rosinality_module,
    old_torch,
    rosinality_modules,
    small_state,
    write_nvidia,
    zip_torch,
)

SNAPSHOT = {"g_ema": as_rosinality(small_state()), "ada_aug_p": 0.0}


class Calls:
    """Pickles as a call of any function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.arguments


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def system_kinds(command: str) -> dict[str, tuple[bytes, str]]:
    """Pickles that run a shell command when Python reads them, and the name to be refused."""
    evil = Calls(os.system, command)
    line = f"S{command!r}\n".encode()
    chain = (
        b"\x80\x04cbuiltins\ngetattr\n(cos\n__dict__\n"
        + text("get")
        + b"tR("
        + text("system")
        + b"tR("
        + text(command)
        + b"tR."
    )
    dotted = b"\x80\x04" + text("torch.serialization") + text("os.system") + b"\x93(" + text(command) + b"tR."
    return {
        "reduce, protocol 0": (pickle.dumps(evil, 0), "posix.system"),
        "reduce, protocol 2": (pickle.dumps(evil, 2), "posix.system"),
        "reduce, protocol 4": (pickle.dumps(evil, 4), "posix.system"),
        "inside networks": (pickle.dumps({"G_ema": evil}, 4), "posix.system"),
        "eval": (pickle.dumps(Calls(eval, f"__import__('os').system({command!r})")), "builtins.eval"),
        "INST": (b"(" + text(command) + b"ios\nsystem\n.", "INST of os.system"),
        "OBJ": (b"(cos\nsystem\n" + line + b"o.", "os.system"),
        "NEWOBJ": (b"\x80\x02csubprocess\nPopen\n(" + text(command) + b"t\x81.", "subprocess.Popen"),
        "NEWOBJ_EX": (
            b"\x80\x04csubprocess\nPopen\n(" + text(command) + b"t}" + text("shell") + b"\x88s\x92.",
            "subprocess.Popen",
        ),
        "getattr": (chain, r"os\.__dict__"),
        "an attribute of an allowed module": (dotted, "torch.serialization.os.system"),
        "old torch": (old_torch({"g_ema": evil}), "posix.system"),
        "zip torch": (zip_torch({"g_ema": evil}), "posix.system"),
        "old torch, eval": (old_torch(Calls(eval, f"__import__('os').system({command!r})")), "eval"),
        "in a snapshot's arguments": (zip_torch({**SNAPSHOT, "args": Namespace(ckpt=evil)}), "posix.system"),
        "beside a snapshot": (old_torch({**SNAPSHOT, "extra": evil}), "posix.system"),
        "as a class never called": (zip_torch({**SNAPSHOT, "hook": os.system}), "posix.system"),
        "in a known function": (zip_torch({**SNAPSHOT, "hook": partial(os.system, command)}), "posix.system"),
        "as a state": (
            b"\x80\x02cargparse\nNamespace\n)\x81}" + text("a") + b"cos\nsystem\n(" + text(command)
            + b"tRsb.", "os.system",
        ),
        "a call of another program's function": (
            b"\x80\x02cyaml\nunsafe_load\n(" + text(f"!!python/object/apply:os.system [{command}]") + b"tR.",
            "yaml.unsafe_load",
        ),
        "an object made with arguments": (
            b"\x80\x02csomebody.tools\nShell\n(" + text(command) + b"t\x81.", "somebody.tools.Shell",
        ),
        "numpy's own tools": (
            b"\x80\x02cnumpy.testing._private.utils\nrunstring\n(" + text(command) + b"}tR.",
            "numpy.testing._private.utils.runstring",
        ),
        "torch.hub": (b"\x80\x02ctorch.hub\nload\n(" + text(command) + b"tR.", "torch.hub.load"),
        "Python 2's commands": (b"\x80\x02ccommands\ngetoutput\n(" + text(command) + b"tR.", "commands.get"),
    }  # fmt: skip


KINDS = list(system_kinds(""))


RUNS_IN_PYTHON = [
    kind for kind in KINDS if kind.startswith(("reduce", "inside", "eval", "INST", "OBJ", "an attribute"))
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_malicious_file_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    canary = tmp_path / "canary"
    content, name = system_kinds(f"touch {canary}")[kind]
    path = tmp_path / "network.pkl"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=rf"network\.pkl: .*{name}") as refusal:
        load_generator(path)
    assert "it may be malicious, nothing of it was run" in str(refusal.value)
    assert [p.name for p in tmp_path.iterdir()] == ["network.pkl"]


@pytest.mark.parametrize("kind", RUNS_IN_PYTHON)
def test_the_malicious_files_are_malicious(tmp_path: Path, kind: str) -> None:
    canary = tmp_path / "canary"
    pickle.loads(system_kinds(f"touch {canary}")[kind][0])
    assert canary.exists()


class Stored:
    """Stands where a tensor should, and pickles as a tensor whose storage is any bytes."""

    def __init__(self, content: Any, offset: Any = 0, size: Any = (4,), stride: Any = (1,)) -> None:
        self.arguments: tuple[Any, ...] = (
            Calls(torch.storage._load_from_bytes, content),
            offset,
            size,
            stride,
            False,
            OrderedDict(),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return torch._utils._rebuild_tensor_v2, self.arguments


@pytest.mark.parametrize("form", [old_torch, zip_torch, pickle.dumps])
def test_a_malicious_storage(tmp_path: Path, form: Callable[[Any], bytes]) -> None:
    canary = tmp_path / "canary"
    content = form(Calls(os.system, f"touch {canary}"))
    path = write_nvidia(tmp_path / "network.pkl", {**small_state(), "mapping.w_avg": Stored(content)})
    with pytest.raises(WeightsError, match=r"posix\.system"):
        load_generator(path)
    assert not canary.exists()
    if form is not pickle.dumps:
        torch.load(io.BytesIO(content), weights_only=False)
        assert canary.exists(), "the bait must work where it is executed"


FOUR = old_torch(torch.zeros(4)._typed_storage())


@pytest.mark.parametrize(
    "tensor",
    [
        Stored(FOUR, size=(10**6, 10**6), stride=(0, 0)),  # four numbers said to be 10^12
        Stored(FOUR, size=(2**62, 2**62), stride=(0, 0)),
        Stored(FOUR, size=(10**9,)),
        Stored(FOUR, offset=10**9),
        Stored(FOUR, offset=-1),
        Stored(FOUR, size=(-4,)),
        Stored(FOUR, size="four"),
        Stored(FOUR[:-3]),
        Stored(b""),
        Stored(None),
        Stored([1]),
        Stored(old_torch([1])),
        Stored(old_torch(None)),
        Stored(FOUR.replace(b"K\x04", b"J\xff\xff\xff\x7f")),  # a storage said to be 2^31 numbers
        Stored(FOUR.replace(b"FloatStorage", b"ComplexFloatStorage")),
        Calls(torch._utils._rebuild_tensor_v2),
        Calls(torch._utils._rebuild_parameter, 3),
        Calls(np.dtype, "f4"),
    ],
)
def test_a_tensor_that_lies(tmp_path: Path, tensor: Any) -> None:
    path = write_nvidia(tmp_path / "network.pkl", {**small_state(), "mapping.w_avg": tensor})
    with pytest.raises(WeightsError, match=r"network\.pkl"):
        load_generator(path)


def test_small_storages_cannot_claim_a_large_network(tmp_path: Path) -> None:
    shapes = Architecture(512, 512, 256, 32768, 512, 8).shapes()
    expanded = {
        name: Stored(FOUR, size=tuple(shape), stride=(0,) * len(shape)) for name, shape in shapes.items()
    }
    path = write_nvidia(tmp_path / "network.pkl", expanded)
    with pytest.raises(WeightsError, match="claim more numbers than the file holds"):
        load_generator(path)


PUZZLES = {
    # A tuple in a tuple in a tuple as a key: its hash would end Python, or never end.
    "deep key": b"\x80\x04})" + b"\x85" * 250_000 + b"Ns.",
    "wide key": b"\x80\x04})" + b"q\x00h\x00\x86" * 200 + b"Ns.",
    "large memo": b"\x80\x04Nr\xff\xff\xff\xff.",
    "bytes that are not there": b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b".",
    "long number": b"\x80\x04\x8b\xff\xff\xff\x7f.",
    "persistent id": b"\x80\x04N\x51.",
    "extension": b"\x80\x04\x82\x01.",
    "build on a name": b"\x80\x04ccollections\nOrderedDict\n}" + text("__init__") + b"NsbN.",
    "build on a dict": b"\x80\x04}}b.",
    "call of a text": b"\x80\x04" + text("system") + b")R.",
    "call without a tuple": b"\x80\x04ccollections\nOrderedDict\n]R.",
    "name made of numbers": b"\x80\x04K\x01K\x02\x93.",
    "empty stack": b"\x80\x04.",
    "mark taken for an object": b"\x80\x04((\x86.",
    "no end": b"\x80\x04}}}",
    "recursive": b"\x80\x04}\x94" + text("G_ema") + b"h\x00s.",
    "recursive list": b"\x80\x04]\x94h\x00a.",
}


@pytest.mark.parametrize("puzzle", PUZZLES)
def test_puzzles(tmp_path: Path, puzzle: str) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(PUZZLES[puzzle])
    with pytest.raises(WeightsError, match=r"network\.pkl"):
        load_generator(path)


def test_modules_in_a_circle(tmp_path: Path) -> None:
    fields = text("_parameters") + b"}" + text("_buffers") + b"}" + text("_modules") + b"h\x00"
    module = (
        b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n}"
        + text("state")
        + b"}("
        + fields
        + b"us\x85Rq\x01"
    )
    path = tmp_path / "network.pkl"
    path.write_bytes(b"\x80\x04}q\x00" + text("again") + module + b"s0}" + text("G_ema") + b"h\x01s.")
    with pytest.raises(WeightsError, match="more than 1000 parts"):
        load_generator(path)


def test_endless_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickles, "MAX_INSTRUCTIONS", 1000)
    path = tmp_path / "network.pkl"
    path.write_bytes(b"\x80\x04" + b"}" * 1001 + b".")
    with pytest.raises(WeightsError, match="more than 1000 instructions"):
        load_generator(path)


def test_zip_bomb(tmp_path: Path) -> None:
    path = tmp_path / "network.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 10_000_000)
    with pytest.raises(WeightsError, match="unpacks to more"):
        load_generator(path)


def test_reading_imports_nothing(tmp_path: Path) -> None:
    """In a process of its own, where none of the modules a checkpoint names can be found."""
    path = write_nvidia(tmp_path / "network.pkl", small_state(), "import this")
    program = (
        "import sys, pathlib; from engine.stylegan2.checkpoint import load_generator;"
        f"before = set(sys.modules); load_generator(pathlib.Path({str(path)!r}));"
        "assert not (set(sys.modules) - before) & {'this', 'dnnlib', 'torch_utils', 'training'}"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=REPO)


def valid_files() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        pkl = write_nvidia(Path(folder) / "network.pkl", small_state())
        files = {"pkl": pkl.read_bytes(), "safetensors": convert(pkl).read_bytes()}
    content = {"g_ema": as_rosinality(small_state()), "latent_avg": small_state()["mapping.w_avg"]}
    snapshot = {**content, "args": Namespace(lr=0.002, ckpt=None)}
    with rosinality_modules():
        module = zip_torch({"g_ema": as_rosinality_module(as_rosinality(small_state())), **content})
    files |= {"pt": zip_torch(content), "old.pt": old_torch(content), "module.pt": module}
    return files | {"snapshot.pt": zip_torch(snapshot), "old.snapshot.pt": old_torch(snapshot)}


VALID = valid_files()


@pytest.mark.parametrize("kind", VALID)
def test_the_files_to_be_damaged_are_valid(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"network.{kind}"
    path.write_bytes(VALID[kind])
    assert torch.equal(load_generator(path).mapping.w_avg, small_state()["mapping.w_avg"])


@pytest.mark.parametrize("kind", VALID)
@given(data=st.data())
@settings(max_examples=100)
def test_damaged_files_end_in_one_kind_of_error(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    content = bytearray(VALID[kind])
    places = st.one_of(
        st.integers(0, 400),
        st.integers(0, len(content) - 1),
        st.integers(len(content) - 400, len(content) - 1),
    )
    for _ in range(data.draw(st.integers(1, 4))):
        place = min(data.draw(places), len(content))
        match data.draw(st.sampled_from(["replace", "insert", "delete", "cut"])):
            case "replace":
                content[place : place + 1] = data.draw(st.binary(min_size=1, max_size=1))
            case "insert":
                content[place:place] = data.draw(st.binary(max_size=8))
            case "delete":
                del content[place : place + data.draw(st.integers(1, 8))]
            case "cut":
                del content[place:]
    folder = tmp_path_factory.mktemp("damaged")
    path = folder / "network.bin"
    path.write_bytes(content)
    try:
        load_generator(path)
    except WeightsError as error:
        assert str(path) in str(error)
        assert str(error).isprintable()
        assert [p.name for p in folder.iterdir()] == ["network.bin"]
