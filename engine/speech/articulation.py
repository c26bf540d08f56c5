"""How a mouth moves that speaks: phonemes with their times in, `Motion` at any time out.

Each number of a motion has knots in time, between which it moves smoothly. A sound puts knots only for the
numbers it needs, so lips round themselves before the `u` that they are rounded for. Where lips must meet,
at p, b and m, they do, and for longer than one picture of a film. In silence the face rests, exactly; it
opens a moment before it is heard.

Source: Löfqvist, *Speech as audible gestures*, 1990, and Cohen and Massaro, *Modeling coarticulation in
synthetic visual speech*, 1993: overlapping gestures, of which each sound needs some and leaves the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.live.motion import REST, Motion
from engine.speech.phonemes import Phoneme
from engine.speech.visemes import STRESS, Shape, Viseme, visemes_of

# The mouth leaves rest so long before the first sound, and is back at rest so long after the last one.
# A pause that leaves no time for both is none.
LEAD_S, TRAIL_S = 0.1, 0.12
# A shape is held over the middle of its sound, from and to these shares of it.
HELD = (0.3, 0.7)
# Lips meet so long before the sound of p, b and m is heard, and stay together at least as long after; another
# shape keeps this distance from it.
MEET_S, CLEAR_S = 0.025, 0.025
# A vowel with stress opens the jaw by so much more.
STRESSED_GAIN = 1.2

NUMBERS = tuple(field.name for field in fields(Shape))


@dataclass(frozen=True, eq=False)
class Articulation:
    """The motion of a mouth over time.

    knots: for each of `NUMBERS` times in seconds, ascending, and the number's values there.
    """

    knots: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]

    def at(self, time_s: float) -> Motion:
        """The motion at a time; rest before the first sound and after the last one."""
        numbers = {name: _between(*self.knots[name], time_s) for name in NUMBERS}
        return Motion(**numbers) if any(numbers.values()) else REST


@dataclass(frozen=True)
class _Gesture:
    """A viseme held from a time to a time, the jaw opened by `gain` times as much as the viseme says."""

    viseme: Viseme
    from_s: float
    to_s: float
    gain: float = 1.0


def articulate(phonemes: Sequence[Phoneme]) -> Articulation:
    """The motion of a mouth that speaks these phonemes, in the order of time."""
    gestures = [gesture for phoneme in phonemes for gesture in _gestures(phoneme)]
    closures = [gesture for gesture in gestures if gesture.viseme is Viseme.CLOSED]
    rests = _rests(phonemes)
    knots = {}
    for name in NUMBERS:
        points = [(time_s, 0.0) for time_s in rests]
        for gesture in gestures:
            value = getattr(gesture.viseme.value, name)
            if value is None:
                continue
            if name == "jaw":
                points += [(time_s, gesture.gain * value) for time_s in _free_times(gesture, closures)]
            else:
                points += [(gesture.from_s, value), (gesture.to_s, value)]
        ordered = sorted(points, key=lambda point: point[0])
        knots[name] = (np.array([p[0] for p in ordered]), np.array([p[1] for p in ordered]))
    return Articulation(knots)


def _gestures(phoneme: Phoneme) -> list[_Gesture]:
    """What the mouth does for a phoneme; each letter has an equal part of its time."""
    visemes = visemes_of(phoneme.sound)
    part_s = (phoneme.end_s - phoneme.begin_s) / max(len(visemes), 1)
    gain = STRESSED_GAIN if STRESS in phoneme.sound else 1.0
    gestures = []
    for number, viseme in enumerate(visemes):
        begin_s = phoneme.begin_s + number * part_s
        if viseme is Viseme.CLOSED:
            gestures.append(_Gesture(viseme, begin_s - MEET_S, begin_s + max(MEET_S, HELD[1] * part_s)))
        else:
            gestures.append(_Gesture(viseme, begin_s + HELD[0] * part_s, begin_s + HELD[1] * part_s, gain))
    return gestures


def _rests(phonemes: Sequence[Phoneme]) -> list[float]:
    """The times at which rest ends or begins, in pairs of neighbours that speech lies between."""
    if not phonemes:
        return [0.0]
    times = [phonemes[0].begin_s - LEAD_S]
    for before, after in pairwise(phonemes):
        if after.begin_s - before.end_s > LEAD_S + TRAIL_S:
            times += [before.end_s + TRAIL_S, after.begin_s - LEAD_S]
    return [*times, phonemes[-1].end_s + TRAIL_S]


def _free_times(gesture: _Gesture, closures: Sequence[_Gesture]) -> list[float]:
    """From when to when a gesture is held, clear of every closure; empty where there is no room for it."""
    from_s, to_s = gesture.from_s, gesture.to_s
    middle_s = (from_s + to_s) / 2
    for closure in closures:
        if closure is gesture:
            continue
        if (closure.from_s + closure.to_s) / 2 < middle_s:
            from_s = max(from_s, closure.to_s + CLEAR_S)
        else:
            to_s = min(to_s, closure.from_s - CLEAR_S)
    return [from_s, to_s] if from_s <= to_s else []


def _between(times: NDArray[np.float64], values: NDArray[np.float64], time_s: float) -> float:
    """The value at a time: with zero slope at every knot, and level before the first and after the last."""
    after = int(np.searchsorted(times, time_s))
    if after == 0 or after == len(times):
        return 0.0
    share = (time_s - times[after - 1]) / (times[after] - times[after - 1])
    eased = share * share * (3 - 2 * share)
    return float(values[after - 1] + eased * (values[after] - values[after - 1]))
