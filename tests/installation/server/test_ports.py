"""Nothing of the rendering server listens beyond loopback but its door: a scan of all ports, from outside.

In a network namespace whose loopback interface has a second address: what is bound to 127.0.0.1 alone is not
reached there, as it is not from another machine.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPO
from tests.support.programs import require_programs, require_ray
from tests.support.server_kit import make_certificate

OUTSIDE = "10.99.0.1"
SCRIPT = """
import json, os, signal, socket, subprocess, threading, time
from pathlib import Path

from installation.server.serving import serve
from installation.settings.configuration import load
from installation.settings.server import ServerSettings

OUTSIDE, FOLDER, POOL = "{outside}", Path("{folder}"), "{pool}"

def reached():
    found = []
    for port in range(1, 65536):
        with socket.socket() as tried:
            if tried.connect_ex((OUTSIDE, port)):
                continue
            if tried.getsockname() != tried.getpeername():  # else it has reached itself, as TCP allows
                found.append(port)
    return found

def opened(door):
    def look():
        with socket.create_server((OUTSIDE, 0)) as control, socket.create_server(("127.0.0.1", 0)):
            while not door._pool.works:
                time.sleep(0.1)
            found = reached()
            print(json.dumps([door.port, control.getsockname()[1], found]))
        os.kill(os.getpid(), signal.SIGTERM)
    threading.Thread(target=look).start()

if __name__ == "__main__":  # and not in the engines' processes
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "address", "add", OUTSIDE + "/32", "dev", "lo"], check=True)
    server = ServerSettings(
        address="0.0.0.0", port=0, keys=FOLDER / "keys", pool=POOL,
        certificate=FOLDER / "certificate.pem", key=FOLDER / "key.pem",
    )
    serve(load().model_copy(update={{"server": server, "people": None}}), opened)
"""


@pytest.mark.slow
@pytest.mark.parametrize("pool", ["processes", "ray"])
def test_nothing_is_reached_from_outside_but_the_door(tmp_path: Path, pool: str) -> None:
    require_programs("ip", "unshare")
    if pool == "ray":
        require_ray()
    namespace = ["unshare", "--user", "--map-root-user", "--net"]
    allowed = subprocess.run([*namespace, "ip", "link", "set", "lo", "up"], capture_output=True, text=True)
    if allowed.returncode:
        pytest.skip(f"needs user and network namespaces: {allowed.stderr.strip()}")
    make_certificate(tmp_path)
    keys = tmp_path / "keys"
    keys.write_text(f"hall-1 {'ab' * 32}\n")
    keys.chmod(0o600)
    script = tmp_path / "serving.py"
    script.write_text(SCRIPT.format(outside=OUTSIDE, folder=tmp_path, pool=pool))
    command = [*namespace, sys.executable, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, cwd=REPO)
    assert done.returncode == 0, done.stderr
    door, control, found = json.loads(done.stdout.splitlines()[-1])
    assert sorted(found) == sorted([door, control]), "the control listens at all addresses, on purpose"
