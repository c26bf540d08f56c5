"""How frequent looks are, in each recipe."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shares:
    """How frequent looks are: styles of hair by sex, glasses, and the spread of ages and shapes."""

    mens_styles: dict[str, float]
    womens_styles: dict[str, float]
    glasses: float
    age_exponent: float  # age is a uniform number to this power: the lower, the older
    shape_sd: float  # of the shape coefficients


FIRST_SHARES = Shares(
    mens_styles={
        "bald": 0.10,
        "buzz": 0.17,
        "short_side": 0.20,
        "short_back": 0.14,
        "fringe": 0.12,
        "curly_short": 0.09,
        "medium": 0.05,
        "afro": 0.04,
        "long": 0.03,
        "beanie": 0.06,
    },
    womens_styles={
        "buzz": 0.03,
        "short_side": 0.08,
        "fringe": 0.04,
        "curly_short": 0.08,
        "medium": 0.16,
        "afro": 0.07,
        "long": 0.18,
        "wavy": 0.14,
        "pulled": 0.10,
        "bangs": 0.06,
        "beanie": 0.03,
        "hijab": 0.03,
    },
    glasses=0.13,
    age_exponent=1.2,
    shape_sd=1.25,  # with 1.08, nearer to the scanned population, judges took too many for one another
)
SECOND_SHARES = Shares(  # rarer looks more often, so that a generator learns them
    mens_styles={
        "bald": 0.08,
        "buzz": 0.12,
        "short_side": 0.15,
        "short_back": 0.12,
        "fringe": 0.10,
        "curly_short": 0.12,
        "medium": 0.08,
        "afro": 0.06,
        "long": 0.07,
        "curly_long": 0.04,
        "beanie": 0.06,
    },
    womens_styles={
        "buzz": 0.02,
        "short_side": 0.05,
        "fringe": 0.04,
        "curly_short": 0.08,
        "medium": 0.11,
        "afro": 0.07,
        "long": 0.15,
        "wavy": 0.12,
        "curly_long": 0.10,
        "pulled": 0.08,
        "bangs": 0.05,
        "beanie": 0.03,
        "hijab": 0.10,
    },
    glasses=0.25,
    age_exponent=0.8,
    shape_sd=1.4,
)
STYLES = tuple(dict.fromkeys([*SECOND_SHARES.mens_styles, *SECOND_SHARES.womens_styles]))
STRAIGHT_SHORT_STYLES = ("short_side", "short_back", "fringe")
BEARDS = {"none": 0.40, "stubble": 0.24, "full": 0.16, "goatee": 0.09, "moustache": 0.07, "chin": 0.04}
COLLARS = {"crew": 0.5, "v": 0.2, "turtle": 0.2, "bare": 0.1}
