"""Declarations with a parameter of each kind, for tests of the registry and its files."""

from typing import Annotated, ClassVar, Literal

from hypothesis import strategies as st
from pydantic import Field

from installation.settings.parameters import Applies, Colour, Outside, Parameters
from installation.settings.registry import Registry


class BorderParameters(Parameters):
    """One of each kind."""

    scene: ClassVar[str] = "border"

    speed_per_s: float = Field(0.3, ge=0.1, le=0.7, description="how fast")
    ride_s: Annotated[float, Applies.NEXT_SCENE] = Field(25, ge=5, le=120, description="how long")
    turns: int = Field(3, ge=1, le=9, description="how often")
    tilt_deg: Annotated[float, Outside.REFUSE] = Field(0, ge=-0.7, le=30, description="how far")
    needle: bool = Field(True, description="whether | there is one")
    hint: str = Field("turn your head", max_length=20, description="the line under the face")
    ground: Colour = Field("#000000", description="behind the face")
    way: Annotated[Literal["to", "fro"], Applies.NEXT_SCENE] = Field("to", description="which way")
    tilt: Literal["0", "90"] = Field("0", description="how it hangs")


class JuryParameters(Parameters):
    scene: ClassVar[str] = "jury"
    pause_s: float = Field(1, ge=0, le=5, description="between two judges")


# Values as programs may send them, of all types.
ANYTHING = st.one_of(
    st.integers(), st.floats(), st.text(max_size=30), st.booleans(), st.none(), st.binary(max_size=5),
    st.lists(st.integers(), max_size=2), st.sampled_from(["to", "fro", "#abcdef", "#ABCDEF"]),
)  # fmt: skip
ADDRESSES = list(Registry(BorderParameters, JuryParameters).parameters)
