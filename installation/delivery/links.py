"""The links of all visits and the files behind them, in memory only, with a limited lifetime and use.

A link is a capability: whoever has the token may look, save and forget. Nothing lists them. `find` treats
unknown, expired, spent and forgotten tokens alike: there is no such link.
"""

import hashlib
import secrets
import time
from base64 import b32encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from installation.delivery.files import TakeHomeFiles

TOKEN_BITS = 128
TOKEN_PATTERN = "[A-Za-z2-7]{26}"
# A visit takes a minute and a half and a link lives ten: more than these at once is no exhibition.
MOST_LINKS = 60


class EndReason(StrEnum):
    """Why a link is over."""

    EXPIRED = "expired"
    SPENT = "spent"
    FORGOTTEN = "forgotten"
    TOO_MANY = "too many"


def new_token() -> str:
    """128 random bits in 26 capital letters and digits (base32), which a code stores compactly."""
    return b32encode(secrets.token_bytes(TOKEN_BITS // 8)).decode("ascii").rstrip("=")


@dataclass(eq=False)
class Link:
    """One visit's link. `until_s` is on the clock of its `Links`; `end` is None while it is found.

    aborts: what stops each answer that is on its way to a phone.
    """

    visit_id: int
    content: TakeHomeFiles
    until_s: float
    saves_left: int
    token: str = field(default_factory=new_token, repr=False)
    end: EndReason | None = None
    aborts: set[Callable[[], None]] = field(default_factory=set, repr=False)


class Links:
    """All links. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # By digest: comparing what is asked for with what is there tells nothing about a token.
        self._links: dict[bytes, Link] = {}

    def __len__(self) -> int:
        return len(self._links)

    def __iter__(self) -> Iterator[Link]:
        return iter(tuple(self._links.values()))

    def add(
        self, visit_id: int, content: TakeHomeFiles, life_s: float, saves: int
    ) -> tuple[Link, list[Link]]:
        """Makes a link. Returns it and those it replaces: the visit's earlier one, the oldest of too many."""
        ended = self.end(visit_id, EndReason.FORGOTTEN)
        while len(self._links) >= MOST_LINKS:
            ended.append(self._drop(next(iter(self._links.values())), EndReason.TOO_MANY))
        link = Link(visit_id, content, self._clock() + life_s, saves)
        self._links[_digest(link.token)] = link
        return link, ended

    def find(self, token: str) -> Link | None:
        """The link with this token in letters of any case, if it lives."""
        link = self._links.get(_digest(token))
        return link if link is not None and self._clock() < link.until_s else None

    def count_save(self, link: Link) -> None:
        """Counts a file that is about to be saved; the last one ends the link."""
        link.saves_left -= 1
        if link.saves_left <= 0:
            self._drop(link, EndReason.SPENT)

    def lives_s(self, link: Link) -> float:
        """Seconds until it expires; 0 if it is over."""
        return max(link.until_s - self._clock(), 0.0) if link.end is None else 0.0

    def end(self, visit_id: int, why: EndReason) -> list[Link]:
        """Ends the links of a visit, and returns them."""
        return [self._drop(link, why) for link in self if link.visit_id == visit_id]

    def expire(self) -> list[Link]:
        """Drops the links whose life is over, and returns them."""
        return [self._drop(link, EndReason.EXPIRED) for link in self if self._clock() >= link.until_s]

    def clear(self) -> list[Link]:
        """Ends all links, and returns them."""
        return [self._drop(link, EndReason.EXPIRED) for link in self]

    def _drop(self, link: Link, why: EndReason) -> Link:
        del self._links[_digest(link.token)]
        link.end = why
        if why is not EndReason.SPENT:  # The last save is completed, nothing else is.
            for abort in tuple(link.aborts):
                abort()
        return link


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.upper().encode("utf-8", "replace")).digest()
