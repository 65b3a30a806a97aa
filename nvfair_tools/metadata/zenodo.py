"""The entry `metadata` of a deposit at Zenodo (https://developers.zenodo.org, "Deposit metadata"): .zenodo.json."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from nvfair_tools.metadata.description import KEYWORDS, Description
from nvfair_tools.metadata.statements import access_statement, forbidden_statements
from nvfair_tools.quantities import count_text

ZENODO_FILE = ".zenodo.json"


def zenodo_text(data: Description) -> str:
    """The text of .zenodo.json, always the same for the same tables.

    Zenodo takes one licence by its SPDX id, so that several, and others, are named in the notes.
    """
    stated, access = data.publication, data.access
    spdx = access.spdx_licences()
    has_one_licence = len(access.licences) == len(spdx) == 1
    conditions = [access_statement(data), *forbidden_statements(data)]
    names = [licence.text if licence.id == "unknown" else licence.id for licence in access.licences]
    content: dict[str, Any] = {
        "upload_type": "dataset",
        "title": data.dataset.name,
        "creators": [
            {"name": creator.name}
            | ({"affiliation": creator.affiliation} if creator.affiliation else {})
            | ({"orcid": creator.orcid} if creator.orcid else {})
            for creator in stated.creators
        ],
        "description": f"<p>{escape(data.abstract, quote=False)}</p>",
        "access_right": access.level,
        "license": spdx[0].id.lower() if has_one_licence and access.level == "open" else None,
        "access_conditions": f"<p>{escape(' '.join(conditions), quote=False)}</p>"
        if access.level == "restricted"
        else None,
        "publication_date": stated.published.isoformat() if stated.published else None,
        "version": stated.version,
        "doi": stated.doi,
        "keywords": list(KEYWORDS),
        "notes": " ".join([f"Licences: {', '.join(names) or 'not recorded'}.", *conditions]),
        "related_identifiers": [
            {"identifier": doi, "relation": "isDerivedFrom", "resource_type": "dataset"} for doi in data.source_dois
        ],
    }
    return json.dumps({key: value for key, value in content.items() if value}, indent=1, ensure_ascii=False) + "\n"


def missing_for_zenodo(data: Description) -> list[str]:
    """What Zenodo demands of a deposit beyond the recipe's keys: one licence of SPDX's list, where access is open."""
    if data.access.level == "open" and not len(data.access.licences) == len(data.access.spdx_licences()) == 1:
        return [f"one licence of SPDX's list (the data set has {count_text(len(data.access.licences), 'licence')})"]
    return []
