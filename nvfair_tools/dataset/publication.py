"""The part of a recipe that says who publishes the data set, and where: names stand in no other place."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from nvfair_tools.schema_problems.lines import parse_model
from nvfair_tools.schema_problems.yaml_text import read_yaml_mapping

_DOI = re.compile(r"10\.\d{4,9}/\S+")
_ADDRESS = re.compile(r"https?://\S+")


class _PublicationPart(BaseModel):
    """A part of the key `publication`: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Creator(_PublicationPart):
    """Somebody who made the data set.

    name: "Family name, Given name", or an organisation's. orcid: of a person, sixteen digits. affiliation: where the
    person works. organisation: whether it is one.
    """

    name: Annotated[str, Field(min_length=1)]
    orcid: str | None = None
    affiliation: Annotated[str, Field(min_length=1)] | None = None
    organisation: bool = False

    @field_validator("orcid")
    @classmethod
    def _check_orcid(cls, value: str | None) -> str | None:
        if value is None:
            return None
        number = value.removeprefix("https://orcid.org/")
        if not re.fullmatch(r"\d{4}-\d{4}-\d{4}-\d{3}[\dX]", number):
            raise ValueError("an ORCID has the form 0000-0002-1825-0097")
        if _check_digit(number) != number[-1]:
            raise ValueError(f"the last digit of this ORCID would be {_check_digit(number)}: a digit is mistyped")
        return number


class Publication(_PublicationPart):
    """What a published data set says of itself; all of it may be left out.

    creators: who made it. publisher: who keeps it, such as Zenodo. description: what it is, in some sentences. version:
    such as 1.0.0. url: its page. doi: its DOI. published: the day. citation: how to cite it. contact: a mail address or
    a page where people ask, and withdraw.
    """

    creators: tuple[Creator, ...] = ()
    publisher: Annotated[str, Field(min_length=1)] | None = None
    description: Annotated[str, Field(min_length=1)] | None = None
    version: Annotated[str, Field(min_length=1)] | None = None
    url: str | None = None
    doi: str | None = None
    published: date | None = None
    citation: Annotated[str, Field(min_length=1)] | None = None
    contact: Annotated[str, Field(min_length=1)] | None = None

    @field_validator("version", mode="before")
    @classmethod
    def _refuse_number(cls, value: Any) -> Any:
        if isinstance(value, int | float):
            raise ValueError(f"quote it, so that YAML does not take it for a number: version: {str(value)!r}")
        return value

    @field_validator("url")
    @classmethod
    def _check_address(cls, value: str | None) -> str | None:
        if value is not None and not _ADDRESS.fullmatch(value):
            raise ValueError("a page's address begins with https://")
        return value

    @field_validator("doi")
    @classmethod
    def _check_doi(cls, value: str | None) -> str | None:
        if value is None:
            return None
        name = re.sub(r"^(https?://(dx\.)?doi\.org/|doi:)", "", value)
        if not _DOI.fullmatch(name):
            raise ValueError("a DOI has the form 10.5281/zenodo.1234567")
        return name

    def stored(self) -> dict[str, Any]:
        """What is stated, as JSON values, such as dataset.json keeps it."""
        return self.model_dump(mode="json", exclude_defaults=True)


def load_publication(path: Path) -> Publication:
    """Reads a YAML file with the keys of `Publication`. Raises Problems with all mistakes in it, NvfairError where it
    is no YAML mapping."""
    example = f"its keys are {', '.join(Publication.model_fields)}; docs/metadata.md explains them"
    content = read_yaml_mapping(path, "publication file", example=example)
    return parse_model(Publication, content, where=path, remedy="see docs/metadata.md for every key")


def _check_digit(orcid: str) -> str:
    """The last digit that the others of an ORCID demand (ISO 7064, MOD 11-2)."""
    total = 0
    for digit in orcid.replace("-", "")[:-1]:
        total = (total + int(digit)) * 2
    rest = (12 - total % 11) % 11
    return "X" if rest == 10 else str(rest)
