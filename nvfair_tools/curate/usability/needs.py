"""What training, selection and testing need of a set's videos, split by split, and which of it is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nvfair_tools.curate.finding import Finding
from nvfair_tools.curate.pairs import PairTable
from nvfair_tools.dataset.schema import SPLITS
from nvfair_tools.quantities import count_text
from nvfair_tools.recipe.recipe import Recipe, split_shares
from nvfair_tools.recipe.splits import splits_by_shares

TOPIC = "protocols"
# With fewer test people no interval is printed (docs/intervals.md).
# A person without a picture gives the portrait from a clip, which does not drive then.
_TWO_CLIPS = (
    "each with a portrait picture and two clips, or with three clips: one gives the portrait, and does not drive"
)
_FEWEST_PEOPLE = 6
_MOST_COUNTED = 200  # people of one source, of whom the shares are tried


@dataclass(frozen=True)
class SplitVideos:
    """The synthetic videos of one split.

    people: who are in it. videos: all. cross: videos in which somebody drives another's face. shared_faces: faces that
    two people drive. several_clips: people who drive with two clips or more. tested_faces: faces with two videos that
    their own person drives and one that another drives: what the nvfair protocols compare. compared: whether two people
    of one source drive, one of them with two clips, so that some protocol compares anything.
    """

    people: int
    videos: int
    cross: int
    shared_faces: int
    several_clips: int
    tested_faces: int
    compared: bool

    @property
    def trains(self) -> bool:
        """Whether a method can be trained on it."""
        return self.shared_faces > 0 and self.several_clips > 0

    @property
    def tests(self) -> bool:
        """Whether the nvfair protocols can be scored on it."""
        return self.tested_faces > 0


def pair_columns(pairs: PairTable, chosen: np.ndarray) -> pd.DataFrame:
    """Some pairs of a plan as a table: split, source, driver, target, clip. chosen: bool, of the pairs."""
    drivers = pd.DataFrame(
        [(d.split, d.source, d.identity, d.clip_id) for d in pairs.drivers],
        columns=["split", "source", "driver", "clip"],
    )
    targets = np.array([target.identity for target in pairs.targets], dtype=object)
    return drivers.iloc[pairs.driver[chosen]].assign(target=targets[pairs.target[chosen]])


def made_videos(videos: pd.DataFrame) -> pd.DataFrame:
    """The columns that are counted, of the finished reenactments in a data set's table of videos."""
    return videos.loc[(videos["kind"] != "real") & (videos["state"] == "ok")]


def split_videos(videos: pd.DataFrame, people: Mapping[str, int]) -> dict[str, SplitVideos]:
    """What each split has. videos: with split, source, driver, target, clip; a video by several generators counts once.
    people: {split: number of people in it}; splits without anybody are left out."""
    videos = videos[["split", "source", "driver", "target", "clip"]].drop_duplicates()
    return {split: _counted(videos[videos["split"] == split], people[split]) for split in SPLITS if people.get(split)}


def _counted(videos: pd.DataFrame, people: int) -> SplitVideos:
    own = videos["driver"] == videos["target"]
    several = videos.groupby("driver")["clip"].nunique() > 1
    of_source = videos.groupby("source")["driver"].nunique()
    sources = videos.drop_duplicates("driver").set_index("driver")["source"]
    enrolled = videos[own].groupby("target")["clip"].nunique()
    return SplitVideos(
        people=people,
        videos=len(videos),
        cross=int((~own).sum()),
        shared_faces=int((videos.groupby("target")["driver"].nunique() > 1).sum()),
        several_clips=int(several.sum()),
        tested_faces=len(set(enrolled[enrolled > 1].index) & set(videos.loc[~own, "target"])),
        compared=any(of_source[sources[driver]] > 1 for driver in several[several].index),
    )


