"""What every table of a configuration has in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Refuses entries that it does not know; does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
