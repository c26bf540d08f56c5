"""What searches show: figures with limits, and tables of the sitters."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from training.nobody.evaluation.figure import Figure

MATCHED = 0.5


def search_figures(rows: Sequence[Mapping[str, Any]], threshold: float) -> list[Figure]:
    """What the searches show, over all sitters that were portrayed."""
    portrayed = [row for row in rows if "refused" not in row]
    renders, photographs = ([r for r in portrayed if (r["tuned"] is None) == own] for own in (True, False))
    strangers = [row for row in portrayed if row["median"] > threshold]
    refused = len(rows) - len(portrayed)
    result = [Figure("sitters without a usable face", refused, None, "= 0", refused == 0)]
    for what, group, key, limit in (
        ("unseen renders, W+", renders, "w_plus", MATCHED),
        ("photographs, W+", photographs, "w_plus", None),
        ("photographs, tuned", photographs, "tuned", MATCHED),
    ):
        if group:
            worst = max(row[key] for row in group)
            result.append(
                Figure(f"{what}: median distance at the match", float(np.median([r[key] for r in group])))
            )
            wanted, holds = (f"< {limit}", worst < limit) if limit else ("", None)
            result.append(Figure(f"{what}: largest distance at the match", worst, None, wanted, holds))
    if portrayed:
        result.append(Figure("sitters whose median face is somebody else", len(strangers) / len(portrayed)))
    if strangers:
        share = float(np.mean([row["border_t"] is not None for row in strangers]))
        result.append(Figure("of them, with a border", share, None, "= 1", share == 1))
    return result


SEARCHED = ("sitter", "median", "w_plus", "tuned", "border_t", "doppelganger", "seconds")


GUESSED = ("sitter", "median", "encoder", "w_plus", "loss_median", "loss_encoder", "loss_w_plus")


def search_table(rows: Sequence[dict[str, Any]], columns: Sequence[str] = SEARCHED) -> str:
    """Markdown; dlib distances, and the search's own distance under `loss_...`."""
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for row in rows:
        if "refused" in row:
            lines.append(f"| {row['sitter']} | refused: {row['refused']} |" + " |" * (len(columns) - 2))
            continue
        cells = [f"{row[c]:.3f}" if isinstance(row[c], float) else str(row[c] or "-") for c in columns]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
