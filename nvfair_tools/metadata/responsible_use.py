"""Croissant's vocabulary for responsible use (RAI 1.0), filled with what the tables know.

Properties and what belongs in each: https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html
"""

from __future__ import annotations

from nvfair_tools.metadata import statements
from nvfair_tools.metadata.description import Description

RAI_VERSION = "http://mlcommons.org/croissant/RAI/1.0"


def responsible_use(data: Description) -> dict[str, str | list[str]]:
    """The properties `rai:...` of a data set; one of which nothing is known is absent."""
    origin = statements.origin_statements(data)
    trackers = data.meta.get("landmarks", {}).get("landmarkers", ())
    properties: dict[str, str | list[str]] = {
        "rai:dataCollection": " ".join([*origin, *statements.consent_statements(data)]),
        "rai:dataCollectionType": ["Software Collection"] if data.simulated else [],
        "rai:dataCollectionMissingData": " ".join(statements.rejection_statements(data)),
        "rai:dataCollectionRawData": " ".join(origin),
        "rai:dataPreprocessingProtocol": statements.processing_statements(data),
        "rai:machineAnnotationTools": list(trackers),
        "rai:dataBiases": statements.bias_statements(data),
        "rai:dataLimitations": [
            *statements.limit_statements(data),
            *statements.forbidden_statements(data),
        ],
        "rai:dataUseCases": statements.use_statements(data),
        "rai:personalSensitiveInformation": statements.personal_statements(data),
        "rai:dataReleaseMaintenancePlan": " ".join(statements.upkeep_statements(data)),
    }
    return {name: value for name, value in properties.items() if value}
