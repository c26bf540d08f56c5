"""Address patterns as OSC 1.0 has them: `?`, `*`, `[a-c]`, `[!x]` and `{a,b}`, none of which matches a `/`.

Received addresses may have wildcards, the addresses of methods have none. Matching takes time proportional to
the pattern's length times the address's at worst: there is no backtracking.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache

WILDCARDS = frozenset("?*[]{}")
LONGEST_PATTERN = 200

# A token maps the positions up to which an address has been matched to those after one more token.
Token = Callable[[str, set[int]], set[int]]


def is_pattern(address: str) -> bool:
    """Whether the address holds wildcards."""
    return not WILDCARDS.isdisjoint(address)


def matches(pattern: str, address: str) -> bool:
    """Whether the pattern matches the whole address. A malformed or overlong pattern matches nothing."""
    positions = {0}
    for token in _tokens(pattern):
        positions = token(address, positions)
        if not positions:
            return False
    return len(address) in positions


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
                tokens.append(_any_run)
            case "?":
                tokens.append(_single_sign("", excluded=True))
            case "[" if (end := pattern.find("]", at)) > 0:
                inside, at = pattern[at + 1 : end], end
                tokens.append(_single_sign(_expand_ranges(inside.removeprefix("!")), inside.startswith("!")))
            case "{" if (end := pattern.find("}", at)) > 0:
                texts, at = pattern[at + 1 : end].split(","), end
                tokens.append(_any_text([text for text in texts if "/" not in text]))
            case sign if sign in WILDCARDS:
                return (_no_match,)
            case sign:
                tokens.append(_any_text([sign]))
        at += 1
    return tuple(tokens) if len(pattern) <= LONGEST_PATTERN else (_no_match,)


def _expand_ranges(inside: str) -> str:
    """The signs between brackets with ranges expanded: `a-c` is `abc`. A minus at either end is a minus."""
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


def _single_sign(signs: str, excluded: bool) -> Token:
    """Matches one sign that is, or (`excluded`) is not, among the given ones; never a `/`."""
    return lambda address, positions: {
        position + 1
        for position in positions
        if position < len(address)
        and address[position] != "/"
        and (address[position] in signs) is not excluded
    }


def _any_text(texts: list[str]) -> Token:
    """Matches any of the given texts."""
    return lambda address, positions: {
        position + len(text) for position in positions for text in texts if address.startswith(text, position)
    }


def _any_run(address: str, positions: set[int]) -> set[int]:
    """Matches any number of signs up to the next `/`."""
    reached: set[int] = set()
    for position in positions:
        end = address.find("/", position)
        reached.update(range(position, (end if end >= 0 else len(address)) + 1))
    return reached


def _no_match(address: str, positions: set[int]) -> set[int]:
    """Matches nothing."""
    return set()
