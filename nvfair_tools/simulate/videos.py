"""Source videos of simulated people: a folder a person, and the CSV that an ingest reads."""

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
from nvfair_tools.simulate.appearance import Appearance
from nvfair_tools.simulate.claim import claim
from nvfair_tools.simulate.jobs import run_jobs
from nvfair_tools.simulate.settings import CohortSettings, SourceSettings, YamlSettings
from nvfair_tools.simulate.signature import DEFAULT_DIFFICULTY
from nvfair_tools.simulate.statistics import FPS
from nvfair_tools.simulate.world import CONSENT, LICENCE, PERMITTED_USE, Clip, World

LIST = "clips.csv"
COLUMNS = (
    "path", "identity", "source", "split", "licence", "consent", "permitted_use", "scenario", "emotion", "content",
    "portrait",
)  # fmt: skip
TEXT = "A simulated person: no one is shown as they were. Portrait: "
SMALL_SOURCE = SourceSettings(
    name="sim", train=6, validation=2, test=4, texts=3, free=0.34, emotions=("neutral", "happy", "angry")
)


class PeopleSettings(YamlSettings):
    """Source videos of simulated people.

    seed, difficulty, clips, frames: as in CohortSettings. sources: the collections and their people. size: pixels.
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
        """Hash of all that determines these videos."""
        return f"{self.cohort().world_hash()}-{self.size}"


def write_people(
    folder: Path,
    settings: PeopleSettings,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Writes `<person>/<clip>.mp4`, `<person>/portrait.png` and, last, `clips.csv`, whose path is returned.

    Goes on with an unfinished folder of the same settings; leaves a finished one as it is. Raises NvfairError where the
    folder holds anything else, MissingExtra where the packages that carry the portraits, track or encode are absent.
    """
    folder = Path(folder)
    claim(folder, settings.world_hash())
    if (folder / LIST).exists():
        return folder / LIST
    world = World(settings.cohort(), range(478))
    people: dict[str, list[Clip]] = {}
    for clip in world.clips.values():
        people.setdefault(clip.identity, []).append(clip)
    done, total = 0, len(world.clips)
    if progress:
        progress(done, total)
    for count in run_jobs(_write_person, [(folder, settings, identity) for identity in people], workers):
        done += count
        if progress:
            progress(done, total)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for clip in world.clips.values():
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
    write_text(folder / LIST, text.getvalue())
    return folder / LIST


def _write_person(folder: Path, settings: PeopleSettings, identity: str) -> int:
    """Writes one person's portrait and clips; returns the number of clips."""
    from PIL import Image

    from nvfair_tools.media.encoding import encode
    from nvfair_tools.render.animate import animate

    world = World(settings.cohort(), range(478))
    person = world.person(identity)
    appearance = Appearance.of(person, settings.seed, settings.size)
    place = folder / identity_file_name(identity)
    place.mkdir(exist_ok=True)
    still = place / "portrait.png"
    if not still.exists():
        (frame,) = animate(appearance.image, appearance.mesh, appearance.meshes(person.portrait[None]))
        with atomic_output(still) as aside:
            Image.fromarray(frame).save(aside)
    clips = [clip for clip in world.clips.values() if clip.identity == identity]
    for clip in clips:
        path = place / f"{clip.name}.mp4"
        if not path.exists():
            frames = animate(appearance.image, appearance.mesh, appearance.meshes(world.states(clip.id)))
            tags = {"comment": TEXT + appearance.portrait, "simulated": "true"}
            encode(path, frames, Fraction(int(FPS)), metadata=tags)
    return len(clips)
