"""Strips, reports and records of a visit, made of drawn faces."""

import numpy as np

from engine.border.continuum import filmstrip
from engine.border.strip import Strip
from engine.pipeline.result import PortrayalResult
from installation.outputs import report
from installation.outputs.folder import Curve, VisitRecord


def face(t: float, resolution: int = 64) -> np.ndarray:
    """A disc that brightens with t: enough of a face to be drawn, uint8 (R, R, 3)."""
    y, x = np.mgrid[:resolution, :resolution] / resolution - 0.5
    disc = np.clip(1.2 - 3 * np.hypot(x, y), 0, 1)[..., None]
    return np.round(disc * (80 + 150 * t) * np.array([1.0, 0.8, 0.7])).astype(np.uint8)


def make_strip(border_t: float | None = 0.4, count: int = 25, judge: str = "dlib") -> Strip:
    """Distances fall linearly from 0.8; they pass 0.6 at border_t, or stay above it."""
    t = filmstrip(border_t, count)
    if border_t is not None:
        t = np.sort(np.concatenate([t, [border_t - 0.003, border_t + 0.003]]))
    distances = 0.8 - 0.2 * t / (2.0 if border_t is None else border_t)
    same = distances <= 0.6
    border = None
    if border_t is not None:
        first_same = int(same.argmax())
        border = (first_same, first_same - 1)
    pictures = np.stack([face(value) for value in t])
    return Strip(pictures, t, distances, np.ones(len(t), bool), judge, 0.6, border)


def make_report(strip: Strip, doppelganger: bool) -> report.Report:
    border = None
    border_t = strip.border_t
    if strip.border is not None and border_t is not None:
        same, other = strip.border
        apart = np.abs(strip.pictures[same].astype(int) - strip.pictures[other])
        border = {
            "t": border_t,
            "t_width": abs(strip.t[same] - strip.t[other]),
            "distance_same": strip.distances[same],
            "distance_other": strip.distances[other],
            "mean_abs_diff": apart.mean(),
            "max_abs_diff": apart.max(),
            "zone": {"t_low": border_t - 0.01, "t_high": border_t + 0.01},
        }

    def judge(name: str, border: dict | None) -> dict:
        return {
            "name": name,
            "metric": "euclidean",
            "threshold": 0.6,
            "threshold_source": "made up for a test",
            "distance_at_match": np.float32(strip.distances[-1]),
            "distance_at_median": strip.distances[0],
            "crossings": [] if border is None else [border["t"]],
            "border": border,
            "search_continuum": {"crossings": [], "border": None},
            "sentence": "of 10,000 strangers it takes 57 for you",
            "binding": name == "dlib",
            "note": "never recognised" if border is None else None,
            "alignment": np.eye(2, 3) / 3,
        }

    return report.Report.model_validate(
        {
            "generator": {"name": "nobody", "sha256": "0" * 64, "resolution": 64},
            "sitter": {"source": "sample", "face_px": 200, "pose_deg": [1, 2, 3], "sharpness": 12.3456789},
            "search": {"steps": 100, "seconds": 12.34567, "loss": 0.123456789, "init": "mean"},
            "verdict": {"k": 8, "seed": 0},
            "judges": [judge("dlib", border), judge("anthropometry", None)],
            "doppelganger": {
                "kind": "on-the-way",
                "t": 0.2,
                "judges": {"dlib": {"distance": 0.7, "worst_distance": 0.63}},
                "likeness": {"ssim": 0.9},
            }
            if doppelganger
            else None,
            "doppelganger_note": None if doppelganger else "none held",
            "seconds": {"search": 12.34567},
        }
    )


def make_result(strip: Strip, nearest: Strip | None = None, doppelganger: bool = True) -> PortrayalResult:
    """A result of these continua, whose judges say nothing."""
    return PortrayalResult(strip, nearest, (), face(0.2) if doppelganger else None)


def make_record(border_t: float | None = 0.4, portrait: bool = False) -> VisitRecord:
    strip = make_strip(border_t)
    curves = {
        "dlib": Curve(strip.t, strip.distances),
        "anthropometry": Curve(np.array([0.0, 0.5, 1.0]), np.array([0.9, 0.8, 0.7])),
    }
    return VisitRecord(
        report=make_report(strip, doppelganger=border_t is not None),
        result=make_result(strip, doppelganger=border_t is not None),
        curves=curves,
        portrait=face(1.0, 512) if portrait else None,
    )
