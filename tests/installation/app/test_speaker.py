"""The loudspeaker: what it plays, and that a machine without one goes on in silence."""

import logging
from dataclasses import replace

import numpy as np
import pygame
import pytest

from installation.app.speaker import Speaker
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.stage.sound import RATE_HZ, Sound, StartedSound, Voice
from installation.stage.view import MeetingView, SaidSentence, View
from tests.support.scene_views import make_view, registry

STARTED = (StartedSound(Sound.FLIP, 3.0),)


@pytest.fixture
def values() -> Registry:
    return registry()


def view_of(values: Registry) -> View:
    return make_view(Phase.FAREWELL, 0.0, values)


def test_a_sound_is_played_at_the_volume_that_is_set(
    values: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    with Speaker() as speaker:
        speaker.play((), view_of(values))
        assert not pygame.mixer.get_busy()
        values.set("sound/volume_percent", 0)
        speaker.play(STARTED, view_of(values))
        assert not pygame.mixer.get_busy()
        values.set("sound/volume_percent", 40)
        speaker.play(STARTED, view_of(values))
        assert pygame.mixer.get_busy()
        playing = pygame.mixer.find_channel(True).get_sound() or pygame.mixer.Channel(0).get_sound()
        assert playing.get_volume() == pytest.approx(0.4, abs=0.01)
    assert pygame.mixer.get_init() is None


def test_without_a_device_the_piece_is_silent(
    values: Registry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SDL_AUDIODRIVER", "no-such-driver")
    with caplog.at_level(logging.WARNING), Speaker() as speaker:
        speaker.play(STARTED, view_of(values))
        speaker.play(STARTED, view_of(values))
    (record,) = caplog.records
    assert "no device" in record.message and "\n" not in record.message


def test_a_voice_ends_with_its_sentence(values: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    voice = Voice(np.full(5 * RATE_HZ, 1000, np.int16))
    met = MeetingView(np.zeros((8, 8, 3), np.uint8), sentence=SaidSentence("I speak.", voice))
    with Speaker() as speaker:
        for began in ((StartedSound(voice, 0.0),), ()):
            speaker.play(began, make_view(Phase.MEETING, 0.0, values, meeting=met))
            assert pygame.mixer.get_busy()
        speaker.play((), make_view(Phase.MEETING, 1.0, values, meeting=replace(met, sentence=None)))
        pygame.time.wait(400)
        assert not pygame.mixer.get_busy()
