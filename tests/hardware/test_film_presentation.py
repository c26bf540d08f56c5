"""Films are shown as FFmpeg's own programs show them: turned, mirrored, cropped, in pixels and colours."""

import io
import math
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from hardware.camera.file import FileSource
from hardware.camera.film.clip import Clip
from tests.conftest import DATA
from tests.support.camera_kit import picture
from tests.support.programs import require_programs

CLIPS = DATA / "clips"
# What FFmpeg's player does with pixels that are not square.
SQUARE = "scale=iw*sar:ih"
SKIN = np.array([200, 140, 110])


@pytest.fixture(autouse=True)
def ffmpeg_is_there() -> None:
    require_programs("ffmpeg")


def ffmpeg(*words: str) -> bytes:
    return subprocess.run(["ffmpeg", "-v", "error", "-y", *words], capture_output=True, check=True).stdout


def as_ffmpeg_shows(path: Path, filters: str = SQUARE) -> np.ndarray:
    """The first picture that comes out of the filters, uint8 (H, W, 3) RGB."""
    output = ("-frames:v", "1", "-c:v", "png", "-f", "image2pipe", "-")
    return np.asarray(Image.open(io.BytesIO(ffmpeg("-i", str(path), "-vf", filters, *output))).convert("RGB"))


def drawn(path: Path, *words: str, size: str = "256x144") -> Path:
    """FFmpeg's moving test picture, encoded as `words` say."""
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={size}:r=10:d=0.3", *words, str(path))
    return path


def first_picture(path: Path, side_px: int = 4096) -> np.ndarray:
    clip = Clip(path, side_px)
    try:
        return clip.picture_at(0.0)
    finally:
        clip.close()


def difference(image: np.ndarray, expected: np.ndarray) -> float:
    """Mean absolute difference in grey levels."""
    assert image.shape == expected.shape
    return float(np.abs(image.astype(int) - expected).mean())


@pytest.mark.parametrize("name", ["matrix_hflip.mp4", "matrix_vflip.mp4", "hdv_sar_4_3.mp4"])
def test_given_films(name: str):
    assert difference(first_picture(CLIPS / name), as_ffmpeg_shows(CLIPS / name)) < 1


# Where the picture's x and y axes go: (right, down) on the screen.
AXES = {
    "as stored": (1, 0, 0, 1),
    "mirrored": (-1, 0, 0, 1),
    "upside down and mirrored": (1, 0, 0, -1),
    "half a turn": (-1, 0, 0, -1),
    "a quarter turn": (0, 1, -1, 0),
    "three quarters": (0, -1, 1, 0),
    "about one diagonal": (0, 1, 1, 0),
    "about the other": (0, -1, -1, 0),
    "a sixth of a half turn": (math.cos(math.pi / 6), 0.5, -0.5, math.cos(math.pi / 6)),
}


@pytest.mark.parametrize("axes", AXES.values(), ids=AXES.keys())
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_every_display_matrix(tmp_path: Path, axes: Sequence[float], suffix: str):
    path = tmp_path / f"a.{suffix}"
    a, b, c, d = (round(value * 65536) for value in axes)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        image = np.kron(picture(height=2, width=3), np.ones((32, 32, 1), np.uint8))
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    exact = all(value in (-65536, 0, 65536) for value in (a, b, c, d))
    # Turned by an angle, edges are interpolated in another way.
    assert difference(first_picture(path), as_ffmpeg_shows(path)) < (0.01 if exact else 5)


@pytest.mark.parametrize(
    "axes",
    [
        (4, 0, 0, 1),
        (2.5, 0, 0, 1),
        (1, 0, 0, 0.25),
        (0, 3, -1, 0),
        (0, 1, -4, 0),
        (-3, 0, 0, 1),
        (1, 0, 1, 0.2),
    ],
)
def test_a_display_matrix_that_scales(tmp_path: Path, axes: Sequence[float]):
    """FFmpeg takes the scales for the shape of the pixels where nothing else says it."""
    path = drawn(tmp_path / "a.mp4", *X264)
    content = bytearray(path.read_bytes())
    a, b, c, d = (round(value * 65536) for value in axes)
    # ISO/IEC 14496-12, 8.3.2: the matrix of a track header of version 0.
    struct.pack_into(">9i", content, content.index(b"tkhd") + 4 + 40, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    assert difference(first_picture(path), as_ffmpeg_shows(path)) < 1


X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
BT709 = ("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709")
ENCODED = {
    "wide.mp4": ("-vf", "setsar=16/11", *X264),
    "narrow.mkv": ("-vf", "setsar=3/4", *X264),
    "container.mp4": ("-aspect", "4:3", *X264),
    "mpeg2.mpg": ("-aspect", "4:3", "-c:v", "mpeg2video"),
    "cropped.mp4": (*X264, "-bsf:v", "h264_metadata=crop_left=16:crop_right=32:crop_top=8:crop_bottom=4"),
    "bt601.mp4": ("-vf", "scale=out_color_matrix=smpte170m", "-colorspace", "smpte170m", *X264),
    "bt709.mp4": ("-vf", "scale=out_color_matrix=bt709", *BT709, *X264),
    "full.mp4": ("-vf", "scale=out_color_matrix=bt709:out_range=pc", *BT709, "-color_range", "pc", *X264),
    "untold.avi": ("-c:v", "mpeg4"),
    "rgb.mkv": ("-c:v", "libx264rgb"),
    "grey.mp4": ("-c:v", "libx264", "-pix_fmt", "gray"),
    "ten_bits.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv422p10le"),
    "web.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime"),
}


