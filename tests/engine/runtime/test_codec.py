"""The engine's messages as bytes: all of them travel whole, and nothing else gets through."""

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.border.strip import NoBorderReason
from engine.border.tracing import Sample
from engine.common.errors import UsageError
from engine.judges.verdict import Verdict
from engine.live.crowd.decision import Decision
from engine.pipeline.group_portrait import GroupPortrait, PublishedFace
from engine.pipeline.result import JudgeResult
from engine.runtime import messages
from engine.runtime.codec import (
    LONGEST_HEADER_BYTES,
    REPLIES,
    REQUESTS,
    InvalidMessage,
    decode,
    encode,
    read_header,
    schema_sha256,
)
from engine.speech.phonemes import Phoneme, Speech
from tests.support.puppet_kit import ALL_SAFE
from tests.support.server_kit import result, rig, strip

KINDS = REQUESTS | REPLIES
PICTURE = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
VERDICT = Verdict("dlib", 0.6, 0.7, True, float("nan"), float("inf"), 8)


MESSAGES = [
    messages.Portray(7, (PICTURE, PICTURE[::-1]), True, messages.Words("Here.", "en", 44_100)),
    messages.Portray(7, None, reach=0.25),
    messages.PaintGroup(7, PICTURE, (((0.0, 1.5, 2.0, 3.0), Decision.REAL),)),
    messages.Cancel(7),
    messages.JudgeMoved(7, PICTURE, None),
    messages.Ready(),
    messages.Failed("Why."),
    messages.Queued(7, 3),
    messages.ProgressUpdate(7, "search", 0.5, None),
    messages.ProgressUpdate(7, "search", 0.5, PICTURE),
    messages.ResultReady(
        7,
        dataclasses.replace(
            result(9),
            nearest=strip(8),
            judge_results=(
                JudgeResult("dlib", True, 0.6, None, (Sample(0.5, VERDICT),), 0.5, None, VERDICT),
                JudgeResult("arcface", False, 0.6, 0.001, (), None, NoBorderReason.NEVER),
            ),
        ),
    ),
    messages.ResultExtended(
        7, (JudgeResult("anthropometry", False, 0.1, 0.3, (), None, NoBorderReason.ALWAYS, VERDICT),), PICTURE
    ),
    messages.ResultExtended(7, (), None),
    messages.GroupReady(
        7,
        GroupPortrait(
            PICTURE,
            PICTURE[:1],
            (
                PublishedFace(
                    Decision.ANONYMOUS,
                    None,
                    np.ones((5, 2), np.float32),
                    "why",
                    {"dlib": VERDICT},
                    True,
                    {"x": 1.0},
                ),
            ),
        ),
    ),
    messages.PeopleReady((strip(1), strip(2))),
    messages.RigReady(
        7, rig(), ALL_SAFE, Speech(np.arange(5, dtype=np.int16), 8000, (Phoneme("a", 0.0, 0.1),))
    ),
    messages.RigReady(7, rig(), ALL_SAFE, Speech(np.empty(0, np.int16), 8000, ())),
    messages.MovedJudged(7, VERDICT, None),
    messages.VisitEnded(7, "No face.", ""),
]


def sent(message: Any) -> Any:
    """What arrives of a message."""
    header, content = wire(message)
    return decode(read_header(header, KINDS), content)


def wire(message: Any) -> tuple[str, bytearray]:
    encoded = encode(message, KINDS)
    return encoded.header, bytearray(b"".join(array.tobytes() for array in encoded.arrays))


def assert_same(left: Any, right: Any) -> None:
    assert type(left) is type(right)
    if dataclasses.is_dataclass(left):
        for entry in dataclasses.fields(left):
            assert_same(getattr(left, entry.name), getattr(right, entry.name))
    elif isinstance(left, np.ndarray):
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)
    elif isinstance(left, tuple):
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            assert_same(one, other)
    elif isinstance(left, dict):
        assert_same(tuple(left.items()), tuple(right.items()))
    else:
        assert left == right or (left != left and right != right)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_arrives_as_it_was_sent(message: Any) -> None:
    assert_same(message, sent(message))


