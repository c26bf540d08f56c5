"""The address that phones are sent to, and the configuration of it."""

import asyncio

import pytest
from pydantic import ValidationError

from hardware.network import Interface
from installation.delivery.address import accepted_hosts, base_url, why_doubtful, wifi_code
from installation.delivery.reachability import addresses_of
from installation.settings.delivery import Delivery as Network
from installation.settings.delivery import WiFi
from installation.workers.reachable_address import ReachableAddress


def test_links_begin_in_small_letters() -> None:
    plain, usual = Network(port=80), Network(port=8080)
    assert base_url(plain, "192.168.4.1") == "http://192.168.4.1"
    assert base_url(usual, "192.168.4.1") == "http://192.168.4.1:8080"
    proxied = Network(public_url="https://Museum.example/Mirror/")
    assert base_url(proxied, "127.0.0.1") == "https://museum.example/Mirror"
    assert accepted_hosts(proxied, "127.0.0.1") == {"museum.example", "127.0.0.1:8080"}
    for url, host in (
        ("https://museum.example:443", "museum.example"),
        ("http://m.example:80/a", "m.example"),
    ):
        network = Network(public_url=url)
        assert host in accepted_hosts(network, "127.0.0.1")
        assert base_url(network, "127.0.0.1") == url.replace(":443", "").replace(":80", "")
    assert accepted_hosts(plain, "192.168.4.1") == {"192.168.4.1", "192.168.4.1:80"}


def test_a_configuration_that_cannot_work_is_refused() -> None:
    for wrong in (
        {"certificate": "a.pem"},
        {"certificate": "a.pem", "key": "b.pem"},
        {"public_url": "museum.example"},
        {"public_url": "ftp://museum.example"},
        {"public_url": "https://museum..example"},
        {"public_url": "https://[museum"},
        {"public_url": "https://:8443"},
        {"public_url": "https://museum.example:port"},
        {"public_url": "https://museum.example@elsewhere.example"},
        {"public_url": "https://münchen.example"},
        {"public_url": "https://museum.example/mirror|2"},
        {"public_url": "https://museum.example/[mirror]"},
        {"public_url": "https://museum.example/spiegelbild,"},
        {"public_url": "https://museum.example/doppelgänger"},
        {"public_url": "https://museum.example/100%"},
        {"port": 6000},
        {"port": 10_080},
        {"public_url": "https://museum.example:6667"},
        {"host": "0.0.0.0"},
        {"host": ""},
        {"host": "2001:db8::1"},
        {"host": "::", "public_url": "https://museum.example"},
        *({"host": host} for host in ("AUTO", "kiosk", "1.2.3", "192.168.4.1/24", " 192.168.4.1")),
        *(
            {"public_url": f"https://{host}"}
            for host in (
                "a|b.example",
                'a"b.example',
                "m.example\\x",
                "192.168.4.256",
                "m.example:",
                "m.example:080",
            )
        ),
        {"wifi": {"name": "ä" * 17}},
        {"wifi": {"name": "Guests\n"}},
        {"trusted_proxies": ["somebody"]},
        {"port": 0},
        {"wifi": {"name": ""}},
        {"wifi": {"name": "Guests", "password": "short"}},
    ):
        with pytest.raises(ValidationError):
            Network.model_validate(wrong)
    Network(host="0.0.0.0", public_url="https://[2001:db8::1]:8443/mirror")
    for host in (
        "192.168.4.1:8080",
        "kiosk",
        "kiosk.local",
        "museum_pc.example.",
        "xn--mnchen-3ya.example:443",
    ):
        Network(public_url=f"https://{host}")
    Network(public_url="https://museum.example/doppelg%C3%A4nger/mirror_2.0~b-c/")
    Network(port=6000, public_url="https://museum.example")  # the proxy opens it, no browser does


def test_wifi_codes_are_escaped() -> None:
    assert wifi_code(None) is None
    assert wifi_code(WiFi(name="Guests")) == "WIFI:T:nopass;S:Guests;;"
    assert wifi_code(WiFi(name="Guests", password="mirror mirror", hidden=True)) == (
        "WIFI:T:WPA;S:Guests;P:mirror mirror;H:true;;"
    )
    assert wifi_code(WiFi(name='a;b:c,d\\e"f')) == r"WIFI:T:nopass;S:a\;b\:c\,d\\e\"f;;"


