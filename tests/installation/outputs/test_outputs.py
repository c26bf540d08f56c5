"""The files of a visit: marks, film, morph, plates, report, folder. All on made-up faces."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pydantic import ValidationError

from engine.border import strip_builder as filming
from engine.border.continuum import Continuum, filmstrip
from engine.border.strip import Strip
from engine.border.tracing import Sample, trace
from engine.common.errors import UsageError
from engine.inversion.projection import Place, median_face
from engine.judges.registry import panel
from engine.stylegan2.network import Generator
from installation.outputs import drawing, film, folder, marks, morph, plots, report
from installation.outputs.folder import Curve, VisitRecord
from installation.settings.texts import Texts, languages
from tests.support.judge_kit import verdict

# --- material ---------------------------------------------------------------------------------------


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


def make_record(border_t: float | None = 0.4, portrait: bool = False) -> VisitRecord:
    strip = make_strip(border_t)
    curves = {
        "dlib": Curve(strip.t, strip.distances),
        "anthropometry": Curve(np.array([0.0, 0.5, 1.0]), np.array([0.9, 0.8, 0.7])),
    }
    return VisitRecord(
        report=make_report(strip, doppelganger=border_t is not None),
        strip=strip,
        curves=curves,
        doppelganger=face(0.2) if border_t is not None else None,
        portrait=face(1.0, 512) if portrait else None,
    )


# --- marks ------------------------------------------------------------------------------------------


def png_chunks(path: Path) -> list[bytes]:
    data, at, kinds = path.read_bytes(), 8, []
    while at < len(data):
        kinds.append(data[at + 4 : at + 8])
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return kinds


@settings(max_examples=20)
@given(picture=arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_png_holds_exactly_the_picture(picture: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("png") / "picture.png"
    path.write_bytes(marks.png_bytes(picture))
    assert np.array_equal(np.asarray(Image.open(path)), picture)
    assert marks.read_digital_source_type(path) == marks.TRAINED_ALGORITHMIC_MEDIA


def test_png_carries_the_mark_and_no_other_metadata(tmp_path: Path) -> None:
    marked, photograph = tmp_path / "marked.png", tmp_path / "photograph.png"
    marked.write_bytes(marks.png_bytes(face(0.5)))
    photograph.write_bytes(marks.png_bytes(face(0.5), synthetic=False))
    assert set(png_chunks(marked)) == {b"IHDR", b"iTXt", b"IDAT", b"IEND"}
    assert set(png_chunks(photograph)) == {b"IHDR", b"IDAT", b"IEND"}
    assert marks.read_digital_source_type(photograph) is None


def test_jpeg_carries_the_mark_and_no_exif(tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(marks.jpeg_bytes(face(0.5)))
    assert marks.read_digital_source_type(path) == marks.TRAINED_ALGORITHMIC_MEDIA
    with Image.open(path) as image:
        assert not image.getexif()
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "xmp"}
        assert np.abs(np.asarray(image).astype(int) - face(0.5)).mean() < 2


# --- film -------------------------------------------------------------------------------------------


def ramp_frames(count: int, width: int = 96, height: int = 64) -> list[np.ndarray]:
    """Smooth colour ramps that move with the frame number."""
    x = np.linspace(0, 1, width)[None, :, None] * np.array([200, 60, 20])
    y = np.linspace(0, 1, height)[:, None, None] * np.array([10, 120, 200])
    return [(x + y + 20 * np.sin(i / 9)).clip(0, 255).astype(np.uint8) for i in range(count)]


def index_precedes_pictures(path: Path) -> bool:
    kinds = [kind for kind, _, _ in marks.mp4_boxes(path)]
    return kinds.index("moov") < kinds.index("mdat")


def test_film_is_what_phones_play(tmp_path: Path) -> None:
    path, frames = tmp_path / "film.mp4", ramp_frames(70)
    assert film.write_film(path, iter(frames), fps=30, crf=12) == 70
    assert [p.name for p in tmp_path.iterdir()] == ["film.mp4"]
    assert index_precedes_pictures(path)
    assert marks.read_digital_source_type(path) == marks.TRAINED_ALGORITHMIC_MEDIA
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.profile, context.pix_fmt) == ("h264", "High", "yuv420p")
        assert (context.width, context.height) == (96, 64)
        assert (context.color_primaries, context.color_trc, context.colorspace) == (1, 1, 1)
        assert context.color_range == 1
        assert stream.average_rate == 30
        assert stream.duration is not None and stream.time_base is not None
        assert float(stream.duration * stream.time_base) == pytest.approx(70 / 30)
        assert "encoder" not in container.metadata and "creation_time" not in container.metadata
        decoded = [
            frame.reformat(format="rgb24", src_colorspace="ITU709", src_color_range="MPEG").to_ndarray()
            for frame in container.decode(stream)
        ]
    assert len(decoded) == 70
    error = np.abs(np.stack(decoded).astype(int) - np.stack(frames))
    assert error.mean() < 2.5


def test_a_film_in_memory_is_the_same_film(tmp_path: Path) -> None:
    film.write_film(tmp_path / "film.mp4", ramp_frames(10))
    assert film.film_bytes(ramp_frames(10)) == (tmp_path / "film.mp4").read_bytes()


def test_wrong_matrix_would_be_noticed(tmp_path: Path) -> None:
    path, frames = tmp_path / "film.mp4", ramp_frames(10)
    film.write_film(path, frames, crf=12)
    with av.open(str(path)) as container:
        wrong = [
            frame.reformat(format="rgb24", src_colorspace="ITU601", src_color_range="JPEG").to_ndarray()
            for frame in container.decode(video=0)
        ]
    assert np.abs(np.stack(wrong).astype(int) - np.stack(frames)).mean() > 5


def test_film_without_faststart_would_be_noticed(tmp_path: Path) -> None:
    path = tmp_path / "slow.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for picture in ramp_frames(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    assert not index_precedes_pictures(path)
    assert marks.read_digital_source_type(path) is None


def test_marking_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    film.write_film(path, ramp_frames(2))
    before = path.read_bytes()
    marks.mark_mp4(path)
    assert path.read_bytes() == before


def test_truncated_mp4_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    film.write_film(path, ramp_frames(2))
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(ValueError, match="box"):
        list(marks.mp4_boxes(path))


def test_failing_film_leaves_nothing(tmp_path: Path) -> None:
    def frames():
        yield from ramp_frames(5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        film.write_film(tmp_path / "film.mp4", frames())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([], "at least one"),
        ([np.zeros((64, 65, 3), np.uint8)], "even"),
        ([np.zeros((2160, 3840, 3), np.uint8)], "4.2"),
        ([np.zeros((64, 64, 3), np.uint8), np.zeros((32, 64, 3), np.uint8)], "frame 2"),
    ],
)
def test_unplayable_film_is_refused(tmp_path: Path, frames: list[np.ndarray], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        film.write_film(tmp_path / "film.mp4", frames)
    assert list(tmp_path.iterdir()) == []


# --- morph ------------------------------------------------------------------------------------------


def test_every_frame_of_the_ride_is_one_picture_with_its_own_verdict() -> None:
    strip = make_strip()
    indices = morph.schedule(strip, fps=10)
    enlarged = [drawing.enlarge(picture, morph.WIDTH_PX) for picture in strip.pictures]
    bands: dict[int, np.ndarray] = {}
    for index, frame in zip(indices, morph.frames(strip, fps=10), strict=False):
        assert frame.shape == (morph.HEIGHT_PX, morph.WIDTH_PX, 3)
        assert np.array_equal(frame[: morph.WIDTH_PX], enlarged[index])
        band = bands.setdefault(int(index), frame[morph.WIDTH_PX :].copy())
        assert np.array_equal(band, frame[morph.WIDTH_PX :])
    assert strip.border is not None
    same, other = strip.border
    assert not np.array_equal(bands[same], bands[other])


def test_ride_visits_both_ends_and_lingers_at_the_border() -> None:
    strip = make_strip(border_t=0.4, count=200)
    t = strip.t[morph.schedule(strip)]
    way = t[: round(5.4 * morph.FPS)]
    assert way[0] == 0 and way.max() == 1
    assert (np.abs(way - 0.4) < 0.05).sum() > 3 * (np.abs(way - 0.7) < 0.05).sum()


def test_alternation_stays_below_three_hertz_and_ends_on_the_same_person() -> None:
    strip = make_strip()
    indices = morph.schedule(strip)
    same, other = strip.border or (None, None)
    tail = indices[-round(3.0 * morph.FPS) :]
    assert set(tail) == {same, other} and tail[-1] == same
    changes = np.flatnonzero(np.diff(tail))
    assert np.diff(changes).min() >= morph.FPS / 6


@pytest.mark.parametrize("border_t", [None, 0.01, 0.4, 0.99])
def test_film_lasts_as_long_whatever_the_pictures(border_t: float | None) -> None:
    expected = 19.4 if border_t is not None else 11.4
    count = sum(1 for _ in morph.frames(make_strip(border_t, 8), fps=10))
    assert count / 10 == pytest.approx(expected, abs=0.3)
    assert 10 < expected < 20


@given(border_t=st.one_of(st.none(), st.floats(0, 1)), count=st.integers(2, 200))
def test_strip_t_spans_the_way_in_order(border_t: float | None, count: int) -> None:
    t = filmstrip(border_t, count)
    assert len(t) == count and t[0] == 0 and t[-1] == 1
    assert np.all(np.diff(t) > 0)


def test_border_below_the_match_may_run_either_way() -> None:
    rising = make_strip()
    assert rising.border is not None
    falling = Strip(
        rising.pictures,
        rising.t,
        1.2 - rising.distances,
        rising.measured,
        "dlib",
        0.6,
        rising.border[::-1],
    )
    indices = morph.schedule(falling, fps=10)
    assert set(indices[-10:]) == set(falling.border or ())


def test_difference_is_magnified_by_a_stated_power_of_two() -> None:
    dark = np.zeros((8, 8, 3), np.uint8)
    for difference, factor in ((1, 128), (30, 8), (200, 1)):
        assert morph.difference_factor(dark, np.full_like(dark, difference)) == factor
    assert morph.grey_levels_words(dark, np.full_like(dark, 2)).startswith("on average 2.00 of 255")
    # Where one value in 192 differs by one: little, but not nothing.
    one = dark.copy()
    one[0, 0, 0] = 1
    assert morph.grey_levels_words(dark, one).startswith("on average 0.005 of 255")


def test_a_judge_that_sees_no_face_beyond_the_border_leads_a_film(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last picture of someone else has no distance, and none is written below it."""
    torch.manual_seed(1)
    generator = Generator(z_dim=16, w_dim=16, resolution=16, channel_base=128, channel_max=8)
    match = Place(torch.randn(1, generator.num_ws, 16))
    way = Continuum(generator, median_face(generator), match)
    (judge,) = panel(["anthropometry"])

    def sample(ts: Sequence[float]) -> list[Sample]:
        return [Sample(t, verdict(1.0 if t > 0.4 else math.inf, judge.threshold)) for t in ts]

    curve = trace(way.picture, sample, judge.threshold)
    strip = filming.make_strip(way, judge, curve, sample, 12)
    assert strip.border is not None
    same, other = strip.border
    assert strip.measured[same] and not strip.measured[other] and np.isfinite(strip.distances).all()

    written: set[str] = set()
    write = drawing.write

    def noted(canvas: Any, words: str, *more: Any) -> None:
        written.add(words)
        write(canvas, words, *more)

    monkeypatch.setattr(drawing, "write", noted)
    assert sum(1 for _ in morph.frames(strip, fps=2)) > 20
    plots.continuum(strip)
    assert "1.0000" in written and not any("3.54" in words for words in written)


