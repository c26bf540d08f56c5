"""The whole house, from a configuration: what starts, in which order, and what becomes of it in the end."""

import logging
import secrets
import tomllib
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2

from engine.arrays import Pixels
from engine.errors import MachineError, UsageError
from hardware.camera import Capture, CameraSettings, Feed, camera_source, open_camera
from hardware.display import open_display
from hardware.watchdog import Watchdog
from installation.atelier import load_atelier
from installation.camera_desk import CameraDesk
from installation.clock import Clock, LiveClock, VirtualClock
from installation.configuration import Configuration
from installation.curators import Curators
from installation.declarations import load_scenes, registry_of
from installation.delivery import Delivery, DeliveryParameters
from installation.engine import Engine
from installation.framing import PortraitTaking
from installation.host import Host
from installation.inputs import Inputs
from installation.parameters import Refusal, Registry
from installation.recorder import Recorder
from installation.rehearsal import Rehearsal
from installation.services import Services
from installation.stage import Observer, Source, Stage
from installation.watcher import SteppedWatcher, Watcher

log = logging.getLogger(__name__)
