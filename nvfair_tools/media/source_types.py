"""IPTC's digital source types: the words by which a file says how its pictures came about.

The vocabulary is http://cv.iptc.org/newscodes/digitalsourcetype/, as of October 2024. docs/marking.md says which term
each generator's videos carry, and why.
"""

from __future__ import annotations

from typing import Literal, get_args

# The key of a video's tag, and of a generator in a recipe and in dataset.json; its value is a term without the URI.
SOURCE_TYPE_TAG = "digital_source_type"
SOURCE_TYPE_URI = "http://cv.iptc.org/newscodes/digitalsourcetype/"

ALGORITHM = "algorithmicMedia"
TRAINED_ALGORITHM = "trainedAlgorithmicMedia"
COMPOSITE = "composite"

# Terms that say that the pictures, or parts of them, were computed and not captured.
SyntheticSourceType = Literal[
    "trainedAlgorithmicMedia", "algorithmicMedia", "compositeSynthetic", "compositeWithTrainedAlgorithmicMedia"
]
SYNTHETIC_SOURCE_TYPES = frozenset(get_args(SyntheticSourceType))
SOURCE_TYPES = SYNTHETIC_SOURCE_TYPES | {
    "algorithmicallyEnhanced",
    COMPOSITE,
    "compositeCapture",
    "computationalCapture",
    "dataDrivenMedia",
    "digitalCapture",
    "digitalCreation",
    "humanEdits",
    "negativeFilm",
    "positiveFilm",
    "print",
    "screenCapture",
    "virtualRecording",
}
# Terms that IPTC has retired; files of others may still carry them.
RETIRED_SOURCE_TYPES = frozenset(("digitalArt", "minorHumanEdits", "softwareImage"))


def source_type_term(uri: str) -> str:
    """The term of a digital source type's URI (with http or https), or "" where it is none of the vocabulary."""
    term = uri.strip().replace("https://", "http://", 1).removeprefix(SOURCE_TYPE_URI)
    return term if term in SOURCE_TYPES | RETIRED_SOURCE_TYPES else ""
