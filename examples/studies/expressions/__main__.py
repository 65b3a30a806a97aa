"""The study's command; run it again after an interruption, it goes on.

python -m examples.studies.expressions CLIPS.csv OUT             # tables, before, after and in rotation
python -m examples.studies.expressions CLIPS.csv OUT --sheets    # contact sheets too, one for each emotion

CLIPS.csv has columns path, person and emotion; each person needs a clip with emotion `neutral`, from which the portrait
is taken. Every clip drives every person. OUT keeps tracks, which are biometric data, and sheets, which show people.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from examples.studies.expressions.material import EmotionClip, portrait, read_clips, track
from examples.studies.expressions.settings import AFTER, BEFORE, Setting, fitted
from examples.studies.expressions.sheets import chosen_frames, driver_row, picture_row
from examples.studies.expressions.transfers import Transfer, transfer_table
from generators import create, to_uint8
from generators.face import Face
from generators.warp import Source, Warp
from nvfair_tools.errors import user_message
from nvfair_tools.files import make_folder

NAMES = ("warp-dense", "warp-tps", "warp-parts")


@dataclass
class Study:
    """The clips, and what was rendered of them. generator: name of a warp. sheets: whether pictures are collected."""

    clips: list[EmotionClip]
    out: Path
    generator: str
    sheets: bool = False
    portraits: dict[str, Face] = field(default_factory=dict)
    rows: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        framing = create(self.generator).framing
        self.portraits = {person: portrait(self.clips, person, framing) for person in self.people}

    @property
    def people(self) -> list[str]:
        return sorted({clip.person for clip in self.clips})

    def transfers(
        self, setting: Setting, held_out: str | None = None, emotions: Collection[str] = ()
    ) -> Iterator[Transfer]:
        """Every clip on every target, or the pairs that `held_out` drives or is the target of; of all emotions if no
        `emotions` are named."""
        generator = create(self.generator, mouth=setting.mouth)
        assert isinstance(generator, Warp)
        sources = {person: generator.encode_source(face) for person, face in self.portraits.items()}
        for clip in self.clips:
            for target, source in sources.items():
                if held_out in (None, clip.person, target) and (not emotions or clip.emotion in emotions):
                    tracked = self._tracked(setting, generator, source, clip, target)
                    names = clip.person, clip.emotion, target
                    rests = self.portraits[clip.person].mesh, self.portraits[target].mesh
                    yield Transfer.of(names, (clip.mesh, tracked), rests)

    def _tracked(self, setting: Setting, generator: Warp, source: Source, clip: EmotionClip, target: str) -> np.ndarray:
        """The rendered clip's track, from the folder where it is there; with sheets, pictures are collected."""
        folder = make_folder(self.out / "renderings" / f"{self.generator}-{setting.name}-{generator.fingerprint()[:8]}")
        file = folder / f"{clip.path.stem}--{target}.npz"
        meshes = setting.meshes(generator, source, generator.encode_motion(clip.driving(generator.framing)))
        known = np.load(file) if file.exists() else None
        if known is not None and np.allclose(known["rendered"], meshes, atol=0.01):
            tracked = known["tracked"]
        else:
            pictures = [to_uint8(frame, generator.value_range) for frame in generator.render_meshes(source, meshes)]
            tracked = track(pictures, str(file))
            np.savez(file, tracked=tracked, rendered=meshes.astype(np.float32))
            print(f"rendered {file.relative_to(self.out)}", flush=True)
        if self.sheets:
            chosen = generator.render_meshes(source, meshes[chosen_frames(clip)])
            row = picture_row([to_uint8(frame, generator.value_range) for frame in chosen])
            rows = self.rows.setdefault(clip.emotion, [])
            if not rows or target == self.people[0]:
                rows.append(driver_row(clip, generator.framing))
            rows.append(row)
        return tracked

    def save_sheets(self, setting: Setting) -> None:
        """Writes OUT/sheets/GENERATOR-SETTING-EMOTION.png and forgets the pictures."""
        folder = make_folder(self.out / "sheets")
        for emotion, rows in self.rows.items():
            Image.fromarray(np.vstack(rows)).save(folder / f"{self.generator}-{setting.name}-{emotion}.png")
        self.rows.clear()


def main(arguments: list[str] | None = None) -> int:
    """Prints the tables and writes them to OUT/tables.md; 2 for a mistake of the user."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.studies.expressions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("clips", type=Path, metavar="CLIPS.csv")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--step", type=int, default=2, help="every how many frames (2)")
    parser.add_argument("--generator", choices=NAMES, default=NAMES[0])
    parser.add_argument("--no-rotation", action="store_true", help="before and after alone")
    parser.add_argument("--rotate", nargs="+", default=[], metavar="EMOTION", help="in rotation these alone (all)")
    parser.add_argument("--sheets", action="store_true", help="contact sheets before and after")
    options = parser.parse_args(arguments)
    try:
        clips = read_clips(options.clips, options.step, options.out / "tracks")
        study = Study(clips, options.out, options.generator, options.sheets)
        lines, count = [], 0
        for title, setting in (("Before", BEFORE), ("After", AFTER)):
            transfers = list(study.transfers(setting))
            lines += [*transfer_table(title, transfers), ""]
            count += len(transfers)
            study.save_sheets(setting)
        if not options.no_rotation:
            study.sheets = False
            rotated = []
            for person in study.people:
                setting = fitted(clips, transfers, person)
                assert setting.prior is not None
                shares = ", ".join(f"{share:.2f}" for share in setting.prior.own_share)
                lines.append(f"Fitted {setting.name}: own shares {shares}; gain {setting.gain:.2f}.")
                rotated += list(study.transfers(setting, person, options.rotate))
            lines += ["", *transfer_table("In rotation", rotated)]
            count += len(rotated)
    except Exception as error:
        message = user_message(error)
        if message is None:
            raise
        print(message, file=sys.stderr)
        return 2
    text = "\n".join(lines).strip() + "\n"
    (options.out / "tables.md").write_text(text, encoding="utf-8")
    print(text + f"\n{count} pairs of {len(clips)} clips and {len(study.people)} people.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
