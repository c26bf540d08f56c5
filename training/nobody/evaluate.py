"""Measures a generator made of nobody: are they people, different people, and nobody it was trained on?

    python -m training.nobody.evaluate weights/nobody.safetensors RENDERS OUT --samples 1000
    python -m training.nobody.evaluate weights/nobody.safetensors RENDERS OUT --samples 0 \\
        --search photos/*.jpg --people OTHERS --encoder weights/nobody-encoder.safetensors

Writes OUT/figures.json and figures.md, samples.png, interpolations.png and truncation.png. With `--search`
it portrays, as the installation does, each photograph, scikit-image's sample sitter and some renders that
nothing was trained on (of the archive OTHERS, or those that `dataset.held_out` names), and writes
searches.json, searches.md and searches.png. **searches.png shows the sitters: keep it to yourself.** With
`--encoder` samples and renders are compared in its features too, the searches begin where it guesses, and its
guess alone is measured as well; guesses.png shows it for renders: portrait, guess, match. Leaves with 1 where
a figure misses what it must be.

The training renders are measured in the same run and the same way, before grounds composed anew, at the
generator's resolution: what a figure of samples means shows beside theirs.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import torch

from engine.common.atomic_file import write_text
from engine.common.errors import report_errors_in_one_line
from engine.stylegan2.checkpoint import load_generator
from engine.stylegan2.encoder import load_encoder
from training.nobody.evaluation.diversity import STRANGERS
from training.nobody.evaluation.figure import Figure, table
from training.nobody.evaluation.samples import draw_samples, draw_sheets, figures
from training.nobody.evaluation.search_tables import GUESSED, search_figures, search_table
from training.nobody.evaluation.searches import encoder_ms, search_all
from training.nobody.evaluation.sitters import sitters
from training.nobody.run_folder import add_threads, command_parser

ENCODER_MS = 50.0


@report_errors_in_one_line
def main(words: list[str] | None = None) -> int:
    parser = command_parser("evaluate", __doc__)
    parser.add_argument("generator", type=Path)
    parser.add_argument("renders", type=Path, help="the tar or folder it was trained on, with meta.jsonl")
    parser.add_argument("out", type=Path, help="the folder to write")
    parser.add_argument("--samples", type=int, default=1000, help="how many are measured; 0: only search")
    parser.add_argument(
        "--search", type=Path, nargs="*", help="portray these photographs too; several minutes each"
    )
    parser.add_argument(
        "--unseen", type=int, default=20, help="how many unseen renders are portrayed with them"
    )
    parser.add_argument(
        "--people", type=Path, help="a tar or folder of renders on whom nothing was trained, to search for"
    )
    parser.add_argument("--encoder", type=Path, help="begin the searches where this encoder guesses")
    add_threads(parser)
    args = parser.parse_args(words)
    torch.set_num_threads(args.threads)
    generator = load_generator(args.generator)
    args.out.mkdir(parents=True, exist_ok=True)
    encoder = load_encoder(args.encoder)[0] if args.encoder else None
    result: list[Figure] = []
    if args.samples:
        draw_sheets(generator, args.out)
        result += figures(generator, args.renders, draw_samples(generator, args.samples), encoder)
    if args.search is not None:
        photographs, tuned = sitters(args.search, args.renders, args.unseen, args.people)
        rows = search_all(generator, photographs, tuned, args.out, encoder)
        guessed = [row for row in rows if "encoder" in row]
        tables = search_table(rows) + ("\n" + search_table(guessed, GUESSED) if guessed else "")
        write_text(args.out / "searches.md", tables)
        print(tables)
        result += search_figures(rows, STRANGERS)
    if encoder:
        taken = encoder_ms(encoder, generator.resolution)
        wanted, holds = f"<= {ENCODER_MS:.0f}", taken <= ENCODER_MS
        result.append(Figure("encoder: milliseconds on one core", taken, None, wanted, holds))
    write_text(args.out / "figures.json", json.dumps([asdict(figure) for figure in result], indent=1))
    write_text(args.out / "figures.md", table(result))
    print(table(result))
    return int(any(figure.holds is False for figure in result))


if __name__ == "__main__":
    sys.exit(main())
