"""Simulated people as a folder of tracks in the layout of the study, to develop and to test it without anybody's data.

python -m examples.studies.real_people.stand_ins FOLDER --people 12 --clips 6
"""

from __future__ import annotations

import csv
from pathlib import Path

import click
import numpy as np

from examples.studies.real_people.driver_tracks import COLUMNS, TRACK_FOLDER
from nvfair_tools.simulate.settings import CohortSettings, SourceSettings
from nvfair_tools.simulate.world import VIDEO_SIZE, World


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--people", default=12, show_default=True)
@click.option("--clips", default=6, show_default=True, help="Clips of each person.")
@click.option("--sessions", default=3, show_default=True, help="Sessions; a person is in one of them.")
@click.option("--frames", default=100, show_default=True, help="Frames of each clip.")
@click.option("--seed", default=9, show_default=True)
def main(folder: Path, people: int, clips: int, sessions: int, frames: int, seed: int) -> None:
    """Writes the tracks and their list."""
    write_stand_ins(folder, people=people, clips=clips, sessions=sessions, frames=frames, seed=seed)
    click.echo(f"{people * clips} tracks of {people} simulated people in {folder}")


def write_stand_ins(folder: Path, *, people: int, clips: int, sessions: int, frames: int, seed: int) -> None:
    """Writes FOLDER/tracks.csv and FOLDER/tracks/<clip>.npz: whole meshes in 1/32 pixel at 25 frames a second."""
    source = SourceSettings(name="stand-in", train=0, validation=0, test=people, texts=clips)
    # The simulation's clips differ in length by up to a fifth; all are cut to the same length.
    longest = round(frames / 0.8) + 1
    settings = CohortSettings(seed=seed, sources=(source,), generators=(), cross=0, clips=clips, frames=longest)
    world = World(settings, range(478))
    (folder / TRACK_FOLDER).mkdir(parents=True, exist_ok=True)
    number = {identity: n for n, identity in enumerate(dict.fromkeys(clip.identity for clip in world.clips.values()))}
    with open(folder / "tracks.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for clip in world.clips.values():
            mesh = world.mesh(clip.id, clip.id, None, clip.identity)[:frames]
            np.savez(
                folder / TRACK_FOLDER / f"{clip.name}.npz",
                mesh_32nds=np.round(mesh * 32).astype(np.int16),
                valid=np.ones(len(mesh), dtype=bool),
                time=np.arange(len(mesh)) / 25,
                size=np.array([VIDEO_SIZE, VIDEO_SIZE]),
            )
            width = float(np.median(np.ptp(mesh[..., 0], axis=1)))
            session = f"s{number[clip.identity] % sessions + 1}"
            writer.writerow([clip.identity.replace(":", "-"), clip.name, session, len(mesh), 25.0, f"{width:.1f}", 1.0])


if __name__ == "__main__":
    main()
