"""`./kiosk wear`: a picture moves as the face before the camera does, live, for other programs to show."""

import argparse
import logging
from contextlib import ExitStack, suppress

from tqdm import tqdm

from engine.common.errors import UsageError
from hardware.memory import forbid_core_dumps
from installation.cli.interruption import let_signals_interrupt
from installation.cli.paths import reachable_path
from installation.settings.configuration import DEFAULT, load

BAR = "{desc:<12}|{bar:40}| {elapsed}"
# Larger pictures take longer to draw than a frame lasts, and are shown no larger.
LARGEST_PX = 512


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `./kiosk wear`."""
    parser.add_argument(
        "picture", type=reachable_path, help="whose face moves: doppelganger.png of a visit, or a photograph"
    )
    parser.add_argument(
        "--to",
        action="append",
        default=[],
        metavar="OUTPUT",
        help="where it is shown: page, page:PORT or page:ADDRESS:PORT, a page for browsers and OBS; "
        "/dev/video9, a virtual camera; ndi:NAME, a source of NDI; may be given several times",
    )
    parser.add_argument("--camera", default="0", help="0, /dev/video2, name:Logitech or file:PATH; 0")
    parser.add_argument(
        "--config", type=reachable_path, default=DEFAULT, help="a TOML file like config/default.toml"
    )


def run(arguments: argparse.Namespace) -> int:
    """Opens the outputs, makes the rig, and plays until ctrl+C. Returns the exit code."""
    forbid_core_dumps()
    let_signals_interrupt()
    if not arguments.to:
        raise UsageError("Say where the picture is shown: --to page, --to /dev/video9 or --to ndi:NAME.")
    configuration = load(arguments.config)
    logging.basicConfig(format="%(message)s", level=logging.WARNING)

    from engine.faces.analyser import open_analyser
    from engine.photographs.photograph import load_photograph
    from hardware.camera.selection import camera_source
    from hardware.camera.settings import CameraSettings
    from hardware.camera.v4l2 import V4l2Source
    from installation.capture.camera_service import CameraService
    from installation.live.framing import draw_card
    from installation.live.outputs import opened
    from installation.live.wearer import Wearer, wear
    from installation.workers.models import ModelBundle

    photograph = load_photograph(arguments.picture)
    source = camera_source(arguments.camera)
    if isinstance(source, V4l2Source):
        source.find()
    card = draw_card()
    with ExitStack() as stack:
        outputs = stack.enter_context(opened(arguments.to, card))
        bundle = ModelBundle(configuration)
        analyser = stack.enter_context(open_analyser(bundle.settings.detector))
        with tqdm(total=1.0, bar_format=BAR, leave=False, disable=None) as bar:
            bar.set_description_str("searching")
            rig = bundle.rig(photograph, analyser, lambda share: bar.update(share - bar.n), LARGEST_PX)
        # Not mirrored: whoever watches sees it as a camera would see them.
        feed = stack.enter_context(CameraService(source, CameraSettings(mirror=False)))
        for output in outputs:
            print(output)
        print("Look at the camera for a second, with your face at rest. ctrl+C ends it.", flush=True)
        with suppress(KeyboardInterrupt):
            wear(Wearer(rig, analyser, card), feed, outputs)
    return 0
