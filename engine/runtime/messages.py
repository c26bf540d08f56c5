"""The messages between the engine and its client, a closed set.

`installation/workers/engine_client.py` sends a `Request`; `engine/runtime/worker.py` looks up its handler by
the request's type (`HANDLERS`) and answers with any number of `WorkerMessage`s. Those that are a `Reply`
reach the stage. A new kind of job is a new class here, one handler in the worker, and one case in the client.
"""

import re
from dataclasses import dataclass

from engine.border.strip import Strip
from engine.common.arrays import Pixels
from engine.common.errors import DoppelgangerError
from engine.faces.detector import Box
from engine.judges.verdict import Verdict
from engine.live.crowd.bank import Poses
from engine.live.crowd.decision import Decision
from engine.live.decoders.training_frame import TrainingFrame
from engine.live.rigs.rig import Rig
from engine.live.safe_motion import JudgedPoses
from engine.pipeline.group_portrait import GroupPortrait
from engine.pipeline.result import JudgeResult, PortrayalResult
from engine.speech.phonemes import Speech

# --- requests -------------------------------------------------------------------------------------------


LONGEST_TEXT = 500  # letters; a sentence has 60
LANGUAGE_CODE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 8_000, 192_000


@dataclass(frozen=True)
class Words:
    """What is to be spoken: a text, the code of its language, and samples a second of the sound.

    Raises ValueError where one of them is none: they may come from another machine, and go to eSpeak NG.
    """

    text: str
    language: str
    rate_hz: int

    def __post_init__(self) -> None:
        if len(self.text) > LONGEST_TEXT or not LANGUAGE_CODE.fullmatch(self.language):
            raise ValueError("no sentence in a language")
        if not LOWEST_RATE_HZ <= self.rate_hz <= HIGHEST_RATE_HZ:
            raise ValueError("no rate of sound")


@dataclass(frozen=True, eq=False)
class Portray:
    """Portray this visit's sitter. photographs: uint8 (H, W, 3) RGB, upright; the first is portrayed, all of
    them make the judges' reference. None: somebody who does not exist is portrayed. meets: the doppelgänger
    is going to move: it is looked for further from the sitter, and `RigReady` follows the result. says: what
    it says then; None: nothing. reach: how far beyond its border it is looked for, 0 to 1
    (`engine.finders.beyond`). Raises ValueError for another reach."""

    visit_id: int
    photographs: tuple[Pixels, ...] | None
    meets: bool = False
    says: Words | None = None
    reach: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.reach <= 1:
            raise ValueError("no reach")


@dataclass(frozen=True, eq=False)
class PaintGroup:
    """Make the group portrait of this visit's people. Answered by `ProgressUpdate`s and `GroupReady`.

    photograph: uint8 (H, W, 3) RGB, as photographed. decided: where in it people were followed, and what each
    has decided about their own face; whoever else is in it is anonymous.
    """

    visit_id: int
    photograph: Pixels
    decided: tuple[tuple[Box, Decision], ...]


@dataclass(frozen=True)
class DrawNobodies:
    """Draw these nobodies in every pose, as soon as no visit is worked on. Answered by a `NobodyReady` for
    each."""

    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Cancel:
    """Stop working on this visit: nobody waits for it any more."""

    visit_id: int


@dataclass(frozen=True, eq=False)
class JudgeMoved:
    """After `RigReady`: who is it now? Answered by `MovedJudged`.

    drawn: the doppelgänger as it was drawn, uint8 (R, R, 3) RGB. visitor: the face before the camera, in FFHQ
    framing and as photographed, uint8 (S, S, 3) RGB; None where it is not to be judged.
    """

    visit_id: int
    drawn: Pixels
    visitor: Pixels | None


VisitRequest = Portray | PaintGroup | Cancel | JudgeMoved
Request = VisitRequest | DrawNobodies


@dataclass(frozen=True)
class TrainDecoders:
    """Train two decoders whenever nothing else is to be done, on the pair of people of this number; None:
    rest. Only for an engine of this machine. Answered by `DecodersTrained`s."""

    number: int | None


LocalRequest = Request | TrainDecoders