def test_strip_that_contradicts_itself_is_refused() -> None:
    strip = make_strip()
    parts = {name: getattr(strip, name) for name in Strip.__dataclass_fields__}
    assert strip.border is not None
    for change in (
        {"t": strip.t[::-1]},
        {"t": strip.t[1:]},
        {"border": strip.border[::-1]},
        {"measured": np.zeros(len(strip.t), bool)},
        {"pictures": strip.pictures.astype(float)},
    ):
        with pytest.raises(ValueError):
            Strip(**{**parts, **change})


@pytest.mark.parametrize("border_t", [None, 0.4])
@pytest.mark.parametrize("language", languages())
def test_the_film_speaks_the_visitors_language_and_no_words_meet(
    language: str, border_t: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Texts.load(language)
    written: list[tuple[Any, ...]] = []
    write = drawing.write

    def note(canvas: np.ndarray, words: str, at: tuple[float, float], size_px: int, *rest: Any) -> None:
        written.append((words, at, size_px, *rest))
        write(canvas, words, at, size_px, *rest)

    monkeypatch.setattr(drawing, "write", note)
    read: set[str] = set()
    for _ in morph.frames(make_strip(border_t, 8), fps=5, text=text):
        lines: dict[float, list[tuple[float, float]]] = {}
        for words, (x, y), size_px, weight, *rest in written:
            width = drawing.text_width(words, size_px, weight)
            anchor = rest[1] if len(rest) > 1 else "ls"
            left = x - {"l": 0, "m": width / 2, "r": width}[anchor[0]]
            assert len(rest) < 3 or width <= rest[2], f"shortened: {words}"
            lines.setdefault(y, []).append((left, left + width))
        for line in lines.values():
            ends = [-20.0, *(edge for span in sorted(line) for edge in span), morph.WIDTH_PX + 20.0]
            assert all(end + 20 <= start for end, start in zip(ends[::2], ends[1::2], strict=True)), written
        read |= {words for words, *_ in written}
        written.clear()
    assert text("verdict.other").upper() in read and text.number(0.8, 3) in read
    if border_t is None:
        assert text("film.never", judge="dlib") in read
    else:
        assert text("film.line", judge="dlib", threshold=text.number(0.6, 3)) in read
        assert {text("verdict.same").upper(), text("border.difference").upper()} <= read
    if language != "en":
        english = {line.upper() for line in Texts.load("en").lines.values()}
        assert not {words.upper() for words in read} & english


# --- plates -----------------------------------------------------------------------------------------


def curves_of(count: int) -> list[plots.JudgeCurve]:
    t = np.linspace(0, 1, 17)
    curves = []
    for i in range(count):
        distances = 1.2 + 0.1 * i - t + 0.3 * np.sin(12 * t) * (i == 1)
        flips = np.flatnonzero(np.diff(distances <= 0.9))
        crossings = [float(t[k] + t[k + 1]) / 2 for k in flips]
        border_t = crossings[-1] if crossings else None
        zone = (border_t - 0.01, border_t + 0.02) if border_t else None
        name = f"a judge with a very long name indeed {i}"
        curves.append(plots.JudgeCurve(name, 0.9, t, distances, crossings, border_t, zone))
    return curves


@pytest.mark.parametrize(("judges", "border_t"), [(1, 0.4), (4, 0.02), (6, 0.98), (2, None)])
def test_nothing_is_clipped_on_the_plates(judges: int, border_t: float | None) -> None:
    strip = make_strip(border_t)
    for canvas in (plots.curve(curves_of(judges), strip), plots.continuum(strip)):
        assert canvas.dtype == np.uint8 and canvas.shape[1] == 3000
        edges = (canvas[:20], canvas[-20:], canvas[:, :20], canvas[:, -20:])
        assert all(edge.max() == 0 for edge in edges)
        assert canvas.max() == 255


def test_nothing_is_told_by_colour_on_the_plates() -> None:
    strip = make_strip()
    grey = np.repeat(strip.pictures[..., :1], 3, axis=3)
    parts = {name: getattr(strip, name) for name in Strip.__dataclass_fields__} | {"pictures": grey}
    for canvas in (plots.curve(curves_of(3), Strip(**parts)), plots.continuum(Strip(**parts))):
        assert np.array_equal(canvas[..., 0], canvas[..., 2])


@given(wanted=st.lists(st.floats(-500, 2500), min_size=1, max_size=9).map(sorted))
def test_labels_keep_apart(wanted: list[float]) -> None:
    placed = plots._spread(wanted, 100, 0, 2000)
    assert all(later - earlier >= 99.999 for earlier, later in pairwise(placed))
    assert placed[-1] <= 2000 and placed[0] >= 0


@given(
    count=st.integers(2, 60),
    data=st.data(),
)
def test_sheet_keeps_the_border_pair_together(count: int, data: st.DataObject) -> None:
    low = data.draw(st.integers(0, count - 2))
    t = np.linspace(0, 1, count)
    same = np.arange(count) > low
    pictures = np.zeros((count, 4, 4, 3), np.uint8)
    distances, measured = np.where(same, 0.5, 0.7), np.ones(count, bool)
    strip = Strip(pictures, t, distances, measured, "dlib", 0.6, (low + 1, low))
    chosen = plots._chosen(strip, columns=5, count=20)
    assert chosen == sorted(set(chosen)) and len(chosen) <= 20
    at = chosen.index(low)
    assert chosen[at + 1] == low + 1
    if low != 0 or count > 2:
        assert at % 5 != 4
    assert len(chosen) >= min(count, 19) - 1


def test_difference_plate_shows_the_difference() -> None:
    same, other = face(0.5), face(0.5)
    other[20:30, 20:30] += 1
    canvas = plots.difference(same, other)
    assert canvas[560, 560].min() > 100
    assert canvas[:300, :300].max() == 0


def test_long_text_is_shortened_to_its_room() -> None:
    words = drawing.shorten("anthropometry after Bertillon", 50, 400, 300)
    assert words.endswith("…") and drawing.text_width(words, 50) <= 300
    assert drawing.shorten("dlib", 50, 400, 300) == "dlib"


# --- report -----------------------------------------------------------------------------------------


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


def test_report_refuses_unknown_keys() -> None:
    data = make_report(make_strip(), doppelganger=True).model_dump(by_alias=True)
    data["judges"][0]["embedding"] = [0.1, 0.2]
    with pytest.raises(ValidationError, match="embedding"):
        report.Report.model_validate(data)


# --- folder -----------------------------------------------------------------------------------------

WITH_BORDER = {
    "border_other.png",
    "border_same.png",
    "continuum.png",
    "curve.png",
    "difference.png",
    "doppelganger.png",
    "morph.mp4",
    "report.json",
}


def test_folder_of_a_visit(tmp_path: Path) -> None:
    record, out = make_record(), tmp_path / "deep" / "visit"
    written = folder.write_folder(record, out)
    assert {path.name for path in written} == WITH_BORDER
    assert [path.name for path in out.parent.iterdir()] == ["visit"]
    assert record.strip.border is not None
    same, other = (record.strip.pictures[index] for index in record.strip.border)
    assert record.doppelganger is not None
    pictures = {"border_same": same, "border_other": other, "doppelganger": record.doppelganger}
    for name, picture in pictures.items():
        assert np.array_equal(np.asarray(Image.open(out / f"{name}.png")), picture)
    for path in written:
        if path.suffix != ".json":
            assert marks.read_digital_source_type(path) == marks.TRAINED_ALGORITHMIC_MEDIA
    assert report.read(out / "report.json") == record.report


def test_folder_without_a_border_but_with_the_portrait(tmp_path: Path) -> None:
    record = make_record(border_t=None, portrait=True)
    written = folder.write_folder(record, tmp_path / "visit")
    names = [path.name for path in written]
    assert names == ["continuum.png", "curve.png", "morph.mp4", "portrait.png", "report.json"]
    assert marks.read_digital_source_type(tmp_path / "visit" / "portrait.png") is None


def test_folder_with_the_second_continuum_too(tmp_path: Path) -> None:
    record = make_record()
    strip = make_strip(border_t=0.15)
    judges = [
        judge.model_copy(
            update={"nearest_continuum": report.OtherContinuum(crossings=[0.15], border=judge.border)}
        )
        for judge in record.report.judges
    ]
    whole = record.report.model_copy(update={"judges": judges})
    nearest = folder.NearestWay(strip, record.curves)
    written = folder.write_folder(
        replace(record, report=whole, nearest=nearest, on_the_way=face(0.2)), tmp_path / "visit"
    )
    assert {path.name for path in written} == WITH_BORDER | {
        "nearest_border_other.png",
        "nearest_border_same.png",
        "nearest_curve.png",
        "nearest_difference.png",
        "on_the_way.png",
    }
    assert strip.border is not None
    same = np.asarray(Image.open(tmp_path / "visit" / "nearest_border_same.png"))
    assert np.array_equal(same, strip.pictures[strip.border[0]])
    assert report.read(tmp_path / "visit" / "report.json") == whole


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ValueError])
def test_interrupted_visit_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interruption: type[BaseException]
) -> None:
    def interrupted(*_: object) -> None:
        raise interruption

    monkeypatch.setattr(report, "write", interrupted)
    monkeypatch.setattr(film, "write_film", lambda *_: None)
    with pytest.raises(interruption):
        folder.write_folder(make_record(), tmp_path / "visit")
    assert list(tmp_path.iterdir()) == []


def test_occupied_places_are_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "keep.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "empty").mkdir()
    for place, words in (("full", "not empty"), ("file", "is a file"), ("file/below", "cannot be written")):
        with pytest.raises(UsageError, match=words):
            folder.write_folder(make_record(), tmp_path / place)
    folder.check_free(tmp_path / "empty")
    folder.check_free(tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "full"]
    assert (tmp_path / "full" / "keep.txt").read_text() == "mine"


def test_record_that_contradicts_its_report_is_refused() -> None:
    record = make_record()
    with pytest.raises(ValueError, match="border"):
        VisitRecord(record.report, make_strip(border_t=None), record.curves, record.doppelganger)
    with pytest.raises(ValueError, match="doppelgänger"):
        VisitRecord(record.report, record.strip, record.curves, None)
    with pytest.raises(ValueError, match="curves"):
        VisitRecord(record.report, record.strip, {}, record.doppelganger)
