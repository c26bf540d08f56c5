"""Measures speech on the drawn pictures: lips that meet, mouths that open, and rest in silence.

    python -m benchmarks.speech PHOTO [PHOTO ...]

Each photograph is rigged as `kiosk drive` does it and says twenty sentences, ten of English and ten of
German, at 25 pictures a second. The gap between the lips is measured on every drawn picture, by the mesh.
"""

import sys
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from benchmarks.rigs import Networks
from engine.faces.analyser import FaceAnalyser
from engine.faces.landmarks import Landmarks
from engine.faces.measurement import measure_width
from engine.live.rigs.directions import face_box
from engine.live.rigs.puppet import draw
from engine.live.rigs.rig import Rig
from engine.photographs.photograph import load_photograph
from engine.speech.articulation import LEAD_S, TRAIL_S, articulate
from engine.speech.phonemes import Speech
from engine.speech.synthesis import speak
from engine.speech.visemes import Viseme, visemes_of
from tests.support.sentences import SENTENCES

RATE_HZ = 25
# Lips whose gap is less than the first, a share of the face's width, have met: the mesh sees a little of one
# even there. A mouth whose gap grows by the second is open.
MET, OPENED = 0.022, 0.02


def lip_gaps(rig: Rig, speech: Speech, analyser: FaceAnalyser) -> tuple[np.ndarray, np.ndarray, float]:
    """Times of the pictures; the measured gap in each, a share of the face's width; CPU ms a picture."""
    articulation = articulate(speech.phonemes)
    times = np.arange(0, speech.duration_s + TRAIL_S, 1 / RATE_HZ)
    gaps, spent_s = [], 0.0
    for time_s in times:
        began_s = time.process_time()
        picture = draw(rig, articulation.at(float(time_s)))
        spent_s += time.process_time() - began_s
        mesh = analyser.mesh(picture, face_box(len(picture)))
        if mesh is None:
            gaps.append(np.nan)
        else:
            lips = mesh[Landmarks.LOWER_LIP_INNER] - mesh[Landmarks.UPPER_LIP_INNER]
            gaps.append(float(np.linalg.norm(lips)) / measure_width(mesh))
    return times, np.array(gaps), 1e3 * spent_s / len(times)


def report(name: str, rig: Rig, analyser: FaceAnalyser) -> None:
    """Prints one sitter's line."""
    met, opened, still, cost_ms = [], [], [], []
    for language, text in SENTENCES:
        speech = speak(text, language)
        times, gaps, draw_ms = lip_gaps(rig, speech, analyser)
        cost_ms.append(draw_ms)
        for phoneme in speech.phonemes:
            visemes = visemes_of(phoneme.sound)
            if Viseme.CLOSED in visemes:
                near = np.abs(times - phoneme.begin_s) <= 1 / RATE_HZ
                met.append(np.nanmin(gaps[near]) < MET)
            elif {Viseme.OPEN, Viseme.ROUND} & set(visemes) and phoneme.end_s - phoneme.begin_s > 2 / RATE_HZ:
                near = (times >= phoneme.begin_s) & (times <= phoneme.end_s)
                opened.append(np.nanmax(gaps[near]) > rig.rest.jaw + OPENED)
        heard = [(p.begin_s - LEAD_S, p.end_s + TRAIL_S) for p in speech.phonemes]
        articulation = articulate(speech.phonemes)
        still += [
            np.array_equal(draw(rig, articulation.at(float(t))), rig.picture)
            for t in times
            if not any(begin < t < end for begin, end in heard)
        ]
    print(
        f"{name:12} gap at rest {rig.rest.jaw:.3f}; met at m, b, p {sum(met)} of {len(met)}; opened at a, o "
        f"{sum(opened)} of {len(opened)}; pictures in silence that rest {sum(still)} of {len(still)}; "
        f"draw {np.mean(cost_ms):.1f} ms",
        flush=True,
    )


def main() -> int:
    """Rigs the photographs that are named, and has them speak."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    networks = Networks.load()
    with FaceAnalyser() as analyser:
        for path in map(Path, sys.argv[1:]):
            rig = networks.rig(load_photograph(path), analyser)
            report(path.stem, rig, analyser)
    return 0


if __name__ == "__main__":
    sys.exit(main())
