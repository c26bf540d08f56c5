"""Where a configuration becomes a generator, a panel of judges and a perceptual distance, ready for sitters.

Loaded once and kept: a visit after the first one costs only the visit.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from engine.arrays import Pixels
from engine.judges import panel
from engine.judges.registry import KNOWN
from engine.lpips import LPIPS
from engine.perceptual import Distance, NormalisedLaplacianPyramid
from engine.portrayal import Portrayal, PortrayalSettings, Progress, portray
from engine.projection import SearchSettings, fast_dtype
from engine.stylegan2.checkpoint import generator_sha256, load_generator
from installation.configuration import Configuration
from installation.weights import Manifest


class Atelier:
    """The loaded networks of one configuration. Raises WeightsError where weights are missing or wrong."""

    def __init__(self, configuration: Configuration) -> None:
        manifest = Manifest.load()
        weights = manifest.locate(configuration.generator)
        self.configuration = configuration
        self.generator = load_generator(weights)
        self.generator_sha256 = generator_sha256(weights)
        names = configuration.judging.panel
        self.judges = panel(names, _judge_weights(manifest, names))
        self.distance = _distance(manifest, configuration.perceptual)
        search, judging = configuration.search, configuration.judging
        self.settings = PortrayalSettings(
            search=SearchSettings(
                space=search.space,
                steps=search.steps,
                tuning_steps=search.tuning_steps,
                dtype=fast_dtype(self.generator.mapping.w_avg.device),
                seed=0,
            ),
            tuning=search.tuning,
            k=judging.perturbations,
            seed=judging.seed,
        )

    def portray(
        self, photographs: Sequence[Pixels], report: Callable[[Progress], None] = lambda _: None
    ) -> Portrayal:
        """Portrays one sitter; see `engine.portrayal.portray`."""
        return portray(photographs, self.generator, self.judges, self.distance, self.settings, report)


def _judge_weights(manifest: Manifest, names: Sequence[str]) -> dict[str, Path]:
    """Where the weights of those judges lie that do not come with the project."""
    found = {}
    for name in names:
        if name in KNOWN and (weights := KNOWN[name].weights):
            entry, file = weights
            place = manifest.locate(entry)
            found[name] = place / file if place.is_dir() else place
    return found


def _distance(manifest: Manifest, name: str) -> Distance:
    if name == "lpips":
        return LPIPS.from_files(manifest.locate("lpips-vgg16"), manifest.locate("lpips-heads"))
    return NormalisedLaplacianPyramid()
