"""Enrolments and calibrations from given numbers, for tests that need no video."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np

from benchmark.protocols.shipped import load
from benchmark.verification.calibration import Calibration
from benchmark.verification.enrolment import (
    ConsentRecord,
    EnrolledVideo,
    Enrolment,
    LandmarkerIdentity,
    MethodIdentity,
)
from benchmark.verification.likeness import Likeness

METHOD = MethodIdentity("motion-signature", "pretrained:motion-signature", "digest")
LANDMARKER = LandmarkerIdentity("mediapipe-facemesh", "0.10.21")


def enrolment(**changes: object) -> Enrolment:
    """Two videos of three windows of a person."""
    made = Enrolment(
        id="0123456789abcdef",
        person="lab:ann",
        method=METHOD,
        landmarker=LANDMARKER,
        protocol=load("nvfair-seen"),
        consent=ConsentRecord("stated", "form 12", "2026-01-01", "", "research"),
        created=date(2026, 6, 1),
        expires=date(2027, 6, 1),
        videos=(EnrolledVideo("a" * 64, 5.0, 2), EnrolledVideo("b" * 64, 3.0, 1, ("small",))),
        embeddings=np.eye(3, 4, dtype=np.float32),
        video=np.array([0, 0, 1]),
    )
    return replace(made, **changes)


def calibration(
    genuine: list[float], impostor: list[float], people: int, *, generators: int = 1, likeness: Likeness | None = None
) -> Calibration:
    """Trials with these scores; the people and generators take them in turn."""
    names = tuple(f"other:{n}" for n in range(people))
    scores = np.array([*genuine, *impostor])
    is_genuine = np.arange(len(scores)) < len(genuine)
    number = np.concatenate([np.arange(len(genuine)), np.arange(len(impostor))])
    return Calibration(
        method=METHOD,
        landmarker=LANDMARKER,
        protocol_digest=load("nvfair-seen").digest,
        people=names,
        generators=tuple(f"g{n}" for n in range(generators)),
        scores=scores,
        genuine=is_genuine,
        enrolled=np.where(is_genuine, number % people, (number + 1) % people),
        driver=number % people,
        generator=number % generators,
        likeness=likeness,
        seconds=(3.0, 6.0),
        source="invented",
    )
