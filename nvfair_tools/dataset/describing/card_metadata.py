"""Checks the YAML at the head of a card as the Hugging Face Hub will: what it holds, and the values that it may have.

The Hub's own validator (`RepoCard.validate` of `huggingface_hub`) asks the Hub, and so needs the network. Without it,
the same package parses the card, `datasets` parses its configs, and the lists that both packages carry, with the Hub's
list of licences, say which values there are. This module needs `datasets`, which brings `huggingface_hub`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from nvfair_tools.errors import MissingExtra, NvfairError
from nvfair_tools.quantities import count_text


def metadata_problems(card: str | Path, rows: int | None = None) -> list[str]:
    """Everything in the YAML of a card that the Hub would not take, or that the data set contradicts.

    card: the path of README.md. rows: how many rows its largest config has; None where that is not compared. Raises
    NvfairError where the card is not there, MissingExtra without `datasets`.
    """
    data, configs = _parsed(Path(card))
    if isinstance(data, str):
        return [data]
    return [*_value_problems(data), *_size_problems(data, rows), *configs]


def hub_problems(card: str | Path) -> list[str]:
    """What the Hub's own validator says against a card; it is asked over the network.

    Raises NvfairError where it cannot be reached.
    """
    repocard = _import("huggingface_hub")
    try:
        repocard.DatasetCard.load(Path(card)).validate(repo_type="dataset")
    except ValueError as error:
        return [f"the Hub refuses the card: {error}"]
    except Exception as error:
        raise NvfairError(
            f"the Hub's validator cannot be asked: {type(error).__name__}: {error}",
            where=card,
            remedy="leave --online out: all that needs no network is checked anyway",
        ) from error
    return []


def _parsed(card: Path) -> tuple[Any, list[str]]:
    """The YAML of a card as `huggingface_hub` parses it, or why it cannot be; and the problems of its configs."""
    import yaml

    hub, metadata = _import("huggingface_hub"), _import("datasets.utils.metadata")
    if not card.is_file():
        raise NvfairError("the data set has no card", where=card, remedy=f"nvfair dataset card {card.parent}")
    try:
        data = hub.DatasetCard.load(card).data.to_dict()
    except (ValueError, TypeError, yaml.YAMLError) as error:
        return f"the YAML cannot be parsed: {' '.join(str(error).split())}", []
    if not data:
        return "there is no YAML between two lines `---` at the head", []
    try:
        configs = metadata.MetadataConfigs.from_dataset_card_data(data)
        configs.get_default_config_name()
    except (ValueError, TypeError) as error:
        return data, [f"configs: {' '.join(str(error).split())}"]
    names = [config["config_name"] for config in data.get("configs", [])]
    return data, [
        f"configs: {name} is there twice" for name in sorted({name for name in names if names.count(name) > 1})
    ]


def _value_problems(data: dict[str, Any]) -> Iterator[str]:
    metadata = _import("datasets.utils.metadata")
    licences, own = _listed(data.get("license")), _hub_values()
    if not licences:
        yield "license is missing"
    for licence in licences:
        if licence not in own["licences"]:
            yield f"license {licence!r} is none of the Hub's; write `other`, and its name in license_name"
    if "other" in licences and not data.get("license_name"):
        yield "license is `other`, but license_name does not say which"
    for name in ("pretty_name", "license_name", "license_link"):
        if not isinstance(data.get(name, ""), str):
            yield f"{name} is {data[name]!r}, not a text"
    known = {
        "task_categories": {*metadata.known_task_ids, *own["tasks"]},
        "size_categories": set(_resource("size_categories.json")),
        "language": {*_resource("languages.json"), "code", "multilingual"},
    }
    for name, values in known.items():
        for value in _listed(data.get(name)):
            if value not in values:
                yield f"{name} holds {value!r}, which is none of the Hub's"
    tags = _listed(data.get("tags"))
    for tag in tags:
        if not isinstance(tag, str) or not tag.strip():
            yield f"tags holds {tag!r}, not a text"
        elif tags.count(tag) > 1:
            yield f"tags holds {tag!r} more than once"


def _size_problems(data: dict[str, Any], rows: int | None) -> Iterator[str]:
    """Whether the size category is that of the number of rows."""
    if rows is None:
        return
    if (size := size_category(rows)) not in _listed(data.get("size_categories")):
        yield f"size_categories is {data.get('size_categories')}, but {count_text(rows, 'row is', 'rows are')} {size}"


def size_category(rows: int) -> str:
    """The Hub's category for a number of rows."""
    signs = ["1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T"]
    bounds = [10 ** (3 + number) for number in range(len(signs))]
    above = sum(rows >= bound for bound in bounds)
    if above == 0:
        return "n<1K"
    return f"n>{signs[-1]}" if above == len(signs) else f"{signs[above - 1]}<n<{signs[above]}"


def _listed(value: Any) -> list[Any]:
    """A value that may stand alone or in a list, as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _hub_values() -> dict[str, list[str]]:
    """What the Hub takes that no package lists: licences, newer tasks."""
    text = resources.files("nvfair_tools.dataset.describing").joinpath("hub_values.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def _resource(name: str) -> Any:
    _import("datasets")
    return json.loads(resources.files("datasets.utils.resources").joinpath(name).read_text(encoding="utf-8"))


def _import(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtra("datasets", "curate", str(error)) from error
