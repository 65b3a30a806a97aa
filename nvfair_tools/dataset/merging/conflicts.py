"""Why data sets cannot be joined: people, rights, videos, generators or formats that contradict each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from nvfair_tools.dataset.merging.source import MergeSource
from nvfair_tools.dataset.schema import VIDEOS_SCHEMA
from nvfair_tools.landmarks.sources_of_points import mixture_text, sources_of_points
from nvfair_tools.quantities import count_text

_EXAMPLES = 5
# What must be alike of a person, and of a video that several sets have. Names of files may differ.
_FACTS = ("source", "split", "gender", "age", "ethnicity", "licence", "consent", "permitted_use")
_FREE = ("path", "part", "first_row", "clip_name", "detail", "flags")
# Entries of dataset.json that must be equal; of `landmarks` without the landmarkers.
_ENTRIES = ("format_version", "landmarks", "landmark_scheme", "features", "synthetic", "simulated", "governance")


def conflicts(sources: Sequence[MergeSource]) -> list[str]:
    """Everything that keeps these data sets from being joined, in sentences; none where they can be."""
    problems = [problem for pair in combinations(sources, 2) for problem in _pair_conflicts(*pair)]
    problems += _generator_conflicts(sources)
    problems += _alias_conflicts(sources)
    problems += _revoked_people(sources)
    return problems


def label_of(generator: dict[str, Any]) -> str:
    """The name under which videos.parquet has the videos of a generator of dataset.json."""
    return str(generator.get("label", generator.get("name", "")))


def list_of(value: Any) -> list[str]:
    """The texts of a column of lists, which may be missing."""
    return [str(text) for text in value] if hasattr(value, "__len__") else []


def _pair_conflicts(first: MergeSource, second: MergeSource) -> Iterator[str]:
    if first.folder.resolve() == second.folder.resolve():
        yield f"{first} is named twice"
        return
    yield from _record_conflicts(first, second)
    yield from _people_conflicts(first, second)
    yield from _portrait_conflicts(first, second)
    yield from _portrait_conflicts(second, first)
    yield from _video_conflicts(first, second)


def _record_conflicts(first: MergeSource, second: MergeSource) -> Iterator[str]:
    for name in _ENTRIES:
        values = [_comparable(name, source.record.get(name)) for source in (first, second)]
        if values[0] != values[1]:
            yield f"{name} is {_text(values[0])} in {first}, but {_text(values[1])} in {second}"
    found_by = [sources_of_points(_landmarkers(source)) for source in (first, second)]
    if all(found_by) and found_by[0] != found_by[1]:
        yield f"the faces of {first} and {second} were found by {mixture_text(found_by[0] | found_by[1])}"
    rules = [source.record.get("clip_checks") for source in (first, second)]
    if None not in rules and rules[0] != rules[1]:
        yield f"the clips of {first} and {second} were checked by other limits (clip_checks)"
    if (first.consents is None) != (second.consents is None):
        without, with_table = (first, second) if first.consents is None else (second, first)
        yield (
            f"{with_table} says what its people agreed to (consent.parquet) and {without} does not: its people would "
            "count as not having agreed"
        )


def _people_conflicts(first: MergeSource, second: MergeSource) -> Iterator[str]:
    both = first.people.index.intersection(second.people.index)
    worlds = [source.record.get("world", {}).get("hash") for source in (first, second)]
    if len(both) and worlds[0] != worlds[1]:
        yield f"people of two simulated worlds have the same names, such as {both[0]} ({first}, {second})"
        return
    for name in _FACTS:
        values = [source.people.loc[both, name].astype(object) for source in (first, second)]
        differing = both[(values[0] != values[1]) & ~(values[0].isna() & values[1].isna())]
        texts = [[_text(value.get(person)) for value in values] for person in differing]
        yield from _listed(
            f"{person}: {name} is {text[0]} in {first}, but {text[1]} in {second}"
            for person, text in zip(differing, texts, strict=True)
        )
    for identity in sorted(both):
        faces = [source.people["portrait"].get(identity) for source in (first, second)]
        hashes = [source.record["files"].get(face) for source, face in zip((first, second), faces, strict=True)]
        if all(isinstance(face, str) for face in faces) and hashes[0] != hashes[1]:
            yield f"{identity}: another portrait in {first} than in {second}; a target has one face"
    for identity in sorted((first.consents or {}).keys() & (second.consents or {}).keys()):
        if (first.consents or {})[identity] != (second.consents or {})[identity]:
            yield f"{identity}: agreed to other uses in {first} than in {second} (consent.parquet)"


def _portrait_conflicts(first: MergeSource, second: MergeSource) -> Iterator[str]:
    """Portraits of the first set whose clip drives in the second."""
    people = first.people[first.people["portrait"].notna()]
    driving = set(second.usable.loc[second.usable["kind"] != "real", "clip"])
    for row in people.itertuples():
        if row.portrait_clip in driving and "single_clip" not in list_of(row.flags):
            yield f"{row.identity}: the clip of the portrait in {first} drives videos in {second}"


def _video_conflicts(first: MergeSource, second: MergeSource) -> Iterator[str]:
    names = [name for name in VIDEOS_SCHEMA.names if name not in _FREE]
    both = sorted(set(first.videos["video"]) & set(second.videos["video"]))
    if not both:
        return
    tables = [source.videos.set_index("video", drop=False).loc[both, names] for source in (first, second)]
    rows = zip(*([_plain(row) for row in table.to_dict("records")] for table in tables), strict=True)
    texts = []
    for left, right in rows:
        differing = [name for name in names if left[name] != right[name]]
        if differing:
            value = f"{differing[0]} is {_text(left[differing[0]])} and {_text(right[differing[0]])}"
            texts.append(f"video {left['video']} is another one in {first} than in {second}: {value}")
    yield from _listed(texts)


def _generator_conflicts(sources: Sequence[MergeSource]) -> Iterator[str]:
    known: dict[str, tuple[MergeSource, dict[str, Any]]] = {}
    for source in sources:
        for generator in source.record.get("generators", []):
            other, described = known.setdefault(label_of(generator), (source, generator))
            if described.get("fingerprint") != generator.get("fingerprint"):
                yield f"the generator {label_of(generator)} of {other} has another fingerprint than that of {source}"


def _alias_conflicts(sources: Sequence[MergeSource]) -> Iterator[str]:
    """Names of one person that are those of another."""
    owners: dict[str, tuple[str, MergeSource]] = {}
    for source in sources:
        for row in source.identities.itertuples():
            for name in (str(row.identity), *list_of(row.aliases)):
                owner, other = owners.setdefault(name, (str(row.identity), source))
                if owner != row.identity and other is not source:
                    yield f"the name {name} is {owner} in {other}, and {row.identity} in {source}"


def _revoked_people(sources: Sequence[MergeSource]) -> Iterator[str]:
    """People who have withdrawn from one set and are in another, and what was made of them."""
    keys = {source.revoked.tombstones.key_name: source for source in sources if source.revoked is not None}
    if len(keys) > 1:
        yield f"the people who withdrew are recorded under other keys in {' and '.join(map(str, keys.values()))}"
    for source in sources:
        revoked = source.revoked
        if revoked is None:
            continue
        for other in sources:
            if other is source:
                continue
            people = [(str(row.identity), list_of(row.aliases)) for row in other.identities.itertuples()]
            names = [name for name, aliases in people if revoked.number_of(name, aliases) is not None]
            yield from (f"{name} has withdrawn from {source}, and is in {other}" for name in names)
            hashes = pd.concat([other.usable["video"], other.usable["clip"], other.usable["sha256"]]).dropna().unique()
            gone = sum(revoked.tombstones.holds(revoked.key, str(digest)) for digest in hashes)
            if gone and not names:
                files = count_text(gone, "file of a person", "files of a person")
                yield f"{other} has {files} who has withdrawn from {source}"


def _comparable(name: str, value: Any) -> Any:
    """What must be equal of an entry of dataset.json: landmarkers are compared without their detectors, and licences
    are those of other material."""
    dropped = {"landmarks": ("landmarkers",), "governance": ("licences", "consent_sha256")}.get(name, ())
    if not isinstance(value, dict):
        return value
    return {key: entry for key, entry in value.items() if key not in dropped} or None


def _landmarkers(source: MergeSource) -> list[str]:
    """The landmarkers that dataset.json lists."""
    return list_of(source.record.get("landmarks", {}).get("landmarkers"))


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    """A row whose missing values are None and whose lists are tuples, to be compared."""
    return {
        str(name): tuple(value) if hasattr(value, "__len__") and not isinstance(value, str) else _or_none(value)
        for name, value in row.items()
    }


def _or_none(value: Any) -> Any:
    return None if pd.isna(value) else value


def _text(value: Any) -> str:
    return (
        "nothing" if value is None or (not isinstance(value, (dict, list, tuple)) and pd.isna(value)) else f"{value!r}"
    )


def _listed(texts: Iterable[str]) -> Iterator[str]:
    """The first few of many texts, and how many more there are."""
    every = list(texts)
    yield from every[:_EXAMPLES]
    if len(every) > _EXAMPLES:
        yield f"{len(every) - _EXAMPLES:,} more like this"
