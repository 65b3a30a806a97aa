"""The key `quality` of a recipe: which rendered videos are good enough for the data set."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Limit = Annotated[float, Field(ge=0)] | None
Correlation = Annotated[float, Field(ge=-1, le=1)] | None


class QualityRule(BaseModel):
    """Limits beyond which a rendered video is rejected, with its reason; a limit that is left out rejects nothing.

    least_face_share: of frames with a face. least_correlation, least_amplitude, most_amplitude: of the video's facial
    motion and its driver's, medians over what the driver moves. least_identity: ArcFace's mean cosine with the
    portrait (it needs `landmarks.recogniser`). most_flicker: grey levels beyond the driver's. least_sharpness: over the
    portrait's. docs/quality.md explains each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    least_face_share: Annotated[float, Field(ge=0, le=1)] | None = None
    least_correlation: Correlation = None
    least_amplitude: Limit = None
    most_amplitude: Limit = None
    least_identity: Correlation = None
    most_flicker: Limit = None
    least_sharpness: Limit = None
