"""The part of a recipe that says whose agreement counts, and for which use the data set is made."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from nvfair_tools.governance.uses import ROLE_USES, Purpose, SetUse, Use


class Rights(BaseModel):
    """What allows making reenactments of a clip.

    consent: a CSV with what each person agreed to (see `recipe.consent_table`). render_if: the `permitted_use` values
    that allow it; others are rejected as use_not_permitted. It is needed where there is no consent table.
    ethics_approval: who approved the use of people of public collections whose consent is unknown, under which number
    and when; without it, or a consent table, their clips are rejected as consent_unknown. use, purpose: what the set is
    for; what may not be used so is not rendered. licences: {text: permitted uses} of the curator's own agreements.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    render_if: list[str] = []
    ethics_approval: str | None = Field(default=None, min_length=10)
    consent: str | None = None
    use: tuple[SetUse, ...] = Field(default=("training",), min_length=1)
    purpose: Purpose = "research"
    licences: dict[str, tuple[SetUse, ...]] = Field(default_factory=dict)

    @field_validator("ethics_approval")
    @classmethod
    def _check_approval(cls, value: str | None) -> str | None:
        if value is not None and not any(sign.isdigit() for sign in value):
            raise ValueError("name the committee, the number of its approval and the date")
        return value

    @model_validator(mode="after")
    def _check_basis(self) -> Rights:
        if not self.render_if and self.consent is None:
            raise ValueError(
                "give rights.render_if (the permitted uses that allow reenactments) or rights.consent (a consent table)"
            )
        return self

    @property
    def set_uses(self) -> tuple[Use, ...]:
        """The uses that the set is made for, besides the two roles, which each reenactment needs anyway."""
        return tuple(dict.fromkeys(use for use in self.use if use not in ROLE_USES))

    def without_defaults(self, content: dict[str, Any]) -> dict[str, Any]:
        """The settings that determine the set, of a dump of all: recipes without the newer keys keep their digest."""
        left_out = {"consent"}  # a path; the table's hash stands in dataset.json
        left_out |= {
            name
            for name in ("ethics_approval", "use", "purpose", "licences")
            if getattr(self, name) == type(self).model_fields[name].get_default(call_default_factory=True)
        }
        return {name: value for name, value in content.items() if name not in left_out}
