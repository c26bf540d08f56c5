"""Finds how a generator turns a head, and writes the directions that come with it.

    python -m training.nobody.directions weights/nobody.safetensors weights/nobody-directions.safetensors

A new generator needs a new file; the new sha256 goes into `weights/manifest.toml`. Two minutes of one core.
"""

import sys
from pathlib import Path

from engine.common.errors import report_errors_in_one_line
from engine.faces.analyser import FaceAnalyser
from engine.live.rigs.directions import find_directions, save_directions
from engine.stylegan2.checkpoint import generator_sha256, load_generator
from training.nobody.run_folder import command_parser


@report_errors_in_one_line
def main() -> int:
    """Reads the generator, writes the file."""
    parser = command_parser("directions", __doc__)
    parser.add_argument("generator", type=Path)
    parser.add_argument("export", type=Path)
    arguments = parser.parse_args()
    with FaceAnalyser() as analyser:
        directions = find_directions(load_generator(arguments.generator), analyser)
    save_directions(directions, arguments.export, generator_sha256(arguments.generator))
    return 0


if __name__ == "__main__":
    sys.exit(main())
