"""The gate against silent skips, `tests/support/skip_gate.py`."""

from pathlib import Path

import pytest

from tests.support import skip_gate

pytest_plugins = ["pytester"]

CASES = """
import pytest

def test_runs():
    pass

@pytest.mark.skip(reason="no such machine here")
def test_skips():
    pass

@pytest.mark.xfail
def test_expected_to_fail():
    assert False
"""


@pytest.fixture
def session(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(Path(skip_gate.__file__).read_text(encoding="utf-8"))
    pytester.makepyfile(test_cases=CASES)
    return pytester


@pytest.mark.parametrize("option", ["-pno:cacheprovider", "--numprocesses=2"])
def test_unlisted_skip_fails(session: pytest.Pytester, option: str) -> None:
    (session.path / "allowed").write_text("# nothing yet\ntest_cases.py::test_other\n")
    result = session.runpytest_subprocess("--allowed-skips=allowed", option)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines("SKIPPED WITHOUT BEING ALLOWED: test_cases.py::test_skips")


def test_listed_skip_passes(session: pytest.Pytester) -> None:
    (session.path / "allowed").write_text("test_cases.py::test_sk*  # no such machine here\n")
    assert session.runpytest_subprocess("--allowed-skips=allowed").ret == pytest.ExitCode.OK


def test_module_skipped_as_a_whole_counts(session: pytest.Pytester) -> None:
    session.makepyfile(test_module="import pytest\npytest.skip('not here', allow_module_level=True)")
    (session.path / "allowed").write_text("test_cases.py::*\n")
    result = session.runpytest_subprocess("--allowed-skips=allowed")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines("SKIPPED WITHOUT BEING ALLOWED: test_module.py")
