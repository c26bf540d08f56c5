"""Ray Serve as the pool; `pip install "ray[serve]==2.60.0"` beside the tests' packages has it run."""

import os
import signal
import subprocess
import sys
from importlib.util import find_spec

import pytest

from engine.runtime.messages import Ready
from installation.server.ray_engines import MEMORY_FOLDER, ray_backends
from installation.settings.configuration import load

# Another program of this machine that finds Ray's port.
INTRUDER = """
import sys, ray
ray.init(address=sys.argv[1], log_to_driver=False)
print(ray.nodes())
"""


@pytest.mark.slow
def test_a_replica_is_an_engine_is_replaced_and_keeps_to_itself() -> None:
    if find_spec("ray") is None:  # to be imported later: it reads its environment then
        pytest.skip("Ray is not installed")
    before = set(MEMORY_FOLDER.iterdir())
    configuration = load().model_copy(update={"people": None})
    with ray_backends(configuration) as (engine,):
        (folder,) = {each for each in MEMORY_FOLDER.iterdir() if each.name.startswith("ray-")} - before
        assert folder.stat().st_mode & 0o077 == 0
        engine.start(0, False)
        assert isinstance(engine.receive().message, Ready)

        os.kill(engine._channel.peer_process_id(), signal.SIGKILL)  # type: ignore[attr-defined]
        with pytest.raises(EOFError):
            while True:
                engine.receive()
        engine.stop()
        engine.start(1, False)
        assert isinstance(engine.receive().message, Ready)

        import ray

        address = ray.get_runtime_context().gcs_address
        assert _joins(address), "with the token, which this process has"
        assert not _joins(address, {"RAY_AUTH_MODE": "disabled", "RAY_AUTH_TOKEN": ""})
        engine.stop()
    assert not folder.exists()


def _joins(address: str, environment: dict[str, str] | None = None) -> bool:
    command = [sys.executable, "-c", INTRUDER, address]
    try:
        tried = subprocess.run(command, env=os.environ | (environment or {}), capture_output=True, timeout=15)
    except subprocess.TimeoutExpired:  # it asks again and again
        return False
    return tried.returncode == 0 and b"NodeID" in tried.stdout
