"""Receives one source of NDI from this machine, as another program would, and prints what it sees.

    python -m tests.support.ndi_receiver NAME

One line for each picture: its width, height and frame rate, and the RGB values in the middle of its left and
its right half. Ends where the source does. NDI_CONFIG_DIR names a folder with `ndi-config.v1.json`: without
multicast sources are found only at the addresses that stand there.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from cyndilib.finder import Finder
from cyndilib.receiver import ReceiveFrameType, Receiver
from cyndilib.video_frame import VideoRecvFrame
from cyndilib.wrapper.ndi_recv import RecvBandwidth, RecvColorFormat

LATEST_S = 60.0


def write_configuration(folder: Path) -> None:
    """Sources are looked for on this machine."""
    (folder / "ndi-config.v1.json").write_text(json.dumps({"ndi": {"networks": {"ips": "127.0.0.1"}}}))


def main() -> int:
    name, until_s = sys.argv[1], time.monotonic() + LATEST_S
    receiver = Receiver(color_format=RecvColorFormat.RGBX_RGBA, bandwidth=RecvBandwidth.highest)
    frame = VideoRecvFrame()
    receiver.set_video_frame(frame)
    with Finder() as finder:
        while not (sources := [source for source in finder if source.stream_name == name]):
            if time.monotonic() > until_s:
                return 1
            finder.wait_for_sources(0.1)
            finder.update_sources()
        receiver.set_source(sources[0])
        has_been_connected = is_connected = has_come = False
        # What has come before the end is still read after it.
        while time.monotonic() < until_s and (is_connected or has_come or not has_been_connected):
            is_connected = receiver.is_connected()
            has_been_connected = has_been_connected or is_connected
            has_come = bool(receiver.receive(ReceiveFrameType.recv_video, 100) & ReceiveFrameType.recv_video)
            if has_come:
                width, height = frame.xres, frame.yres
                pixels = np.zeros(frame.get_buffer_size(), np.uint8)
                while frame.fill_p_data(pixels) and frame.get_buffer_depth():
                    pass  # the newest one
                picture = pixels.reshape(height, width, 4)
                left, right = (picture[height // 2, x, :3].tolist() for x in (width // 4, 3 * width // 4))
                print(json.dumps([width, height, float(frame.get_frame_rate()), left, right]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
