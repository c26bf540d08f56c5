"""The layouts of one encoder with two decoders, and how each is trained.

Source of `published` and `low-memory`: the program *faceswap* of 2017 as FakeApp took it over, in its files
Model_Original.py and Model_LowMem.py (dense layer 1024 or 512), with its rate of learning and its warps.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Warp:
    """How far a face is moved at random before it is shown to the encoder.

    turn_deg: turned by up to so much. zoom, shift: made larger or moved by up to this share of the side.
    flip: share of pictures that are mirrored. stretch: standard deviation, as a share of the side, by which
    each of 5 x 5 points of the input alone is moved.
    """

    turn_deg: float
    zoom: float
    shift: float
    flip: float
    stretch: float


@dataclass(frozen=True)
class Layout:
    """A network and its training.

    side_px: of its square pictures. encoder: channels of the convolutions, each of which halves the side.
    dense: numbers in the code. bottleneck: channels after the code. decoder: channels of the layers, each of
    which doubles the side.
    mask: whether a decoder also draws where its face is. from_mean: whether pictures enter and leave as what
    differs from their person's mean picture; a decoder then starts with a recognisable face. poses: how
    many known poses (`engine.live.decoders.known_poses`) draw what the learned answer is added to; 0: none.
    paired_share: share of a batch in which the encoder sees one person and the decoder's answer is compared
    with the other one in the same pose. steady: how much it counts that neighbouring frames differ by their
    flow alone. features: how much the perceptual loss counts.
    batch: pictures for each decoder in a step.
    """

    name: str
    side_px: int
    encoder: tuple[int, ...]
    dense: int
    bottleneck: int
    decoder: tuple[int, ...]
    mask: bool
    from_mean: bool
    poses: int
    paired_share: float
    steady: float
    features: float
    batch: int
    learning_rate: float
    warp: Warp

    @property
    def calm(self) -> bool:
        """Whether films are swapped with regard to the frames before and after, unless something else is
        asked for."""
        return self.steady > 0


_WARP_OF_2017 = Warp(turn_deg=10.0, zoom=0.05, shift=0.05, flip=0.4, stretch=0.03)


def _of_2017(name: str, dense: int) -> Layout:
    return Layout(
        name,
        side_px=64,
        encoder=(128, 256, 512, 1024),
        dense=dense,
        bottleneck=512,
        decoder=(256, 128, 64),
        mask=False,
        from_mean=False,
        poses=0,
        paired_share=0.0,
        steady=0.0,
        features=0.0,
        batch=64,
        learning_rate=5e-5,
        warp=_WARP_OF_2017,
    )


LAYOUTS = {
    layout.name: layout
    for layout in (
        _of_2017("published", 1024),
        _of_2017("low-memory", 512),
        Layout(
            "thin",
            side_px=96,
            encoder=(24, 48, 96, 192),
            dense=256,
            bottleneck=96,
            decoder=(64, 32, 16),
            mask=True,
            from_mean=True,
            poses=384,
            paired_share=0.9,
            steady=0.5,
            features=0.05,
            batch=4,
            learning_rate=3e-4,
            warp=Warp(turn_deg=0.0, zoom=0.0, shift=0.0, flip=0.0, stretch=0.0),
        ),
    )
}
"""By name; `thin` is the project's own."""
