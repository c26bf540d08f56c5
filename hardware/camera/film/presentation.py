"""Shows a film's decoded frame as its file says: pixel shape, colour space, turned or mirrored.

As FFmpeg's own programs do, which is what the tests compare with. HDR is mapped to sRGB, which they leave to
filters.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.buffer import Buffer
from av.filter import Graph
from av.video.reformatter import VideoReformatter

from engine.common.arrays import Pixels
from engine.photographs import colour
from hardware.camera.film.aperture import Aperture, clean_aperture

# The background of transparent parts, as in photographs.
_GROUND = 128
# ITU-T H.273: primaries, transfer or matrix are not specified.
_UNTOLD = 2
# The matrices that FFmpeg's scaler converts from; it takes unspecified for BT.601.
_CONVERTIBLE = frozenset({0, 1, 2, 3, 4, 5, 6, 7, 9})
_BT2020_NON_CONSTANT, _BT2020_CONSTANT = 9, 10
# Within this of a quarter turn, a display matrix is taken for one.
_NEARLY_DEG = 1.0


@dataclass(frozen=True)
class Presentation:
    """What a film's container says of all its frames.

    pixel_aspect: width by height of a pixel where the container overrules the codec; None is as the codec
        says for each frame.
    aperture: the part to be seen; None is all that the codec gives.
    primaries, transfer, matrix: by ITU-T H.273; they count where a frame itself does not say.
    """

    pixel_aspect: Fraction | None = None
    aperture: Aperture | None = None
    primaries: int = _UNTOLD
    transfer: int = _UNTOLD
    matrix: int = _UNTOLD


def read_presentation(
    path: Path, container: av.container.InputContainer, stream: av.VideoStream
) -> Presentation:
    """That of an opened film, before anything of it is decoded."""
    aperture = clean_aperture(path, stream.id) if "mov" in container.format.name else None
    told = stream.codec_context
    # FFmpeg's choice between the two.
    aspect = stream.sample_aspect_ratio
    overruled = aspect if (aspect or 1) != (told.sample_aspect_ratio or 1) else None
    return Presentation(overruled, aperture, told.color_primaries, told.color_trc, told.colorspace)


class Presenter:
    """Shows the frames of one film. Holds what scaling one of them needs, which the next ones use again."""

    def __init__(
        self, presentation: Presentation, side_px: int, decoder: av.VideoCodecContext | None = None
    ) -> None:
        """side_px: frames are shrunk until their longer side is not above this. decoder: gives the frames."""
        self._presentation = presentation
        self._decoder = decoder
        self._side_px = side_px
        self._reformatter = VideoReformatter()
        self._rotation_deg: int | None = None
        self._matrix = np.eye(2)

    def displayed(self, frame: av.VideoFrame) -> Pixels:
        """The frame as it is to be seen: uint8 (H, W, 3) sRGB, upright, with square pixels.

        Wide pixels widen the picture, narrow ones make it narrower, before it is shrunk.
        """
        said = self._presentation
        # PyAV keeps a frame in memory once it has been asked for its side data: one is asked, and another one
        # where the film turns.
        if frame.rotation != self._rotation_deg:
            self._rotation_deg, self._matrix = frame.rotation, _display_matrix(frame)
        if said.aperture is not None:
            frame = _cropped(frame, said.aperture)
        if frame.color_primaries == _UNTOLD:
            frame.color_primaries = said.primaries
        if frame.color_trc == _UNTOLD:
            frame.color_trc = said.transfer
        if frame.colorspace == _UNTOLD:
            frame.colorspace = said.matrix
        frame.colorspace = _convertible(frame.colorspace)
        decoder = self._decoder
        aspect = said.pixel_aspect or (decoder.sample_aspect_ratio if decoder else None) or 1
        wide = frame.width * float(aspect)
        scale = min(1.0, self._side_px / max(wide, frame.height))
        width, height = (max(1, round(side * scale)) for side in (wide, frame.height))
        return _oriented(self._srgb(frame, width, height), self._matrix)

    def _srgb(self, frame: av.VideoFrame, width: int, height: int) -> Pixels:
        """Scaled and converted by the frame's matrix and range; BT.601 and limited where nothing says."""
        larger = width > frame.width or height > frame.height
        interpolation = "BICUBIC" if larger else "AREA"

        def pixels(pixel_format: str) -> np.ndarray:
            scaled = self._reformatter.reformat(
                frame, width, height, pixel_format, interpolation=interpolation
            )
            return scaled.to_ndarray()

        if not colour.is_srgb(frame.color_primaries, frame.color_trc):
            return colour.to_srgb(pixels("rgb48le"), frame.color_primaries, frame.color_trc)
        if any(component.is_alpha for component in frame.format.components):
            rgba = pixels("rgba")
            opacity = rgba[..., 3:].astype(np.float32) / 255
            return np.rint(_GROUND + (rgba[..., :3] - np.float32(_GROUND)) * opacity).astype(np.uint8)
        return np.asarray(pixels("rgb24"))