# --- replies, as the stage polls them -------------------------------------------------------------------


@dataclass(frozen=True)
class Ready:
    """The engine waits for work."""


@dataclass(frozen=True)
class Failed:
    """The visit, or the whole process, has failed. message: why, in one line. Work begins again with
    `Ready`."""

    message: str


@dataclass(frozen=True, eq=False)
class ProgressUpdate:
    """How far the engine is. share: of the whole visit, rising from 0 to 1. picture: the newest picture of
    the search, uint8 (R, R, 3) RGB, or None where there is none."""

    visit_id: int
    stage: str
    share: float
    picture: Pixels | None


@dataclass(frozen=True, eq=False)
class ResultReady:
    """A visit's result.

    Sent several times: while the doppelgänger is looked for (`complete` False), with the continuum from the
    median face only, and then with everything that the border shows.
    """

    visit_id: int
    result: PortrayalResult


@dataclass(frozen=True, eq=False)
class ResultExtended:
    """What is added to a complete result while the border is shown: all judges' verdicts on the continuum
    from the median face, and the doppelgänger enlarged, or None where the enlarged picture does not hold.
    The fields are those of `PortrayalResult`."""

    visit_id: int
    judge_results: tuple[JudgeResult, ...]
    enlarged: Pixels | None


@dataclass(frozen=True, eq=False)
class GroupReady:
    """A visit's group portrait."""

    visit_id: int
    portrait: GroupPortrait


@dataclass(frozen=True, eq=False)
class PeopleReady:
    """Ways from the median face to people who do not exist."""

    strips: tuple[Strip, ...]


@dataclass(frozen=True, eq=False)
class NobodyReady:
    """A nobody in every pose; no poses where it cannot be drawn, or is not to be shown any more."""

    number: int
    poses: Poses


@dataclass(frozen=True)
class NobodiesAlike:
    """Nobodies that look like a doppelgänger that was made: they are not to be shown any more."""

    numbers: frozenset[int]


@dataclass(frozen=True, eq=False)
class RigReady:
    """The visit's doppelgänger can be moved. judged: what the judges say of its poses, which limits how far.
    speech: what it is to say; None where there is nothing, or nothing that can speak it. The engine stays
    with the visit until `Cancel`."""

    visit_id: int
    rig: Rig
    judged: JudgedPoses
    speech: Speech | None = None


@dataclass(frozen=True)
class MovedJudged:
    """What the judges say of the pictures of a `JudgeMoved`: the binding judge that finds each most alike.

    drawn: None where no face was found in it. visitor: None also where there was no such picture.
    """

    visit_id: int
    drawn: Verdict | None
    visitor: Verdict | None


@dataclass(frozen=True)
class Queued:
    """The visit waits for a free engine of the rendering server. place: 1 is the next."""

    visit_id: int
    place: int


Reply = (
    Ready
    | Failed
    | ProgressUpdate
    | ResultReady
    | ResultExtended
    | GroupReady
    | RigReady
    | MovedJudged
    | PeopleReady
    | NobodyReady
    | NobodiesAlike
    | Queued
)


# --- from the worker to the client only -----------------------------------------------------------------


@dataclass(frozen=True)
class ConfigurationRejected:
    """What is configured cannot be used as it is; the process ends."""

    error: DoppelgangerError


@dataclass(frozen=True)
class VisitEnded:
    """The process holds nothing of this visit any more.

    failure: why it broke off, in one line; empty where it is done or was cancelled. fault: an unexpected
    error (no memory left, a defect), in one line; the process must then be replaced.
    """

    visit_id: int
    failure: str
    fault: str = ""


@dataclass(frozen=True)
class Relocated:
    """Where the engine is, or is from now on.

    place: that, and why, in one line for the staff. is_loading: its networks; `Ready` is still to come.
    """

    place: str
    is_loading: bool = False


@dataclass(frozen=True, eq=False)
class DecodersTrained:
    """A moment of the training of two decoders. number: of the pair of people."""

    number: int
    frame: TrainingFrame


WorkerMessage = Reply | ConfigurationRejected | VisitEnded | Relocated | DecodersTrained
