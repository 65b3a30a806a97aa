"""A simulated world: its people, its clips, and the landmarks of any of its videos, each from names and a seed alone.

Legend: T frames, L landmarks (126 in a data set).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nvfair_tools.dataset.parts import plan_parts
from nvfair_tools.dataset.tracks import FrameRows
from nvfair_tools.simulate.base_mesh import MESH_POINTS
from nvfair_tools.simulate.noise import CAMERA_NOISE, tracking_noise
from nvfair_tools.simulate.person import Person
from nvfair_tools.simulate.randomness import digest, random_of
from nvfair_tools.simulate.reenact import SimulatedGenerator
from nvfair_tools.simulate.rig import Camera, Rig
from nvfair_tools.simulate.settings import CohortSettings, SourceSettings
from nvfair_tools.simulate.signature import Signature
from nvfair_tools.simulate.statistics import FPS

SIZE = 256  # pixels, width and height of every simulated video
LICENCE = "CC0-1.0"
CONSENT = "simulated person"
PERMITTED_USE = "any"
_CLIPS_KEPT = 4096


@dataclass(frozen=True)
class Clip:
    """A clip of the plan: whose it is and what it shows."""

    id: str
    name: str
    identity: str
    source: SourceSettings
    split: str
    number: int
    frames: int


@dataclass(frozen=True)
class _Shown:
    """A rig in states (T, K + 6) before a camera; noise: size of the tracking noise in pixels."""

    rig: Rig
    states: np.ndarray
    camera: Camera
    noise: float


class World:
    """Everything of one simulated world, made when it is asked for. Holds caches, so keep one a process."""

    def __init__(self, settings: CohortSettings, points: Sequence[int]) -> None:
        """points: mesh indices (L,) of the landmarks wanted, such as the 126-point scheme's."""
        self.settings = settings
        self.points = np.asarray(points)
        self._world = settings.world_hash()
        self._dynamics = settings.dynamics.dynamics()
        self._generators = {generator.name: generator for generator in settings.simulated_generators()}
        self._noise = tracking_noise(points)
        self._people: dict[str, Person] = {}
        self._rigs: dict[tuple[str, int], Rig] = {}
        self._states: OrderedDict[str, np.ndarray] = OrderedDict()
        self._groups: dict[tuple[str, str], list[str]] = {}
        for source in settings.sources:
            for number in range(1, source.people + 1):
                group = self._groups.setdefault((source.name, source.split(number)), [])
                group.append(f"{source.name}:{number:04d}")
        self.clips = {clip.id: clip for clip in self._all_clips()}

    def identities(self) -> pd.DataFrame:
        """One row a person (columns of dataset.schema.IDENTITIES_SCHEMA)."""
        rows = [
            {
                "identity": f"{source.name}:{number:04d}",
                "source": source.name,
                "split": source.split(number),
                "aliases": [],
                "clips": self.settings.clips,
                "flags": ["simulated"],
                "licence": LICENCE,
                "consent": CONSENT,
                "permitted_use": PERMITTED_USE,
            }
            for source in self.settings.sources
            for number in range(1, source.people + 1)
        ]
        return pd.DataFrame(rows)

    def videos(self) -> pd.DataFrame:
        """One row a video (columns of dataset.schema.VIDEOS_SCHEMA, with `part` and `first_row`), ordered by id.

        Every clip is there as it is, and by each generator on its own face and on the others' that were drawn for it.
        """
        rows = []
        generators = [(generator, generator.fingerprint()) for generator in self._generators.values()]
        for clip in self.clips.values():
            content = clip.source.content(clip.identity, clip.number)
            shared = {
                "source": clip.source.name,
                "split": clip.split,
                "driver": clip.identity,
                "clip": clip.id,
                "clip_name": clip.name,
                "scenario": content.scenario,
                "emotion": content.emotion,
                "content": content.text,
                "frames": clip.frames,
            }
            rows.append({**shared, "video": clip.id, "kind": "real", "target": clip.identity, "lineage": []})
            targets = self.targets(clip)
            for generator, fingerprint in generators:
                for target in (clip.identity, *targets):
                    rows.append(
                        {
                            **shared,
                            # A clip's videos stand together, so that a part is made from few clips.
                            "video": clip.id + digest(self._world, generator.name, target, size=8),
                            "kind": "self" if target == clip.identity else "cross",
                            "target": target,
                            "generator": generator.name,
                            "generator_family": "simulated",
                            "motion_mode": generator.motion_mode,
                            "lineage": [clip.id, fingerprint],
                        }
                    )
        videos = pd.DataFrame(rows)
        for missing in ("generator", "generator_family", "motion_mode"):
            if missing not in videos:
                videos[missing] = None
        videos = videos.assign(
            fps_num=int(FPS), fps_den=1, width=SIZE, height=SIZE, state="ok", reason="", detail="",
            licence=LICENCE, consent=CONSENT, permitted_use=PERMITTED_USE,
        )  # fmt: skip
        videos["flags"] = [["simulated"]] * len(videos)
        videos = videos.sort_values("video", ignore_index=True)
        return videos.join(plan_parts(videos))

    def targets(self, clip: Clip) -> list[str]:
        """The other faces that a clip drives, the same for every generator."""
        others = [name for name in self._groups[clip.source.name, clip.split] if name != clip.identity]
        wanted = self.settings.cross
        if wanted == "all" or wanted >= len(others):
            return others
        order = random_of(self._world, clip.id, "targets").permutation(len(others))[:wanted]
        return [others[n] for n in sorted(order)]

    def states(self, clip: str) -> np.ndarray:
        """What the driver does in a clip: states (T, K + 6)."""
        if clip in self._states:
            self._states.move_to_end(clip)
            return self._states[clip]
        states = self._performed(clip, None, 0.0)
        self._states[clip] = states
        if len(self._states) > _CLIPS_KEPT:
            self._states.popitem(last=False)
        return states

    def landmarks(
        self, video: str, clip: str, generator: str | None, target: str, *, mimicry: float = 0.0
    ) -> np.ndarray:
        """Landmarks float32 (T, L, 2) in pixels of the video, tracking noise included.

        mimicry: the share by which a driver who is not the target moves like the target: the same clip, with the
        signature moved towards the target's; 0 is the world as it is.
        """
        random = random_of(self._world, video)
        shown = self._shown(random, clip, generator, target, self.points, mimicry)
        points = shown.rig.landmarks(shown.states, shown.camera)
        if self.settings.noise:
            points += self._noise.draw(random, len(points), shown.noise * self.settings.noise)
        return points

    def mesh(self, video: str, clip: str, generator: str | None, target: str) -> np.ndarray:
        """The whole mesh float32 (T, 478, 3) of the same video, of which `landmarks` are the points asked for.

        Points between landmarks stray with them. How far z strays was not measured: as far as x does, is assumed.
        """
        random, own = random_of(self._world, video), random_of(self._world, video, "mesh")
        shown = self._shown(random, clip, generator, target, np.arange(MESH_POINTS))
        mesh = shown.rig.mesh(shown.states, shown.camera)
        if self.settings.noise:
            whole = tracking_noise()
            course, _, factor = self._noise.parts(random, len(mesh))  # the landmarks' very own
            depth_course, depth_white, _ = whole.parts(own, len(mesh))
            white = own.standard_normal((len(mesh), MESH_POINTS, 2), dtype=np.float32) * whole.white[:, None]
            size = np.float32(shown.noise * self.settings.noise * factor)
            mesh[:, :, :2] += size * (whole.common(course) + white)
            mesh[:, :, 2] += size * (whole.common(depth_course) + depth_white)[:, :, 0]
        mesh[:, self.points, :2] = self.landmarks(video, clip, generator, target)
        return mesh

    def _shown(
        self,
        random: np.random.Generator,
        clip: str,
        generator: str | None,
        target: str,
        points: np.ndarray,
        mimicry: float = 0.0,
    ) -> _Shown:
        """What is seen in a video, with the mesh points `points` on its rig."""
        about = self.clips[clip]
        imitates = mimicry > 0 and target != about.identity
        states = self._performed(clip, self.person(target).signature, mimicry) if imitates else self.states(clip)
        driver_rig = self._rig(about.identity, points)
        if generator is None:
            camera = Camera(
                72.0 * float(random.uniform(0.85, 1.15)), tuple(np.array([128.0, 112.0]) + random.normal(0, 6, 2))
            )
            return _Shown(driver_rig, states, camera, camera.eye_distance * CAMERA_NOISE)
        made_by: SimulatedGenerator = self._generators[generator]
        camera = Camera()
        rig = made_by.face(self._rig(target, points), driver_rig, target, self.settings.seed, points)
        moved = made_by.states(states, self.person(target).portrait, random)
        return _Shown(rig, moved, camera, camera.eye_distance * made_by.noise)

    def frame_rows(self, video: str, clip: str, generator: str | None, target: str, *, mesh: bool = False) -> FrameRows:
        """A video's frames as a part stores them, with the mesh where asked for; every frame is valid."""
        landmarks = self.landmarks(video, clip, generator, target)
        frames = len(landmarks)
        return FrameRows(
            landmarks,
            np.ones(frames, dtype=bool),
            np.arange(frames) / FPS,
            mesh=self.mesh(video, clip, generator, target) if mesh else None,
        )

    def _performed(self, clip: str, mimicked: Signature | None, mimicry: float) -> np.ndarray:
        about = self.clips[clip]
        return self.person(about.identity).performs(
            about.source.content(about.identity, about.number),
            about.name,
            self.settings.seed,
            about.frames,
            self.settings.difficulty,
            mimicked=mimicked,
            mimicry=mimicry,
            dynamics=self._dynamics,
        )

    def person(self, identity: str) -> Person:
        if identity not in self._people:
            self._people[identity] = Person.of(identity, self.settings.seed, self.settings.difficulty, self._dynamics)
        return self._people[identity]

    def _rig(self, identity: str, points: np.ndarray) -> Rig:
        key = identity, len(points)
        if key not in self._rigs:
            self._rigs[key] = Rig.of(self.person(identity).shape, points)
        return self._rigs[key]

    def _all_clips(self) -> list[Clip]:
        clips = []
        for source in self.settings.sources:
            for number in range(1, source.people + 1):
                identity = f"{source.name}:{number:04d}"
                for n in range(self.settings.clips):
                    name = f"{source.name}-{number:04d}-{n + 1:03d}"
                    length = random_of(self.settings.seed, name, "frames").uniform(0.8, 1.2)
                    frames = round(self.settings.frames * length)
                    clip = digest(self._world, name, size=8)
                    clips.append(Clip(clip, name, identity, source, source.split(number), n, frames))
        return clips
