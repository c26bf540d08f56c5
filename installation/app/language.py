"""The language of the words on the screen: the curators' fixed one, or the one the visitor has chosen."""

from installation.settings.texts import Texts, languages
from installation.stage.theme import StageParameters


def texts_for(parameters: StageParameters, chosen: str | None) -> Texts:
    """All words in the curators' language, else in the visitor's `chosen` one, else in the first one."""
    return Texts.load(parameters.language or chosen or languages()[0])


def next_language(chosen: str | None) -> str:
    """The code of the language after the visitor's `chosen` one; after the last comes the first."""
    codes = languages()
    return codes[(codes.index(chosen or codes[0]) + 1) % len(codes)]
