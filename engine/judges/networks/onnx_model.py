"""How to feed an ONNX recogniser and how to read it. This module loads no library, so that a configuration
can hold it; `engine.judges.verifiers.onnx` makes a judge of it."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

Channels = tuple[float, float, float]
PositiveChannels = tuple[PositiveFloat, PositiveFloat, PositiveFloat]
Point = tuple[float, float]
FivePoints = tuple[Point, Point, Point, Point, Point]


class OnnxModel(BaseModel):
    """One ONNX file that describes faces by embeddings.

    Its input is (N, 3, input_px, input_px): (grey level - mean) / std, channels in `colour_order`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="of the judge; in a configuration, the name of its table")
    file: Path = Field(description="the .onnx file; relative to the folder of the configuration")
    threshold: PositiveFloat = Field(description="the largest distance that means the same person")
    source: str = Field(min_length=1, description="where the threshold comes from, one line")
    metric: Literal["cosine", "euclidean"] = Field(
        "cosine", description="cosine: 1 - cosine; euclidean: length of the difference"
    )
    fmr: float | None = Field(
        None, gt=0, lt=1, description="share of strangers taken for the sitter at the threshold, if known"
    )
    input_px: PositiveInt = Field(112, description="side of the pictures it takes")
    mean: float | Channels = Field(127.5, description="one number, or one for each channel in their order")
    std: PositiveFloat | PositiveChannels = Field(127.5, description="the same")
    colour_order: Literal["rgb", "bgr"] = Field("rgb", description="of its input's channels")
    binding: bool = Field(True, description="whether the doppelgänger has to convince it")
    template: FivePoints | None = Field(
        None,
        description="where five points of the face lie, in pixels of the input: the eyes, left and right in "
        "the picture, the nose's tip, the mouth's corners, left and right; none: ArcFace's",
    )
