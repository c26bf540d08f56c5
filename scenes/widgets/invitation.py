"""How to begin a visit, or why none can begin now."""

from installation.stage.canvas import TextBlock
from installation.stage.layout import Layout
from installation.stage.theme import Theme
from installation.stage.view import View


def invitation(view: View, layout: Layout, theme: Theme, words: str = "") -> TextBlock:
    """The invitation, in large type, in these words or the language's own; or, smaller, why no visit can
    begin."""
    if view.visit.can_begin:
        words = words or view.text("attract.invitation")
        return TextBlock(words, layout.large_px, 500, theme.ink, theme.fade_in)
    why = "attract.resting" if view.people else "attract.waking"
    words = view.text(why if view.visit.show.accepts_visits else "attract.closed")
    return TextBlock(words, layout.body_px, 300, theme.quiet_ink, theme.fade_in)
