"""A preset that comes in over seconds while a visit runs, as its film shows it: no jump."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from pythonosc.udp_client import SimpleUDPClient

from installation.app.app import RunOptions
from installation.cli.portray import sample_sitter
from installation.settings.phase import Phase
from tests.support.app_kit import RATE_HZ, TestApp
from tests.support.headless_stage import eventually

FADE_S = 5.0
DARK_PERCENT = 30.0
JUMP = 0.15  # of the screen's light, from one frame to the next
WORDS_S = 0.8  # in which words come and go


def borders_on_film(folder: Path, fades_s: tuple[float, ...]) -> list[NDArray[np.float64]]:
    """Visit by visit the mean light, 0 to 1, of each frame of the border while a preset comes in."""
    film = folder / "visits.mp4"
    options = RunOptions(visits=len(fades_s), virtual=True, rate_hz=RATE_HZ, film=film)
    frames = []
    with TestApp(folder, sample_sitter(), options, is_thorough=False) as app:
        udp: Any = app.control.services[0]
        eventually(lambda: udp.port)
        curator = SimpleUDPClient("127.0.0.1", udp.port)

        def light_percent() -> object:
            return app.registry.get("stage/light_percent")

        def is_saved() -> bool:
            app.main_loop.frame()
            return (folder / "presets" / "dark.toml").exists()

        def send(address: str, *arguments: object) -> None:
            curator.send_message(address, list(arguments))

        app.camera.begin(app.clock.now_s)
        send("/scene/stage/light_percent", DARK_PERCENT)
        send("/preset/save", "dark")
        eventually(is_saved)
        for fade_s in fades_s:
            send("/scene/stage/light_percent", 100.0)
            app.until(Phase.BORDER)
            assert light_percent() == 100
            began_s = app.clock.now_s
            app.for_s(2 * WORDS_S)
            send("/preset/load", "dark", fade_s)
            app.until(Phase.JURY)
            assert light_percent() == DARK_PERCENT
            # As long as a fade takes: the scene's own cut, to the dark picture of the difference, follows.
            faded_s = began_s + 2 * WORDS_S + FADE_S
            assert faded_s < app.clock.now_s
            frames.append(slice(round((began_s + WORDS_S) * RATE_HZ), round(faded_s * RATE_HZ)))
    with av.open(str(film)) as container:
        light = [frame.to_ndarray(format="gray").mean() / 255 for frame in container.decode(video=0)]
    return [np.array(light[some]) for some in frames]


def largest_step(light: NDArray[np.float64]) -> float:
    """From frame to frame, as a share of the brightest."""
    return float(np.abs(np.diff(light)).max() / light.max())


@pytest.mark.slow
def test_it_glides_and_without_a_fade_it_would_be_seen(tmp_path: Path):
    faded, switched = borders_on_film(tmp_path, (FADE_S, 0.0))
    for light in (faded, switched):
        assert light[-1] < 0.5 * light[0]
    assert largest_step(faded) < JUMP < 2 * JUMP < largest_step(switched)