def test_every_kind_is_tried_and_all_that_belongs_to_a_visit_is_a_kind() -> None:
    assert {type(message) for message in MESSAGES} == set(KINDS)
    assert set(REQUESTS) == set(messages.VisitRequest.__args__)
    at_home = {messages.NobodyReady, messages.NobodiesAlike}  # of people before the camera, drawn there
    assert set(REPLIES) == {*messages.Reply.__args__, messages.VisitEnded} - at_home


@pytest.mark.parametrize(
    "message",
    [
        messages.ConfigurationRejected(UsageError("x")),
        messages.Relocated("x"),
        messages.DrawNobodies((1,)),
        messages.NobodyReady(1, {}),
        messages.NobodiesAlike(frozenset({1})),
        "x",
        {"kind": 1},
    ],
)
def test_what_stays_on_one_machine_is_not_encoded(message: Any) -> None:
    with pytest.raises(InvalidMessage, match="not sent"):
        encode(message, KINDS)


def test_a_server_does_not_take_replies_nor_a_kiosk_requests() -> None:
    with pytest.raises(InvalidMessage, match="unknown kind"):
        read_header(wire(messages.Cancel(1))[0], REPLIES)
    with pytest.raises(InvalidMessage, match="unknown kind"):
        read_header(wire(messages.Ready())[0], REQUESTS)


def test_what_is_too_large_is_not_encoded_nor_room_made_for_it() -> None:
    with pytest.raises(InvalidMessage, match="more than"):
        encode(messages.ProgressUpdate(1, "search", 0.5, np.zeros((2048, 2048, 3), np.uint8)), KINDS)
    header = wire(messages.ProgressUpdate(1, "search", 0.5, PICTURE))[0]
    with pytest.raises(InvalidMessage, match="more than 4 MiB"):
        read_header(header.replace("[4,5,3]", "[2048,2048,3]"), KINDS)
    with pytest.raises(InvalidMessage, match="too many"):
        encode(messages.Failed("x" * LONGEST_HEADER_BYTES), KINDS)
    with pytest.raises(InvalidMessage, match="too long"):
        read_header(" " * (LONGEST_HEADER_BYTES + 1), KINDS)


def changed(**entries: Any) -> tuple[str, bytearray]:
    """A `ProgressUpdate` in which parts of the body are others."""
    header, content = wire(messages.ProgressUpdate(7, "search", 0.5, PICTURE))
    parts = json.loads(header)
    parts["body"] |= entries
    return json.dumps(parts), content


@pytest.mark.parametrize(
    "entries",
    [
        {"visit_id": "7"},
        {"visit_id": True},
        {"visit_id": 7.0},
        {"visit_id": None},
        {"stage": 1},
        {"share": "0.5"},
        {"share": [0.5]},
        {"picture": 1},
        {"picture": -1},
        {"picture": True},
        {"picture": "0"},
        {"picture": None},  # its array is left over
        {"more": 1},
    ],
)
def test_a_part_of_another_type_is_refused(entries: dict[str, Any]) -> None:
    assert_same(decode(read_header(changed()[0], KINDS), changed()[1]).picture, PICTURE)
    header, content = changed(**entries)
    with pytest.raises(InvalidMessage):
        decode(read_header(header, KINDS), content)


