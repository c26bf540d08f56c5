"""Names that a pickle of weights has no need of. Needs the standard library alone."""

import sys

from engine.common.errors import InvalidWeights

PYTHON_2_MODULES = {"__builtin__", "cPickle", "commands", "copy_reg", "popen2", "urllib2"}


class ForbiddenName(InvalidWeights):
    """A pickle asks for a function or class that weights do not need; it may be malicious."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"asks for {name}, which no weights need; it may be malicious, nothing of it was run"
        )
        self.name = name


def is_standard_library(dotted: str) -> bool:
    """Whether a dotted name belongs to Python itself, Python 2 included; no network's class does."""
    return dotted.partition(".")[0] in sys.stdlib_module_names | PYTHON_2_MODULES
