"""OSC without a network: patterns, packets, what waits, what glides, what is complained about."""

import logging
import random
import re
import struct
import time
import tomllib
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.common.errors import UsageError
from installation.control.protocol.address_patterns import LONGEST_PATTERN, is_pattern, matches, matching
from installation.control.protocol.packets import (
    BUNDLE,
    DEEPEST,
    LONGEST_PACKET,
    Bundle,
    Malformed,
    Message,
    encode,
    parse,
)
from installation.control.show.cues import CueList, load_cues
from installation.control.show.fades import Fades
from installation.control.show.feedback import Feedback
from installation.control.show.presets import Preset, Presets
from installation.control.show.schedule import Schedule
from installation.control.transports.error_log_throttle import ErrorLogThrottle
from installation.settings.parameters import Value
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from tests.support.headless_stage import Rehearsed

# --- patterns ---


@pytest.mark.parametrize(
    ("pattern", "address", "expected"),
    [
        # The rules of the OSC 1.0 specification, one by one. `?`: any single character.
        ("/scene/?order", "/scene/border", True),
        ("/scene/b?rder", "/scene/border", True),
        ("/scene/borde??", "/scene/border", False),
        ("/a?c", "/a/c", False),
        # `*`: any sequence of zero or more characters.
        ("/*", "/border", True),
        ("/border*", "/border", True),
        ("/*order", "/border", True),
        ("/b*d*r", "/border", True),
        ("/b*x*r", "/border", False),
        ("/*", "/scene/border", False),
        ("/*/*", "/scene/border", True),
        ("/scene/*/ride_s", "/scene/border/ride_s", True),
        ("/scene*ride_s", "/scene/border/ride_s", False),
        ("*", "/border", False),
        # `[string]`: any character in it; `-` between two: the range; `!` first: none of them.
        ("/judge/[abc]", "/judge/b", True),
        ("/judge/[abc]", "/judge/d", False),
        ("/judge/[a-c]", "/judge/c", True),
        ("/judge/[a-c]", "/judge/-", False),
        ("/judge/[0-9a-f]", "/judge/e", True),
        ("/judge/[!0-9]", "/judge/e", True),
        ("/judge/[!0-9]", "/judge/7", False),
        ("/judge[!x]a", "/judge/a", False),
        ("/judge[/]a", "/judge/a", False),
        ("/judge/[a-]", "/judge/-", True),
        ("/judge/[-a]", "/judge/-", True),
        ("/judge/[!]", "/judge/x", True),
        ("/judge/[a!]", "/judge/!", True),
        ("/judge/[c-a]", "/judge/b", False),
        # `{foo,bar}`: any of the strings.
        ("/{foo,bar}", "/foo", True),
        ("/{foo,bar}", "/bar", True),
        ("/{foo,bar}", "/foobar", False),
        ("/{foo,foobar}baz", "/foobarbaz", True),
        ("/{,foo}bar", "/bar", True),
        ("/{a/b,c}", "/a/b", False),
        # Anything else is itself, and nothing of a regular expression means anything.
        ("/a.b", "/a.b", True),
        ("/a.b", "/axb", False),
        ("/a+", "/aa", False),
        ("/(a|b)", "/a", False),
        ("/border", "/border/ride_s", False),
        ("/border/", "/border", False),
        ("//ride_s", "/border/ride_s", False),
        # What is not finished matches nothing.
        ("/a[bc", "/ab", False),
        ("/a{bc", "/abc", False),
        ("/abc]", "/abc]", False),
        ("/abc}", "/abc}", False),
    ],
)
def test_patterns_match_as_osc_says(pattern: str, address: str, expected: bool) -> None:
    assert matches(pattern, address) is expected


def test_a_pattern_finds_addresses_in_their_order() -> None:
    known = ["/scene/jury/pause_s", "/scene/border/ride_s", "/scene/border/turns", "/show/next"]
    assert matching("/scene/{border,jury}/*_s", known) == known[:2]
    assert [is_pattern(each) for each in ("/a/b", "/a/?", "/a]")] == [False, True, True]


def test_no_pattern_takes_long() -> None:
    """With backtracking these would end long after the exhibition."""
    address = "/" + "a" * 60
    assert not matches("/" + "*a" * 60 + "*b", address)
    assert not matches("/" + "{a,aa,aaa}" * 19 + "b", address)
    assert not matches("*" * (LONGEST_PATTERN + 1), "")
    assert not matches("/[\x00-\U0010ffff]", "/\uffff")


