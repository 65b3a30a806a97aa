"""RAVDESS: what the seven fields of its file names say (Livingstone and Russo, PLoS ONE 13(5): e0196391, 2018)."""

from __future__ import annotations

import re
from itertools import product

from nvfair_tools.recipe.public_collection import NotUsed, PublicCollection

FIELDS = ("modality", "vocal_channel", "emotion", "intensity", "statement", "repetition", "actor")
_MODALITIES = {"01": "picture and sound", "02": "picture without sound", "03": "sound without picture"}
_CHANNELS = {"01": "speech", "02": "song"}
_EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")  # fields 01 to 08
_INTENSITIES = {"01": "normal", "02": "strong"}
_SUNG_EMOTIONS = 6  # the first ones
_STATEMENTS = {"01": "kids are talking by the door", "02": "dogs are sitting by the door"}
_WITHOUT_SONG = "18"  # the actor of whom there are no songs
_ACTORS = 24
_NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)", re.ASCII)
SILENT = "silent copies of other clips (modality 02)"


def name_fields(stem: str) -> dict[str, str]:
    """What all seven fields of a name say, by `FIELDS`, in words; empty for a name that is not RAVDESS's.

    stem: "modality-channel-emotion-intensity-statement-repetition-actor". repetition and actor stay numbers.
    """
    match = _NAME.fullmatch(stem)
    if match is None:
        return {}
    emotions = {f"{number:02}": emotion for number, emotion in enumerate(_EMOTIONS, 1)}
    words: tuple[dict[str, str], ...] = (_MODALITIES, _CHANNELS, emotions, _INTENSITIES, _STATEMENTS, {}, {})
    return {
        field: meanings.get(code, code) for field, meanings, code in zip(FIELDS, words, match.groups(), strict=True)
    }


def parse_name(stem: str, folder: str) -> dict[str, str]:
    """The columns of a clip: identity, gender, scenario, emotion, content.

    stem: of a file, "modality-channel-emotion-intensity-statement-repetition-actor". folder: the name of its folder,
    which may name an actor too. Raises NotUsed.
    """
    match = _NAME.fullmatch(stem)
    if match is None:
        raise NotUsed("names that are not RAVDESS's")
    modality, channel, emotion, _, statement, _, actor = match.groups()
    if modality == "02" and f"01-{stem[3:]}" in PUBLISHED:
        raise NotUsed(SILENT)
    if modality == "03":
        raise NotUsed("sound without a picture (modality 03)")
    if stem not in PUBLISHED:
        raise NotUsed("names with fields that RAVDESS does not have")
    if re.fullmatch(r"Actor_\d\d", folder, re.ASCII) and folder != f"Actor_{actor}":
        raise NotUsed("names of another actor than their folder's")
    return {
        "identity": f"ravdess:{actor}",
        "aliases": f"Actor_{actor}",
        "gender": "male" if int(actor) % 2 else "female",
        "scenario": f"scripted {_CHANNELS[channel]}",
        "emotion": _EMOTIONS[int(emotion) - 1],
        "content": f"{_CHANNELS[channel]}: {_STATEMENTS[statement]}",
    }


def _published_names() -> frozenset[str]:
    """The names of all clips with picture and sound: 60 spoken ones of each actor and 44 sung ones of all but one."""
    names = set()
    for channel, emotion, intensity, statement, repetition, actor in product(
        _CHANNELS, range(1, len(_EMOTIONS) + 1), ("01", "02"), _STATEMENTS, ("01", "02"), range(1, _ACTORS + 1)
    ):
        sung = channel == "02"
        if (emotion == 1 and intensity == "02") or (
            sung and (emotion > _SUNG_EMOTIONS or f"{actor:02}" == _WITHOUT_SONG)
        ):
            continue
        names.add(f"01-{channel}-{emotion:02}-{intensity}-{statement}-{repetition}-{actor:02}")
    return frozenset(names)


PUBLISHED = _published_names()
RAVDESS = PublicCollection(
    name="ravdess",
    namespace="ravdess",
    title="RAVDESS",
    licence="CC BY-NC-SA 4.0",
    parse=parse_name,
    name_fields=name_fields,
    count=len(PUBLISHED),
    people=frozenset(f"ravdess:{actor:02}" for actor in range(1, _ACTORS + 1)),
    doi="10.5281/zenodo.1188976",
    obtained_by="nvfair get ravdess",
    published=PUBLISHED,
)
