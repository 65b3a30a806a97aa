"""A simulated world: its people, its clips, and the landmarks of its videos, all derived from names and a seed.

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
from nvfair_tools.simulate.movement.framing import FramingSpread, reframe
from nvfair_tools.simulate.noise import CAMERA_NOISE, tracking_noise
from nvfair_tools.simulate.person import Person
from nvfair_tools.simulate.randomness import digest, random_generator
from nvfair_tools.simulate.reenact import SimulatedGenerator
from nvfair_tools.simulate.rig import Camera, Rig
from nvfair_tools.simulate.settings import CohortSettings, SourceSettings
from nvfair_tools.simulate.signature import Signature
from nvfair_tools.simulate.statistics import FPS

VIDEO_SIZE = 256  # pixels, width and height of every simulated video
LICENCE = "CC0-1.0"
CONSENT = "simulated person"
PERMITTED_USE = "any"
_CACHED_CLIPS = 4096


@dataclass(frozen=True)
class Clip:
    """One real clip of the world; number: 0, 1, ... among the person's clips; frames: its length.

    draws: names its random numbers; the id, except in worlds that share them (`CohortSettings.draw_hash`).
    """

    id: str
    name: str
    identity: str
    source: SourceSettings
    split: str
    number: int
    frames: int
    draws: str


@dataclass(frozen=True)
class _DrivenRig:
    """A rig in states (T, K + 6) in front of a camera; noise: size of the tracking noise in pixels.

    framing: (T, 4), how the picture is framed in each frame (None: as usual).
    """

    rig: Rig
    states: np.ndarray
    camera: Camera
    noise: float
    framing: np.ndarray | None = None

    def reframed(self, points: np.ndarray) -> np.ndarray:
        """Points (T, N, 2 or 3) of the rig in pixels, as the picture is framed."""
        if self.framing is None:
            return points
        return reframe(points, self.framing, self.camera.centre, self.camera.eye_distance)


class World:
    """The people, clips and videos of one simulated world, computed on request. It has caches: use one a process.

    points: mesh indices (L,) of the landmarks, such as those of the 126-point scheme.
    """

    def __init__(self, settings: CohortSettings, points: Sequence[int]) -> None:
        self.settings = settings
        self.points = np.asarray(points)
        self._world_hash = settings.world_hash()
        self._draw_hash = settings.draw_hash()
        self._framing = settings.framing.spread()
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
        self.clips = {clip.id: clip for clip in self._make_clips()}

    def identities(self) -> pd.DataFrame:
        """The table of people, with columns of dataset.schema.IDENTITIES_SCHEMA."""
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
        """The table of videos, with columns of dataset.schema.VIDEOS_SCHEMA (also `part` and `first_row`), by id.

        Every clip is a real video, and each generator renders it on the driver's own face and on its other targets.
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
                            # Ids of a clip's videos begin with the clip's id, so that a part needs few clips.
                            "video": clip.id + digest(self._world_hash, generator.name, target, size=8),
                            "kind": "self" if target == clip.identity else "cross",
                            "target": target,
                            "generator": generator.name,
                            "generator_family": "simulated",
                            "motion_mode": generator.motion_mode,
                            "lineage": [clip.id, fingerprint],
                        }
                    )
        videos = pd.DataFrame(rows)
        for column in ("generator", "generator_family", "motion_mode"):
            if column not in videos:
                videos[column] = None
        videos = videos.assign(
            fps_num=int(FPS), fps_den=1, width=VIDEO_SIZE, height=VIDEO_SIZE, state="ok", reason="", detail="",
            licence=LICENCE, consent=CONSENT, permitted_use=PERMITTED_USE,
        )  # fmt: skip
        videos["flags"] = [["simulated"]] * len(videos)
        videos = videos.sort_values("video", ignore_index=True)
        return videos.join(plan_parts(videos))

    def targets(self, clip: Clip) -> list[str]:
        """The other people whose faces a clip drives; they are the same for every generator."""
        others = [name for name in self._groups[clip.source.name, clip.split] if name != clip.identity]
        count = self.settings.cross
        if count == "all" or count >= len(others):
            return others
        order = random_generator(self._draw_hash, clip.draws, "targets").permutation(len(others))[:count]
        return [others[n] for n in sorted(order)]

    def person(self, identity: str) -> Person:
        """The person with this identity."""
        if identity not in self._people:
            self._people[identity] = Person.from_name(
                identity, self.settings.seed, self.settings.difficulty, self._dynamics
            )
        return self._people[identity]

    def states(self, clip: str) -> np.ndarray:
        """The states (T, K + 6) of the driver in a clip."""
        if clip in self._states:
            self._states.move_to_end(clip)
            return self._states[clip]
        states = self._perform_clip(self.clips[clip], None, 0.0)
        self._states[clip] = states
        if len(self._states) > _CACHED_CLIPS:
            self._states.popitem(last=False)
        return states

    def landmarks(
        self, video: str, clip: str, generator: str | None, target: str, *, mimicry: float = 0.0
    ) -> np.ndarray:
        """The landmarks of a video, float32 (T, L, 2) pixels, with tracking noise.

        mimicry: the share by which a driver who is not the target imitates the target: in the same clip, the driver's
        signature is moved towards the target's. 0 is the world without imitation.
        """
        random = self._video_random(video, clip, generator, target)
        driven = self._driven_rig(random, clip, generator, target, self.points, mimicry)
        points = driven.reframed(driven.rig.landmarks(driven.states, driven.camera))
        if self.settings.noise:
            points += self._noise.draw(random, len(points), driven.noise * self.settings.noise)
        return points

    def mesh(self, video: str, clip: str, generator: str | None, target: str) -> np.ndarray:
        """The whole mesh of a video, float32 (T, 478, 3) pixels; `landmarks` are some of its points.

        Points between landmarks deviate with them. The noise of z was not measured; it is assumed to be that of x.
        """
        random = self._video_random(video, clip, generator, target)
        mesh_random = self._video_random(video, clip, generator, target, "mesh")
        driven = self._driven_rig(random, clip, generator, target, np.arange(MESH_POINTS))
        mesh = driven.reframed(driven.rig.mesh(driven.states, driven.camera))
        if self.settings.noise:
            whole = tracking_noise()
            # The shared noise has the same course as in `landmarks`; everything else is drawn for the mesh.
            course, _, factor = self._noise.components(random, len(mesh))
            depth_course, depth_white, _ = whole.components(mesh_random, len(mesh))
            white = mesh_random.standard_normal((len(mesh), MESH_POINTS, 2), dtype=np.float32) * whole.white[:, None]
            size = np.float32(driven.noise * self.settings.noise * factor)
            mesh[:, :, :2] += size * (whole.shared_noise(course) + white)
            mesh[:, :, 2] += size * (whole.shared_noise(depth_course) + depth_white)[:, :, 0]
        mesh[:, self.points, :2] = self.landmarks(video, clip, generator, target)
        return mesh

    def frame_rows(self, video: str, clip: str, generator: str | None, target: str, *, mesh: bool = False) -> FrameRows:
        """The frames of a video for a part, with the whole mesh on request; every frame is valid."""
        landmarks = self.landmarks(video, clip, generator, target)
        frames = len(landmarks)
        return FrameRows(
            landmarks,
            np.ones(frames, dtype=bool),
            np.arange(frames) / FPS,
            mesh=self.mesh(video, clip, generator, target) if mesh else None,
        )

    def _video_random(
        self, video: str, clip: str, generator: str | None, target: str, *purpose: str
    ) -> np.random.Generator:
        """The random numbers of a video, or of one purpose in it."""
        if self._draw_hash != self._world_hash:
            video = self._video_draws(self.clips[clip], generator, target)
        return random_generator(self._draw_hash, video, *purpose)

    def _video_draws(self, clip: Clip, generator: str | None, target: str) -> str:
        """The name of a video's random numbers: its id, except in worlds that share them."""
        return clip.draws if generator is None else clip.draws + digest(self._draw_hash, generator, target, size=8)

    def _frame_courses(self, clip: Clip, generator: str | None, target: str) -> np.ndarray | None:
        """How a video is framed (T, 4): each target its own way; None for the usual camera."""
        if self._framing == FramingSpread():
            return None
        random = random_generator(self._draw_hash, self._video_draws(clip, generator, target), "framing")
        courses = self._framing.draw_courses(random, clip.frames)
        if generator is None:
            return courses  # a real video has a camera of its own
        return courses + self._framing.draw_place(random_generator(self.settings.seed, target, "framing"))

    def _driven_rig(
        self,
        random: np.random.Generator,
        clip: str,
        generator: str | None,
        target: str,
        points: np.ndarray,
        mimicry: float = 0.0,
    ) -> _DrivenRig:
        """The rig of a video and its states, with the mesh points `points` on the rig."""
        driving = self.clips[clip]
        imitates = mimicry > 0 and target != driving.identity
        states = self._perform_clip(driving, self.person(target).signature, mimicry) if imitates else self.states(clip)
        driver_rig = self._rig(driving.identity, points)
        if generator is None:
            # A real video: the driver's own rig in front of a camera that differs from video to video.
            camera = Camera(
                72.0 * float(random.uniform(0.85, 1.15)), tuple(np.array([128.0, 112.0]) + random.normal(0, 6, 2))
            )
            noise = camera.eye_distance * CAMERA_NOISE
            return _DrivenRig(driver_rig, states, camera, noise, self._frame_courses(driving, generator, target))
        simulated: SimulatedGenerator = self._generators[generator]
        camera = Camera()
        rig = simulated.reenacted_rig(self._rig(target, points), driver_rig, target, self.settings.seed, points)
        reenacted = simulated.reenact(states, self.person(target).portrait, random)
        noise = camera.eye_distance * simulated.noise
        return _DrivenRig(rig, reenacted, camera, noise, self._frame_courses(driving, generator, target))

    def _perform_clip(self, clip: Clip, mimicked: Signature | None, mimicry: float) -> np.ndarray:
        return self.person(clip.identity).perform(
            clip.source.content(clip.identity, clip.number),
            clip.name,
            self.settings.seed,
            clip.frames,
            self.settings.difficulty,
            mimicked=mimicked,
            mimicry=mimicry,
            dynamics=self._dynamics,
        )

    def _rig(self, identity: str, points: np.ndarray) -> Rig:
        key = identity, len(points)
        if key not in self._rigs:
            self._rigs[key] = Rig.from_shape(self.person(identity).shape, points)
        return self._rigs[key]

    def _draw_length(self, random: np.random.Generator) -> int:
        """Draws the number of frames of a clip."""
        if not self.settings.lengths:
            return round(self.settings.frames * random.uniform(0.8, 1.2))
        percents, frames = np.array(self.settings.lengths).T
        return round(float(np.interp(100.0 * random.uniform(), percents, frames)))

    def _make_clips(self) -> list[Clip]:
        clips = []
        for source in self.settings.sources:
            for number in range(1, source.people + 1):
                identity = f"{source.name}:{number:04d}"
                for n in range(self.settings.clips):
                    name = f"{source.name}-{number:04d}-{n + 1:03d}"
                    frames = self._draw_length(random_generator(self.settings.seed, name, "frames"))
                    clip, draws = (digest(key, name, size=8) for key in (self._world_hash, self._draw_hash))
                    clips.append(Clip(clip, name, identity, source, source.split(number), n, frames, draws))
        return clips