@given(st.text("ab?*/", max_size=12), st.text("ab/", max_size=8))
@settings(max_examples=500)
@example("/*/?", "/ab/a")
def test_slashes_stand_against_slashes_and_nothing_else(pattern: str, address: str) -> None:
    expression = re.escape(pattern).replace(r"\?", "[^/]").replace(r"\*", "[^/]*")
    assert matches(pattern, address) is (re.fullmatch(expression, address) is not None)
    if matches(pattern, address):
        assert pattern.count("/") == address.count("/")


# --- packets ---


def bundle(*elements: bytes, at_s: float | None = None) -> bytes:
    """A bundle, put together by hand."""
    if at_s is None:
        date = struct.pack(">Q", 1)
    else:
        date = struct.pack(">II", int(at_s) + 2_208_988_800, int(at_s % 1 * 2**32))
    return BUNDLE + date + b"".join(struct.pack(">i", len(each)) + each for each in elements)


def test_what_is_encoded_is_parsed() -> None:
    packet = encode("/a/b", 1, 0.5, True, False, "näher", 2**40)
    assert parse(packet) == [Bundle((Message("/a/b", (1, 0.5, True, False, "näher", 2**40)),))]
    assert packet[8:16] == b",ifTFsh\x00"


def test_a_message_without_type_tags_has_no_arguments() -> None:
    assert parse(b"/a\x00\x00") == [Bundle((Message("/a"),))]


def test_impulses_carry_nothing_and_symbols_are_strings() -> None:
    assert parse(b"/a\x00\x00,I\x00\x00") == [Bundle((Message("/a"),))]
    assert parse(b"/a\x00\x00,N\x00\x00") == [Bundle((Message("/a"),))]
    assert parse(b"/a\x00\x00,S\x00\x00Sym\x00") == [Bundle((Message("/a", ("Sym",)),))]


def test_bundles_keep_together_what_came_together() -> None:
    one, two, three = (encode(f"/{name}", name) for name in ("one", "two", "three"))
    found = parse(bundle(one, two, bundle(three, at_s=2e9)))
    assert found == [
        Bundle((Message("/one", ("one",)), Message("/two", ("two",)))),
        Bundle((Message("/three", ("three",)),), at_s=2e9),
    ]


def nested(depth: int) -> bytes:
    packet = encode("/a")
    for _ in range(depth):
        packet = bundle(packet)
    return packet


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x00" * 16,
        b"/never ends",
        b"/a\x00\x00,i\x00\x00\x00\x00",
        b"/a\x00\x00,s\x00\x00endless",
        b"/a\x00\x00,b\x00\x00\x7f\xff\xff\xff",
        b"/a\x00\x00,[i\x00\x00\x00\x00\x01",
        b"/a\x00\x00,]\x00\x00",
        b"/a\x00\x00,c\x00\x00\x00\x00\x00a",
        b"/a\x00\x00,\xff\x00\x00",
        b"/a\x00\x00x\x00\x00\x00",
        b"/\xff\xfe\x00,\x00\x00\x00",
        BUNDLE,
        BUNDLE + b"\x00" * 7,
        bundle(b"text"),
        bundle(encode("/a"))[:-1],
        # python-osc itself never comes back from this one.
        BUNDLE + struct.pack(">Qi", 1, -4) + encode("/a"),
        BUNDLE + struct.pack(">Qi", 1, 0) + encode("/a"),
        BUNDLE + struct.pack(">Qi", 1, 2**31 - 1) + encode("/a"),
        bundle(*[encode("/a")] * 257),
        nested(DEEPEST + 1),
        nested(300),
        b"/" + b"a" * LONGEST_PACKET,
    ],
)
def test_a_malformed_packet_is_told_from_a_good_one(packet: bytes) -> None:
    with pytest.raises(Malformed) as fault:
        parse(packet)
    assert len(str(fault.value)) < 120
    assert parse(nested(DEEPEST))[-1] == Bundle((Message("/a"),))


