"""CREMA-D: what its file names and its table of actors say (Cao et al., IEEE Trans. Affective Computing 5(4), 2014)."""

from __future__ import annotations

import re
from pathlib import Path

from nvfair_tools.errors import NvfairError
from nvfair_tools.recipe.csv_table import read_csv_table
from nvfair_tools.recipe.public_collection import NotUsed, PublicCollection

_ACTORS = range(1001, 1092)
_SENTENCES = {
    "IEO": "it's eleven o'clock",
    "TIE": "that is exactly what happened",
    "IOM": "i'm on my way to the meeting",
    "IWW": "i wonder what this is about",
    "TAI": "the airplane is almost full",
    "MTI": "maybe tomorrow it will be cold",
    "IWL": "i would like a new alarm clock",
    "ITH": "i think i have a doctor's appointment",
    "DFA": "don't forget a jacket",
    "ITS": "i think i've seen this before",
    "TSI": "the surface is slick",
    "WSI": "we'll stop in a couple of minutes",
}
_EMOTIONS = {"ANG": "angry", "DIS": "disgust", "FEA": "fearful", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
# The level of an emotion; a few published names have a single X.
_NAME = re.compile(r"(\d{4})_([A-Z]{3})_([A-Z]{3})_(LO|MD|HI|XX?)", re.ASCII)
_TABLE = "VideoDemographics.csv"
FIELDS = ("actor", "sentence", "emotion", "level")
_LEVELS = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified", "X": "unspecified"}
_COLUMNS = ("ActorID", "Age", "Sex", "Race", "Ethnicity")
_GENDERS = {"male": "male", "female": "female"}
CLIPS = 7_442


def name_fields(stem: str) -> dict[str, str]:
    """What all four fields of a name say, by `FIELDS`, in words; empty for a name that is not CREMA-D's."""
    match = _NAME.fullmatch(stem)
    if match is None:
        return {}
    words: tuple[dict[str, str], ...] = ({}, _SENTENCES, _EMOTIONS, _LEVELS)
    return {
        field: meanings.get(code, code) for field, meanings, code in zip(FIELDS, words, match.groups(), strict=True)
    }


def parse_name(stem: str, folder: str) -> dict[str, str]:
    """The columns of a clip: identity, scenario, emotion, content.

    stem: of a file, "actor_sentence_emotion_level". folder: not used. Raises NotUsed.
    """
    match = _NAME.fullmatch(stem)
    if match is None:
        raise NotUsed("names that are not CREMA-D's")
    actor, sentence, emotion, _ = match.groups()
    if int(actor) not in _ACTORS or sentence not in _SENTENCES or emotion not in _EMOTIONS:
        raise NotUsed("names with fields that CREMA-D does not have")
    return {
        "identity": f"cremad:{actor}",
        "aliases": f"{actor};C{actor}",
        "scenario": "scripted speech",
        "emotion": _EMOTIONS[emotion],
        "content": f"speech: {_SENTENCES[sentence]}",
    }


def read_demographics(root: Path, problems: list[str]) -> dict[str, dict[str, str]]:
    """Reads {identity: gender, age, ethnicity} from VideoDemographics.csv in `root`; nothing where there is none.

    Adds every wrong row to `problems`.
    """
    path = root / _TABLE
    return read_people_table(path, problems) if path.is_file() else {}


def read_people_table(path: Path, problems: list[str]) -> dict[str, dict[str, str]]:
    """Reads {identity: gender, age, ethnicity} from a file such as VideoDemographics.csv.

    Adds every wrong row to `problems`.
    """
    try:
        table = read_csv_table(path)
    except NvfairError as error:
        problems.append(str(error))
        return {}
    if missing := [name for name in _COLUMNS if name not in table.header]:
        problems.append(f"{path.name}: has no column {', '.join(missing)}; it has {', '.join(table.header)}")
        return {}
    problems += table.problems
    people: dict[str, dict[str, str]] = {}
    for line, row in table.rows:
        where = f"{path.name} row {line}"
        actor, age, sex = row["ActorID"], row["Age"], row["Sex"].casefold()
        wrong = []
        if not actor.isascii() or not actor.isdigit() or int(actor) not in _ACTORS:
            wrong.append(f"{where}: ActorID {actor!r} is none of {_ACTORS[0]} to {_ACTORS[-1]}")
        if not age.isascii() or not age.isdigit():
            wrong.append(f"{where}: Age {age!r} is no number of years")
        if sex not in _GENDERS:
            wrong.append(f"{where}: Sex {row['Sex']!r} is none of Male, Female")
        identity = f"cremad:{actor}"
        if identity in people:
            wrong.append(f"{where}: ActorID {actor} stands in it twice")
        problems += wrong
        if not wrong:
            ethnicity = ", ".join(filter(None, (row["Race"], row["Ethnicity"])))
            people[identity] = {"gender": _GENDERS[sex], "age": age, "ethnicity": ethnicity}
    return people


CREMAD = PublicCollection(
    name="crema-d",
    namespace="cremad",
    title="CREMA-D",
    licence="ODbL 1.0 (contents: DbCL 1.0)",
    parse=parse_name,
    name_fields=name_fields,
    count=CLIPS,
    people=frozenset(f"cremad:{actor}" for actor in _ACTORS),
    obtained_by="nvfair get crema-d",
    people_file=_TABLE,
    people_columns=read_demographics,
)
