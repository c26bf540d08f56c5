"""What the process that faces the phones cannot do, does not hold, and does not leave behind."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from installation.delivery import messages
from installation.delivery.files import CARD, DOPPELGANGER, encode_files
from installation.delivery.pictures import TakeHomePictures
from tests.support.delivery_kit import ask, running, take_home, until


def test_the_process_takes_nothing_from_the_network_into_the_stage_but_checked_news() -> None:
    good = messages.Offered(visit_id=1, url="http://X/D/A", lives_s=600).model_dump_json().encode()
    assert messages.read(good) == messages.Offered(visit_id=1, url="http://X/D/A", lives_s=600)
    for bad in (b"", b"\x80\x04N.", b"{}", b'{"kind":"offered"}', good[:-1], b'{"kind":"open"}'):
        with pytest.raises(ValueError):
            messages.read(bad)


def test_the_process_leaves_no_dump_and_nothing_open_on_disk(tmp_path: Path) -> None:
    with running(tmp_path / "sock") as stage:
        path = stage.offer(take_home(1))
        ask(stage.network.port, f"{path}/save/card.jpg")
        assert stage.delivery._connection.process is not None
        process = psutil.Process(stage.delivery._connection.process.pid)
        assert process.rlimit(psutil.RLIMIT_CORE) == (0, 0)
        writing = [file.path for file in process.open_files() if file.mode != "r"]
        assert [path for path in writing if not path.startswith(("/dev", "/proc"))] == []


def test_forgotten_pictures_are_not_even_in_unused_memory(tmp_path: Path) -> None:
    """The process's whole memory is searched for pieces of a film and of a picture, before and after."""
    rng = np.random.default_rng(11)
    film, noise = rng.bytes(3_000_000), rng.integers(0, 255, (512, 512, 3), np.uint8)
    given = TakeHomePictures(1, "en", noise, (), (noise, noise), film)
    png = encode_files(given).files[DOPPELGANGER].content
    pieces = [
        content[at : at + 64]
        for content in (film, png, noise.tobytes())
        for at in range(100, len(content), len(content) // 5)
    ]
    with running(tmp_path / "sock") as stage:
        path = stage.offer(given)
        assert stage.delivery._connection.process is not None
        for name in ("morph.mp4", DOPPELGANGER, CARD):
            assert ask(stage.network.port, f"{path}/{name}").status == 200
        # The control: while they can be fetched, film and picture are found.
        assert _pieces_in_memory(stage.delivery._connection.process.pid, pieces) >= len(pieces) // 2
        stage.delivery.revoke(1)
        until(lambda: ask(stage.network.port, path).status == 404 or None, "the end of the link")
        # Shreds of less than 16 KiB may be left.
        assert _pieces_in_memory(stage.delivery._connection.process.pid, pieces) <= len(pieces) // 5


def _pieces_in_memory(process_id: int, pieces: list[bytes]) -> int:
    """How many of the pieces are in the process's memory, read as a debugger would."""
    found: set[bytes] = set()
    with open(f"/proc/{process_id}/maps") as maps, open(f"/proc/{process_id}/mem", "rb", 0) as memory:
        for line in maps:
            span, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            start, end = (int(edge, 16) for edge in span.split("-"))
            memory.seek(start)
            content = memory.read(end - start)
            found |= {piece for piece in pieces if piece in content}
    return len(found)


def test_the_process_loads_nothing_of_the_engine_or_the_camera() -> None:
    """What it cannot see it cannot give away."""
    script = "import sys, installation.delivery.process; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    loaded = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert "installation.delivery.server" in loaded
    foreign = {name for name in loaded if name.startswith(("torch", "mediapipe", "dlib", "hardware."))}
    engine = {name for name in loaded if name.startswith("engine.")}
    allowed = {"engine.common", "engine.common.arrays", "engine.common.errors"}
    allowed |= {"engine.runtime", "engine.runtime.channel"}  # numpy and sockets only
    allowed |= {"engine.border", "engine.border.difference"}  # of the pair of pictures on the card
    # The names of detectors, judges and finders that the configuration checks, without what would load them.
    allowed |= {"engine.faces", "engine.faces.detectors", "engine.judges", "engine.judges.registry"}
    allowed |= {"engine.finders", "engine.finders.registry"}
    allowed |= {"engine.judges.networks.onnx_model"}  # of judges that a configuration adds; the entries alone
    allowed |= {"engine.common.ordinary_file"}  # which text files may be read
    allowed |= {"engine.common.subjects"}  # whose faces a film shows, two fields
    # hardware.machine: the command that installs a typeface.
    assert foreign == {"hardware.machine", "hardware.memory", "hardware.network"} and engine <= allowed
