"""Overwrites what requests and replies of the engine have of a visitor's face."""

from collections.abc import Iterable
from mmap import mmap

from engine.runtime.channel import erase
from engine.runtime.messages import JudgeMoved, LocalRequest, PaintGroup, Portray


def overwrite_request(request: LocalRequest | None) -> None:
    """Overwrites a request's photographs of the visitor, which must be writable."""
    match request:
        case Portray(photographs=photographs):
            pictures = photographs or ()
        case PaintGroup(photograph=photograph):
            pictures = (photograph,)
        case JudgeMoved(visitor=visitor) if visitor is not None:
            pictures = (visitor,)
        case _:
            pictures = ()
    for picture in pictures:
        picture.fill(0)


def overwrite_memories(memories: Iterable[mmap]) -> None:
    """Overwrites the memory of received messages."""
    for memory in memories:
        erase(memory)
