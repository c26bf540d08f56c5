"""`kiosk wear` as a person types it: worn before a film, watched on the page, ended by ctrl+C."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import aiohttp
import cv2
import numpy as np
import pytest

from installation.cli.main import main
from tests.conftest import DATA, REPO
from tests.support.delivery_kit import free_port
from tests.support.leaning_clip import write_clip

PERSON = sorted((DATA / "people").glob("*.webp"))[0]
FEW_STEPS = "[search]\nsteps = 1\ntuning_steps = 1\n"


async def watch(port: int, enough: int) -> list[np.ndarray]:
    """The pictures that the page shows: the card, and then `enough` that differ from the one before."""
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                reader = await session.ws_connect(f"http://127.0.0.1:{port}/pictures")
                break
            except aiohttp.ClientConnectionError:  # it has not opened the page yet
                await asyncio.sleep(0.1)
        pictures: list[np.ndarray] = []
        newest = b""
        while len(pictures) < 1 + enough:
            await reader.send_str("next")
            jpeg = await reader.receive_bytes(timeout=60)
            if jpeg != newest:
                newest = jpeg
                pictures.append(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR))
        await reader.close()
        return pictures


def test_a_picture_is_worn_until_ctrl_c(astronaut: np.ndarray, tmp_path: Path) -> None:
    clip, few = tmp_path / "leaning.mp4", tmp_path / "few.toml"
    write_clip(clip, astronaut, sound=False)
    few.write_text(FEW_STEPS)
    port = free_port()
    words = [PERSON, "--camera", f"file:{clip}", "--to", f"page:{port}", "--config", few]
    command = ["env", "--default-signal", sys.executable, "-m", "installation.cli.main", "wear"]
    process = subprocess.Popen(
        [*command, *map(str, words)],
        cwd=REPO,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(REPO)},
    )
    try:
        card, still, *moved = asyncio.run(asyncio.wait_for(watch(port, 40), 120))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0 and err == ""
    assert f"http://127.0.0.1:{port}/" in out and "ctrl+C" in out
    assert card.shape == still.shape == (720, 1280, 3) and card.mean() < 10 < still.mean()
    # The head leans: an edge of the face is where there was another thing.
    assert max(np.abs(picture.astype(int) - still).max() for picture in moved) > 40
    assert sorted(path.name for path in tmp_path.iterdir()) == ["few.toml", "leaning.mp4"]


def test_refusals_come_before_the_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nobody = tmp_path / "nobody.mp4"
    write_clip(nobody, None, sound=False)
    page = ["--to", f"page:{free_port()}"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for words, code, reason in (
            ([PERSON], 2, "--to page"),
            ([PERSON, "--to", "screen", "--camera", f"file:{nobody}"], 2, "is no output"),
            ([tmp_path / "missing.png", *page], 2, "missing.png"),
            ([nobody, *page], 2, "nobody.mp4"),
            ([PERSON, *page, "--camera", "file:missing.mp4"], 2, "does not exist"),
            ([PERSON, *page, "--camera", "synthetic"], 2, "give another camera"),
            ([PERSON, *page, "--camera", "name:no such camera"], 5, "no such camera"),
            ([PERSON, *page, "--camera", f"file:{nobody}", "--to", "/dev/video99"], 5, "no such virtual"),
            (
                [PERSON, "--to", f"page:{taken.getsockname()[1]}", "--camera", f"file:{nobody}"],
                5,
                "cannot be listened on",
            ),
        ):
            assert main(["wear", *map(str, words)]) == code, words
            line = capsys.readouterr().err
            assert reason in line and line.count("\n") == 1
