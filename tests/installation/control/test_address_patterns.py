"""Address patterns of OSC 1.0."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from installation.control.protocol.address_patterns import LONGEST_PATTERN, is_pattern, matches, matching


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
