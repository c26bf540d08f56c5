"""onnxruntime is loaded without its telemetry."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPO

PROGRAM = "from engine.faces.onnx_session import import_onnxruntime; import_onnxruntime()"


def test_onnxruntime_writes_nothing(tmp_path: Path) -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("ORT_DISABLE_TELEMETRY", "CI", "XDG_CACHE_HOME")
    }
    environment |= {"HOME": str(tmp_path), "PYTHONPATH": str(REPO), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, env=environment)
    assert list(tmp_path.iterdir()) == []
