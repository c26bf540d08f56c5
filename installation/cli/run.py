"""`./kiosk run`: the installation, on a screen with a camera, or with stand-ins for both."""

import argparse
import logging
import os
from pathlib import Path

from engine.common.errors import MachineError, UsageError, printable
from hardware.memory import forbid_core_dumps, swap_devices
from installation.cli.paths import LONGEST_NAME_BYTES, reachable_path
from installation.settings.configuration import DEFAULT, load, needed_weights
from installation.settings.manifest import Manifest
from installation.settings.paths import state_folder
from installation.settings.texts import language_faults

log = logging.getLogger(__name__)

DEFAULT_RATE_HZ, HIGHEST_RATE_HZ = 30, 240


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `./kiosk run`."""
    parser.add_argument(
        "--config", type=reachable_path, default=DEFAULT, help="a TOML file like config/default.toml"
    )
    parser.add_argument(
        "--show",
        type=reachable_path,
        default=state_folder(),
        help="folder of the curators' parameters and presets (default: %(default)s)",
    )
    parser.add_argument("--camera", help="0, /dev/video2, name:Logitech, file:PATH or synthetic")
    parser.add_argument("--display", help="0, name:HDMI, window:WxH or headless:WxH")
    parser.add_argument(
        "--setup", action="store_true", help="the technician's picture: framing, focus, light"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="SCENE/NAME=VALUE", help="a parameter, for this run"
    )
    parser.add_argument(
        "--to",
        action="append",
        default=[],
        metavar="OUTPUT",
        help="where the meeting is shown live as well, and a card between: page, page:PORT or "
        "page:ADDRESS:PORT, /dev/video9, ndi:NAME; may be given several times",
    )
    parser.add_argument("--without-phone", action="store_true", help="nothing can be fetched by phone")
    rehearsal = parser.add_argument_group("rehearsal")
    rehearsal.add_argument(
        "--visits", type=int, metavar="N", help="so many visitors come by themselves, then it ends"
    )
    rehearsal.add_argument("--unseen", action="store_true", help="they take part without the camera")
    rehearsal.add_argument(
        "--together",
        action="store_true",
        help="they take part with others: the two to six people whom the camera shows",
    )
    rehearsal.add_argument(
        "--record",
        type=reachable_path,
        metavar="OUT.mp4",
        help="film the screen, on a virtual clock, exact to the frame",
    )
    rehearsal.add_argument(
        "--virtual", action="store_true", help="the virtual clock without a film: as fast as it goes"
    )
    rehearsal.add_argument(
        "--rate", type=int, default=DEFAULT_RATE_HZ, metavar="HZ", help="frames a second on that clock"
    )


def run(arguments: argparse.Namespace) -> int:
    """Plays until somebody ends it, or the rehearsal is over. Returns the exit code."""
    configuration = load(arguments.config)
    if arguments.camera:
        stage = configuration.stage.model_copy(update={"camera": arguments.camera})
        configuration = configuration.model_copy(update={"stage": stage})
    if arguments.display:
        display = configuration.display.model_copy(update={"screen": arguments.display})
        configuration = configuration.model_copy(update={"display": display})
    virtual = arguments.virtual or arguments.record is not None
    if arguments.record is not None:
        _check_recording(arguments.record)
    if arguments.visits is not None and arguments.visits < 1:
        raise UsageError(f"--visits {arguments.visits}: give 1 or more.")
    if not 1 <= arguments.rate <= HIGHEST_RATE_HZ:
        raise UsageError(f"--rate {arguments.rate}: give 1 to {HIGHEST_RATE_HZ} frames a second.")
    _check_combination(arguments, configuration.stage.camera, virtual)
    # The engine's process, which opens them, is started again and again: it would never end for want of one.
    manifest = Manifest.load()
    for name in needed_weights(configuration):
        manifest.locate(name)

    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S", level=logging.INFO)
    for fault in language_faults():
        log.warning("%s Until then this language is left out.", fault)
    forbid_core_dumps()
    if swaps := swap_devices():
        log.warning("swap is on (%s): memory may be written to disk. Switch it off: swapoff -a", swaps[0])

    from installation.app.app import App, RunOptions

    options = RunOptions(
        arguments.visits,
        arguments.unseen,
        virtual,
        arguments.rate,
        arguments.record,
        arguments.setup,
        arguments.to,
        arguments.together,
    )
    changes = _changes(arguments.set)
    if arguments.together:
        changes = {"consent/with_others": "true", **changes}
    with App(configuration, arguments.show, changes, options, not arguments.without_phone) as app:
        app.run()
    if app.simulated_visitors is not None and app.simulated_visitors.finished < app.simulated_visitors.visits:
        came = (
            f"{app.simulated_visitors.finished} of {app.simulated_visitors.visits} visits came to their end"
        )
        raise MachineError(f"{came}; the lines above say why the others did not.")
    return 0


def _check_combination(arguments: argparse.Namespace, camera: str, virtual: bool) -> None:
    """Raises UsageError where an option would have no effect beside the others, or names nothing."""
    if arguments.setup and (arguments.visits is not None or arguments.unseen or virtual):
        raise UsageError("--setup is for a technician: leave --visits, --unseen, --record and --virtual out.")
    if arguments.unseen and arguments.visits is None:
        raise UsageError("--unseen is for visitors who come by themselves: give --visits N, too.")
    if arguments.together and (arguments.visits is None or arguments.unseen):
        raise UsageError("--together is for visitors before the camera: give --visits N, and no --unseen.")
    if arguments.rate != DEFAULT_RATE_HZ and not virtual:
        raise UsageError("--rate is for the virtual clock: give --record OUT.mp4 or --virtual, too.")
    if arguments.to:
        _check_outputs(arguments.to)
        if virtual or arguments.setup:
            raise UsageError("--to shows visits live: leave --record, --virtual and --setup out.")
    if virtual and not _is_stand_in(camera):
        raise UsageError(
            f"--{'record' if arguments.record else 'virtual'} with camera {camera!r}: a film of visitors is "
            "not made, and a real camera has no virtual clock. Give --camera file:PATH or synthetic."
        )
    if arguments.show.exists() and not arguments.show.is_dir():
        raise UsageError(f"--show {arguments.show}: is not a folder. Name another.")
    if arguments.show.exists() and not os.access(arguments.show, os.R_OK | os.X_OK, effective_ids=True):
        raise UsageError(
            f"--show {arguments.show}: may not be read. Change its permissions, or name another."
        )


def _check_outputs(names: list[str]) -> None:
    from installation.live.outputs import opener

    for name in names:
        opener(name)


def _is_stand_in(camera: str) -> bool:
    return camera.startswith("file:") or camera == "synthetic"


def _check_recording(path: Path) -> None:
    if len(os.fsencode(path.name)) > LONGEST_NAME_BYTES:
        raise UsageError(f"--record {printable(path)}: the name is too long. Choose a shorter one.")
    if path.suffix != ".mp4" or not path.resolve().parent.is_dir():
        raise UsageError(f"--record {path}: give a file OUT.mp4 in a folder that is there.")


def _changes(words: list[str]) -> dict[str, str]:
    pairs = [word.partition("=") for word in words]
    if wrong := next((word for word, (_, equals, _) in zip(words, pairs, strict=True) if not equals), None):
        raise UsageError(f"--set {wrong}: give SCENE/NAME=VALUE; `./kiosk osc` lists all parameters.")
    return {address: value for address, _, value in pairs}
