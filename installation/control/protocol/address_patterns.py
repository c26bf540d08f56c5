"""Address patterns as OSC 1.0 has them: `?`, `*`, `[a-c]`, `[!x]` and `{a,b}`, none of which matches a `/`.

The wildcards are in what is sent; the addresses of methods have none. Matching takes time proportional to
the pattern's length times the address's, whatever is sent: there is no backtracking.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache

WILDCARDS = frozenset("?*[]{}")
LONGEST_PATTERN = 200

# From the places an address has been matched up to, to the places it is matched up to one token later.
Token = Callable[[str, set[int]], set[int]]


def is_pattern(address: str) -> bool:
    """Whether the address holds wildcards."""
    return not WILDCARDS.isdisjoint(address)


def matches(pattern: str, address: str) -> bool:
    """Whether the pattern matches the whole address. A malformed or overlong pattern matches nothing."""
    places = {0}
    for token in _tokens(pattern):
        places = token(address, places)
        if not places:
            return False
    return len(address) in places


def matching(pattern: str, addresses: Iterable[str]) -> list[str]:
    """Those of the addresses that the pattern matches, in their order."""
    return [address for address in addresses if matches(pattern, address)]


@lru_cache(maxsize=256)
def _tokens(pattern: str) -> tuple[Token, ...]:
    tokens: list[Token] = []
    at = 0
    while at < len(pattern):
        match pattern[at]:
            case "*":
                tokens.append(_anything)
            case "?":
                tokens.append(_one("", excluded=True))
            case "[" if (end := pattern.find("]", at)) > 0:
                inside, at = pattern[at + 1 : end], end
                tokens.append(_one(_spelled_out(inside.removeprefix("!")), inside.startswith("!")))
            case "{" if (end := pattern.find("}", at)) > 0:
                texts, at = pattern[at + 1 : end].split(","), end
                tokens.append(_either([text for text in texts if "/" not in text]))
            case sign if sign in WILDCARDS:
                return (_nothing,)
            case sign:
                tokens.append(_either([sign]))
        at += 1
    return tuple(tokens) if len(pattern) <= LONGEST_PATTERN else (_nothing,)


def _spelled_out(inside: str) -> str:
    """The signs between brackets, `a-c` as `abc`. A minus at either end is a minus."""
    signs, at = "", 0
    while at < len(inside):
        if inside[at + 1 : at + 2] == "-" and at + 2 < len(inside):
            first, last = ord(inside[at]), min(ord(inside[at + 2]), ord(inside[at]) + LONGEST_PATTERN)
            signs += "".join(map(chr, range(first, last + 1)))
            at += 3
        else:
            signs += inside[at]
            at += 1
    return signs


def _one(signs: str, excluded: bool) -> Token:
    """One sign that is, or is not, among the given ones."""
    return lambda address, places: {
        place + 1
        for place in places
        if place < len(address) and address[place] != "/" and (address[place] in signs) is not excluded
    }


def _either(texts: list[str]) -> Token:
    """One of the given texts."""
    return lambda address, places: {
        place + len(text) for place in places for text in texts if address.startswith(text, place)
    }


def _anything(address: str, places: set[int]) -> set[int]:
    reached: set[int] = set()
    for place in places:
        end = address.find("/", place)
        reached.update(range(place, (end if end >= 0 else len(address)) + 1))
    return reached


def _nothing(address: str, places: set[int]) -> set[int]:
    return set()
