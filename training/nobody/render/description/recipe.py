"""Which recipe a seed's person and pictures are drawn by. What pictures were made by stays as it is.

First recipe: looks as frequent as among people, one picture each, faces nearly at rest.
Second recipe: rare looks more often, faces that move, and three pictures of every third person.
"""

SECOND_RECIPE_FROM = 200_000  # the first seed of the second recipe
SHOTS_OF_A_THIRD = 3


def faces_move(seed: int) -> bool:
    """Whether the seed belongs to the second recipe."""
    return seed >= SECOND_RECIPE_FROM


def shots_of(seed: int) -> int:
    """How many pictures the recipe makes of the person of a seed."""
    return SHOTS_OF_A_THIRD if faces_move(seed) and seed % 3 == 0 else 1
