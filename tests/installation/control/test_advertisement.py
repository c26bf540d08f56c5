"""What zeroconf tells which network, read from real interfaces in a network namespace."""

import json
from pathlib import Path
from typing import Any

from tests.support.made_sysfs import make_sysfs
from tests.support.namespace import run_in_namespace

# A kiosk with Docker, and the means to ask and to hear on each of its interfaces.
BEGIN = """
import json, socket, struct
import zeroconf
from installation.control.transports.advertisement import Advertisement
from tests.support.namespace import Tap, udp_payload

def heard(tap, wait_s):
    "The addresses that are told on this interface; the services that are."
    addresses, services = set(), set()
    for payload in filter(None, (udp_payload(frame, 5353) for frame in tap.frames(wait_s))):
        message = zeroconf.DNSIncoming(payload)
        for record in message.answers() if message.is_response() else ():
            if isinstance(record, zeroconf.DNSAddress):
                addresses.add(socket.inet_ntoa(record.address))
            if isinstance(record, zeroconf.DNSPointer):
                services.add(record.name)
    return sorted(addresses), sorted(services)

def query(source, port):
    "An Ethernet frame with the question for OSC services, from a port of another machine."
    question = zeroconf.DNSOutgoing(zeroconf.const._FLAGS_QR_QUERY)
    question.add_question(zeroconf.DNSQuestion("_osc._udp.local.", 12, 1))
    payload = question.packets()[0]
    udp = struct.pack("!HHHH", port, 5353, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 255, 17, 0,
                       socket.inet_aton(source), socket.inet_aton("224.0.0.251"))
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    head = head[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + head[12:]
    return bytes.fromhex("01005e0000fb 020000000002 0800") + head + udp

told = {}
docker = Tap("docker0", "172.17.0.1/16")
"""

SERVICES = ["_osc._udp.local.", "_oscjson._tcp.local."]


def run(folder: Path, script: str) -> dict[str, Any]:
    sysfs = make_sysfs(folder / "net", {"lo": "lo", "docker0": "docker", "wlan0": "wifi"})
    told: dict[str, Any] = json.loads(run_in_namespace(f"{BEGIN}{script}\nprint(json.dumps(told))", sysfs))
    return told


def test_only_the_address_in_the_room_is_told_and_only_there(tmp_path: Path) -> None:
    told = run(
        tmp_path,
        """
wlan = Tap("wlan0", "192.168.4.1/24")
wlan.knows("192.168.4.77")
docker.knows("172.17.0.77")
# As avahi does, which makes the kernel take in what is asked on the bridge.
other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
other.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                 socket.inet_aton("224.0.0.251") + socket.inet_aton("172.17.0.1"))
advertised = Advertisement(True, "0.0.0.0", "", ports=lambda: (9000, 5678))
advertised.start()
told["wlan"] = heard(wlan, 3.0)
while heard(wlan, 1.2) != ([], []):
    pass
told["docker"] = heard(docker, 0.1)
# What is asked from another port than 5353 is answered to that port alone (RFC 6762, 6.7).
for name, port in (("asked", 5353), ("asked alone", 40_000)):
    wlan.send(query("192.168.4.77", port))
    told[f"wlan {name}"] = heard(wlan, 1.2)
    docker.send(query("172.17.0.77", port))
    told[f"docker {name}"] = heard(docker, 0.8)
    told[f"wlan, docker {name}"] = heard(wlan, 0.1)
told["health"] = str(advertised.health)
advertised.stop()
""",
    )
    assert told["health"] == "ok: running."
    assert told["wlan"] == [["192.168.4.1"], SERVICES]
    for name in ("asked", "asked alone"):
        assert told[f"wlan {name}"] == [["192.168.4.1"], SERVICES[:1]]  # the control: there it answers
        assert told["docker"] == told[f"docker {name}"] == told[f"wlan, docker {name}"] == [[], []]


def test_a_network_that_comes_later_is_told_and_so_is_another_address(tmp_path: Path) -> None:
    told = run(
        tmp_path,
        """
advertised = Advertisement(True, "0.0.0.0", "", ports=lambda: (9000, 5678))
advertised.first_wait_s = 0.2
advertised.start()
told["docker"] = heard(docker, 1.0)
told["health"] = str(advertised.health)
wlan = Tap("wlan0", "192.168.4.1/24")
told["later"] = heard(wlan, 4.0)
wlan.give("10.20.0.5/24")
wlan.take("192.168.4.1/24")
list(wlan.frames(0.01))
told["other"] = heard(wlan, 5.0)
advertised.stop()
""",
    )
    assert told["docker"] == [[], []] and "docker0 is a bridge" in told["health"]
    assert told["later"] == [["192.168.4.1"], SERVICES]
    assert told["other"] == [["10.20.0.5"], SERVICES]
