"""Source videos of simulated people: a folder for each person, and the list of clips (CSV) that an ingest reads."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Annotated

from pydantic import Field

from nvfair_tools.files import atomic_output, write_text
from nvfair_tools.identity import identity_file_name
from nvfair_tools.media.source_types import ALGORITHM, SOURCE_TYPE_TAG
from nvfair_tools.simulate.appearance import Appearance
from nvfair_tools.simulate.claim import claim_folder
from nvfair_tools.simulate.jobs import run_jobs
from nvfair_tools.simulate.settings import CohortSettings, SourceSettings, YamlSettings
from nvfair_tools.simulate.signature import DEFAULT_DIFFICULTY
from nvfair_tools.simulate.statistics import FPS
from nvfair_tools.simulate.world import CONSENT, LICENCE, PERMITTED_USE, Clip, World

CLIP_LIST = "clips.csv"
CLIP_COLUMNS = (
    "path", "identity", "source", "split", "licence", "consent", "permitted_use", "scenario", "emotion", "content",
    "portrait",
)  # fmt: skip
COMMENT = "A simulated person: no one is shown as they were. Portrait: "
SMALL_SOURCE = SourceSettings(
    name="sim", train=6, validation=2, test=4, texts=3, free=0.34, emotions=("neutral", "happy", "angry")
)


class PeopleSettings(YamlSettings):
    """The settings of the source videos of simulated people.

    seed, difficulty, clips, frames: as in CohortSettings. sources: the collections and their people. size: side of the
    pictures in pixels.
    """

    name: str = "simulated people"
    seed: Annotated[int, Field(ge=0)] = 1
    difficulty: Annotated[float, Field(ge=0, le=1)] = DEFAULT_DIFFICULTY
    sources: Annotated[tuple[SourceSettings, ...], Field(min_length=1)] = (SMALL_SOURCE,)
    clips: Annotated[int, Field(ge=1)] = 4
    frames: Annotated[int, Field(ge=10)] = 100
    size: Annotated[int, Field(ge=64, le=1024, multiple_of=2)] = 256

    def cohort(self) -> CohortSettings:
        """The cohort in which the same people perform the same clips, without reenactments."""
        shared = self.model_dump(include={"name", "seed", "difficulty", "sources", "clips", "frames"})
        return CohortSettings(**shared, generators=(), cross=0)

    def world_hash(self) -> str:
        """The hash of everything that determines these videos."""
        return f"{self.cohort().world_hash()}-{self.size}"


def write_people(
    folder: Path,
    settings: PeopleSettings,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Writes `<person>/<clip>.mp4`, `<person>/portrait.png` and, last, `clips.csv`; returns the path of `clips.csv`.

    An unfinished folder of the same settings is continued, a finished one stays as it is. Raises NvfairError where the
    folder holds anything else, MissingExtra where the packages with the portraits, the tracker or the encoder are
    absent.
    """
    folder = Path(folder)
    claim_folder(folder, settings.world_hash())
    if (folder / CLIP_LIST).exists():
        return folder / CLIP_LIST
    world = World(settings.cohort(), range(478))
    identities = dict.fromkeys(clip.identity for clip in world.clips.values())
    written = 0

    def report(new_clips: int) -> None:
        nonlocal written
        written += new_clips
        if progress:
            progress(written, len(world.clips))

    report(0)
    run_jobs(_write_person, [(folder, settings, identity) for identity in identities], workers, report=report)
    write_text(folder / CLIP_LIST, _clip_list(list(world.clips.values())))
    return folder / CLIP_LIST


def _clip_list(clips: list[Clip]) -> str:
    """The text of `clips.csv`, one row a clip."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CLIP_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for clip in clips:
        content = clip.source.content(clip.identity, clip.number)
        writer.writerow(
            {
                "path": f"{identity_file_name(clip.identity)}/{clip.name}.mp4",
                "identity": clip.identity,
                "source": clip.source.name,
                "split": clip.split,
                "licence": LICENCE,
                "consent": CONSENT,
                "permitted_use": PERMITTED_USE,
                "scenario": content.scenario,
                "emotion": content.emotion,
                "content": content.text,
                "portrait": f"{identity_file_name(clip.identity)}/portrait.png",
            }
        )
    return text.getvalue()


def _write_person(folder: Path, settings: PeopleSettings, identity: str) -> int:
    """Writes one person's portrait and clips; returns the number of clips."""
    from PIL import Image

    from nvfair_tools.media.encoding import encode
    from nvfair_tools.render.animate import animate

    world = World(settings.cohort(), range(478))
    person = world.person(identity)
    appearance = Appearance.from_person(person, settings.seed, settings.size)
    person_folder = folder / identity_file_name(identity)
    person_folder.mkdir(exist_ok=True)
    portrait_path = person_folder / "portrait.png"
    if not portrait_path.exists():
        (frame,) = animate(appearance.image, appearance.mesh, appearance.meshes(person.portrait[None]))
        with atomic_output(portrait_path) as temporary:
            Image.fromarray(frame).save(temporary)
    clips = [clip for clip in world.clips.values() if clip.identity == identity]
    for clip in clips:
        path = person_folder / f"{clip.name}.mp4"
        if not path.exists():
            frames = animate(appearance.image, appearance.mesh, appearance.meshes(world.states(clip.id)))
            tags = {"comment": COMMENT + appearance.portrait, "simulated": "true", SOURCE_TYPE_TAG: ALGORITHM}
            encode(path, frames, Fraction(int(FPS)), metadata=tags)
    return len(clips)
