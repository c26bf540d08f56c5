"""What a phone finds behind a link: page, files, ranges; and when a link ends."""

import re
import socket
import time
from contextlib import suppress
from dataclasses import replace

import pytest

from installation.delivery.links import new_token
from installation.delivery.messages import Ended, Forgotten, Saved
from installation.outputs.marks import png_bytes
from tests.support.delivery_kit import (
    FILM,
    Stage,
    ask,
    read_all,
    take_home,
    visits,
)


def test_the_page_leads_to_every_file_and_says_what_it_is(stage: Stage, port: int) -> None:
    offered = take_home(next(visits))
    path = stage.offer(offered)
    answer = ask(port, path)
    text = answer.body.decode()
    assert answer.status == 200 and "People who know you will recognise you" in text
    assert "does not exist" not in text and "dlib: someone else" in text
    token = path.rpartition("/")[2]
    for name in (
        "doppelganger_1024.png",
        "save/doppelganger.png",
        "border_same.png",
        "border_other.png",
        "morph.mp4",
        "card.jpg",
    ):
        assert f'"{token}/{name}"' in text
    assert ask(port, f"{path}/doppelganger.png").body == png_bytes(offered.doppelganger)
    assert ask(port, f"{path}/morph.mp4").body == FILM
    assert set(re.findall(r"https?:", text)) == set()  # nothing is asked of anybody else


def test_of_a_sitter_who_does_not_exist_it_says_so(stage: Stage, port: int) -> None:
    text = ask(port, stage.offer(replace(take_home(next(visits)), is_real=False))).body.decode()
    assert "This person does not exist" in text and "recognise you" not in text


def test_small_letters_lead_to_the_same_page(stage: Stage, port: int) -> None:
    path = stage.offer(take_home(next(visits)))
    assert ask(port, path.lower()).status == ask(port, path).status == 200


def test_the_page_speaks_the_visitors_language(stage: Stage, port: int) -> None:
    path = stage.offer(take_home(next(visits), language="de"))
    page = ask(port, path).body.decode()
    assert "Wer Sie kennt, erkennt Sie darin" in page
    assert "Von Ihnen zu jemand anderem" in page


def test_curators_may_give_the_doppelganger_alone(usual: Stage, port: int) -> None:
    usual.set(gives="doppelganger")
    path = usual.offer(take_home(next(visits)))
    assert b"border_same" not in (page := ask(port, path).body) and b"morph" not in page
    for name in ("border_same.png", "border_other.png", "morph.mp4"):
        assert ask(port, f"{path}/{name}").status == 404
    for name in ("doppelganger.png", "doppelganger_1024.png", "card.jpg"):
        assert ask(port, f"{path}/{name}").status == 200
    usual.set(gives="everything")
    assert ask(port, usual.offer(take_home(next(visits))) + "/morph.mp4").status == 200


def test_every_answer_of_a_link_carries_the_headers_that_protect_it(stage: Stage, port: int) -> None:
    path = stage.offer(take_home(next(visits)))
    paths = [path, f"{path}/card.jpg", f"{path}/save/card.jpg", f"{path}X", "/", f"{path}/nothing", "/D/gone"]
    for asked in paths:
        headers = ask(port, asked).headers
        assert headers["cache-control"] == "no-store", asked
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-robots-tag"] == "noindex, nofollow, noarchive"
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'") and "unsafe" not in policy
        assert not {"server", "set-cookie", "last-modified", "etag"} & set(headers)
    assert (
        ask(port, f"{path}/save/card.jpg").headers["content-disposition"] == 'attachment; filename="card.jpg"'
    )


def test_only_saving_counts_and_the_last_save_ends_the_link(usual: Stage, port: int) -> None:
    usual.set(saves=2)
    visit = next(visits)
    path = usual.offer(take_home(visit))
    for _ in range(10):
        assert ask(port, path).status == 200
        assert ask(port, f"{path}/doppelganger.png").status == 200
        assert ask(port, f"{path}/save/doppelganger.png", "HEAD").status == 200
    assert ask(port, f"{path}/save/doppelganger.png").status == 200
    assert usual.wait_for(Saved, visit).file == "doppelganger.png"
    assert ask(port, path).status == 200
    assert ask(port, f"{path}/save/morph.mp4").body == FILM  # the last one arrives whole
    assert usual.wait_for(Ended, visit).why == "spent"
    assert ask(port, path).status == ask(port, f"{path}/save/morph.mp4").status == 404


