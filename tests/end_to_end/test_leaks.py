"""A whole visit leaves nothing of its sitter: every file that any of its processes writes is searched.

The camera shows a known face and beside it noise that is nowhere else. Afterwards the bytes of the noise are
looked for in every file, and every picture and film that can be decoded is shown to dlib and compared with
the noise. The control is the same visit with one frame leaked on purpose (tests/support/leaking_kiosk.py).
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import av
import cv2
import dlib
import numpy as np
import psutil
import pytest
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from skimage import data

from engine.common.arrays import Pixels
from tests.support.app_kit import SHORT, few_steps
from tests.support.delivery_kit import free_port
from tests.support.recompute_verdict import Dlib

REPO = Path(__file__).resolve().parents[2]
THRESHOLD = 0.6  # dlib's own
WRITING = re.compile(r"\b(?:openat|open|creat)\((?:AT_FDCWD[^,]*, |[^\",]+, )?\"([^\"]+)\"(?:, ([A-Z_|]+))?")
MOVING = re.compile(r'\brename(?:at2?)?\(.*"([^"]+)"[^"]*\)?')
SPOKEN_TO = re.compile(r'sa_family=AF_INET6?,.*inet_(?:addr\(|pton\(AF_INET6, )"([^"]+)"')
EXECUTED = re.compile(r'^(\d+) +execve\("[^"]*", \[(.*)\], .*(?:= 0|<unfinished \.\.\.>)$')
UNDUMPABLE = re.compile(r"^(\d+) +prctl\(PR_SET_DUMPABLE, SUID_DUMP_DISABLE(?:\) = 0| <unfinished)")
# System calls that write, send, or say which process it is.
TRACED = (
    *("open", "openat", "creat", "rename", "renameat", "renameat2"),
    *("connect", "sendto", "sendmsg", "sendmmsg", "execve", "prctl"),
)
# The program's own processes, by what they are started with; the last is the engine's and the film worker's.
MAIN = "installation.cli.main"
OWN = (MAIN, "installation.delivery.process", "spawn_main")
# What is no file on a disk.
NOWHERE = ("/dev/null", "/dev/tty", "/dev/urandom", "/proc/", "/sys/", "/dev/nvidia")
# Everything that is opened to write in a visit: a library's list of fonts, Python's trial of the temporary
# folder, the lock of the delivery.
ALLOWED = (
    r".*/matplotlib/fontlist-.*",
    r".*/temporary/[a-z0-9_]{8}",
    r".*/delivery-\d+\.sock\.lock",
)


class Sitter:
    """Somebody before a camera, with noise in two places."""

    def __init__(self) -> None:
        self.noise = np.random.default_rng(7).integers(0, 256, (40, 40, 3), np.uint8)
        self.picture: Pixels = np.full((600, 800, 3), 90, np.uint8)
        self.picture[44:556, 144:656] = data.astronaut()
        self.picture[420:460, 270:310] = (
            self.noise
        )  # beside the chin: also in what is cut out around the face
        self.picture[10:50, 20:60] = self.noise
        self._dlib, self._detector = Dlib(), dlib.get_frontal_face_detector()
        (self._reference,) = self.numbers(self.picture)

    def bytes_of(self) -> list[bytes]:
        """The noise as it would lie in any raw copy of a frame, mirrored or not, RGB or BGR."""
        rows = [self.noise[20], self.noise[20, ::-1]]
        return [row[:, ::step].tobytes() for row in rows for step in (1, -1)]

    def is_in(self, picture: Pixels) -> str:
        """Why this picture is one of the sitter, or nothing."""
        if any(np.linalg.norm(numbers - self._reference) <= THRESHOLD for numbers in self.numbers(picture)):
            return "dlib takes a face in it for the sitter"
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        noise = cv2.cvtColor(self.noise, cv2.COLOR_RGB2GRAY)
        for mark in (noise, noise[:, ::-1]) if min(grey.shape) >= len(noise) else ():
            if cv2.matchTemplate(grey, mark, cv2.TM_CCOEFF_NORMED).max() > 0.6:
                return "the noise is in it"
        return ""

    def numbers(self, picture: Pixels) -> Iterator[NDArray[np.float64]]:
        """The vector, float64 (128,), of each face that dlib finds in a picture, uint8 (H, W, 3) RGB."""
        scale = min(1.0, 800 / max(picture.shape))
        small = np.ascontiguousarray(cv2.resize(picture, None, fx=scale, fy=scale))
        for face in self._detector(small, 1):
            shape = self._dlib.predictor(small, face)
            yield np.array(self._dlib.network.compute_face_descriptor(small, shape))


@pytest.fixture(scope="module")
def sitter() -> Sitter:
    return Sitter()


def pictures_in(path: Path) -> Iterator[Pixels]:
    """Every picture of a picture file, a few a second of a film; nothing of anything else."""
    try:
        with Image.open(path) as image:
            yield np.asarray(image.convert("RGB"))
        return
    except (UnidentifiedImageError, OSError):
        pass
    try:
        with av.open(str(path)) as container:
            for index, frame in enumerate(container.decode(video=0)):
                if index % 10 == 0:
                    yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    except (av.error.FFmpegError, IndexError):
        pass


def leaks(paths: list[Path], sitter: Sitter) -> dict[str, str]:
    """Which of these files hold something of the sitter, and what."""
    found = {}
    for path in paths:
        content = path.read_bytes()
        if any(piece in content for piece in sitter.bytes_of()):
            found[path.name] = "bytes of the camera's picture"
        elif why := next(filter(None, map(sitter.is_in, pictures_in(path))), ""):
            found[path.name] = why
    return found


class Visit:
    """One visit by `kiosk run`, with phones and all they can get, and what it wrote.

    until: a line of the log after which it is cut short.  send_to: another machine, which light and sound
    are told of the visit.  leaks_to: files that a frame is leaked to on purpose.
    written: every file that one of its processes opened for writing, where strace could see it, and every
    file in the folders for temporary files that is newer than the visit.
    """

    def __init__(
        self,
        folder: Path,
        sitter: Sitter,
        until: str = "",
        send_to: str = "",
        leaks_to: Sequence[Path] = (),
    ) -> None:
        self.folder = folder
        show, temporary = folder / "show", folder / "temporary"
        for each in (show, temporary, folder / "input"):
            each.mkdir()
        camera, trace = folder / "input" / "camera.png", folder / "trace"
        Image.fromarray(sitter.picture).save(camera)
        changes = [word for pair in SHORT.items() for word in ("--set", "=".join(pair))]
        strace = [
            *(str(shutil.which("strace")), "-f", "-qq", "--seccomp-bpf", "-o", str(trace), "-s", "1000"),
            *("-e", "trace=" + ",".join(TRACED)),
        ]
        config = few_steps(folder / "input", free_port())
        if send_to:
            config.write_text(
                config.read_text().replace("[control]", f'[control]\nsend_to = ["{send_to}:9"]')
            )
        program = ["tests.support.leaking_kiosk", os.pathsep.join(map(str, leaks_to))] if leaks_to else [MAIN]
        kiosk = [
            *(sys.executable, "-m", *program, "run"),
            *("--config", str(config), "--show", str(show)),
            *("--camera", f"file:{camera}", "--visits", "1", "--virtual", "--rate", "10", *changes),
            *("--set", "delivery/gives=everything", "--set", "delivery/life_s=60"),
            *("--set", "visit/meeting_s=14"),
        ]
        began_s = time.time()
        self.traced = shutil.which("strace") is not None
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                [*strace, *kiosk] if self.traced else kiosk,
                cwd=REPO, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=os.environ | {
                    "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1",
                    "TMPDIR": str(temporary), "XDG_RUNTIME_DIR": str(temporary),
                    "PATH": "",  # Python would start a compiler to look for libraries
                },
            )  # fmt: skip
            self._wait(process, until)
        self.log = (folder / "log").read_text()
        assert until or process.returncode == 0, self.log
        lines = trace.read_text().splitlines() if self.traced else []
        self.opened = set(self._opened(lines))
        # On a busy machine strace tells call and result in two lines, with another process's between them.
        started = [match.groups() for line in lines if (match := EXECUTED.match(line))]
        self.processes = {pid: own for pid, words in started for own in OWN if own in words}
        self.undumpable = {match[1] for line in lines if (match := UNDUMPABLE.match(line))}
        self.spoken_to = {address for line in lines for address in SPOKEN_TO.findall(line)}
        # Other programs' files are there, too: only where it cannot be known who wrote them.
        common = [] if self.traced else [Path("/tmp"), Path("/var/tmp"), Path("/dev/shm")]
        places = [folder, *common]
        newer = [path for place in places for path in _files(place) if path.stat().st_mtime >= began_s]
        ours = {path for path in newer if path not in (camera, trace)}
        self.written = sorted(ours | {path for path in self.opened if path.is_file()})

    def _wait(self, process: subprocess.Popen[bytes], until: str) -> None:
        """Until the kiosk is over. Its delivery would still serve the link, and strace wait for it."""
        limit_s = time.monotonic() + 900
        while process.poll() is None and time.monotonic() < limit_s:
            time.sleep(0.2)
            parts = _parts(process)
            if "run" in parts:
                if until and until in (self.folder / "log").read_text():
                    os.kill(parts["run"], signal.SIGTERM)
            elif "delivery" in parts:
                os.kill(parts["delivery"], signal.SIGTERM)
        process.wait(10)

    def _opened(self, lines: list[str]) -> Iterator[Path]:
        for line in lines:
            if re.search(r"= -1 E[A-Z]+", line):
                continue
            for path, flags in WRITING.findall(line):
                if re.search("O_WRONLY|O_RDWR|O_CREAT", flags) or "creat(" in line:
                    yield REPO / path
            for path in MOVING.findall(line):
                yield REPO / path


def _files(place: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(place):
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _parts(process: subprocess.Popen[bytes]) -> dict[str, int]:
    """The process ids of the stage, `run`, and of its delivery, as far as they are there."""
    found = {}
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(process.pid)
        for each in (root, *root.children(recursive=True)):
            words = each.cmdline()
            if words[1:2] == ["-m"] and "run" in words[3:5]:
                found["run"] = each.pid
            elif words[1:3] == ["-m", "installation.delivery.process"]:
                found["delivery"] = each.pid
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, sitter: Sitter) -> Visit:
    """A visit to its end. Its folder has a short name: a socket in it allows a path of 107 characters."""
    return Visit(tmp_path_factory.mktemp("visit"), sitter)


LEAKED = ("leaked.jpg", "leaked.raw")
ELSEWHERE = "192.0.2.7"  # set aside for documentation (RFC 5737)


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory, sitter: Sitter) -> Visit:
    """One that leaks a frame, as a picture and byte for byte, and speaks to another machine."""
    folder = tmp_path_factory.mktemp("leak")
    leaked = [folder / name for name in LEAKED]
    return Visit(folder, sitter, until="portrait -> search", send_to=ELSEWHERE, leaks_to=leaked)


traced = pytest.mark.skipif(
    shutil.which("strace") is None, reason="needs strace: python3 -m hardware.machine tests"
)


def test_a_visit_leaves_nothing_of_its_sitter(whole: Visit, sitter: Sitter):
    # Everything was on its way: the face before the camera was followed and judged, and the numbers that it
    # gave went on to the film's process.
    assert "phones can fetch it" in whole.log and "jury -> meeting" in whole.log
    assert "the film shows 6 s of the meeting" in whole.log
    assert leaks(whole.written, sitter) == {}


@traced
def test_what_leaves_nothing_of_its_sitter_opens_nothing_else(whole: Visit):
    """Nothing but known files, no core, no other machine."""
    unexpected = [
        str(path)
        for path in whole.opened
        if not str(path).startswith(NOWHERE) and not any(re.fullmatch(one, str(path)) for one in ALLOWED)
    ]
    assert unexpected == []
    # No core of the stage, the engine, the film worker and the delivery, even if one was started twice.
    kinds = Counter(whole.processes.values())
    assert set(kinds) == set(OWN) and kinds["spawn_main"] >= 2
    assert set(whole.processes) <= whole.undumpable
    assert all(address.startswith("127.") or address == "::1" for address in whole.spoken_to)


def test_one_leaked_frame_would_be_found(leaking: Visit, sitter: Sitter):
    """The control."""
    assert leaks(leaking.written, sitter) == {
        "leaked.jpg": "dlib takes a face in it for the sitter",
        "leaked.raw": "bytes of the camera's picture",
    }


@traced
def test_one_leaked_frame_and_who_is_told_would_be_seen(leaking: Visit):
    """The control."""
    assert {leaking.folder / name for name in LEAKED} <= leaking.opened
    assert ELSEWHERE in leaking.spoken_to
