"""Faces in, doppelgänger out. No window, no network; usable as a library."""