def test_forgetting_on_the_phone_ends_everything_at_once(stage: Stage, port: int) -> None:
    visit = next(visits)
    path = stage.offer(take_home(visit))
    assert ask(port, f"{path}/forget").status == 404  # a link preview cannot
    assert ask(port, path).status == 200
    answer = ask(port, f"{path}/forget", "POST")
    assert answer.status == 303 and answer.headers["location"] == "../gone"
    stage.wait_for(Forgotten, visit)
    deleted = ask(port, "/D/gone")
    assert deleted.status == 200 and b"Deleted." in deleted.body and b"never was" not in deleted.body
    assert ask(port, path).status == ask(port, f"{path}/card.jpg").status == 404
    assert ask(port, f"{path}/forget", "POST").status == 404


def test_revoking_on_the_kiosk_and_a_second_offer_end_the_first_link(stage: Stage, port: int) -> None:
    visit = next(visits)
    first = stage.offer(take_home(visit))
    second = stage.offer(take_home(visit))
    assert first != second and ask(port, first).status == 404 and ask(port, second).status == 200
    stage.delivery.revoke(visit)
    last = stage.offer(take_home(next(visits)))  # commands are carried out in order
    assert ask(port, second).status == 404 and ask(port, last).status == 200


def test_a_link_expires(usual: Stage, port: int) -> None:
    visit = next(visits)
    usual.set(life_s=5.0)
    path = usual.offer(take_home(visit))
    assert ask(port, path).status == 200
    assert usual.wait_for(Ended, visit).why == "expired"
    assert ask(port, path).status == 404


def test_unknown_expired_spent_and_forgotten_look_the_same(usual: Stage, port: int, phone: str) -> None:
    expired, spent, forgotten = (next(visits) for _ in range(3))
    usual.set(life_s=5.0)
    paths = [usual.offer(take_home(expired))]
    usual.set(life_s=600, saves=1)
    paths += [usual.offer(take_home(spent)), usual.offer(take_home(forgotten)), f"/D/{new_token()}"]
    ask(port, f"{paths[1]}/save/card.jpg")
    ask(port, f"{paths[2]}/forget", "POST")
    usual.wait_for(Ended, expired)
    for tail in ("", "/card.jpg", "/save/card.jpg", "/no_such_file"):
        answers = [ask(port, path + tail, address=phone) for path in paths]
        assert {answer.status for answer in answers} == {404}
        assert len({answer.body for answer in answers}) == 1
        # Nothing differs but the second.
        assert len({tuple((n, t) for n, t in a.headers.items() if n != "date") for a in answers}) == 1


def test_forgetting_stops_what_is_on_its_way(stage: Stage, port: int) -> None:
    film = bytes(20_000_000)
    path = stage.offer(take_home(next(visits), film=film))
    with socket.create_connection(("127.0.0.1", port), 20) as slow:
        slow.sendall(f"GET {path}/morph.mp4 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        received = len(slow.recv(1024))
        time.sleep(0.2)  # What lies between here and there is full.
        ask(port, f"{path}/forget", "POST")
        with suppress(ConnectionResetError):
            received += len(read_all(slow))
    assert received < len(film)


# --- ranges ---


@pytest.mark.parametrize(
    ("wanted", "status", "first", "end"),
    [
        ("bytes=0-0", 206, 0, 1),
        ("bytes=0-1", 206, 0, 2),
        ("bytes=1000-", 206, 1000, len(FILM)),
        ("bytes=-100", 206, len(FILM) - 100, len(FILM)),
        ("bytes=0-99999999999", 206, 0, len(FILM)),
        ("bytes=99999999-", 416, 0, 0),
        ("bytes=5-3", 416, 0, 0),
        ("bytes=" + ",".join(f"{i}-" for i in range(100)), 416, 0, 0),  # no thousandfold answer
        ("bytes=--5", 416, 0, 0),
        ("lines=1-2", 416, 0, 0),
        ("bytes=" + "9" * 400 + "-", 416, 0, 0),
        ("bytes=٣-٤", 416, 0, 0),
    ],
)
def test_ranges(stage: Stage, port: int, wanted: str, status: int, first: int, end: int) -> None:
    path = stage.shared_link()
    answer = ask(port, f"{path}/morph.mp4", headers={"Range": wanted.encode().decode("latin-1")})
    assert answer.status == status
    if status == 206:
        assert answer.body == FILM[first:end]
        assert answer.headers["content-range"] == f"bytes {first}-{end - 1}/{len(FILM)}"


def test_saving_always_gives_the_whole_file(stage: Stage, port: int) -> None:
    answer = ask(port, f"{stage.shared_link()}/save/morph.mp4", headers={"Range": "bytes=0-9"})
    assert answer.status == 200 and answer.body == FILM
