"""Doctor and the real delivery process in a museum's networks, in a network namespace of their own."""

import json

import pytest

from tests.support.made_sysfs import make_sysfs
from tests.support.namespace import run_in_namespace

# A kiosk with Docker, whose networks come one after the other. Each time: what doctor says, which link a real
# process gives out, and what the curator is told about it.
SCRIPT = """
import json, logging, tempfile
from pathlib import Path
from installation.delivery.messages import Offered
from installation.diagnosis.facts import _phones
from installation.settings.delivery import Delivery as Network
from tests.support.delivery_kit import running, take_home, until
from tests.support.namespace import Tap

folder = Path(tempfile.mkdtemp())
logging.basicConfig(filename=folder / "log", format="%(message)s")
told = {}

def look(name, words, **network):
    phones = _phones(Network(**network))
    with running(folder / "sock", Network(**network)) as stage:
        stage.visits.add(1)
        stage.delivery.offer(take_home(1))
        url = "" if words == "no network" else stage.wait_for(Offered, 1).url
        until(lambda: words in stage.delivery.health.message or None, words)
        health = str(stage.delivery.health)
    log = (folder / "log").read_text()
    told[name] = {**vars(phones), "url": url, "health": health, "log": log}
    (folder / "log").write_text("")

docker, eth, wlan = Tap("docker0", "172.17.0.1/16"), Tap("eth0"), Tap("wlan0")
look("docker alone", "no network")
wlan.give("192.168.4.1/24")
look("access point", "running.")
eth.give("10.0.0.5/24")
look("several", "could be it")
look("interface", "running.", interface="docker0")
look("host", "is a bridge", host="172.17.0.1")
print(json.dumps(told))
"""

Told = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    kinds = {"lo": "lo", "docker0": "docker", "eth0": "ethernet", "wlan0": "wifi"}
    result: Told = json.loads(run_in_namespace(SCRIPT, make_sysfs(tmp_path_factory.mktemp("net"), kinds)))
    return result


def test_an_access_point_without_a_default_route_is_taken(told: Told) -> None:
    seen = told["access point"]
    assert seen["found"] == "find this machine at http://192.168.4.1:8080 (wlan0)" and seen["fault"] == ""
    assert seen["url"].startswith("http://192.168.4.1:8080/D/")
    assert seen["health"] == "ok: running." and seen["log"] == ""


def test_nothing_but_docker_is_no_network(told: Told) -> None:
    seen = told["docker alone"]
    for each in (seen["fault"], seen["health"], seen["log"]):
        assert "docker0 is a bridge, with 172.17.0.1" in each and "wlan0 has no address" in each
    assert '"interface"' in seen["mend"] and '"interface"' in seen["log"]


def test_several_networks_are_warned_of(told: Told) -> None:
    seen = told["several"]
    assert seen["url"].startswith("http://192.168.4.1:8080/D/") and seen["health"].startswith("ok:")
    for each in (seen["fault"], seen["health"], seen["log"]):
        assert "192.168.4.1 of wlan0" in each and "eth0 with 10.0.0.5 could be it, too" in each
    assert "phone" in seen["mend"] and seen["mend"] in seen["health"] and seen["mend"] in seen["log"]


def test_an_interface_that_the_configuration_names_is_in_no_doubt(told: Told) -> None:
    seen = told["interface"]
    assert seen["url"].startswith("http://172.17.0.1:8080/D/")
    assert seen["fault"] == seen["log"] == "" and seen["health"] == "ok: running."


def test_a_bridge_that_is_given_as_host_is_warned_of(told: Told) -> None:
    seen = told["host"]
    assert seen["url"].startswith("http://172.17.0.1:8080/D/")  # as configured; trying it from here works
    for each in (seen["fault"], seen["health"], seen["log"]):
        assert "its interface docker0 is a bridge" in each