@pytest.mark.parametrize("name", ENCODED)
def test_pixels_crop_matrix_and_range(tmp_path: Path, name: str):
    path = drawn(tmp_path / name, *ENCODED[name])
    assert (
        difference(first_picture(path), as_ffmpeg_shows(path)) < 3
    )  # only what interpolation makes of edges


# FFmpeg's names of ITU-T H.273's matrices from YCgCo to the newest; H.264 files may say any number.
NAMED_MATRICES = ["ycgco", "bt2020c", "smpte2085", "chroma-derived-nc", "chroma-derived-c", "ictcp"]
H264_MATRICES = [3, 8, *range(10, 18), 100, 255]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        *(
            (f"{number}.mp4", (*X264, "-bsf:v", f"h264_metadata=matrix_coefficients={number}"))
            for number in H264_MATRICES
        ),
        *((f"{name}.mkv", ("-c:v", "ffv1", "-colorspace", name)) for name in NAMED_MATRICES),
        ("ycgco.webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-colorspace", "ycgco")),
        ("ictcp.mp4", ("-c:v", "libx265", "-x265-params", "log-level=error", "-colorspace", "ictcp")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_matrices_that_the_scaler_does_not_know(tmp_path: Path, name: str, words: Sequence[str]):
    path = drawn(tmp_path / name, *words, size="96x64")
    FileSource(path)  # starts as a camera
    assert difference(first_picture(path), as_ffmpeg_shows(path)) < 3


def with_box(content: bytes, parents: Sequence[bytes], box: bytes) -> bytes:
    """An MP4 file whose index lies at its end, with a box more at the end of the innermost of `parents`."""
    places: list[int] = []
    for parent in parents:
        places.append(content.index(parent, places[-1] if places else content.index(b"moov")) - 4)
    (size,) = struct.unpack_from(">I", content, places[-1])
    changed = bytearray(content[: places[-1] + size] + box + content[places[-1] + size :])
    for place in places:
        struct.pack_into(">I", changed, place, struct.unpack_from(">I", content, place)[0] + len(box))
    return bytes(changed)


@pytest.mark.parametrize(
    ("aperture", "crop"),
    [
        ((192, 1, 96, 1, 0, 1, 0, 1), "192:96:32:24"),
        ((200, 2, 120, 1, -30, 2, 12, 1), "100:120:63:24"),
        ((0, 1, 96, 1, 0, 1, 0, 1), "256:144:0:0"),  # no part of the frame
        ((400, 1, 96, 1, 0, 1, 0, 1), "256:144:0:0"),
        ((192, 0, 96, 1, 0, 1, 0, 1), "256:144:0:0"),
    ],
)
def test_clean_aperture(tmp_path: Path, aperture: Sequence[int], crop: str):
    """ISO/IEC 14496-12, 12.1.4. FFmpeg reads it from version 7.1 on, so it is told here what to crop."""
    plain = drawn(tmp_path / "plain.mp4", *X264)
    box = struct.pack(">I4sIIIIiIiI", 40, b"clap", *aperture)
    parents = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1")
    (tmp_path / "a.mp4").write_bytes(with_box(plain.read_bytes(), parents, box))
    assert difference(first_picture(tmp_path / "a.mp4"), as_ffmpeg_shows(plain, f"crop={crop}:exact=1")) < 1


def test_pixels_are_made_square_before_the_picture_is_shrunk(tmp_path: Path):
    assert first_picture(CLIPS / "hdv_sar_4_3.mp4", 1280).shape == (720, 1280, 3)
    upright = drawn(tmp_path / "a.mp4", "-vf", "setsar=4/3", *X264)
    assert first_picture(upright, 96).shape == (round(96 * 144 * 3 / (256 * 4)), 96, 3)


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_mapped_to_the_colour_that_was_meant(tmp_path: Path, transfer: str):
    """ITU-R BT.2408: what is white in sRGB has 203 nits in HDR; skin keeps its colour."""
    colour = "0x" + bytes(SKIN.tolist()).hex()
    to_hdr = (
        "format=gbrp16,zscale=pin=709:tin=iec61966-2-1:min=gbr:rin=pc:"
        f"p=bt2020:t={transfer}:m=bt2020nc:r=tv:npl=203,format=yuv420p10le"
    )
    tags = ("-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc")
    path = tmp_path / "a.mp4"
    hevc = ("-c:v", "libx265", "-x265-params", "log-level=none:crf=4", "-frames:v", "2")
    ffmpeg("-f", "lavfi", "-i", f"color={colour}:s=64x64", "-vf", to_hdr, *tags, *hevc, str(path))
    assert np.abs(first_picture(path)[32, 32] - SKIN).max() <= 4


def test_a_given_hdr_film():
    shown = first_picture(CLIPS / "hlg.mov")
    to_sdr = "zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709:t=iec61966-2-1:m=gbr:r=pc,format=gbrp"
    assert np.abs(shown[128, 128] - SKIN).max() <= 4
    assert difference(shown, as_ffmpeg_shows(CLIPS / "hlg.mov", to_sdr)) <= 3


def test_what_a_frame_does_not_say_of_its_colours_the_container_does(tmp_path: Path):
    untold = "hevc_metadata=colour_primaries=2:transfer_characteristics=2:matrix_coefficients=2"
    ffmpeg("-i", str(CLIPS / "hlg.mov"), "-c", "copy", "-bsf:v", untold, str(tmp_path / "untold.mp4"))
    tags = ("-color_primaries", "bt2020", "-color_trc", "arib-std-b67", "-colorspace", "bt2020nc")
    ffmpeg("-i", str(tmp_path / "untold.mp4"), "-c", "copy", *tags, str(tmp_path / "a.mkv"))
    assert difference(first_picture(tmp_path / "a.mkv"), first_picture(CLIPS / "hlg.mov")) < 1


def test_highlights_of_hdr_keep_their_shape(tmp_path: Path):
    """From white paper to ten times the light, brighter stays brighter."""
    path = tmp_path / "a.mkv"
    nits = [100, 203, 400, 600, 1000]
    y = np.array(nits) / 10_000
    code = ((0.8359375 + 18.8515625 * y**0.1593017578125) / (1 + 18.6875 * y**0.1593017578125)) ** 78.84375
    stripes = np.repeat((code * 65535).astype(np.uint16), 16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = len(stripes), 32, "yuv444p10le"
        stream.codec_context.color_trc, stream.codec_context.color_primaries = 16, 9
        image = np.broadcast_to(stripes[None, :, None], (32, len(stripes), 3)).copy()
        frame = av.VideoFrame.from_ndarray(image, format="rgb48le")
        frame = frame.reformat(format="yuv444p10le", dst_colorspace="ITU709")
        frame.color_trc, frame.color_primaries = 16, 9
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    shown = first_picture(path)[16, 8::16, 1].astype(int)
    assert abs(shown[0] - 187) <= 3 and 235 <= shown[1] <= 245 and shown[-1] >= 254
    assert (np.diff(shown) > 0).all()


def test_interlaced_films_have_no_combs(tmp_path: Path):
    path = tmp_path / "a.mp4"
    source = ("-f", "lavfi", "-i", "testsrc2=s=128x96:r=50:d=0.6")
    woven = ("-vf", "tinterlace=mode=interleave_top,fieldorder=tff", "-flags", "+ildct+ilme")
    ffmpeg(*source, *woven, *X264, str(path))
    clip = Clip(path, 4096)
    forwards = [clip.picture_at((number + 0.5) / 25) for number in range(15)]
    for number in (0, 5, 13):
        bwdif = f"bwdif=mode=send_frame:deint=interlaced,select=gte(n\\,{number})"
        assert difference(forwards[number], as_ffmpeg_shows(path, bwdif)) < 1
        assert difference(forwards[number], as_ffmpeg_shows(path, f"select=gte(n\\,{number})")) > 1.5
    for number in (14, 3, 9, 0):
        np.testing.assert_array_equal(clip.picture_at((number + 0.5) / 25), forwards[number])
    clip.close()


def test_each_picture_has_its_own_size(tmp_path: Path):
    """A stream may begin anew with another size, as a phone's does that is turned while it sends."""
    parts = []
    for size, begins_s in (("64x48", "1"), ("48x64", "1.3")):
        words = (*X264, "-bf", "0", "-output_ts_offset", begins_s)
        parts.append(drawn(tmp_path / f"{size}.ts", *words, size=size).read_bytes())
    (tmp_path / "a.ts").write_bytes(b"".join(parts))
    clip = Clip(tmp_path / "a.ts", 4096)
    shapes = [clip.picture_at(tick / 10 + 0.05).shape for tick in range(6)]
    assert shapes == [(48, 64, 3)] * 3 + [(64, 48, 3)] * 3
    clip.close()


def test_a_cover_picture_is_not_the_film(tmp_path: Path):
    film = drawn(tmp_path / "a.mp4", *X264)
    Image.fromarray(picture(height=300, width=300)).save(tmp_path / "cover.png")
    cover = ("-map", "1", "-map", "0", "-c", "copy", "-disposition:v:0", "attached_pic")
    both = tmp_path / "both.mp4"
    ffmpeg("-i", str(film), "-i", str(tmp_path / "cover.png"), *cover, str(both))
    assert difference(first_picture(both), as_ffmpeg_shows(film)) < 0.01
