"""Whose faces a film or the weights of two decoders show."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Subjects:
    """invented: all of them are people who do not exist. consenting: the names of those who have agreed."""

    invented: bool
    consenting: tuple[str, ...] = ()

    def joined(self, other: "Subjects") -> "Subjects":
        """Those of both."""
        names = tuple(dict.fromkeys(self.consenting + other.consenting))
        return Subjects(self.invented and other.invented, names)