def test_no_packet_breaks_the_parser() -> None:
    random_bytes = random.Random(5)
    good = bundle(encode("/scene/a/b", 1, 0.5, "text"), bundle(encode("/c", True), at_s=2e9))
    for _ in range(3000):
        packet = bytearray(good)
        for _ in range(random_bytes.randrange(1, 6)):
            packet[random_bytes.randrange(len(packet))] = random_bytes.randrange(256)
        try:
            parse(bytes(packet[: random_bytes.randrange(len(packet) + 1)]))
        except Malformed:
            continue


# --- waiting, gliding, complaining ---


def test_what_waits_comes_by_its_date_then_by_its_order() -> None:
    schedule: Schedule[str] = Schedule(longest=4)
    assert all(schedule.add(due_s, name) for due_s, name in [(3, "c"), (1, "a"), (3, "d"), (2, "b")])
    assert not schedule.add(0, "one too many")
    assert [schedule.due(2.5), schedule.due(2.5), schedule.due(2.5)] == ["a", "b", None]
    assert [schedule.due(3), schedule.due(3), schedule.due(9)] == ["c", "d", None]


def test_floats_glide_and_the_rest_waits_for_the_next_scene() -> None:
    registry = Registry(Rehearsed)
    fades = Fades(registry)
    targets = {"rehearsed/glow": 1.0, "rehearsed/needle": False, "rehearsed/ride_s": 60.0}
    assert fades.start(targets, 5, now_s=100) == ["rehearsed/needle", "rehearsed/ride_s"]
    before = registry.of(Rehearsed)
    assert (before.glow, before.needle, before.ride_s) == (0.5, True, 25)
    seen = []
    for frame in range(301):
        fades.advance(100 + frame / 60)
        seen.append(registry.of(Rehearsed).glow)
    steps = [after - before for before, after in pairwise(seen)]
    assert seen[0] == 0.5 and seen[-1] == 1.0
    assert max(steps) < 0.5 / 300 + 1e-5 and min(steps) > 0, "it neither jumps nor stands still"
    assert len(fades) == 0
    registry.begin_scene()
    assert (registry.of(Rehearsed).needle, registry.of(Rehearsed).ride_s) == (False, 60)


def test_a_hand_on_the_fader_and_another_preset_win() -> None:
    registry = Registry(Rehearsed)
    fades = Fades(registry)
    fades.start({"rehearsed/glow": 1.0, "rehearsed/tilt_deg": 30.0}, 5, now_s=0)
    fades.advance(2.5)
    fades.cancel("rehearsed/glow")
    registry.set("rehearsed/glow", 0.2)
    fades.start({"rehearsed/tilt_deg": 0.0}, 1, now_s=2.5)
    fades.advance(9)
    assert (registry.get("rehearsed/glow"), registry.get("rehearsed/tilt_deg")) == (0.2, 0.0)
    assert fades.start({"rehearsed/glow": 0.9}, 0, now_s=9) == ["rehearsed/glow"]
    assert registry.of(Rehearsed).glow == 0.9


def test_a_preset_loaded_again_without_a_fade_waits_for_no_scene() -> None:
    registry = Registry(Rehearsed)
    fades = Fades(registry)
    targets: dict[str, Value] = {
        "rehearsed/needle": False,
        "rehearsed/hint": "nearer",
        "rehearsed/ride_s": 60.0,
    }
    fades.start(targets, 10, now_s=0)
    assert fades.start(targets, 10, now_s=1) == [] and registry.of(Rehearsed).needle
    assert fades.start(targets, 0, now_s=2) == [], "what was told has not changed"
    now = registry.of(Rehearsed)
    assert (now.needle, now.hint, now.ride_s) == (False, "nearer", 25)


def test_a_flood_of_complaints_is_one_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    error_log = ErrorLogThrottle()
    for second in range(150):
        for number in range(100):
            error_log.note("malformed packet", f"number {number}")
        error_log.report(1000.0 + second)
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(lines) == 3
    assert lines[1] == "osc: malformed packet (6000 times): number 99"
    assert error_log.counts["malformed packet"] == 15_000


def test_a_bundle_in_another_stands_in_its_place_unless_it_is_dated_later() -> None:
    a, b, c, d = (encode("/a", number) for number in range(4))
    whole = tuple(Message("/a", (number,)) for number in range(4))
    assert parse(bundle(a, bundle(b, bundle(c)), d)) == [Bundle(whole)]
    soon, later = 2e9, 2e9 + 1
    assert parse(bundle(a, bundle(b, bundle(c, at_s=soon)), d, at_s=soon)) == [Bundle(whole, soon)]
    assert parse(bundle(a, bundle(b, bundle(c), at_s=later), d, at_s=soon)) == [
        Bundle((whole[0], whole[3]), soon),
        Bundle(whole[1:3], later),
    ]
    assert [each.at_s for each in parse(bundle(bundle(a, at_s=soon), b))] == [None, soon]