INTERFACES = (
    Interface("docker0", "a bridge", ("172.17.0.1",)),
    Interface("lo", "the loopback", ("127.0.0.1",)),
    Interface("wlan0", "Wi-Fi", ("192.168.4.1",)),
)


@pytest.mark.parametrize(
    ("network", "resolved", "words"),
    [
        ({}, ["192.168.4.1"], ""),
        ({"public_url": "https://museum.example/mirror"}, ["203.0.113.9"], ""),
        ({"public_url": "https://museum.example/mirror"}, ["192.168.4.1"], ""),
        ({"public_url": "https://museum.example/mirror"}, [], ""),  # the trial itself says so
        ({"host": "127.0.0.1", "public_url": "https://museum.example"}, ["203.0.113.9"], ""),
        ({"host": "127.0.0.1"}, ["127.0.0.1"], "for a phone that is the phone itself"),
        (
            {"public_url": "http://museum.example:8080"},
            ["127.0.1.1"],
            "museum.example is 127.0.1.1 on this machine",
        ),
        ({"public_url": "http://museum.example:8080"}, ["::1"], "museum.example is ::1 on this machine"),
        ({"public_url": "http://museum.example:8080"}, ["172.17.0.1"], "interface docker0 is a bridge"),
        ({"host": "169.254.3.4"}, ["169.254.3.4"], "a machine gives itself"),
        ({"public_url": "http://mirror.local:8080"}, ["192.168.4.1"], "some Android phones do not find"),
        ({"public_url": "http://mirror:8080"}, ["192.168.4.1"], "take a name without a dot for text"),
        ({"public_url": "http://[2001:db8::1]:8080"}, ["2001:db8::1"], "take a name without a dot for text"),
    ],
)
def test_an_address_that_this_machine_reaches_may_be_in_doubt(
    network: dict[str, str], resolved: list[str], words: str
) -> None:
    settings = Network.model_validate(network)
    chosen = ReachableAddress("192.168.4.1" if settings.host == "auto" else settings.host, "")
    doubt = why_doubtful(settings, chosen, resolved, INTERFACES)
    assert words in doubt and bool(words) is bool(doubt)


def test_names_are_looked_up_as_a_browser_would() -> None:
    assert asyncio.run(addresses_of("http://192.0.2.7:8080")) == ["192.0.2.7"]
    assert set(asyncio.run(addresses_of("http://localhost:8080/mirror"))) <= {"127.0.0.1", "::1"}
    assert asyncio.run(addresses_of("http://no-such-name.invalid")) == []


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        *(
            ("public_url", url)
            for url in ("http://museum.123", "http://0x7f.1", "http://a.0x7f", "http://1.2")
        ),
        *(
            ("public_url", url)
            for url in ("http://224.0.0.1", "http://255.255.255.255", "http://0.0.0.0:8080")
        ),
        *(
            ("public_url", url)
            for url in ("http://museum.org/%00", "http://museum.org/a%0d", "http://a.org/%7F")
        ),
        *(("host", address) for address in ("224.0.0.251", "255.255.255.255", "240.0.0.1", "0.1.2.3")),
    ],
)
def test_what_no_phone_can_open_is_refused(entry: str, value: str):
    with pytest.raises(ValidationError):
        Network.model_validate({entry: value})


@pytest.mark.parametrize("password", ["Gäste-2026", "museum\t2026", "кот-кот-кот", "short", "x" * 64])
def test_a_passphrase_that_no_phone_can_type_is_refused(password: str):
    with pytest.raises(ValidationError, match="ASCII"):
        WiFi(name="Museum", password=password)
    assert WiFi(name="Museum", password="a b~!;,:9").password


def test_names_and_addresses_of_museums_are_taken():
    names = ("192.168.4.1:8080", "museum.org/a%20b", "1.museum.org", "kiosk.local")
    for url in (f"http://{name}" for name in names):
        assert Network(public_url=url).public_url == url
