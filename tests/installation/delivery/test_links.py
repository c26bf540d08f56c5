"""Links and their limits: how long they live, how often an address may guess, how many may connect."""

from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st

from installation.delivery.attempt_limit import MOST_ADDRESSES, AttemptLimit
from installation.delivery.files import encode_files
from installation.delivery.links import MOST_LINKS, TOKEN_BITS, EndReason, Links, new_token
from installation.workers.connection_limit import ConnectionLimit
from tests.support.delivery_kit import take_home

PACKAGE = encode_files(take_home())


class Clock:
    """Monotonic seconds that pass when told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_tokens_are_128_random_bits_in_letters_that_codes_store_compactly() -> None:
    tokens = [new_token() for _ in range(10_000)]
    assert len(set(tokens)) == len(tokens) and TOKEN_BITS == 128
    assert all(len(token) == 26 and set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for token in tokens)
    # Every bit is drawn: at each place, all letters occur, but for the last, which holds three bits only.
    assert all(len({token[place] for token in tokens}) == 32 for place in range(25))
    assert len({token[25] for token in tokens}) == 8


def test_a_link_is_found_until_its_life_is_over() -> None:
    clock = Clock()
    links = Links(clock)
    link, _ = links.add(1, PACKAGE, 600, 3)
    assert links.find(link.token) is links.find(link.token.lower()) is link
    clock.now_s += 599.9
    assert links.find(link.token) is link and links.expire() == []
    clock.now_s += 0.2
    assert links.find(link.token) is None  # at once, not when somebody has tidied up
    assert links.expire() == [link] and link.end is EndReason.EXPIRED and len(links) == 0


def test_the_last_save_ends_a_link() -> None:
    links = Links()
    link, _ = links.add(1, PACKAGE, 600, 2)
    cut: list[str] = []
    link.aborts.add(lambda: cut.append("the last save"))
    links.count_save(link)
    assert links.find(link.token) is link
    links.count_save(link)
    assert links.find(link.token) is None and link.end is EndReason.SPENT and not cut


def test_a_visit_has_one_link_and_all_visits_a_bounded_number() -> None:
    links = Links()
    first, _ = links.add(0, PACKAGE, 600, 1)
    cut: list[str] = []
    first.aborts.add(lambda: cut.append("what was on its way"))
    second, made_way = links.add(0, PACKAGE, 600, 1)
    assert made_way == [first] and links.find(first.token) is None and cut
    for visit_id in range(1, MOST_LINKS + 1):
        _, made_way = links.add(visit_id, PACKAGE, 600, 1)
    assert len(links) == MOST_LINKS and made_way == [second] and second.end is EndReason.TOO_MANY


@given(st.text(max_size=60))
def test_whatever_is_asked_for_no_link_is_found_by_it(text: str) -> None:
    links = Links()
    link, _ = links.add(1, PACKAGE, 600, 1)
    assert links.find(text) is None
    assert links.find(link.token + text) is (None if text else link)


def test_misses_are_counted_by_address_and_forgotten_after_a_minute() -> None:
    clock = Clock()
    misses = AttemptLimit(clock)
    assert [misses.count("10.0.0.1", 3) for _ in range(5)] == [False, False, False, True, True]
    assert not misses.count("10.0.0.2", 3)
    clock.now_s += 61
    assert not misses.count("10.0.0.1", 3)
    # All of one household's IPv6 addresses are one; its neighbour's are not.
    assert [misses.count(f"2001:db8::{i}", 3) for i in range(4)][-1]
    assert not misses.count("2001:db8:0:1::1", 3)


def test_misses_of_many_addresses_take_bounded_memory() -> None:
    misses = AttemptLimit()
    for number in range(MOST_ADDRESSES + 500):
        misses.count(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 3)
    assert len(misses) == MOST_ADDRESSES


def test_the_door_counts_connections() -> None:
    limit = ConnectionLimit(5, 2, (ip_network("10.9.0.0/16"),))
    assert [limit.enter("10.0.0.1") for _ in range(3)] == [True, True, False]
    limit.leave("10.0.0.1")
    assert limit.enter("10.0.0.1")
    # A proxy brings many phones.
    assert [limit.enter("10.9.0.1") for _ in range(4)] == [True, True, True, False]
    for address in ("10.0.0.1", "10.0.0.1", "10.9.0.1", "10.9.0.1", "10.9.0.1"):
        limit.leave(address)
    assert not limit.inside  # nothing is remembered about who was here
