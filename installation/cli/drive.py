"""`./kiosk drive`: moves the face of a picture, as the face in a clip moves or as a mouth that speaks."""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from engine.common.errors import UsageError, on_one_line, printable
from hardware.memory import forbid_core_dumps
from installation.cli.interruption import let_signals_interrupt
from installation.cli.paths import check_free, reachable_path, writing
from installation.settings.configuration import DEFAULT, Configuration, load

if TYPE_CHECKING:
    from engine.common.arrays import Pixels
    from engine.faces.analyser import FaceAnalyser
    from engine.live.rigs.rig import Rig
    from engine.speech.phonemes import Speech

BAR = "{desc:<12}|{bar:40}| {elapsed}"
LONGEST_SPEECH_S = 600.0

# Writes the film of rigs, and returns its length in seconds.
WriteFilm = Callable[["Sequence[Rig]", "FaceAnalyser", Callable[[float], None]], float]


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `./kiosk drive`."""
    parser.add_argument(
        "picture", type=reachable_path, help="whose face moves: doppelganger.png of a visit, or a photograph"
    )
    parser.add_argument("clip", nargs="?", type=reachable_path, help="a film of the face that drives it")
    parser.add_argument(
        "--exchange",
        type=reachable_path,
        metavar="PICTURE",
        help="of the person on the right of a clip with two people, who have both agreed: each moves the "
        "other's picture",
    )
    parser.add_argument("--say", metavar="TEXT", help="instead of a clip: what it says, by a synthetic voice")
    parser.add_argument("--language", help="of --say, by its code, such as en, de, fr, es; en")
    parser.add_argument(
        "--speech",
        type=reachable_path,
        metavar="FILE",
        help="instead of a clip: a sound of somebody speaking",
    )
    parser.add_argument(
        "--out", type=reachable_path, default=Path("driven.mp4"), help="the film to write; driven.mp4"
    )
    parser.add_argument(
        "--config", type=reachable_path, default=DEFAULT, help="a TOML file like config/default.toml"
    )


def run(arguments: argparse.Namespace) -> int:
    """Makes the rig of the picture, moves it and writes the film. Returns the exit code."""
    forbid_core_dumps()
    let_signals_interrupt()
    _check_asked(arguments)
    check_free(arguments.out, (".mp4",))
    configuration = load(arguments.config)

    from engine.photographs.photograph import load_photograph

    paths = [arguments.picture, *([arguments.exchange] if arguments.exchange else [])]
    photographs = [load_photograph(path) for path in paths]
    write = _driven(arguments) if arguments.clip else _speaking(arguments)
    seconds, side_px = _write(photographs, configuration, write)
    beside = "two beside each other, " if arguments.exchange else ""
    print(f"{on_one_line(arguments.out)}: {seconds:.1f} seconds, {beside}{side_px} pixels square.")
    return 0


def _driven(arguments: argparse.Namespace) -> WriteFilm:
    """The film of a picture that a clip drives, or of two."""
    from engine.faces.mediapipe_detector import MediaPipeDetector
    from engine.live.crowd.lookout import Lookout
    from hardware.camera.film.decoding import check_film
    from installation.outputs.films.driven_film import OneFace, Puppeteer, TwoFaces, write_driven_film

    check_film(arguments.clip)

    def write(rigs: "Sequence[Rig]", analyser: "FaceAnalyser", report: Callable[[float], None]) -> float:
        with ExitStack() as stack:
            puppeteer: Puppeteer
            if len(rigs) == 1:
                puppeteer = OneFace(rigs[0], analyser)
            else:
                lookout = Lookout(MediaPipeDetector())
                stack.callback(lookout.close)
                puppeteer = TwoFaces(rigs, lookout, analyser)
            with writing(arguments.out):
                return write_driven_film(arguments.out, puppeteer, arguments.clip, report, _remark)

    return write


def _remark(line: str) -> None:
    tqdm.write(line, file=sys.stderr)


def _speaking(arguments: argparse.Namespace) -> WriteFilm:
    """The film of a picture that speaks."""
    from installation.outputs.films.spoken_film import write_spoken_film

    speech = _speech(arguments)
    if speech.duration_s > LONGEST_SPEECH_S:
        raise UsageError(
            f"--say: lasts {speech.duration_s:.0f} seconds. Give a text of at most {LONGEST_SPEECH_S:.0f}."
        )

    def write(rigs: "Sequence[Rig]", analyser: "FaceAnalyser", report: Callable[[float], None]) -> float:
        with writing(arguments.out):
            return write_spoken_film(arguments.out, rigs[0], speech, report)

    return write


def _speech(arguments: argparse.Namespace) -> "Speech":
    """What is to be spoken: a text by the synthetic voice, or what is heard in a file."""
    if arguments.say is not None:
        from engine.speech.synthesis import speak

        return speak(arguments.say, arguments.language or "en")

    from engine.speech.phonemes import Speech
    from engine.speech.recognition import recognise
    from installation.outputs.films.clip_sound import read_sound
    from installation.stage.sound import RATE_HZ

    samples = read_sound(arguments.speech, LONGEST_SPEECH_S)
    phonemes = recognise(samples, RATE_HZ)
    if not phonemes:
        raise UsageError(f"{printable(arguments.speech)}: nobody is heard speaking. Give another sound.")
    return Speech(samples, RATE_HZ, phonemes)


def _write(
    photographs: "Sequence[Pixels]", configuration: Configuration, write: WriteFilm
) -> tuple[float, int]:
    """Makes the rigs and the film; returns the seconds and the side of a picture in pixels."""
    from engine.faces.analyser import open_analyser
    from installation.workers.models import ModelBundle

    bundle = ModelBundle(configuration)
    with (
        open_analyser(bundle.settings.detector) as analyser,
        tqdm(total=1.0, bar_format=BAR, leave=False, disable=None) as bar,
    ):
        bar.set_description_str("searching")
        rigs = []
        for photograph in photographs:
            bar.reset()
            rigs.append(bundle.rig(photograph, analyser, lambda share: bar.update(share - bar.n)))
        bar.reset()
        bar.set_description_str("driving")
        seconds = write(rigs, analyser, lambda share: bar.update(share - bar.n))
    return seconds, max(len(rig.picture) for rig in rigs)


def _check_asked(arguments: argparse.Namespace) -> None:
    """Raises UsageError unless there is one thing that moves the picture."""
    given = [arguments.clip, arguments.say, arguments.speech]
    if sum(each is not None for each in given) != 1:
        raise UsageError("Say what moves the picture: give a clip, or --say TEXT, or --speech FILE.")
    if arguments.language is not None and arguments.say is None:
        raise UsageError("--language goes with --say TEXT.")
    if arguments.exchange is not None and arguments.clip is None:
        raise UsageError("--exchange goes with a clip in which two people are beside each other.")
