"""What a user must know of a data set, in the order of questions of "Datasheets for Datasets": datasheet.md.

The questions are those of Gebru et al. (Communications of the ACM 64(12), 2021), in our own words; the answers come
from the tables alone. What the tables do not know says so.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from nvfair_tools.dataset.schema import SPLITS
from nvfair_tools.governance.uses import MEANINGS
from nvfair_tools.leakage.audit import check_rows, shortcut_rows
from nvfair_tools.metadata import statements
from nvfair_tools.metadata.counts import count_rights, count_unusable, count_videos, seconds_of
from nvfair_tools.metadata.demographics import COLUMNS, FEWEST_PEOPLE, LEFT_OUT, demographic_table
from nvfair_tools.metadata.description import Description
from nvfair_tools.metadata.markdown import markdown_table
from nvfair_tools.quality.clip_table import CLIP_TABLE, read_clip_table, summarise_clips
from nvfair_tools.quantities import duration_text

DATASHEET_FILE = "datasheet.md"
_UNKNOWN = "Not recorded."


def datasheet_text(data: Description) -> str:
    """The text of datasheet.md, always the same for the same tables; nobody of the data set is named in it."""
    sections = [
        f"# Data sheet: {data.dataset.name}",
        data.abstract,
        *_motivation(data),
        *_composition(data),
        *_people(data),
        *_collection(data),
        *_processing(data),
        *_leakage(data),
        *_uses(data),
        *_distribution(data),
        *_upkeep(data),
    ]
    return "\n\n".join(sections) + "\n"


def _motivation(data: Description) -> list[str]:
    names = [
        creator.name + (f" ({creator.affiliation})" if creator.affiliation else "")
        for creator in data.publication.creators
    ]
    return [
        "## Why it exists",
        "For research on *avatar fingerprinting*: verifying who drives a talking head, whatever face it shows.",
        _answers({"Made by": "; ".join(names), "Published by": data.publication.publisher or "", "Paid for by": ""}),
    ]


def _composition(data: Description) -> list[str]:
    usable = data.usable
    real, made = usable[usable["kind"] == "real"], usable[usable["kind"] != "real"]
    lengths = pd.DataFrame(
        [
            (
                split,
                len(people),
                duration_text(seconds_of(real[real["split"] == split])),
                duration_text(seconds_of(made[made["split"] == split])),
            )
            for split in SPLITS
            if len(people := data.identities[data.identities["split"] == split])
        ],
        columns=["split", "people", "recordings last", "reenactments last"],
    )
    kinds = (
        "simulated: nobody in it exists" if data.simulated else "recordings of people, and reenactments made of them"
    )
    types = ", ".join(uri.rpartition("/")[2] for uri in data.source_types)
    return [
        "## What is in it",
        _answers(
            {
                "What one item is": "a video with a row in `videos.parquet` and its frames' landmarks in `frames/`",
                "What it shows": kinds,
                "How synthetic content came about (IPTC's digital source types)": types,
                "Labels": "`driver` (whose motion) and `target` (whose face) of every video",
                "Splits": "by people: nobody is in two",
            }
        ),
        markdown_table(count_videos(usable), ["split", "kind", "generator", "videos", "frames", "people"]),
        markdown_table(lengths, list(lengths.columns)),
        "Sensitive and personal information:",
        _list(statements.personal_statements(data)),
    ]


def _people(data: Description) -> list[str]:
    if data.simulated:
        return [
            "## Who is in it",
            "Nobody: all people are simulated. There are no demographics of people who do not exist.",
        ]
    tables = []
    for column in COLUMNS:
        table = demographic_table(data.identities, column)
        few = f"{column}: too few people for a table that would not name them."
        tables.append(few if table is None else markdown_table(table, list(table.columns)))
    return [
        "## Who is in it",
        f"As people or their collection stated it. {LEFT_OUT}: fewer than {FEWEST_PEOPLE} people, or a number by which "
        "such a number could be computed.",
        *tables,
    ]


def _collection(data: Description) -> list[str]:
    return [
        "## How it was collected",
        _list(statements.origin_statements(data)),
        _answers({"When it was recorded": "", "Who recorded it, and how people were paid": "", "Ethics review": ""}),
        "What people agreed to:",
        _list(statements.consent_statements(data)),
        markdown_table(count_rights(data.identities), ["source", "licence", "consent", "permitted_use", "people"]),
    ]


def _processing(data: Description) -> list[str]:
    sections = ["## How it was processed", _list(statements.processing_statements(data))]
    rule, path = data.meta.get("clip_checks"), data.folder / "quality" / CLIP_TABLE
    if rule is not None and path.is_file():
        checks = summarise_clips(read_clip_table(path), rule)
        columns = ["check", "limit", "action", "measured", "flagged", "rejected"]
        sections += ["Checks of the recordings, with the limit of each:", markdown_table(checks, columns)]
    else:
        sections.append("Checks of the recordings against limits: not recorded.")
    return [
        *sections,
        "What was left out, and why:",
        markdown_table(count_unusable(data.videos), ["kind", "state", "reason", "videos"]),
    ]


def _leakage(data: Description) -> list[str]:
    checks = check_rows(data.audit.checks)
    shortcuts = shortcut_rows([figure for figure in data.audit.shortcuts if figure.people])
    sections = ["## What gives labels away", markdown_table(checks, ["check", "cases", "verdict", "remark"])]
    if not shortcuts.empty:
        sections += [
            "What a single column of the metadata tells (AUC, mean over faces; 0.5 is chance):",
            markdown_table(shortcuts, list(shortcuts.columns)),
        ]
    biases = [*statements.bias_statements(data), *statements.limit_statements(data)]
    return [*sections, "Biases and limits:", _list(biases)]


def _uses(data: Description) -> list[str]:
    uses = pd.DataFrame(
        [
            (
                count.use,
                MEANINGS[count.use],
                count.permitted,
                ", ".join(f"{n:,} {reason}" for reason, n in count.refused.items()),
            )
            for count in data.access.uses
        ],
        columns=["use", "meaning", "permitted videos", "refused videos, by reason"],
    )
    return [
        "## What it may be used for",
        _list(statements.use_statements(data)[:2]),
        markdown_table(uses, list(uses.columns)),
        "What it must not be used for:",
        _list(statements.forbidden_statements(data) or ["Nothing is forbidden beyond what its licences say."]),
    ]


def _distribution(data: Description) -> list[str]:
    stated = data.publication
    licences = [licence.text if licence.id == "unknown" else licence.id for licence in data.access.licences]
    return [
        "## How it is passed on",
        statements.access_statement(data),
        _answers(
            {
                "Licences": ", ".join(licences),
                "Page": stated.url or "",
                "DOI": stated.doi or "",
                "Published": stated.published.isoformat() if stated.published else "",
                "How to cite it": stated.citation or "",
                "Made from": ", ".join(f"https://doi.org/{doi}" for doi in data.source_dois),
            }
        ),
    ]


def _upkeep(data: Description) -> list[str]:
    return [
        "## How it is kept",
        *([_list(texts)] if (texts := statements.upkeep_statements(data)) else []),
        _answers({"Contact": data.publication.contact or "", "Version": data.publication.version or ""}),
    ]


def _answers(answers: dict[str, str]) -> str:
    return "\n".join(f"* {question}: {answer or 'not recorded'}" for question, answer in answers.items())


def _list(texts: Sequence[str]) -> str:
    return "\n".join(f"* {text}" for text in texts) if texts else _UNKNOWN
