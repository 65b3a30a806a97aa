"""What is known about a data set, in sentences that the data sheet and Croissant's words for responsible use show.

Each function answers one question from the tables alone. What they do not know is in no sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from nvfair_tools.dataset.consents import CONSENT_FILE
from nvfair_tools.dataset.terms import strictest_terms
from nvfair_tools.governance.decision import REASONS
from nvfair_tools.governance.uses import MEANINGS
from nvfair_tools.landmarks.track_files import LANDMARKS_ONLY
from nvfair_tools.metadata.counts import count_unusable
from nvfair_tools.metadata.demographics import COLUMNS, recorded_statement
from nvfair_tools.metadata.description import Description
from nvfair_tools.quantities import count_text

_MOST_VALUES = 5


def origin_statements(data: Description) -> list[str]:
    """Where the recordings come from: sources and their people, releases, tracks without pictures."""
    if data.simulated:
        return [
            "Everything is computed: the people, their faces and their motion are made by a program. Nobody exists."
        ]
    titles = {collection.namespace: collection.title for collection in data.collections}
    texts = [f"Read from the published release {data.release}, as it was published."] if data.release else []
    real = data.usable[data.usable["kind"] == "real"]
    for group, people in data.identities.groupby("source", sort=True):
        source = str(group)
        name = f"`{source}`" + (f" ({titles[source]})" if source in titles else "")
        recordings = int((real["source"] == source).sum())
        texts.append(
            f"Source {name}: {count_text(len(people), 'person')}, {count_text(recordings, 'usable recording')}."
        )
    tracks = sum(LANDMARKS_ONLY in flags for flags in data.identities["flags"] if flags is not None)
    if tracks:
        texts.append(f"Of {tracks:,} of the people there are landmark tracks alone, and no video.")
    return texts


def consent_statements(data: Description) -> list[str]:
    """What is recorded of people's agreement: how many answers, on which basis; no person is named."""
    if data.simulated:
        return ["Nobody was asked, because nobody exists."]
    texts = []
    if data.consents is None:
        texts.append(
            "Nobody was asked use by use; what is known is the column `consent`: "
            + _listed(data.identities["consent"], "people")
            + "."
        )
    else:
        answers = [answer for consent in data.consents.values() for answer in consent.answers]
        bases = Counter(str(answer.basis) for answer in answers)
        values = Counter("withdrawn" if answer.withdrawn else str(answer.value) for answer in answers)
        counts = ", ".join(f"{count:,} {value}" for value, count in sorted(values.items()))
        origins = ", ".join(f"{basis} ({count:,})" for basis, count in sorted(bases.items()))
        texts.append(
            f"`{CONSENT_FILE}` has the answers of {count_text(len(data.consents), 'person')}, use by use: {counts}; by "
            f"{origins}. The evidence stays with the curator."
        )
    return texts


def processing_statements(data: Description) -> list[str]:
    """What was done with the recordings: tracking, features, generators, sizes and rates of the videos, tools."""
    meta, usable = data.meta, data.usable
    landmarks = {**meta.get("landmark_scheme", {}), **meta.get("landmarks", {})}
    scheme = landmarks.get("scheme", landmarks.get("name"))
    texts = []
    if scheme:
        trackers = ", ".join(landmarks.get("landmarkers", ()))
        tracked = f" by {trackers}" if trackers else ""
        texts.append(f"Landmarks of every frame{tracked}, in the scheme `{scheme}`, in pixels of the stored video.")
    if meta.get("features", {}).get("distances", "none") != "none":
        texts.append(f"Distances between all pairs of landmarks in {meta['features']['distances']}.")
    for generator in meta.get("generators", ()):
        known = {key: generator[key] for key in ("family", "version", "motion_mode", "licence") if generator.get(key)}
        details = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in known.items())
        texts.append(
            f"Reenactments by `{generator.get('label', generator.get('name'))}`" + (f": {details}." if details else ".")
        )
    filmed = usable[usable["path"].notna()]
    if len(filmed):
        sizes = [f"{width} x {height}" for width, height in zip(filmed["width"], filmed["height"], strict=True)]
        texts.append(f"Pictures of {_listed(sizes, 'videos')} pixels.")
    if len(usable):
        rates = [f"{num / den:.4g}" for num, den in zip(usable["fps_num"], usable["fps_den"], strict=True)]
        texts.append(f"Frame rates: {_listed(rates, 'videos')}.")
    tools = ", ".join(f"{name} {version}" for name, version in sorted(meta.get("tools", {}).items()))
    return [*texts, f"Made with {tools}."] if tools else texts


def rejection_statements(data: Description) -> list[str]:
    """What was left out and why, counted."""
    rows = count_unusable(data.videos)
    return [
        f"{count_text(count, f'{kind} video')} {state}: {reason or 'no reason recorded'}."
        for kind, state, reason, count in zip(*(rows[name].tolist() for name in rows.columns), strict=True)
    ]