def _convertible(matrix: int) -> int:
    """The matrix to convert by, for one of ITU-T H.273.

    FFmpeg's player shows constant luminance as if it were not constant, and what its scaler does not know
    (YCgCo, ICtCp, chroma-derived, reserved codes) as BT.601. Newer scalers refuse those instead.
    """
    if matrix == _BT2020_CONSTANT:
        return _BT2020_NON_CONSTANT
    return matrix if matrix in _CONVERTIBLE else _UNTOLD


def _cropped(frame: av.VideoFrame, aperture: Aperture) -> av.VideoFrame:
    rows, columns = aperture.inside(frame.width, frame.height)
    width, height = columns.stop - columns.start, rows.stop - rows.start
    if (width, height) == (frame.width, frame.height):
        return frame
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    crop = graph.add("crop", f"w={width}:h={height}:x={columns.start}:y={rows.start}:exact=1")
    graph.link_nodes(source, crop, graph.add("buffersink")).configure()
    graph.vpush(frame)
    return graph.vpull()


def _display_matrix(frame: av.VideoFrame) -> np.ndarray:
    """(2, 2): where the right and the downward direction of the stored picture point on the screen.

    The columns are the stored picture's x and y axes. Identity where the file does not say.
    """
    try:
        stored = cast(Mapping[str, Buffer], frame.side_data).get("DISPLAYMATRIX")
    except ValueError:  # PyAV knows not all kinds of side data, but always the angle, counterclockwise
        cosine, sine = math.cos(math.radians(frame.rotation)), math.sin(math.radians(frame.rotation))
        return np.array([[cosine, sine], [-sine, cosine]])
    if stored is None:
        return np.eye(2)
    # libavutil/display.h: nine 32-bit integers a b u c d v x y w; (x, y) goes to (ax + cy, bx + dy).
    a, b, _, c, d = np.frombuffer(bytes(stored), np.int32)[:5] / 65536
    return np.array([[a, c], [b, d]])


def _oriented(image: Pixels, matrix: np.ndarray) -> Pixels:
    """The image turned and mirrored by a display matrix, whose scales do not count.

    A scale that differs in the two directions is part of the pixels' aspect where FFmpeg takes it for that.
    Quarter turns and mirror images are exact. By any other angle the picture is turned about its middle and
    keeps its size, with black corners, as FFmpeg has it.
    """
    down_scale, right_scale = np.hypot(*matrix[1]), np.hypot(*matrix[0])
    if min(down_scale, right_scale, math.sqrt(abs(np.linalg.det(matrix)))) < 1e-3:
        return image  # a matrix that shows nothing
    turn = math.atan2(matrix[1, 0] / down_scale, matrix[0, 0] / right_scale)
    if np.linalg.det(matrix) < 0:
        image = image[::-1]
    quarters = round(turn / (math.pi / 2))
    if abs(math.degrees(turn) - 90 * quarters) <= _NEARLY_DEG:
        return np.ascontiguousarray(np.rot90(image, -quarters))
    height, width = image.shape[:2]
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    axes = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    affine = np.column_stack([axes, middle - axes @ middle])
    return np.asarray(cv2.warpAffine(np.ascontiguousarray(image), affine, (width, height)))
