"""The command: renders people, or prints the numbers they are made from. `--help` tells how."""

import argparse
import json
import os
import sys
from pathlib import Path

from engine.common.errors import MachineError, UsageError, report_errors_in_one_line
from training.nobody.render.archive import Archive, parameters_of
from training.nobody.render.assets import WHERE_TO_GET, load_assets
from training.nobody.render.batch import Settings, render_all
from training.nobody.render.casting import Restrictions, matching_people
from training.nobody.render.description.recipe import SECOND_RECIPE_FROM, shots_of
from training.nobody.render.description.shares import BEARDS, STYLES
from training.nobody.render.parameters import picture_name


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.nobody.render",
        description="Renders portraits of people who do not exist: RGBA WebP, FFHQ crop, with meta.jsonl. "
        "The same seed is always the same person. Run it again to go on where it was stopped.",
    )
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("start", type=int, help=f"first seed; below {SECOND_RECIPE_FROM}: the first recipe")
    parser.add_argument("count", type=int, help="how many people")
    parser.add_argument("--parameters", action="store_true", help="print the numbers only; render nothing")
    parser.add_argument("--assets", type=Path, help="folder with ict.npz and lm68.npy (see assets.py)")
    parser.add_argument("--resolution", type=_positive, default=256, help="pixels (default: 256)")
    parser.add_argument("--samples", type=_positive, default=12, help="rays a pixel (default: 12)")
    parser.add_argument("--shots", type=_positive, help="pictures a person (default: the recipe's)")
    parser.add_argument("--workers", type=_positive, default=1, help="processes (default: 1)")
    parser.add_argument("--threads", type=_positive, default=1, help="threads a process (default: 1)")
    only = parser.add_argument_group("only people who match (others' seeds are passed over)")
    only.add_argument("--age", type=float, nargs=2, metavar=("FROM", "TO"), help="0 is 18 years, 1 is 80")
    only.add_argument("--tone", type=float, nargs=2, metavar=("FROM", "TO"), help="of skin: 0 pale, 1 deep")
    only.add_argument("--hair", nargs="+", choices=STYLES, metavar="STYLE", help=", ".join(STYLES))
    only.add_argument("--beard", nargs="+", choices=tuple(BEARDS), metavar="KIND", help=", ".join(BEARDS))
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Does what the command line says and returns the exit code.

    Raises:
        UsageError: assets are missing, or nobody matches.
        MachineError: see `render_all`.
    """
    wanted = Restrictions(
        age=arguments.age and tuple(arguments.age),
        tone=arguments.tone and tuple(arguments.tone),
        styles=arguments.hair and frozenset(arguments.hair),
        beards=arguments.beard and frozenset(arguments.beard),
    )
    people = matching_people(arguments.start, arguments.count, wanted)
    names = (
        picture_name(person.seed, shot)
        for person in people
        for shot in range(arguments.shots or shots_of(person.seed))
    )
    if arguments.parameters:
        for name in names:
            print(json.dumps(parameters_of(name)), flush=True)
        return 0
    if arguments.assets is None:
        raise UsageError(f"--assets is missing: {WHERE_TO_GET}")
    load_assets(arguments.assets)
    settings = Settings(arguments.assets, arguments.resolution, arguments.samples, arguments.threads)
    failed = render_all(Archive(arguments.out), list(names), settings, arguments.workers)
    if failed:
        raise MachineError(f"{failed} pictures were not rendered; the lines above say why")
    return 0


@report_errors_in_one_line
def main() -> int:
    try:
        return run(parse())
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `... --parameters | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0


if __name__ == "__main__":
    sys.exit(main())
