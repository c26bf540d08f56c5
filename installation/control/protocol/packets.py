"""OSC packets to messages and back, on python-osc's types.

Bundles are parsed here: python-osc loops for ever on an element of negative size, and does not keep the
messages of a bundle together. It also drops arguments of types it does not know; here such a packet is
malformed, except for impulses, which carry nothing, and symbols, which are read as strings.
"""

from dataclasses import dataclass

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message import ParseError as MessageError
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.parsing import osc_types

BUNDLE = b"#bundle\x00"
LONGEST_PACKET = 8192  # bytes
MOST_MESSAGES = 256  # in one bundle
DEEPEST = 8  # bundles in bundles
UNDERSTOOD = frozenset("ifsbhtdrmTFN[]")
PLAINER = bytes.maketrans(b"IS", b"Ns")


Argument = float | int | bool | str  # what is sent with an address


class Malformed(Exception):
    """A packet that is not OSC, or too large. The message says why."""


@dataclass(frozen=True)
class Message:
    """An address or an address pattern, and its arguments without nil and impulse, which carry nothing."""

    address: str
    arguments: tuple[object, ...] = ()


@dataclass(frozen=True)
class Bundle:
    """Messages that are applied together, at `at_s` (seconds of Unix time) or, where it is None, at once."""

    messages: tuple[Message, ...]
    at_s: float | None = None


def parse(packet: bytes) -> list[Bundle]:
    """The bundles in a packet. Raises Malformed.

    A nested bundle is merged into the one that holds it, unless it is dated later: then it follows it.
    """
    if len(packet) > LONGEST_PACKET:
        raise Malformed(f"longer than {LONGEST_PACKET} bytes")
    try:
        return _bundles(packet, 1) if packet.startswith(BUNDLE) else [Bundle((_message(packet),))]
    # ValueError: text that is not UTF-8.
    except (MessageError, osc_types.ParseError, ValueError) as fault:
        raise Malformed(" ".join(str(fault).split())[:80]) from None


def encode(address: str, *arguments: Argument) -> bytes:
    """The packet of one message; floats are sent as 32 bits, switches as T and F."""
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(argument)
    return bytes(builder.build().dgram)


def _bundles(packet: bytes, depth: int, earliest_s: float = 0.0) -> list[Bundle]:
    if depth > DEEPEST:
        raise Malformed("bundles nested too deeply")
    date_s, index = osc_types.get_date(packet, len(BUNDLE))
    date_s = max(date_s, earliest_s)  # never before the bundle that holds it; 0: at once
    at_s = date_s or None
    messages: list[Message] = []
    later: list[Bundle] = []
    while index < len(packet):
        size, index = osc_types.get_int(packet, index)
        if not 0 < size <= len(packet) - index:
            raise Malformed("an element of impossible size")
        element, index = packet[index : index + size], index + size
        if element.startswith(BUNDLE):
            inner, *rest = _bundles(element, depth + 1, date_s)
            if inner.at_s == at_s:
                messages += inner.messages
            else:
                later.append(inner)
            later += rest
        else:
            messages.append(_message(element))
    if len(messages) > MOST_MESSAGES:
        raise Malformed(f"more than {MOST_MESSAGES} messages in a bundle")
    return [Bundle(tuple(messages), at_s), *later]


def _message(element: bytes) -> Message:
    if not element.startswith(b"/"):
        raise Malformed("neither a message nor a bundle")
    address, index = osc_types.get_string(element, 0)
    if index < len(element):
        _, end = osc_types.get_string(element, index)
        tags = element[index:end].translate(PLAINER)
        unknown = set(tags[1:].rstrip(b"\x00").decode()) - UNDERSTOOD
        if unknown:
            raise Malformed(f"arguments of unknown type {min(unknown)!r}")
        element = element[:index] + tags + element[end:]
    parsed = OscMessage(element)
    return Message(address, tuple(argument for argument in parsed if argument is not None))
