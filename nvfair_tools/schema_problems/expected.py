"""The values that a field of a pydantic model takes, in plain words."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from nvfair_tools.quantities import count_text

# A type and what Annotated or Field add to it: bounds, a pattern, a description.
Expectation: TypeAlias = tuple[Any, tuple[Any, ...]]

_PLAIN_TYPES = {
    bool: "true or false",
    datetime: "a time such as 2026-01-31T12:00:00Z",
    date: "a date such as 2026-01-31",
    Path: "a path",
    type(None): "null",
}
_LONGEST_LIST = 12  # choices or keys that are listed


def of_field(field: FieldInfo) -> Expectation:
    """The type of a model's field, with its bounds."""
    return field.annotation, (*field.metadata, *([field] if field.description else []))


def alternatives(expectation: Expectation) -> list[Expectation]:
    """The members of a union, each with its own bounds; any other type alone."""
    annotation, metadata = _bare(expectation)
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for part in get_args(annotation) for member in alternatives((part, metadata))]
    return [(annotation, metadata)]


def model_of(expectation: Expectation) -> type[BaseModel] | None:
    """The pydantic model that a type is; None for any other type."""
    annotation = expectation[0]
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation if is_model else None


def items_of(expectation: Expectation, place: int) -> list[Expectation]:
    """The types of an item of a list; empty for a type that is no list. place: of the item."""
    annotation, _ = expectation
    arguments = get_args(annotation)
    if not _is_list(annotation) or not arguments:
        return []
    is_uniform = get_origin(annotation) is not tuple or arguments[-1] is Ellipsis
    if is_uniform:
        return alternatives((arguments[0], ()))
    return alternatives((arguments[place], ())) if place < len(arguments) else []


def keys_and_values(expectation: Expectation) -> tuple[list[Expectation], list[Expectation]]:
    """The types of a mapping's keys and of its values; none for a type that is no mapping."""
    annotation, _ = expectation
    arguments = get_args(annotation)
    if not _is_mapping(annotation) or len(arguments) != 2:
        return [], []
    return alternatives((arguments[0], ())), alternatives((arguments[1], ()))


def model_keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a model by the keys that stand in a file."""
    return {field.alias or name: field for name, field in model.model_fields.items() if not field.exclude}


def choices(expectations: Sequence[Expectation]) -> list[str]:
    """The texts that are allowed where a type names them one by one."""
    texts: list[str] = []
    for annotation, _ in expectations:
        if get_origin(annotation) is Literal:
            texts += [value for value in get_args(annotation) if isinstance(value, str)]
        elif isinstance(annotation, type) and issubclass(annotation, Enum):
            texts += [str(member.value) for member in annotation]
    return texts


def expected_text(expectations: Sequence[Expectation]) -> str:
    """What values a field takes, such as "a whole number of at least 0, or null"."""
    texts = list(dict.fromkeys(_text(expectation) for expectation in expectations))
    texts.sort(key=lambda text: text == "null")
    return ", or ".join(texts)


def _bare(expectation: Expectation) -> Expectation:
    """A type without Annotated, whose bounds join the others."""
    annotation, metadata = expectation
    while get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        metadata = (*metadata, *more)
    flat: list[Any] = []
    for part in metadata:
        flat += [*part.metadata, part] if isinstance(part, FieldInfo) else [part]
    return annotation, tuple(flat)


def _text(expectation: Expectation) -> str:
    annotation, metadata = expectation
    if description := next((part.description for part in metadata if isinstance(part, FieldInfo)), None):
        return description
    if named := choices([expectation]):
        return _choice_text(named)
    if get_origin(annotation) is Literal:
        return _choice_text([str(value) for value in get_args(annotation)])
    if annotation in _PLAIN_TYPES:
        return _PLAIN_TYPES[annotation]
    if annotation in (int, float):
        noun = "a whole number" if annotation is int else "a number"
        return f"{noun}{_bounds_text(metadata)}"
    if annotation is str:
        return f"a text{_length_text(metadata, 'character')}"
    if model_of(expectation) is not None:
        return f"values for the keys {_listed(list(model_keys(annotation)))}"
    if _is_list(annotation):
        return _list_text(expectation)
    if _is_mapping(annotation):
        keys, values = keys_and_values(expectation)
        inner = f" (each key {expected_text(keys)}; each value {expected_text(values)})" if keys else ""
        return f"keys with values{inner}"
    return "a value"


def _choice_text(texts: list[str]) -> str:
    return f"the word {texts[0]}" if len(texts) == 1 and texts[0].isalpha() else _one_of(texts)


def _one_of(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"one of {_listed(texts)}"


def _list_text(expectation: Expectation) -> str:
    annotation, metadata = expectation
    arguments = get_args(annotation)
    if get_origin(annotation) is tuple and arguments and arguments[-1] is not Ellipsis:
        return f"a list of {count_text(len(arguments), 'item')}"
    items = items_of(expectation, 0)
    length = _length_text(metadata, "item")
    text = expected_text(items)
    return f"a list{length}" + (f", each {'with ' * text.startswith('values for')}{text}" if items else "")


def _bounds_text(metadata: Sequence[Any]) -> str:
    lowest, above, highest, below = (_bound(metadata, name) for name in ("ge", "gt", "le", "lt"))
    if lowest is not None and highest is not None:
        return f" from {lowest:g} to {highest:g}"
    named = ((lowest, "of at least"), (above, "above"), (highest, "of at most"), (below, "below"))
    texts = [f"{words} {bound:g}" for bound, words in named if bound is not None]
    return f" {' and '.join(texts)}" if texts else ""


def _length_text(metadata: Sequence[Any], noun: str) -> str:
    least, most = _bound(metadata, "min_length"), _bound(metadata, "max_length")
    if least and most:
        return f" of {least} to {most:,} {noun}s"
    if least:
        return f" of at least {least} {noun}{'s' * (least != 1)}"
    return f" of at most {most:,} {noun}s" if most else ""


def _bound(metadata: Sequence[Any], name: str) -> Any:
    """The bound of this name among what annotates a type; None where there is none."""
    return next((value for part in metadata if (value := getattr(part, name, None)) is not None), None)


def _listed(texts: list[str]) -> str:
    more = f" and {len(texts) - _LONGEST_LIST} more" if len(texts) > _LONGEST_LIST else ""
    return ", ".join(texts[:_LONGEST_LIST]) + more


def _is_list(annotation: Any) -> bool:
    origin = get_origin(annotation) or annotation
    return isinstance(origin, type) and issubclass(origin, (list, tuple, set, frozenset))


def _is_mapping(annotation: Any) -> bool:
    origin = get_origin(annotation) or annotation
    return isinstance(origin, type) and (issubclass(origin, dict) or origin is Mapping)
