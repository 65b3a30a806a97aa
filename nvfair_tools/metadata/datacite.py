"""What DataCite registers with a DOI, by its metadata schema 4.5 and in the JSON of its API: datacite.json.

Schema: https://datacite-metadata-schema.readthedocs.io/en/4.5/. What the recipe does not state is absent: a DOI can be
reserved without it and not be published, and `missing_for_doi` says what is left to do.
"""

from __future__ import annotations

import json
from typing import Any

from nvfair_tools.dataset.publication import Creator
from nvfair_tools.governance.licences import Licence
from nvfair_tools.metadata.access import Level, is_spdx
from nvfair_tools.metadata.counts import seconds_of
from nvfair_tools.metadata.description import KEYWORDS, Description
from nvfair_tools.metadata.statements import access_statement, processing_statements
from nvfair_tools.quantities import count_text, duration_text

DATACITE_FILE = "datacite.json"
_SCHEMA = "http://datacite.org/schema/kernel-4"
# The access rights of the Confederation of Open Access Repositories, http://purl.org/coar/access_right.
_ACCESS_RIGHTS: dict[Level, tuple[str, str]] = {
    "open": ("open access", "http://purl.org/coar/access_right/c_abf2"),
    "restricted": ("restricted access", "http://purl.org/coar/access_right/c_16ec"),
    "closed": ("metadata only access", "http://purl.org/coar/access_right/c_14cb"),
}


def datacite_text(data: Description) -> str:
    """The text of datacite.json: the attributes of a DOI, always the same for the same tables."""
    return json.dumps(_attributes(data), indent=1, ensure_ascii=False) + "\n"


def missing_for_doi(data: Description) -> list[str]:
    """The keys of the recipe without which DataCite publishes no DOI."""
    stated = data.publication
    needed = {"creators": stated.creators, "publisher": stated.publisher, "published": stated.published}
    return [f"publication.{name}" for name, value in needed.items() if not value]


def _attributes(data: Description) -> dict[str, Any]:
    stated = data.publication
    published = stated.published.isoformat() if stated.published else None
    content: dict[str, Any] = {
        "doi": stated.doi,
        "url": stated.url,
        "types": {
            "resourceTypeGeneral": "Dataset",
            "resourceType": "Simulated talking heads" if data.simulated else "Talking-head videos and landmarks",
        },
        "creators": [_creator(creator) for creator in stated.creators],
        "titles": [{"title": data.dataset.name}],
        "publisher": {"name": stated.publisher} if stated.publisher else None,
        "publicationYear": published[:4] if published else None,
        "dates": [{"date": published, "dateType": "Issued"}] if published else None,
        "version": stated.version,
        "subjects": [{"subject": word} for word in KEYWORDS],
        "sizes": [
            count_text(len(data.identities), "simulated person" if data.simulated else "person"),
            count_text(len(data.usable), "video"),
            duration_text(seconds_of(data.usable)),
        ],
        "formats": ["application/x-parquet", *(["video/mp4"] if data.usable["path"].notna().any() else [])],
        "rightsList": [*(_rights(licence) for licence in data.access.licences), _access(data.access.level)],
        "descriptions": [
            {"description": f"{data.abstract} {access_statement(data)}", "descriptionType": "Abstract"},
            {"description": " ".join(processing_statements(data)), "descriptionType": "Methods"},
        ],
        "relatedIdentifiers": [
            {"relatedIdentifier": doi, "relatedIdentifierType": "DOI", "relationType": "IsDerivedFrom"}
            for doi in data.source_dois
        ],
        "schemaVersion": _SCHEMA,
    }
    return {key: value for key, value in content.items() if value}


def _creator(creator: Creator) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": creator.name,
        "nameType": "Organizational" if creator.organisation else "Personal",
    }
    family_name, comma, given_name = creator.name.partition(",")
    if comma and not creator.organisation:
        entry |= {"familyName": family_name.strip(), "givenName": given_name.strip()}
    if creator.orcid:
        entry["nameIdentifiers"] = [
            {
                "nameIdentifier": f"https://orcid.org/{creator.orcid}",
                "nameIdentifierScheme": "ORCID",
                "schemeUri": "https://orcid.org",
            }
        ]
    if creator.affiliation:
        entry["affiliation"] = [{"name": creator.affiliation}]
    return entry


def _rights(licence: Licence) -> dict[str, str]:
    if not is_spdx(licence):
        return {"rights": licence.text}
    return {
        "rights": licence.title,
        "rightsUri": f"https://spdx.org/licenses/{licence.id}.html",
        "rightsIdentifier": licence.id,
        "rightsIdentifierScheme": "SPDX",
        "schemeUri": "https://spdx.org/licenses/",
    }


def _access(level: Level) -> dict[str, str]:
    text, address = _ACCESS_RIGHTS[level]
    return {"rights": text, "rightsUri": address}
