"""How long the search takes, and where: a table, a plot and a JSON file.

    python -m benchmarks.search PHOTO ... [--out FOLDER] [--repeats 5] [--published-steps 1000] [--trial]

1. Every portrait (scikit-image's sample sitter, too) is searched as the installation does it and by NVIDIA's
   published projector, one after the other: seconds to the distance at which the published one ends, seconds
   to this search's own end, and the ratio. Distances are the configuration's own perceptual distance.
2. Pictures a second of the generator at batch 1 and 16, embeddings a second of each judge.
3. The stages of a whole portrayal as the kiosk does it.
4. How the cost grows with pixels, pictures of the strip, perturbations and judges: seconds, and the
   exponent (1 is linear), drawn in growth.png.

FOLDER gets search.json, search.md and growth.png; they hold figures only. The published projector minimises
LPIPS where its weights are installed; else it goes by this project's distance, which is then in its seconds,
and VGG-16 with random weights is computed beside it for what it costs. With fewer `--published-steps` its
time is scaled to 1,000, and its distance is that of the shorter search. `--trial` takes few steps everywhere,
to see that it works.
"""

import argparse
import json
import math
import os
import platform
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch
from PIL import Image
from skimage import data

from benchmarks.search.plot import growth_plot
from benchmarks.search.projector import STEPS, published_search
from benchmarks.search.throughput import (
    TRIAL,
    Amounts,
    embeddings_per_s,
    exponent,
    growth,
    pictures_per_s,
)
from engine.common.arrays import Pixels
from engine.common.errors import WeightsError
from engine.faces.alignment import Portrait
from engine.faces.analyser import open_analyser
from engine.faces.sitter import find_sitter
from engine.inversion.projection import Loss, guess_place, search_latent, tune
from engine.inversion.target import Target, aim_at
from engine.judges.judging import make_reference
from engine.perceptual.lpips import LPIPS
from engine.photographs.photograph import load_photograph
from installation.settings.configuration import DEFAULT, PERCEPTUAL_WEIGHTS, load
from installation.settings.manifest import Manifest
from installation.workers.models import ModelBundle, load_judges


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.search",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("photographs", type=Path, nargs="*")
    parser.add_argument("--out", type=Path, default=Path("search-results"))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--published-steps", type=int, default=STEPS)
    parser.add_argument("--trial", action="store_true")
    arguments = parser.parse_args()
    bundle = ModelBundle(load(DEFAULT), for_stage=True)
    amounts = Amounts()
    if arguments.trial:
        arguments.repeats, arguments.published_steps, amounts = 1, 4, TRIAL
        few = replace(bundle.settings.search, steps=14, tuning_steps=3)
        bundle.settings = replace(bundle.settings, search=few, strip=4, nearest_strip=4, finders=())
    photographs = {path.stem: load_photograph(path) for path in arguments.photographs}
    portraits = {
        name: _portrait(bundle, picture)
        for name, picture in (photographs | {"sample": data.astronaut()}).items()
    }

    results: dict[str, Any] = {"machine": machine(), "generator": bundle.configuration.generator}
    vgg, has_weights = _lpips()
    results["published_minimises"] = "LPIPS" if has_weights else bundle.configuration.perceptual
    results["searches"] = {
        f"portrait {number}": compare(bundle, portrait, vgg, has_weights, arguments.published_steps)
        for number, portrait in enumerate(portraits.values(), 1)
    }
    portrait = portraits["sample"]
    references = [make_reference(judge, [(portrait.image, portrait.landmarks)]) for judge in bundle.judges]
    results["pictures_per_s"] = pictures_per_s(bundle.generator, arguments.repeats)
    results["embeddings_per_s"] = embeddings_per_s(
        bundle.judges, references, portrait.image, arguments.repeats
    )
    results["stages_s"] = bundle.portray([data.astronaut()]).seconds
    leading = bundle.judges[0].name
    panel = [load_judges(bundle.configuration, [leading])[0] for _ in range(max(amounts.judges))]
    costs = growth(panel, references[0], bundle.generator, portrait.image, arguments.repeats, amounts)
    results["growth_s"] = costs
    results["growth_exponent"] = {name: exponent(cost) for name, cost in costs.items()}

    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "search.json").write_text(json.dumps(_finite(results), indent=2) + "\n")
    (arguments.out / "search.md").write_text(table(results))
    Image.fromarray(growth_plot(costs, results["growth_exponent"])).save(arguments.out / "growth.png")
    print(table(results))


