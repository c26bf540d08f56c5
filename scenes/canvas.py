"""The picture of one frame, and everything scenes draw with."""

import pygame


class Canvas:
    """A frame of `width_px` by `height_px`, drawn anew by one scene each time."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self.surface = pygame.Surface((width_px, height_px))
