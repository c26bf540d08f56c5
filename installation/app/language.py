"""Which language the words are in: the curator's, or the one the visitor has chosen."""

from installation.settings.registry import Registry
from installation.settings.texts import Texts, languages
from installation.stage.theme import StageParameters


class Language:
    """The first language until a visitor chooses another one, for that visit."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._chosen = languages()[0]

    @property
    def text(self) -> Texts:
        """All words now."""
        return Texts.load(self._registry.of(StageParameters).language or self._chosen)

    def next(self) -> None:
        """The next one there is."""
        codes = languages()
        self._chosen = codes[(codes.index(self._chosen) + 1) % len(codes)]

    def begin_again(self) -> None:
        """The next visitor has not chosen yet."""
        self._chosen = languages()[0]
