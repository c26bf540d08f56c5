"""A track has one nobody as long as it lives, and no two tracks have the same."""

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.live.crowd.stand_ins import Cast, recast

NOBODIES = range(1, 5)
bank_and_tracks = st.tuples(
    st.sets(st.sampled_from(NOBODIES)), st.lists(st.integers(1, 9), unique=True, max_size=6)
)


@settings(max_examples=100)
@given(st.lists(bank_and_tracks, max_size=30))
def test_the_same_nobody_as_long_as_a_track_lives_even_if_it_leaves_the_bank(
    course: list[tuple[set[int], list[int]]],
) -> None:
    cast = Cast()
    for nobodies, tracks in course:
        before, cast = cast, recast(cast, tracks, nobodies)
        assert set(cast.parts) <= set(tracks)
        assert len(set(cast.parts.values())) == len(cast.parts)
        for track, nobody in cast.parts.items():
            assert before.parts.get(track, nobody) == nobody
            assert track in before.parts or nobody in nobodies


def test_there_are_as_many_as_there_are_nobodies_and_the_next_comes_when_one_is_free() -> None:
    cast = recast(Cast(), [1, 2, 3, 4, 5], NOBODIES)
    assert cast.parts == {1: 1, 2: 2, 3: 3, 4: 4}
    cast = recast(cast, [1, 3, 4, 5], NOBODIES)
    assert cast.parts == {1: 1, 3: 3, 4: 4, 5: 2}


def test_who_comes_next_is_not_the_one_who_has_just_gone() -> None:
    cast = recast(Cast(), [1], NOBODIES)
    assert recast(recast(cast, [], NOBODIES), [2], NOBODIES).parts == {2: 2}
