"""Several people come together: from the question to the picture of all of them, by the real engine."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.live.crowd.decision import Decision
from installation.app.app import RunOptions
from installation.capture import live_nobodies
from installation.settings.phase import Phase
from tests.support.app_kit import RATE_HZ, TestApp
from tests.support.crowd_kit import Walker, scene

SIZE = (640, 320)
PLACES = ((110, 160), (320, 170), (530, 160))


def test_three_people_and_what_each_has_chosen(
    renders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_nobodies, "PEOPLE", 1)  # what drawing eight takes is another test's matter
    faces = sorted(renders.glob("*.webp"))
    walkers = [
        Walker(faces[face], lambda _, place=place: (*place, 90))  # type: ignore[misc]
        for face, place in zip((52, 11, 30), PLACES, strict=True)
    ]
    photograph = scene(walkers, 0.0, SIZE).picture
    Image.fromarray(photograph).save(tmp_path / "three.png")
    options = RunOptions(visits=1, virtual=True, rate_hz=RATE_HZ, together=True)
    together = {"consent/with_others": "true"}
    with TestApp(tmp_path, tmp_path / "three.png", options, is_thorough=False, changes=together) as app:
        app.until(Phase.SEARCH)
        from_left = [each.decision for each in app.session.state.participants]
        assert sorted(from_left) == sorted(Decision)
        app.until(Phase.DOPPELGANGER)
        group = app.session.view(app.clock.now_s).participant.group
        assert group is not None
        # The mirror's left is the picture's right.
        assert [face.choice for face in group.faces] == from_left[::-1]
        real = next(face for face in group.faces if face.choice is Decision.REAL)
        assert real.appears is Decision.REAL and real.same is not None
        others = [face for face in group.faces if face is not real]
        assert all(face.appears in (Decision.DOPPELGANGER, Decision.ANONYMOUS) for face in others)
        assert [face.same for face in others if face.choice is Decision.ANONYMOUS] == [None]
        # Three faces on black.
        assert group.picture.any() and np.mean(group.picture.max(axis=2) == 0) > 0.4
