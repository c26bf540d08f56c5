"""Visits in a row leave no thread, descriptor or memory behind; `python -m benchmarks.soak` makes 200."""

import os
import threading
from pathlib import Path

import pytest

from installation.app.app import RunOptions
from installation.cli.portray import sample_sitter
from installation.settings.phase import Phase
from tests.support.app_kit import TestApp
from tests.support.headless_stage import eventually
from tests.support.resources import Usage, usage

VISITS, SETTLED = 8, 3
GROWTH = 1.1  # of memory, in so few visits


def leaks(uses: list[Usage]) -> list[str]:
    """What has grown since the first of these."""
    first, last = uses[0], uses[-1]
    grown = {
        "threads": last.threads > first.threads,
        "descriptors": last.descriptors > first.descriptors,
        "memory": last.rss_mib > GROWTH * first.rss_mib,
    }
    return [name for name, has in grown.items() if has]


@pytest.mark.slow
def test_visits_leave_nothing_behind(tmp_path: Path):
    options = RunOptions(visits=VISITS + 1, virtual=True, rate_hz=4)
    stage, engine = [], []
    with TestApp(tmp_path, sample_sitter(), options, recycle_after=10**9, is_thorough=False) as app:
        app.camera.begin(app.clock.now_s)
        for _ in range(VISITS):
            app.until(Phase.FAREWELL)
            app.until(Phase.ATTRACT)
            app.until_awake()
            # The overwriting has a thread of its own, which ends a moment later.
            eventually(lambda: not any(one.name == "engine erasing" for one in threading.enumerate()))
            stage.append(usage())
            engine.append(usage(app.engine_pid))
    assert leaks(stage[SETTLED:]) == [] and leaks(engine[SETTLED:]) == []


def test_a_leak_would_be_noticed():
    before = usage()
    kept = [os.open(__file__, os.O_RDONLY) for _ in range(3)]
    try:
        assert leaks([before, usage()]) == ["descriptors"]
    finally:
        for descriptor in kept:
            os.close(descriptor)
