"""`kiosk visit` as a person types it: the folder it leaves, and every way it refuses."""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from unittest.mock import MagicMock

import cv2
import numpy as np
import psutil
import pytest
from PIL import Image

from engine.common.arrays import Pixels
from engine.common.errors import UsageError
from engine.finders.nearest import NearestSettings
from engine.finders.registry import FINDERS, description_of
from engine.judges.perturbations import perturbations
from engine.judges.plain import plain_reading
from engine.judges.verifiers.dlib import DlibJudge
from installation.cli import portray as visit_command
from installation.cli.main import main
from installation.cli.paths import check_free_folder
from installation.outputs import record
from installation.outputs import report as report_format
from installation.outputs.marks import read_digital_source_type
from installation.settings.configuration import MAX_SEED, load
from installation.workers import models
from tests.conftest import DATA, REPO
from tests.support.delivery_kit import until
from tests.support.visit_record import make_report, make_strip

SHORT = """
[search]
steps = 30
tuning_steps = 25

[film]
pictures = 12
"""

# The least: with one step the match is a stranger, and there is no border.
HASTY = """
encoder = ""

[search]
steps = 1
tuning = "never"

[judging]
perturbations = 1

[film]
pictures = 3
"""


def kiosk(*words: object, timeout_s: int = 900) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "installation.cli.main", *map(str, words)]
    return subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=timeout_s)


@pytest.fixture(scope="session")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration with fewer steps of the search and pictures of the film; all else is the default."""
    path = tmp_path_factory.mktemp("config") / "short.toml"
    path.write_text(SHORT)
    return path


@pytest.fixture(scope="session")
def visit(short: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample sitter's visit, made once."""
    folder = tmp_path_factory.mktemp("visits") / "astronaut"
    done = kiosk("visit", "--config", short, "--out", folder, "--keep-portrait", "--prices")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def report(visit: Path) -> dict:
    return json.loads((visit / "report.json").read_text())


def picture(path: Path) -> Pixels:
    return np.asarray(Image.open(path))


def test_the_folder_holds_the_whole_idea(visit: Path) -> None:
    assert {path.name for path in visit.iterdir()} == {
        "report.json",
        "border_same.png",
        "border_other.png",
        "difference.png",
        "doppelganger.png",
        "doppelganger_1024.png",
        "on_the_way.png",
        "median_border_same.png",
        "median_border_other.png",
        "median_difference.png",
        "median_continuum.png",
        "median_curve.png",
        "portrait.png",
        "prices.png",
        "prices_curve.png",
        "continuum.png",
        "curve.png",
        "morph.mp4",
    }


def test_the_plain_reading_of_what_is_kept_is_in_the_report(visit: Path, report: dict) -> None:
    """What the package of dlib says at home of these very files; it is convinced of the doppelgänger, too."""
    (plain,) = report["plain"]
    names = {"border_same.png", "border_other.png", "doppelganger.png", "doppelganger_1024.png"}
    assert plain["judge"] == "dlib" and plain["pictures"].keys() == names
    reading = plain_reading(DlibJudge(), picture(visit / "portrait.png"))
    assert reading
    for name, said in plain["pictures"].items():
        verdict = reading.verdict(picture(visit / name))
        assert said["distance"] == pytest.approx(verdict.distance, abs=1e-4)
        assert said["worst_distance"] == pytest.approx(verdict.worst_distance, abs=1e-4)
        assert said["same"] == verdict.same
    assert plain["threshold"] < plain["pictures"]["doppelganger.png"]["worst_distance"]
    assert not plain["pictures"]["doppelganger_1024.png"]["same"]


def test_the_border_through_the_median_is_what_the_report_says(visit: Path, report: dict) -> None:
    judge = report["judges"][0]
    border = judge["border"]
    same, other = picture(visit / "median_border_same.png"), picture(visit / "median_border_other.png")
    gap = np.abs(same.astype(int) - other)
    assert same.shape == (report["generator"]["resolution"],) * 2 + (3,)
    assert border["mean_abs_diff"] == pytest.approx(gap.mean(), rel=1e-4) and gap.mean() <= 1.0
    assert border["max_abs_diff"] == gap.max()
    assert border["distance_same"] <= judge["threshold"] < border["distance_other"]
    assert border["t"] == max(judge["crossings"])
    assert border["zone"]["t_low"] < border["t"] < border["zone"]["t_high"]
    assert judge["distance_at_match"] < judge["threshold"] < judge["distance_at_median"]