def test_dates_are_those_of_the_wall_clock() -> None:
    now_s = time.time()
    (found,) = parse(bundle(encode("/a"), at_s=now_s + 60))
    assert found.at_s == pytest.approx(now_s + 60, abs=0.001)


def test_presets_are_files_in_one_folder_only(tmp_path: Path) -> None:
    (tmp_path / "secret.toml").write_text("[rehearsed]\nglow = 1.0\n")
    presets = Presets(tmp_path / "presets")
    for name in ("../secret", "/etc/passwd", "", "a" * 41, "Night", "a.b", "a/b", "a\x00", ".night"):
        with pytest.raises(UsageError):
            presets.save(name, {})
    assert presets.read() == {} and not presets.folder.exists()
    presets.save("night-2", {"rehearsed": {"glow": 0.25}})
    assert presets.read() == {"night-2": Preset({"rehearsed": {"glow": 0.25}}, [])}


# --- who is told what ---


class Ear:
    """A peer that remembers what it was told."""

    host = "127.0.0.1"
    alive = True
    is_reached = True

    def __init__(self) -> None:
        self.heard: list[Message] = []

    def send(self, packet: bytes) -> bool:
        if not self.is_reached:
            return False
        self.heard += [message for each in parse(packet) for message in each.messages]
        return True

    def at_port(self, port: int) -> "Ear":
        return self

    def take(self) -> list[str]:
        """The addresses heard since the last time."""
        heard, self.heard = [each.address for each in self.heard], []
        return heard


def test_who_subscribes_again_within_its_lease_hears_everything_anew_and_who_renews_does_not() -> None:
    feedback, ear = Feedback(), Ear()
    feedback.update("/a", 1, now_s=0)
    for now_s, told in ((0.0, True), (5.0, False), (10.0, False), (19.9, False), (29.9, True), (31.0, False)):
        assert feedback.subscribe(ear, ear, now_s, now_s + 600)
        feedback.flush(now_s)
        assert ear.take() == (["/a"] if told else []), now_s
    feedback.flush(700.0)
    assert len(feedback) == 0


def test_what_cannot_be_sent_waits_for_the_network_the_newest_of_each() -> None:
    feedback, ear = Feedback(), Ear()
    ear.is_reached = False
    feedback.update("/a", 1, now_s=0)
    feedback.update("/b", 1, now_s=0)
    feedback.subscribe(ear, ear, 0.0, 600.0)
    feedback.flush(0.0)
    feedback.update("/a", 2, now_s=1)
    feedback.flush(1.0)
    ear.is_reached = True
    feedback.flush(3.0)
    assert ear.heard == [Message("/a", (2,)), Message("/b", (1,))]
    feedback.flush(9.0)
    assert len(ear.heard) == 2, "once"


def test_who_moves_a_fader_hears_where_it_ended_up_once_it_rests() -> None:
    feedback, hand, other = Feedback(), Ear(), Ear()
    for ear in (hand, other):
        feedback.subscribe(ear, ear, 0.0, 600.0)
    for step in range(40):
        feedback.publish("/a", step, now_s=step / 50, source=hand)
        feedback.flush(step / 50)
    assert hand.take() == [] and len(other.take()) == 40
    feedback.flush(0.9)
    assert hand.heard == [Message("/a", (39,))] and other.heard == []


def test_a_lease_neither_silences_nor_outlives_what_is_listened_to() -> None:
    feedback, ear = Feedback(), Ear()
    for address in ("/a", "/b"):
        feedback.update(address, 1, now_s=0)
    feedback.listen(ear, "/a", True)
    feedback.flush(0.0)
    assert ear.take() == ["/a"]
    feedback.subscribe(ear, ear, 1.0, 2.0)
    feedback.flush(1.0)
    assert ear.take() == ["/a", "/b"]
    for now_s, end in ((2.0, lambda: feedback.flush(2.0)), (4.0, lambda: feedback.unsubscribe(ear))):
        end()
        for address in ("/a", "/b"):
            feedback.publish(address, 2, now_s=now_s)
        feedback.flush(now_s + 0.5)
        assert ear.take() == ["/a"]
        feedback.subscribe(ear, ear, now_s + 1, 60.0)
        feedback.flush(now_s + 1)
        assert ear.take() == ["/a", "/b"]
    feedback.unsubscribe(ear)
    feedback.listen(ear, "/a", False)
    feedback.publish("/a", 3, now_s=6.0)
    feedback.flush(7.0)
    assert ear.take() == [] and len(feedback) == 0


