"""A pytest plugin: with `--allowed-skips FILE`, a run fails where a test skips that FILE does not list."""

import fnmatch
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--allowed-skips", type=Path, help="fail on skips of tests that match no line of this file"
    )


def pytest_configure(config: pytest.Config) -> None:
    allowed = config.getoption("allowed_skips")
    if allowed is not None:
        config.pluginmanager.register(SkipGate(allowed.read_text(encoding="utf-8")), "skip-gate")


class SkipGate:
    """Fails a run in which a test is skipped whose id matches none of the given patterns.

    `allowed` holds one pattern a line (shell wildcards, `#` starts a comment) for ids such as
    `tests/engine/faces/test_faces.py::test_pose[left]`. The id of a module that is skipped as a whole is its
    file name.
    """

    def __init__(self, allowed: str) -> None:
        lines = (line.partition("#")[0].strip() for line in allowed.splitlines())
        self.patterns = [line for line in lines if line]
        self.unlisted: list[str] = []

    def _check(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        # pytest reports an expected failure (xfail) as skipped, too.
        skipped = report.skipped and not hasattr(report, "wasxfail")
        if skipped and not any(fnmatch.fnmatchcase(report.nodeid, pattern) for pattern in self.patterns):
            self.unlisted.append(report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._check(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._check(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.unlisted and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for nodeid in self.unlisted:
            terminalreporter.write_line(f"SKIPPED WITHOUT BEING ALLOWED: {nodeid}", red=True)
