"""Whether landmarks of two origins may stand in one data set: two landmarkers put their points differently.

A landmarker is written as its name and version, such as "mediapipe-tasks 1.2.3+64184e229b26": mediapipe's version, then
the hash of the model file; a detector that finds the face first adds "+scrfd" to the name and its hash to the version.
"""

from __future__ import annotations

from collections.abc import Iterable

FACEMESH = "mediapipe-facemesh"
TASKS = "mediapipe-tasks"


def source_of_points(landmarker: str) -> str:
    """What decides where a landmarker puts its points: its name and its model.

    A detector only chooses the crop. Releases of mediapipe that run the same model file differ by a hundredth of a
    pixel (docs/landmarks.md). So "mediapipe-tasks+scrfd 1.2.3+64184e229b26+5838f7fe053e" is "mediapipe-tasks
    64184e229b26"; mediapipe-facemesh, whose model comes with its release, keeps its version.
    landmarker: name and version, as in dataset.json. Another text is returned as it is.
    """
    name, _, version = landmarker.partition(" ")
    name, _, detector = name.partition("+")
    parts = version.split("+")
    parts = parts[:-1] if detector and len(parts) > 1 else parts
    parts = parts[1:] if name == TASKS and len(parts) > 1 else parts
    return f"{name} {'+'.join(parts)}".strip()


def sources_of_points(landmarkers: Iterable[str]) -> frozenset[str]:
    """The different sources among landmarkers that are written as in dataset.json."""
    return frozenset(source_of_points(landmarker) for landmarker in landmarkers)


def mixture_text(sources: Iterable[str]) -> str:
    """Why the landmarks of several sources do not go together, as a sentence's end."""
    return f"{' and '.join(sorted(sources))}: two landmarkers put their points differently (docs/landmarks.md)"
