"""What a face in front of the camera must have to be portrayed, with the limits that curators have set."""

from engine.faces.acceptance import FaceLimits
from installation.visit.parameters import CaptureParameters


def face_limits(parameters: CaptureParameters) -> FaceLimits:
    """The engine's limits, with the configured and stricter limit on the turn of the head."""
    return FaceLimits(max_yaw_deg=parameters.turned_deg)