# --- cues ---


def cues(text: str) -> CueList:
    return CueList.model_validate(tomllib.loads(text))


HOURS = cues(
    """
    [[cue]]
    at = 10:00:00
    days = ["tue", "wed"]
    send = [["/show/start"], ["/preset/load", "day", 30.0]]
    [[cue]]
    at = 18:00:00
    send = [["/show/stop"]]
    [[cue]]
    phase = "border"
    every = 3
    send = [["/preset/load", "slow", 5.0]]
    """
)
START, DAY, STOP = Message("/show/start"), Message("/preset/load", ("day", 30.0)), Message("/show/stop")


@pytest.mark.parametrize(
    ("after", "until", "expected"),
    [
        # 3 March 2026 is a Tuesday.
        ("2026-03-03 09:59:59", "2026-03-03 10:00:00", [START, DAY]),
        ("2026-03-03 10:00:00", "2026-03-03 10:00:01", []),
        ("2026-03-02 09:59:59", "2026-03-02 10:00:00", []),
        ("2026-03-03 09:00:00", "2026-03-03 19:00:00", [START, DAY, STOP]),
        # The clock was set back: nothing comes twice.
        ("2026-03-03 10:00:01", "2026-03-03 09:00:00", []),
        # It was ahead, and is set right: as things would stand.
        ("2026-03-03 19:00:00", "2026-03-03 12:00:00", [STOP, START, DAY]),
        ("2030-01-01 00:00:00", "2026-03-03 20:00:00", [START, DAY, STOP]),
        # Started at some time of the week, or years after the clock stood still: as things would stand.
        ("2026-02-24 12:00:00", "2026-03-03 12:00:00", [STOP, START, DAY]),
        ("2026-02-23 12:00:00", "2026-03-02 12:00:00", [START, DAY, STOP]),
        ("1970-01-01 00:00:00", "2026-03-03 20:00:00", [START, DAY, STOP]),
    ],
)
def test_the_clock_brings_what_is_due(after: str, until: str, expected: list[Message]) -> None:
    assert HOURS.between(datetime.fromisoformat(after), datetime.fromisoformat(until)) == expected


def test_a_phase_brings_its_cue_every_so_many_visits() -> None:
    brought = [HOURS.at_phase(Phase.BORDER, visit) for visit in range(1, 7)]
    assert [len(each) for each in brought] == [0, 0, 1, 0, 0, 1]
    assert HOURS.at_phase(Phase.JURY, 3) == []


@pytest.mark.parametrize(
    "text",
    [
        "[[cue]]\nat = 10:00:00",
        "[[cue]]\nsend = [['/show/start']]",
        "[[cue]]\nat = 10:00:00\nphase = 'jury'\nsend = [['/show/start']]",
        "[[cue]]\nat = 10:00:00\nsend = []",
        "[[cue]]\nat = 10:00:00\nsend = [[]]",
        "[[cue]]\nat = 10:00:00\nsend = [[1]]",
        "[[cue]]\nat = 10:00:00\nsend = [['show']]",
        "[[cue]]\nat = 10:00:00\nsend = [['/show/start', [1]]]",
        "[[cue]]\nat = 25\nsend = [['/show/start']]",
        "[[cue]]\nphase = 'lunch'\nsend = [['/show/start']]",
        "[[cue]]\nat = 10:00:00\nrun = 'rm'\nsend = [['/show/start']]",
        "[[cue",
        "cue = 1",
    ],
)
def test_a_wrong_cue_list_is_refused_in_a_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "cues.toml").write_text(text)
    with pytest.raises(UsageError) as fault:
        load_cues(tmp_path / "cues.toml")
    assert "cues.toml" in str(fault.value) and "/cue/load" in str(fault.value)
    assert "\n" not in str(fault.value)
    assert load_cues(tmp_path / "none.toml") == CueList()
