"""Pickles that try to take all memory or time, or to hide what they call."""

import io
import os
import pickle
import resource
import struct
import time
import zipfile
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.common.errors import WeightsError
from engine.stylegan2 import pickles
from engine.stylegan2.checkpoint import load_generator
from engine.stylegan2.pickles import read_pickle
from tests.support.checkpoint_files import (
    Making,
    as_rosinality,
    old_torch,
    small_state,
    write_nvidia,
    zip_torch,
)

SNAPSHOT: dict[str, Any] = {"g_ema": as_rosinality(small_state())}


class Calls:
    """Pickles as a call of any function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.arguments


EVIL = Calls(os.system, "touch canary")


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def refusal(tmp_path: Path, content: bytes, name: str = "network.pkl") -> str:
    """How the file is refused: within 5 s of computing, and without a gigabyte more of memory."""
    path = tmp_path / name
    path.write_bytes(content)
    started, memory = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(WeightsError) as refused:
        load_generator(path)
    assert time.process_time() - started < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 2**20  # KiB
    assert [p.name for p in tmp_path.iterdir()] == [name]
    return str(refused.value)


def doubling(function: bytes, arguments: bytes, times: int) -> bytes:
    """A call whose result is again its argument, many times over."""
    start = b"\x80\x02" + function + b"q\x00](K\x01K\x02K\x03K\x04eq\x01"
    return start + (b"h\x00" + arguments + b"Rq\x01") * times + b"."


@pytest.mark.parametrize("arguments", [b"h\x01h\x01\x86", b"h\x01h\x01\x86\x85"])
@pytest.mark.parametrize("function", ["builtins\nlist", "builtins\nset", "__builtin__\nfrozenset"])
def test_calls_do_not_double_a_list(tmp_path: Path, function: str, arguments: bytes) -> None:
    refusal(tmp_path, doubling(f"c{function}\n".encode(), arguments, 24))


def test_copies_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickles, "MAX_COPIED", 10_000, raising=False)
    lists = b"\x80\x02cbuiltins\nlist\nq\x00](" + b"K\x01" * 1000 + b"eq\x010(" + b"h\x00h\x01\x85R" * 20
    texts = b"\x80\x02c_codecs\nencode\nq\x00" + text("a" * 1000) + b"q\x010(" + b"h\x00h\x01\x85R" * 20
    for content in (lists, texts):
        assert "unpacks to far more" in refusal(tmp_path, content + b"l.")


def branching(levels: int) -> bytes:
    """A tuple of two tuples of two tuples, and so on, that takes a few bytes for each level."""
    again = b"j\x00\x00\x00\x70" * 2 + b"\x86r\x00\x00\x00\x700"
    return b"K\x01r\x00\x00\x00\x700" + again * levels + b"j\x00\x00\x00\x70"


def with_branching(content: bytes) -> bytes:
    assert text("PLACEHOLDER") in content
    return content.replace(text("PLACEHOLDER"), branching(60))


@pytest.mark.parametrize("name", ["activation", "conv_clamp", "resample_filter", "use_noise", "padding"])
def test_a_branching_setting_is_shown_in_a_few_words(tmp_path: Path, name: str) -> None:
    path = tmp_path / "made.pkl"
    making = Making(changes={"synthesis.b8.conv1": {name: "PLACEHOLDER"}})
    content = write_nvidia(path, small_state(), protocol=2, making=making).read_bytes()
    path.unlink()
    assert name in refusal(tmp_path, with_branching(content))


@pytest.mark.parametrize("name", ["arch", "lr_mlp"])
def test_branching_training_arguments(tmp_path: Path, name: str) -> None:
    content = pickle.dumps(SNAPSHOT | {"args": Namespace(**{name: "PLACEHOLDER"})}, 2)
    assert "(...)" in refusal(tmp_path, with_branching(content))


def test_arguments_that_branch_into_arguments(tmp_path: Path) -> None:
    arguments: dict[str, Any] = {}
    for _ in range(60):
        arguments = {"a_kwargs": arguments, "b_kwargs": arguments}
    path = write_nvidia(tmp_path / "made.pkl", small_state(), making=Making(arguments=arguments))
    content = path.read_bytes()
    path.unlink()
    assert "more arguments" in refusal(tmp_path, content)


@pytest.mark.parametrize("form", [zip_torch, old_torch, pickle.dumps])
def test_a_storage_that_many_tensors_share_is_read_once(tmp_path: Path, form: Any) -> None:
    """3000 times 20 MB are 60 GB."""
    shared = torch.zeros(5_000_000)
    views = {f"x{i}": shared[i : i + 2] for i in range(3000 if form is not pickle.dumps else 1)}
    assert "x0 is not part" in refusal(tmp_path, form({"g_ema": SNAPSHOT["g_ema"] | views}))


def test_tensors_that_share_memory_are_converted(tmp_path: Path) -> None:
    state = as_rosinality(small_state())
    shared = torch.linspace(0, 1, 100)
    for i, name in enumerate(("style.1.bias", "style.2.bias")):
        state[name] = shared[i : i + len(state[name])]
    path = tmp_path / "network.pt"
    path.write_bytes(zip_torch({"g_ema": state}))
    assert torch.equal(load_generator(path).mapping.get_parameter("fc1.bias"), state["style.2.bias"])


SYSTEM = b"cos\nsystem\n(" + text("touch canary") + b"tR"
PARTIAL = b"cfunctools\npartial\n(cyaml\nunsafe_load\n" + text("x") + b"tR"
HIDDEN = {
    "behind DICT": (b"(" + text("a") + b"K\x01d0" + SYSTEM + b".", "os.system"),
    "behind LIST": (b"(K\x01l0" + SYSTEM + b".", "os.system"),
    "behind BYTEARRAY8": (b"\x80\x05\x96\x01\0\0\0\0\0\0\0a0" + SYSTEM + b".", "os.system"),
    "behind NEXT_BUFFER": (b"\x80\x05\x970" + SYSTEM + b".", "os.system"),
    "behind an extension": (b"\x80\x02\x82\x010" + SYSTEM + b".", "os.system"),
    "behind a persistent id": (b"Pa\n0" + SYSTEM + b".", "os.system"),
    "behind an error": (b"\x80\x04)s" + text("os") + text("system") + b"\x93.", "os.system"),
    "protocol 0": (pickle.dumps({"g": [1.5, "a", 1], "x": EVIL}, 0), "posix.system"),
    "protocol 1": (pickle.dumps({"g": [1.5, "a", 1], "x": EVIL}, 1), "posix.system"),
    "partial, called": (b"\x80\x02" + PARTIAL + b")R.", "yaml.unsafe_load"),
    "partial of partial, called": (b"\x80\x02cfunctools\npartial\n" + PARTIAL + b"\x85R)R.", "unsafe_load"),
    "partial, called by OBJ": (b"(" + PARTIAL + b"o.", "yaml.unsafe_load"),
    "an object, called": (b"\x80\x02csomebody.tools\nShell\n)\x81" + text("a") + b"\x85R.", "somebody.tools"),
    "OBJ": (b"(csomebody.tools\nShell\n" + text("a") + b"o.", "somebody.tools.Shell"),
    "NEWOBJ_EX": (b"\x80\x04csomebody.tools\nShell\n(" + text("a") + b"t}\x92.", "somebody.tools.Shell"),
    "NEWOBJ_EX, keywords": (
        b"\x80\x04csomebody.tools\nShell\n)}" + text("a") + b"K\x01s\x92.", "somebody.tools.Shell",
    ),
    "INST": (b"(" + text("a") + b"isomebody.tools\nShell\n.", "INST of somebody.tools.Shell"),
    "a command to a class": (b"\x80\x02csomebody.tools\nShell\n" + text("rm -r /") + b"\x85R.", "Shell"),
    "commands to a class": (b"\x80\x02csomebody.tools\nShell\n](" + text("rm -r /") + b"e\x85R.", "Shell"),
    "a class that is changed": (b"\x80\x02csomebody.tools\nShell\n}b.", "somebody.tools.Shell"),
    "a tensor of another function": (
        b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n(cyaml\nunsafe_load\nctorch\nSize\n)}tR.",
        "yaml.unsafe_load",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", HIDDEN)
def test_what_is_hidden_is_found(tmp_path: Path, kind: str) -> None:
    content, name = HIDDEN[kind]
    message = refusal(tmp_path, content)
    assert name in message
    assert "it may be malicious" in message


@pytest.mark.parametrize("inner", [zip_torch, old_torch, pickle.dumps])
@pytest.mark.parametrize("outer", [zip_torch, old_torch, pickle.dumps])
def test_a_file_inside_a_pickle_is_looked_at_even_if_unused(tmp_path: Path, inner: Any, outer: Any) -> None:
    beside = Calls(torch.storage._load_from_bytes, inner(EVIL))
    assert "posix.system" in refusal(tmp_path, outer(SNAPSHOT | {"x": beside}))


@pytest.mark.parametrize("name", ["archive/data.pkl", "other/data.pkl", "archive/data/0"])
@pytest.mark.parametrize("first", [True, False])
def test_an_archive_with_two_files_of_one_name(tmp_path: Path, name: str, first: bool) -> None:
    source = zipfile.ZipFile(io.BytesIO(zip_torch(SNAPSHOT)))
    entries = [(entry, source.read(entry)) for entry in source.namelist()]
    entries.insert(0 if first else len(entries), (name, pickle.dumps(EVIL, 2)))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)
        for entry, content in entries:
            archive.writestr(entry, content)
    message = refusal(tmp_path, buffer.getvalue(), "network.pt")
    assert "two files of one name; it may be malicious" in message


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_is_read(protocol: int) -> None:
    content = {"a": [1, 2.5, "é", None, True], "b": (1, 2, 3, 4), "c": 10**30, "d": {"e": b"\xff"}}
    assert read_pickle(io.BytesIO(pickle.dumps(content, protocol))) == content
