"""Opens networks stored as ONNX in onnxruntime, for the detectors and the judges that are ONNX files."""

import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.common.errors import WeightsError


def import_onnxruntime() -> Any:
    """The module `onnxruntime`, with its telemetry off; takes half a second the first time.

    On import onnxruntime writes an identifier of the machine into the user's cache and queues events for its
    maker, unless this variable is set before.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    return importlib.import_module("onnxruntime")


def open_session(
    path: Path, network: str, input_px: int, providers: Sequence[str] = ("CPUExecutionProvider",)
) -> Any:
    """The `onnxruntime.InferenceSession` of a network that takes pictures (N, 3, input_px, input_px).

    A free dimension of the network's input fits any size. network: what it is, for messages, such as "the
    face detector's network". providers: onnxruntime's, the preferred one first; unavailable ones are left
    out. Raises WeightsError where the file is missing, is no ONNX model, or takes something else.
    """
    onnxruntime = import_onnxruntime()
    if not path.is_file():
        raise WeightsError(f"{path}, {network}, is not there: `./kiosk weights list`")
    available = [name for name in providers if name in onnxruntime.get_available_providers()]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=available)
    except Exception as error:  # onnxruntime raises several types of its own, none of them exported
        raise WeightsError(f"{path}, {network}, is no readable ONNX model") from error
    shapes = [node.shape for node in session.get_inputs()]
    fits = (
        len(shapes) == 1
        and len(shapes[0]) == 4
        and shapes[0][1] == 3
        and all(not isinstance(edge, int) or edge == input_px for edge in shapes[0][2:])
    )
    if not fits:
        raise WeightsError(f"{path} takes {shapes}, not pictures (N, 3, {input_px}, {input_px})")
    return session
