"""OSC packets: encoding, parsing, bundles, malformed packets."""

import random
import struct
import time

import pytest

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
