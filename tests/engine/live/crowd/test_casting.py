"""A track has one nobody as long as it lives, and no two tracks have the same."""

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.live.crowd.casting import Cast, recast, strike

NOBODIES = range(1, 5)
steps = st.one_of(
    st.tuples(st.just("tracks"), st.lists(st.integers(1, 9), unique=True, max_size=6)),
    st.tuples(st.just("strike"), st.lists(st.sampled_from(NOBODIES), unique=True, max_size=2)),
)


@settings(max_examples=100)
@given(st.lists(steps, max_size=30))
def test_the_same_nobody_as_long_as_a_track_lives_and_none_that_is_struck(
    course: list[tuple[str, list[int]]],
) -> None:
    cast = Cast()
    for what, numbers in course:
        before = cast
        cast = recast(cast, numbers, NOBODIES) if what == "tracks" else strike(cast, numbers)
        given_now = [nobody for nobody in cast.parts.values() if nobody is not None]
        assert len(given_now) == len(set(given_now))
        assert not cast.struck & set(given_now)
        assert before.struck <= cast.struck
        for track in before.parts.keys() & cast.parts.keys():
            assert cast.parts[track] in (before.parts[track], None)
        if what == "tracks":
            assert set(cast.parts) <= set(numbers)


def test_there_are_as_many_as_there_are_nobodies_and_the_next_comes_when_one_is_free() -> None:
    cast = recast(Cast(), [1, 2, 3, 4, 5], NOBODIES)
    assert cast.parts == {1: 1, 2: 2, 3: 3, 4: 4}
    cast = recast(cast, [1, 3, 4, 5], NOBODIES)
    assert cast.parts == {1: 1, 3: 3, 4: 4, 5: 2}


def test_who_comes_next_is_not_the_one_who_has_just_gone() -> None:
    cast = recast(Cast(), [1], NOBODIES)
    assert recast(recast(cast, [], NOBODIES), [2], NOBODIES).parts == {2: 2}


def test_a_struck_nobody_is_not_replaced_by_another_face() -> None:
    cast = strike(recast(Cast(), [1], NOBODIES), [1])
    assert recast(cast, [1, 2], NOBODIES).parts == {1: None, 2: 2}
