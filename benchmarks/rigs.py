"""The networks of the embedded generator, and the rigs of photographs with them, for benchmarks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.inversion.projection import SearchSettings, fast_dtype
from engine.live.rigs.directions import Directions, load_directions
from engine.live.rigs.photograph import rig_photograph
from engine.live.rigs.rig import Rig
from engine.perceptual.encoder_features import EncoderFeatures
from engine.stylegan2.checkpoint import load_generator
from engine.stylegan2.encoder import Encoder, load_encoder
from engine.stylegan2.network import Generator

WEIGHTS = Path("weights")


@dataclass(frozen=True, eq=False)
class Networks:
    """What a photograph is rigged with."""

    generator: Generator
    encoder: Encoder
    directions: Directions

    @classmethod
    def load(cls) -> Self:
        """The embedded ones, from the folder of weights."""
        generator = load_generator(WEIGHTS / "nobody.safetensors")
        encoder, _ = load_encoder(WEIGHTS / "nobody-encoder.safetensors")
        directions, _ = load_directions(WEIGHTS / "nobody-directions.safetensors", generator)
        return cls(generator, encoder, directions)

    def rig(self, photograph: Pixels, analyser: FaceAnalyser) -> Rig:
        """The rig of a photograph uint8 (H, W, 3) RGB."""
        distance = EncoderFeatures(self.encoder)
        settings = SearchSettings(dtype=fast_dtype(self.generator.device))
        return rig_photograph(
            photograph, analyser, self.generator, self.directions, distance, settings, self.encoder
        )