def test_dlib_itself_gives_the_same_verdicts(visit: Path) -> None:
    done = subprocess.run(
        [sys.executable, REPO / "tests" / "support" / "recompute_verdict.py", visit],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_recomputation_notices_swapped_pictures(visit: Path, tmp_path: Path) -> None:
    swapped = Path(shutil.copytree(visit, tmp_path / "swapped"))
    (swapped / "border_same.png").replace(swapped / "kept.png")
    (swapped / "border_other.png").replace(swapped / "border_same.png")
    (swapped / "kept.png").replace(swapped / "border_other.png")
    done = subprocess.run(
        [sys.executable, REPO / "tests" / "support" / "recompute_verdict.py", swapped], capture_output=True
    )
    assert done.returncode == 1


def test_the_doppelganger_is_someone_else_in_the_worst_case(report: dict) -> None:
    twin = report["doppelganger"]
    thresholds = {judge["name"]: judge["threshold"] for judge in report["judges"] if judge["binding"]}
    assert thresholds
    for name, threshold in thresholds.items():
        assert twin["judges"][name]["worst_distance"] > threshold


def test_the_nearest_doppelganger_keeps_the_likeness(visit: Path, report: dict) -> None:
    twin, through = report["doppelganger"], report["on_the_way"]
    assert (twin["kind"], through["kind"]) == ("nearest", "on-the-way")
    assert twin["likeness"]["perceptual"] < 0.5 * through["likeness"]["perceptual"]
    assert twin["likeness"]["visible_change"] < 0.5 * through["likeness"]["visible_change"]
    threshold = report["judges"][0]["threshold"]
    assert through["judges"]["dlib"]["worst_distance"] > threshold
    assert not np.array_equal(picture(visit / "doppelganger.png"), picture(visit / "on_the_way.png"))


def test_the_price_of_the_only_judge_that_can_be_convinced_is_at_its_border(report: dict) -> None:
    """The anthropometry has no gradients: it is asked along the way, and nobody tries to convince it."""
    found, limit = report["price_list"], report["judges"][0]["threshold"]
    price = next(each for each in found["prices"] if each["judge"] == "dlib")
    assert 0 < price["visible_change"] <= report["doppelganger"]["likeness"]["visible_change"] + 1
    assert not price["judges"]["dlib"]["same"] and price["judges"]["dlib"]["distance"] > limit
    assert found["curves"]["dlib"]["border"]["distance_same"] <= limit
    assert set(price["judges"]) == {"dlib", "anthropometry"}
    assert "dlib" not in found["still_know"]


def test_the_price_list_is_a_line_of_its_own() -> None:
    prices = [
        report_format.Price(judge=judge, t=0.5, visible_change=change, judges={})
        for judge, change in (("dlib", 2.74), ("mobileface", 6.0))
    ]
    listed = report_format.PriceList(prices=prices, still_know=["anthropometry"], curves={})
    assert visit_command._prices_in_words(listed) == (
        "Visible change, in just-noticeable differences: dlib lets go at 2.7; mobileface lets go at 6.0; "
        "anthropometry still knows the sitter at the end."
    )
    assert visit_command._prices_in_words(None).startswith("No price list: ")


@pytest.mark.parametrize("kind", [*FINDERS, "beyond"])
def test_what_every_finder_finds_is_named_in_words(kind: str) -> None:
    plain = make_report(make_strip(), doppelganger=True)
    assert plain.doppelganger is not None
    found = plain.doppelganger.model_copy(update={"kind": kind})
    words = visit_command._in_words(plain.model_copy(update={"doppelganger": found}))
    assert description_of(kind) and f"doppelganger.png {description_of(kind)}." in words


def test_a_refusal_is_a_line_of_its_own() -> None:
    plain = make_report(make_strip(), doppelganger=False)
    refused = report_format.Refusal(kind="nearest", visible_change=19.26, limit=12)
    words = visit_command._in_words(plain.model_copy(update={"refused": [refused]})).split("\n")
    assert words[0].endswith("no doppelgänger is given.") and len(words) == 2
    assert "'nearest'" in words[1] and "19.3" in words[1] and "12" in words[1]


def test_the_enlarged_doppelganger_is_the_same_picture(visit: Path, report: dict) -> None:
    """What dlib itself says of it in the worst case is in the recomputation."""
    enlarged, exact = picture(visit / "doppelganger_1024.png"), picture(visit / "doppelganger.png")
    assert report["enlarged"] == {"resolution": 1024, "filter": "lanczos-corrected"}
    assert enlarged.shape == (1024, 1024, 3)
    reduced = cv2.resize(enlarged, exact.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(reduced.astype(int) - exact).mean() < 1


def test_the_witness_is_the_judge_that_did_not_have_to_be_convinced(report: dict) -> None:
    witness = report["witness"]
    assert witness["judge"] == "anthropometry"
    assert witness["distance"] == report["doppelganger"]["judges"]["anthropometry"]["distance"]
    assert witness["same"] is (witness["distance"] <= witness["threshold"])


def test_the_border_that_is_shown_is_as_fine(visit: Path, report: dict) -> None:
    border = report["judges"][0]["nearest_continuum"]["border"]
    same, other = picture(visit / "border_same.png"), picture(visit / "border_other.png")
    gap = np.abs(same.astype(int) - other)
    assert report["crossing"] == "nearest"
    assert report["identical_share"] == pytest.approx(np.mean(same == other), rel=1e-5)
    assert border["mean_abs_diff"] == pytest.approx(gap.mean(), rel=1e-4) and 0 < gap.mean() <= 1.0
    assert border["distance_same"] <= report["judges"][0]["threshold"] < border["distance_other"]
    assert border["t_width"] <= 1 / 128


def test_the_search_began_where_the_encoder_guessed(report: dict) -> None:
    assert report["search"]["init"] == "encoder"


def test_the_eyes_are_measured_and_open(report: dict) -> None:
    assert 0.2 < report["sitter"]["eyes_open"] < 0.5 and report["sitter"]["note"] is None


def test_both_continua_and_both_judges_are_reported(report: dict) -> None:
    assert [judge["name"] for judge in report["judges"]] == ["dlib", "anthropometry"]
    assert report["judges"][0]["search_continuum"]["border"] is not None
    assert not report["judges"][1]["binding"]
    assert {"faces", "search", "judging"} <= report["seconds"].keys()


def test_generated_pictures_are_marked_and_the_portrait_is_not(visit: Path) -> None:
    for path in visit.glob("*.png"):
        marked = (read_digital_source_type(path) or "").endswith("trainedAlgorithmicMedia")
        assert marked is (path.name != "portrait.png"), path.name
    assert (read_digital_source_type(visit / "morph.mp4") or "").endswith("trainedAlgorithmicMedia")


def test_an_existing_folder_is_left_alone(visit: Path, short: Path) -> None:
    before = sorted(visit.iterdir())
    done = kiosk("visit", "--config", short, "--out", visit)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert sorted(visit.iterdir()) == before


def refusals(folder: Path) -> dict[str, tuple[Path, int]]:
    """Pictures nobody can be portrayed from: name -> file and exit code."""
    made: dict[str, tuple[Path, int]] = {"missing": (folder / "missing.jpg", 2)}

    def put(name: str, content: bytes, code: int) -> None:
        path = folder / name
        path.write_bytes(content)
        made[name] = (path, code)

    def draw(name: str, image: Image.Image, code: int) -> None:
        image.save(folder / name)
        made[name] = (folder / name, code)

    put("empty.jpg", b"", 2)
    put("text.jpg", b"this is not a picture\n" * 50, 2)
    draw("one.png", Image.new("RGB", (1, 1)), 3)
    draw("nobody.png", Image.new("RGB", (640, 480), (120, 130, 140)), 3)
    draw("bomb.png", Image.new("1", (30_000, 30_000)), 2)
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    draw("noise.jpg", Image.fromarray(noise), 3)
    put("truncated.jpg", (folder / "noise.jpg").read_bytes()[:3000], 2)
    made["folder"] = (folder, 2)
    made["phone.heic"] = (DATA / "heic" / "grid.heic", 3)  # read, and then found to show nobody
    return made


def test_refusals_are_one_line_and_leave_nothing(
    tmp_path: Path, short: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """In this process, which has its packages already; one of each exit code as a program of its own, too."""
    (tmp_path / "in").mkdir()
    made = refusals(tmp_path / "in")
    own_process = ("text.jpg", "nobody.png")
    assert {made[name][1] for name in own_process} == {code for _, code in made.values()}
    for name, (path, code) in made.items():
        words = ["visit", str(path), "--config", str(short), "--out", str(tmp_path / "out")]
        capfd.readouterr()
        outcomes = [(main(words), capfd.readouterr().err)]
        if name in own_process:
            done = kiosk(*words)
            outcomes.append((done.returncode, done.stderr))
        for returned, line in outcomes:
            assert returned == code, (name, line)
            assert line.startswith("kiosk: ") and line.count("\n") == 1, (name, line)
            assert [left.name for left in tmp_path.iterdir()] == ["in"], name


def test_a_place_that_cannot_be_written_is_told_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    (tmp_path / "closed").mkdir()
    # Root may write everywhere, whatever the permissions.
    monkeypatch.setattr(os, "access", lambda path, *_, **__: Path(path).name != "closed")
    told = {
        tmp_path / ("a" * 300): "cannot be a folder",
        tmp_path / "loop": "cannot be a folder",
        tmp_path / "file": "exists already",
        tmp_path / "file" / "in it": "no such folder",
        tmp_path / "nowhere" / "in it": "no such folder",
        tmp_path / "closed" / "in it": "may not be written to",
    }
    for folder, words in told.items():
        with pytest.raises(UsageError, match=words) as refusal:
            check_free_folder(folder)
        assert "\n" not in str(refusal.value)
    monkeypatch.chdir(tmp_path / "closed")
    with pytest.raises(UsageError, match="may not be written to"):
        check_free_folder(visit_command._next_folder())
    monkeypatch.chdir(tmp_path)
    assert visit_command._next_folder() == Path("visit-1")
    check_free_folder(Path("visit-1"))


@pytest.mark.parametrize("seed", ["-1", "4294967296", "99999999999999999999"])
def test_a_seed_that_is_none_is_told_before_the_work(tmp_path: Path, seed: str) -> None:
    done = kiosk("visit", f"--seed={seed}", "--out", tmp_path / "out")
    assert done.returncode == 2 and "--seed" in done.stderr and done.stderr.count("\n") == 1
    path = tmp_path / "own.toml"
    path.write_text("[judging]\nseed = 4294967296\n")
    with pytest.raises(UsageError, match=r"judging\.seed"):
        load(path)


@pytest.mark.parametrize("reach", ["-0.1", "1.5", "nan"])
def test_a_reach_that_is_none_is_told_before_the_work(tmp_path: Path, reach: str) -> None:
    done = kiosk("visit", f"--reach={reach}", "--out", tmp_path / "out")
    assert done.returncode == 2 and "--reach" in done.stderr and done.stderr.count("\n") == 1


def test_a_witness_of_the_panel_binds_nobody(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[judging]\npanel = ["anthropometry", "dlib"]\nwitness = "dlib"\n')
    judges = models.load_judges(load(path))
    assert [(judge.name, judge.binding) for judge in judges] == [("anthropometry", False), ("dlib", False)]
    assert [judge.binding for judge in models.load_judges(load())] == [True, False]
    for panel, witness in ((["dlib"], "sface"), (["dlib", "anthropometry"], "dlib")):
        path.write_text(f'[judging]\npanel = {json.dumps(panel)}\nwitness = "{witness}"\n')
        with pytest.raises(UsageError, match="witness"):
            load(path)


def test_the_largest_seed_is_one() -> None:
    settings = NearestSettings(seed=MAX_SEED)
    assert len(perturbations(settings.seed + settings.steps)) == 8


def test_the_name_of_a_photograph_need_not_be_text(
    tmp_path: Path, astronaut: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a stick with names in an older encoding; the report is told of it in text."""
    path = tmp_path / os.fsdecode(b"Andr\xe9.png")
    Image.fromarray(astronaut).save(path)
    sources: list[str] = []

    def write_visit(folder: Path, portrayal: object, provenance: object, source: str, _: bool) -> None:
        sources.append(source)

    monkeypatch.setattr(models, "ModelBundle", MagicMock())
    monkeypatch.setattr(record, "write_visit", write_visit)
    monkeypatch.setattr(visit_command, "_in_words", lambda _: "")
    parser = argparse.ArgumentParser()
    visit_command.configure(parser)
    assert visit_command.run(parser.parse_args([str(path), "--out", str(tmp_path / "out")])) == 0
    assert sources == ["Andr?.png"]


def test_a_note_on_the_eyes_is_a_line_of_its_own() -> None:
    plain = make_report(make_strip(), doppelganger=False)
    noted = plain.model_copy(update={"sitter": plain.sitter.model_copy(update={"note": "Shut?"})})
    assert "\n" not in visit_command._in_words(plain)
    assert visit_command._in_words(noted) == visit_command._in_words(plain) + "\nShut?"


def test_what_is_printed_need_not_be_text(tmp_path: Path) -> None:
    for person in ("a_1", "a_2", "b_1"):
        Image.new("RGB", (64, 64)).save(tmp_path / os.fsdecode(person.encode() + b"_\xe9_1.png"))
    (tmp_path / os.fsdecode(b"a_1_\xe9_2.png")).touch()
    (tmp_path / "a_1_\n\x1b3.png").touch()
    done = kiosk("judges", "calibrate", tmp_path)
    assert done.returncode == 2 and "left out a_1_\\udce9_1.png" in done.stdout
    assert all(line.startswith("left out ") for line in done.stdout.splitlines())
    assert "left out a_1_??3.png" in done.stdout


@pytest.mark.parametrize(
    ("content", "word"),
    [("[search]\nsteps = 0\n", "search.steps"), ("surch = 1\n", "surch"), ("not toml", "TOML")],
)
def test_a_wrong_configuration_is_told_by_entry(tmp_path: Path, content: str, word: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(content)
    done = kiosk("visit", "--config", path, "--out", tmp_path / "out")
    assert done.returncode == 2 and word in done.stderr and done.stderr.count("\n") == 1


def test_a_configuration_names_only_what_differs(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('encoder = ""\n[search]\nsteps = 7\n')
    own, default = load(tmp_path / "own.toml"), load()
    assert own.encoder is None and default.encoder == "nobody-encoder"
    assert own.search == default.search.model_copy(update={"steps": 7})
    assert own == default.model_copy(update={"encoder": None, "search": own.search})


def test_the_gallerys_example_is_a_configuration(tmp_path: Path) -> None:
    (example,) = re.findall(
        r"```toml\n(# config/gallery.toml.*?)```", (REPO / "docs" / "installing.md").read_text(), re.S
    )
    (tmp_path / "gallery.toml").write_text(example)
    own, default = load(tmp_path / "gallery.toml"), load()
    assert own.display.screen == "name:BenQ" and own.stage.camera == "name:Logitech"
    assert (own.search, own.encoder) == (default.search, default.encoder)


def test_weights_that_are_not_there_are_told_before_the_work(tmp_path: Path) -> None:
    done = kiosk("visit", "--config", REPO / "config" / "ffhq.toml", "--out", tmp_path / "out")
    assert done.returncode == 4
    assert "kiosk weights fetch ffhq-1024" in done.stderr and done.stderr.count("\n") == 1


def test_a_visit_whose_terminal_is_closed_leaves_no_dump_and_no_half_a_folder(tmp_path: Path) -> None:
    hasty = tmp_path / "hasty.toml"
    hasty.write_text(HASTY)
    out = tmp_path / "visits"
    out.mkdir()
    words = map(str, ("visit", "--config", hasty, "--out", out / "me"))
    # These tests may run under nohup, whose signals are handed on.
    command = ["env", "--default-signal=HUP", sys.executable, "-m", "installation.cli.main", *words]
    with subprocess.Popen(command, cwd=REPO, stderr=subprocess.PIPE, text=True) as visit:
        until(lambda: any(out.glob(".me.*/*")) or visit.poll() is not None or None, "its first picture", 300)
        assert psutil.Process(visit.pid).rlimit(psutil.RLIMIT_CORE) == (0, 0)
        visit.send_signal(signal.SIGHUP)
        _, told = visit.communicate(timeout=60)
    assert list(out.iterdir()) == []
    assert visit.returncode == 130 and told == "kiosk: stopped; nothing was written.\n"


def test_without_a_border_it_says_so_and_still_gives_a_picture(tmp_path: Path) -> None:
    hasty = tmp_path / "hasty.toml"
    hasty.write_text(HASTY)
    done = kiosk("visit", "--config", hasty, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "no border here" in done.stdout and "beyond it" not in done.stdout
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    judge = report["judges"][0]
    assert judge["border"] is None and judge["crossings"] == []
    assert judge["note"].startswith("never recognised")
    assert not report["search"]["tuned"]
    assert report["doppelganger"]["t"] == 1.0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"doppelganger.png", "morph.mp4", "curve.png"} <= names
    assert not {"border_same.png", "border_other.png", "portrait.png"} & names


def test_the_same_border_on_one_core_and_on_two(tmp_path: Path) -> None:
    config = tmp_path / "few.toml"
    config.write_text(
        '[search]\nsteps = 8\ntuning_steps = 4\nfinders = ["on-the-way"]\n[film]\npictures = 2\n'
        "[judging]\nperturbations = 2\n"
    )
    found = []
    for cores in (1, 2):
        out = tmp_path / str(cores)
        some = ",".join(str(core) for core in sorted(os.sched_getaffinity(0))[:cores])
        command = f"{sys.executable} -m installation.cli.main visit --config {config} --out {out}".split()
        environment = os.environ | {"OMP_NUM_THREADS": str(cores)}
        subprocess.run(["taskset", "--cpu-list", some, *command], cwd=REPO, env=environment, check=True)
        report = json.loads((out / "report.json").read_text())
        found.append(
            (report["judges"][0]["crossings"], report["doppelganger"]["t"], report["search"]["loss"])
        )
    assert found[0] == found[1] and found[0][0], "the same crossings, and there are some"