@pytest.mark.parametrize(
    "array",
    [
        ["object", [4, 5, 3]],
        ["int64", [4, 5, 3]],
        ["<M8[s]", [4, 5, 3]],
        ["float32", [3, 5, 1]],  # as many bytes
        ["uint8", [60]],
        ["uint8", [4, 15]],
        ["uint8", [4, 5, 3, 1]],
        ["uint8", [0, 5, 3]],
        ["uint8", [1, 4, 5, 3]],
        ["uint8", [-4, -5, 3]],
        ["uint8", [4, 5.0, 3]],
        ["uint8", "453"],
        ["uint8", [20_000, 1, 3]],
        ["uint8"],
        "uint8",
        None,
    ],
)
def test_an_array_of_another_type_or_shape_is_refused(array: Any) -> None:
    header, content = wire(messages.ProgressUpdate(7, "search", 0.5, PICTURE))
    parts = json.loads(header)
    parts["arrays"] = [array]
    with pytest.raises(InvalidMessage):
        decode(read_header(json.dumps(parts), KINDS), content)


def test_bytes_that_are_missing_or_too_many_are_refused() -> None:
    header, content = wire(messages.ProgressUpdate(7, "search", 0.5, PICTURE))
    for wrong in (content[:-1], content + b"x"):
        with pytest.raises(InvalidMessage, match="bytes"):
            decode(read_header(header, KINDS), wrong)


def test_what_a_strip_itself_refuses_is_refused_in_one_line() -> None:
    header, content = wire(messages.PeopleReady((strip(1),)))
    with pytest.raises(InvalidMessage, match="do not belong together") as refused:
        decode(read_header(header.replace('"border":[1,0]', '"border":[0,9]'), KINDS), content)
    assert "\n" not in str(refused.value)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
anything = st.recursive(
    scalars,
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(max_size=8), parts, max_size=4),
    max_leaves=12,
)
shapes = st.lists(st.integers(-2, 2**70), max_size=5)
tables = st.lists(st.tuples(st.sampled_from(["uint8", "float32", "object"]), shapes), max_size=3)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from([kind.__name__ for kind in KINDS]),
    body=anything,
    arrays=tables,
    tail=st.binary(max_size=64),
)
def test_whatever_is_sent_is_a_message_or_refused(kind: str, body: Any, arrays: Any, tail: bytes) -> None:
    try:
        header = read_header(json.dumps({"kind": kind, "body": body, "arrays": arrays}), KINDS)
        assert type(decode(header, bytearray(tail))).__name__ == kind
    except InvalidMessage as refusal:
        assert "\n" not in str(refusal)


@settings(max_examples=300, deadline=None)
@given(which=st.integers(0, len(MESSAGES) - 1), at=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_a_message_with_one_other_byte_is_a_message_or_refused(which: int, at: int, byte: int) -> None:
    header, content = wire(MESSAGES[which])
    broken = bytearray(header.encode())
    broken[at % len(broken)] = byte
    try:
        decode(read_header(broken.decode("utf-8", "replace"), KINDS), content)
    except InvalidMessage as refusal:
        assert "\n" not in str(refusal)


def test_two_versions_with_other_messages_have_other_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    before = schema_sha256()
    assert before == schema_sha256()
    monkeypatch.setitem(REQUESTS, messages.Cancel, 1)
    assert schema_sha256() != before


@pytest.mark.parametrize(
    "entries", [{"rate_hz": 0}, {"rate_hz": 10**9}, {"language": "../voices/x"}, {"text": "a" * 501}]
)
def test_words_that_no_voice_should_be_given_are_refused(entries: dict[str, Any]) -> None:
    header, content = wire(messages.Portray(7, None, True, messages.Words("Here.", "en", 48_000)))
    parts = json.loads(header)
    assert decode(read_header(header, KINDS), content).says.text == "Here."
    parts["body"]["says"] |= entries
    with pytest.raises(InvalidMessage, match="do not belong together"):
        decode(read_header(json.dumps(parts), KINDS), content)


@pytest.mark.parametrize("reach", [-0.5, 1.5, "0.5", None])
def test_a_reach_that_is_none_is_refused(reach: object) -> None:
    header, content = wire(messages.Portray(7, None, reach=0.5))
    parts = json.loads(header)
    parts["body"]["reach"] = reach
    with pytest.raises(InvalidMessage):
        decode(read_header(json.dumps(parts), KINDS), content)