def protocol_findings(splits: Mapping[str, SplitVideos], recipe: Recipe) -> list[Finding]:
    """What methods can do with the videos, and what is missing; an error where nothing can be compared at all."""
    if not any(split.videos for split in splits.values()):
        text = "no synthetic video comes out, so no method can be trained or tested"
        return [Finding("error", TOPIC, text, "the other findings say which clips, people or generators are refused")]
    train, validation, test = (splits.get(name) for name in SPLITS)
    findings = [*_training(train), *_validation(validation), *_testing(test)]
    if any(split.cross or split.compared for split in splits.values()):
        return findings
    counts = ", ".join(f"{name}: {_people(split.people)}" for name, split in splits.items())
    text = f"no method can be trained or tested: nobody drives the face of another ({counts})"
    return [*findings, Finding("error", TOPIC, text, _remedy(splits, recipe))]


def _training(train: SplitVideos | None) -> Iterator[Finding]:
    if train is None:
        yield Finding("ok", TOPIC, "nobody is in the split train: a set for tests alone")
    elif train.trains:
        text = (
            f"training: {count_text(train.shared_faces, 'face is', 'faces are')} driven by several people, "
            f"{_people(train.several_clips)}"
        )
        yield Finding("ok", TOPIC, f"{text} with several clips")
    else:
        missing = [] if train.shared_faces else ["no face is driven by two people"]
        missing += [] if train.several_clips else ["nobody drives with two clips"]
        yield Finding(
            "warning",
            TOPIC,
            f"no method can be trained: {' and '.join(missing)} in the split train ({_people(train.people)})",
            f"two people of one source there, {_TWO_CLIPS}",
        )


def _validation(validation: SplitVideos | None) -> Iterator[Finding]:
    if validation is not None and not validation.tests:
        yield Finding(
            "warning",
            TOPIC,
            "training takes its last step, as no validation face has two videos by its own person and one by another "
            f"({_people(validation.people)})",
            f"two people of one source in the split validation, {_TWO_CLIPS}; or none at all",
        )


def _testing(test: SplitVideos | None) -> Iterator[Finding]:
    if test is None:
        yield Finding("ok", TOPIC, "nobody is in the split test: a set for training alone")
    elif not test.tests:
        yield Finding(
            "warning",
            TOPIC,
            "nothing can be scored under the nvfair protocols: no test face has two videos by its own person "
            f"(genuine) and one by another (impostor); {_people(test.people)}, {count_text(test.cross, 'video')} of "
            "another's face",
            f"two people of one source in the split test, {_TWO_CLIPS}; and `pairs` with self and cross",
        )
    else:
        text = (
            f"testing: {count_text(test.tested_faces, 'face has', 'faces have')} genuine and impostor videos, "
            f"{_people(test.people)}"
        )
        if test.tested_faces < _FEWEST_PEOPLE:
            text += f"; no interval is printed with fewer than {_FEWEST_PEOPLE} (docs/intervals.md)"
        yield Finding("ok", TOPIC, text)


def _remedy(splits: Mapping[str, SplitVideos], recipe: Recipe) -> str:
    """How to get usable splits."""
    people = sum(split.people for split in splits.values())
    if recipe.splits.by == "shares" and (enough := _enough_people(recipe)) > people:
        return (
            f"{enough} people of one source give each split two by these shares; or name the splits yourself, such as "
            "all people in test, by the column `split` and `splits: {by: column}`"
        )
    return f"put two people of one source or more into one split, {_TWO_CLIPS}"


def _enough_people(recipe: Recipe) -> int:
    """With how many people of one source each split that has a share gets two; 0 where no number is enough."""
    shares = split_shares(recipe)
    for count in range(2, _MOST_COUNTED):
        splits = splits_by_shares({f"a:{number}": "a" for number in range(count)}, shares, recipe.splits.seed)
        if all(list(splits.values()).count(name) > 1 for name, share in shares.items() if share):
            return count
    return 0


def _people(count: int) -> str:
    return count_text(count, "person")
