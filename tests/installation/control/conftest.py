"""Fixtures of the control's tests: a running stage without a window, and osc.js connected to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.headless_stage import HeadlessStage, headless_stage
from tests.support.osc_clients import OscJs, osc_js


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[HeadlessStage]:
    """A control that runs at 60 frames a second, with its services on free ports."""
    with headless_stage(tmp_path) as running:
        yield running


@pytest.fixture
def client(stage: HeadlessStage) -> Iterator[OscJs]:
    """osc.js, connected to the stage over UDP."""
    with osc_js(stage.port) as connected:
        yield connected