def bias_statements(data: Description) -> list[str]:
    """What is uneven: who stated what, cautions about the sources, and what metadata give away."""
    texts: list[str] = []
    if not data.simulated:
        texts += [recorded_statement(data.identities, column) for column in COLUMNS]
    texts += data.cautions
    texts += [
        f"The column {figure.column} tells {figure.label} with an AUC of {round(figure.auc, 9):.3f} (0.5 is chance)."
        for figure in data.audit.shortcuts
        if figure.flagged
    ]
    return texts


def limit_statements(data: Description) -> list[str]:
    """What results on the data set do not show."""
    families = {str(family) for family in data.usable["generator_family"].dropna()}
    texts = []
    if data.simulated:
        texts.append("Results on simulated people say nothing about how well a method tells real people apart.")
    if len(families) == 1:
        texts.append(f"All generators are of the family {families.pop()}: results across them stay within that family.")
    test_people = int((data.identities["split"] == "test").sum())
    texts.append(
        f"The test split has {count_text(test_people, 'person')}." if test_people else "There is no test split."
    )
    if data.audit.defects:
        texts.append(f"The leakage audit found {count_text(data.audit.defects, 'defect')}: see the data sheet.")
    if data.audit.unanswered:
        texts.append(f"The leakage audit left {count_text(data.audit.unanswered, 'question')} unanswered.")
    return texts


def use_statements(data: Description) -> list[str]:
    """What the data set is for, and what of it is permitted, use by use, for its own purpose."""
    governance = data.meta.get("governance", {})
    stated = f"Built for {data.access.purpose}"
    stated += f": {', '.join(governance['use'])}." if "use" in governance else "."
    total = len(data.usable)
    return ["Research on avatar fingerprinting: verifying who drives a talking head.", stated] + [
        f"{count.use} ({MEANINGS[count.use]}): {count.permitted:,} of {count_text(total, 'video')}"
        + (f"; not {_reasons(count.refused)}." if count.refused else ".")
        for count in data.access.uses
    ]


def forbidden_statements(data: Description) -> list[str]:
    """What must not be done with it, by the strictest of all conditions."""
    texts = []
    if not data.simulated:
        texts = [
            "It must not be used to imitate the people in it, or to recognise them without their consent.",
            "No reenactment may be presented as something that its target did or said: it is neither.",
        ]
    limits = strictest_terms(
        [*data.usable["licence"], *data.usable["permitted_use"], *data.identities["permitted_use"]]
    )
    texts += [f"Its conditions together, of which the strictest wins: {limit}." for limit in limits]
    texts += [
        f"No video of it may be used for {count.use}."
        for count in data.access.uses
        if count.refused and not count.permitted
    ]
    return texts


def access_statement(data: Description) -> str:
    """Whether the data set may be passed on, in a sentence."""
    level, refused = data.access.level, data.access.redistribution.refused
    if level == "open":
        return "Open: every video may be passed on under its licence."
    if level == "restricted":
        return f"Restricted: it may be passed on for {', '.join(data.access.purposes)} alone."
    if not refused:
        return "Closed: it has no usable video."
    return f"Closed: {sum(refused.values()):,} of its videos may not be passed on ({_reasons(refused)})."


def personal_statements(data: Description) -> list[str]:
    """What personal and sensitive information it holds."""
    if data.simulated:
        return ["None: all people are simulated."]
    texts = [f"Faces and facial motion of {count_text(len(data.identities), 'person')}, which are biometric data."]
    for column in COLUMNS:
        if data.identities[column].notna().any():
            texts.append(f"{column.capitalize()}, as people or their collection stated it.")
    return texts


def upkeep_statements(data: Description) -> list[str]:
    """How the data set is kept: withdrawal, versions, whom to ask."""
    texts = []
    if not data.simulated:
        texts.append(
            "A person may withdraw at any time: the columns `target` and `driver` find every video of the person, and "
            "`nvfair revoke` removes them and writes tables, parts and this description anew."
        )
    if data.publication.contact:
        texts.append(f"Questions and withdrawals: {data.publication.contact}.")
    if data.publication.version:
        texts.append(f"Version {data.publication.version}.")
    return texts


def _reasons(refused: object) -> str:
    """Counts of refusals in words."""
    assert isinstance(refused, dict)
    return ", ".join(f"{count:,} because {REASONS.get(reason, reason)}" for reason, count in refused.items())


def _listed(values: Iterable[object], what: str) -> str:
    """The commonest values of a column with their counts, such as "unknown (3 people)"."""
    counts = sorted(Counter(map(str, values)).items(), key=lambda item: (-item[1], item[0]))
    texts = [f"{value} ({count:,} {what})" for value, count in counts[:_MOST_VALUES]]
    rest = sum(count for _, count in counts[_MOST_VALUES:])
    return ", ".join(texts) + (f" and other values ({rest:,} {what})" if rest else "")
