"""report.json: the documented keys, and what is refused."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from installation.outputs import report
from tests.support.visit_record import make_report, make_strip


def test_report_has_the_documented_keys(tmp_path: Path) -> None:
    made = make_report(make_strip(), doppelganger=True)
    report.write(made, tmp_path / "report.json")
    assert report.read(tmp_path / "report.json") == made
    data = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert data["schema"] == 1
    assert {"generator", "sitter", "search", "judges", "doppelganger", "seconds"} <= set(data)
    assert {"steps", "seconds", "loss", "init"} <= set(data["search"])
    judge = data["judges"][0]
    assert {"name", "metric", "threshold", "threshold_source"} <= set(judge)
    assert {"distance_at_match", "distance_at_median", "crossings", "border"} <= set(judge)
    assert set(judge["search_continuum"]) == {"crossings", "border"}
    border_keys = {"t", "t_width", "distance_same", "distance_other", "mean_abs_diff", "max_abs_diff"}
    assert border_keys <= set(judge["border"])
    assert data["judges"][1]["border"] is None
    assert set(data["doppelganger"]) == {"kind", "t", "judges", "likeness"}
    assert data["seconds"] == {"search": 12.346}


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), "a word", None])
def test_report_refuses_what_is_no_number(bad: object) -> None:
    data = make_report(make_strip(), doppelganger=True).model_dump(by_alias=True)
    data["search"]["loss"] = bad
    with pytest.raises(ValidationError):
        report.Report.model_validate(data)


def test_a_report_without_the_eyes_is_read() -> None:
    """As 0.1.0 wrote it."""
    data = make_report(make_strip(), doppelganger=True).model_dump(by_alias=True)
    for key in ("eyes_open", "note"):
        del data["sitter"][key]
    sitter = report.Report.model_validate(data).sitter
    assert sitter.eyes_open is None and sitter.note is None


def test_report_refuses_unknown_keys() -> None:
    data = make_report(make_strip(), doppelganger=True).model_dump(by_alias=True)
    data["judges"][0]["embedding"] = [0.1, 0.2]
    with pytest.raises(ValidationError, match="embedding"):
        report.Report.model_validate(data)