def _finite(value: Any) -> Any:
    """Infinity (never reached) and NaN (one point has no slope) as null: JSON has no word for them."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "bfloat16": bool(torch.cpu._is_avx512_bf16_supported()),
        "load_1_min": os.getloadavg()[0],
        "torch": torch.__version__,
    }


def compare(
    bundle: ModelBundle, portrait: Portrait, vgg: LPIPS, has_weights: bool, published_steps: int
) -> dict[str, float]:
    """One portrait searched by both; see the module."""
    target = aim_at(portrait, bundle.generator.resolution, bundle.distance, bundle.generator.device)
    ours = list(_search(bundle, target))
    *_, (published_s, aimed) = published_search(
        bundle.generator, _published_distance(vgg, has_weights, target), target.loss, published_steps
    )
    published_s *= STEPS / published_steps
    reached_s = next((seconds for seconds, distance in ours if distance <= aimed), float("inf"))
    seconds, distance = ours[-1]
    return {
        "published_s": published_s,
        "published_distance": aimed,
        "to_that_distance_s": reached_s,
        "match_s": seconds,
        "match_distance": distance,
        "ratio_to_that_distance": published_s / reached_s,
        "ratio_to_match": published_s / seconds,
    }


def _search(bundle: ModelBundle, target: Target) -> Iterator[tuple[float, float]]:
    """Yields (seconds since the beginning, distance) after each step, as the installation searches."""
    settings, generator = bundle.settings.search, bundle.generator
    began_s = perf_counter()
    start = guess_place(generator, bundle.encoder, target.picture) if bundle.encoder else None
    for found in search_latent(generator, target.loss, settings, start):
        yield perf_counter() - began_s, found.loss
    for step in tune(generator, target.loss, found.place, settings, target.head, target.sees_px):
        yield perf_counter() - began_s, step.loss


def _published_distance(vgg: LPIPS, has_weights: bool, target: Target) -> Loss:
    everywhere = torch.ones_like(target.importance)
    features = vgg.towards(target.picture, everywhere)
    if has_weights:
        return features
    return lambda pictures: target.loss(pictures) + 0 * features(pictures)


def _lpips() -> tuple[LPIPS, bool]:
    """LPIPS, and whether its weights are the real ones."""
    manifest = Manifest.load()
    try:
        return LPIPS.from_files(*(manifest.locate(name) for name in PERCEPTUAL_WEIGHTS["lpips"])), True
    except WeightsError:
        return LPIPS(), False


def _portrait(bundle: ModelBundle, photograph: Pixels) -> Portrait:
    with open_analyser(bundle.settings.detector) as analyser:
        return find_sitter(analyser, photograph, bundle.settings.limits, bundle.settings.portrait_px).portrait


def table(results: dict[str, Any]) -> str:
    """The results in Markdown."""
    on = results["machine"]
    lines = [
        f"{on['processor']}, {on['cores']} cores, {on['threads']} threads, bfloat16 {on['bfloat16']}, "
        f"load {on['load_1_min']:.1f}, torch {on['torch']}; generator {results['generator']}; the published "
        f"projector minimises {results['published_minimises']}",
        "",
        "| portrait | published | distance | ours to that | ratio | ours to the match | distance | ratio |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    searches = results["searches"]
    rows = searches | {
        "median": {
            key: median(each[key] for each in searches.values()) for key in next(iter(searches.values()))
        }
    }
    for name, each in rows.items():
        lines.append(
            f"| {name} | {each['published_s']:.0f} s | {each['published_distance']:.3f} "
            f"| {each['to_that_distance_s']:.1f} s | {each['ratio_to_that_distance']:.0f} "
            f"| {each['match_s']:.1f} s | {each['match_distance']:.3f} | {each['ratio_to_match']:.0f} |"
        )
    for title, unit in (
        ("pictures_per_s", "pictures a second"),
        ("embeddings_per_s", "embeddings a second"),
        ("stages_s", "seconds of the stage"),
    ):
        lines += ["", f"| | {unit} |", "|---|---:|"]
        lines += [f"| {name} | {value:.1f} |" for name, value in results[title].items()]
    lines += ["", "| what grows | seconds | exponent |", "|---|---|---:|"]
    for name, cost in results["growth_s"].items():
        seconds = ", ".join(f"{amount}: {value:.3f}" for amount, value in cost.items())
        lines.append(f"| {name} | {seconds} | {results['growth_exponent'][name]:.2f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
