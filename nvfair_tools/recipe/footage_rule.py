"""The key `footage` of a source: its files are long or edited recordings, which are cut before they are clips."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Seconds = Annotated[float, Field(gt=0)]


class FootageRule(BaseModel):
    """How the files of a source are cut: at their shots, where the person comes or goes, and by length.

    min_seconds: shorter segments are rejected. max_seconds: longer ones are divided into equal parts; null: never.
    follow: whom a segment shows where several faces are seen: the face that is there "longest", or the "largest".
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_seconds: Seconds = 2.0
    max_seconds: Seconds | None = 30.0
    follow: Literal["longest", "largest"] = "longest"

    @model_validator(mode="after")
    def _check_lengths(self) -> FootageRule:
        # The parts of a segment that is a little too long are a little more than half as long as allowed.
        if self.max_seconds is not None and self.max_seconds < 2 * self.min_seconds:
            raise ValueError("`max_seconds` must be at least twice `min_seconds`, or parts could be too short")
        return self

    def determinants(self) -> dict[str, Any]:
        """Everything of the rule that determines the segments, as JSON values."""
        return self.model_dump(mode="json")
