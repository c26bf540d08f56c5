"""Judges: verifiers that say of a picture whether it is still the sitter.

`registry` knows them by name, `base` says what a judge is, `verdict` how a verdict is reached;
docs/verdict.md writes it out.
"""

from engine.judges.registry import EMBEDDED, KNOWN, panel, require_binding

__all__ = ["EMBEDDED", "KNOWN", "panel", "require_binding"]
