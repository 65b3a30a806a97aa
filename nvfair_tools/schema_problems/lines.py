"""The problems of a file's content as lines that name the key, what stands there, and what was expected."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from nvfair_tools.errors import Problems
from nvfair_tools.quantities import count_text
from nvfair_tools.schema_problems.expected import (
    Expectation,
    alternatives,
    choices,
    expected_text,
    items_of,
    keys_and_values,
    model_keys,
    model_of,
    of_field,
)

Model = TypeVar("Model", bound=BaseModel)

_MAX_KEY, _MAX_VALUE = 60, 100  # characters of a key, of a wrong value
_OWN_WORDS = ("value_error", "assertion_error")  # problems that the schema's own checks have put in words
_ROUNDS = 5  # of looking again with the misspelt keys put right


def parse_model(
    model: type[Model],
    content: Any,
    *,
    where: object,
    remedy: str = "",
    prefix: str = "",
    quote_values: bool = True,
) -> Model:
    """The model that some content stands for. Raises Problems with all that is wrong in it.

    content: what was read from YAML or JSON. where: the file. prefix: what each line begins with. quote_values: whether
    lines quote what stands in the file.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = [f"{prefix}{line}" for line in problem_lines(model, content, error, quote_values=quote_values)]
        raise Problems(where, lines, remedy=remedy) from error


def problem_lines(
    model: type[BaseModel], content: Any, error: ValidationError, *, quote_values: bool = True
) -> list[str]:
    """One line for each problem of the content that `error` reports, and for those that misspelt keys hide: what the
    keys contradict is only known when the keys are."""
    lines = _lines(model, content, error, quote_values)
    corrected = content
    for _ in range(_ROUNDS):
        corrected, is_changed = _with_known_keys(model, corrected, error)
        if not is_changed:
            break
        try:
            model.model_validate(corrected)
            break
        except ValidationError as next_error:
            error = next_error
            lines += _lines(model, corrected, error, quote_values)
    return list(dict.fromkeys(lines))


@dataclass(frozen=True)
class _Place:
    """A place in the content: the keys that lead there, and the types that may stand there.

    siblings: the keys that may stand beside the last one.
    """

    keys: tuple[int | str, ...]
    types: tuple[Expectation, ...]
    siblings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The keys as they stand before a message."""
        names = [str(key) for key in self.keys]
        printable = [name if name.isprintable() and len(name) <= _MAX_KEY else ascii(name)[:_MAX_KEY] for name in names]
        return ".".join(printable) or "file"

    def step(self, key: int | str, value: Any, names_absent_key: bool) -> _Place | None:
        """The place one key deeper; None where the key is none of the file's, but names a member of a union.

        value: what stands at this place. names_absent_key: whether the key may be one that is not there.
        """
        if isinstance(key, int):
            items = [item for type_ in self.types for item in items_of(type_, key)]
            is_key = isinstance(value, (list, tuple)) or bool(items)
            return _Place((*self.keys, key), tuple(items)) if is_key else None
        models = [model for type_ in self.types if (model := model_of(type_)) is not None]
        fields = [field for model in models if (field := model_keys(model).get(key)) is not None]
        mappings = [keys_and_values(type_) for type_ in self.types]
        types = [type_ for field in fields for type_ in alternatives(of_field(field))]
        is_in_content = isinstance(value, Mapping) and key in value
        if not (is_in_content or fields or names_absent_key):
            return None
        siblings = [name for model in models for name in model_keys(model)]
        siblings += [name for names, _ in mappings for name in choices(names)]
        if not types and is_in_content:
            types = [type_ for _, values in mappings for type_ in values]
        return _Place((*self.keys, key), tuple(types), tuple(siblings))


def _walk(model: type[BaseModel], content: Any, detail: Any) -> _Place:
    """The place of one of pydantic's problems, in whose `loc` members of unions stand between the file's keys."""
    place, value = _Place((), tuple(alternatives((model, ())))), content
    location = detail["loc"]
    for number, key in enumerate(location):
        is_absent = detail["type"] in ("missing", "extra_forbidden") and number == len(location) - 1
        deeper = place.step(key, value, is_absent)
        if deeper is None:
            continue
        place = deeper
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            value = None
    return place


def _lines(model: type[BaseModel], content: Any, error: ValidationError, quote_values: bool) -> list[str]:
    details = [(detail, _walk(model, content, detail)) for detail in error.errors(include_url=False)]
    outdone = {place.keys[:length] for _, place in details for length in range(len(place.keys))}
    lines = []
    for detail, place in details:
        # Of a union's members, the one that came furthest is meant; a list of wrong items is "too short" for them.
        if place.keys not in outdone or detail["type"] in _OWN_WORDS:
            lines.append(f"{place.text}: {_message(detail, place, quote_values)}")
    return list(dict.fromkeys(lines))


def _message(detail: Any, place: _Place, quote_values: bool) -> str:
    kind, value = detail["type"], detail["input"]
    if kind in _OWN_WORDS:
        text = str(detail["ctx"]["error"])
        return f"{text} (got {_shortened(value)})" if quote_values and _is_plain(value) else text
    if kind == "missing":
        return f"is needed; expected {expected_text(place.types)}"
    if kind == "extra_forbidden" or detail["loc"][-1:] == ("[key]",):
        near = difflib.get_close_matches(str(place.keys[-1]), place.siblings, n=1)
        return f"no such key; did you mean `{near[0]}`?" if near else f"no such key; known: {', '.join(place.siblings)}"
    near = difflib.get_close_matches(value, choices(place.types), n=1) if isinstance(value, str) else []
    hint = f"; did you mean `{near[0]}`?" if near else ""
    return f"found {_value_text(value, quote_values)}; expected {expected_text(place.types) or 'another value'}{hint}"


def _value_text(value: Any, quote_values: bool) -> str:
    """What stands in the file, in words."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "keys with values"
    if isinstance(value, (list, tuple)):
        return f"a list of {count_text(len(value), 'item')}"
    if quote_values:
        return _shortened(value)
    nouns = ((bool, "true or false"), (str, "a text"), ((int, float), "a number"))
    return next((noun for type_, noun in nouns if isinstance(value, type_)), "another value")


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, bool))


def _shortened(value: Any) -> str:
    text = "nothing" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _MAX_VALUE else f"{text[:_MAX_VALUE]}..."


def _with_known_keys(model: type[BaseModel], content: Any, error: ValidationError) -> tuple[Any, bool]:
    """The content with each unknown key under the name that was meant, or without it; and whether there was any."""
    corrected, is_changed = copy.deepcopy(content), False
    for detail in error.errors(include_url=False):
        if detail["type"] != "extra_forbidden":
            continue
        place = _walk(model, content, detail)
        holder: Any = corrected
        try:
            for key in place.keys[:-1]:
                holder = holder[key]
            value = holder.pop(place.keys[-1])
        except (AttributeError, KeyError, IndexError, TypeError):  # a key that the schema itself has added
            continue
        near = difflib.get_close_matches(str(place.keys[-1]), place.siblings, n=1)
        if near and near[0] not in holder:
            holder[near[0]] = value
        is_changed = True
    return corrected, is_changed
