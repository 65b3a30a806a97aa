"""The settings of a simulated world, as users write them in YAML; their hash names the world."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from nvfair_tools.errors import NvfairError
from nvfair_tools.schema_problems.lines import parse_model
from nvfair_tools.schema_problems.yaml_text import read_yaml_mapping
from nvfair_tools.simulate.content import EMOTIONS, Content
from nvfair_tools.simulate.movement.framing import FramingSpread
from nvfair_tools.simulate.movement.idiom import PARAMETER_KINDS, IdiomShares
from nvfair_tools.simulate.randomness import digest
from nvfair_tools.simulate.reenact import FIRST_WORLD, GENERATORS, SimulatedGenerator
from nvfair_tools.simulate.signature import (
    DEFAULT_DIFFICULTY,
    HEAD_PARAMETERS,
    IDIOM_SHARE,
    IDIOM_SPREAD,
    PARAMETERS,
    SHAPE_SPREAD,
    CommonVariation,
    Dynamics,
    Parameter,
)

if TYPE_CHECKING:
    from typing import Self

# A change of the simulated values changes this number too, and with it the hash of every world.
SIMULATION_VERSION = 1


# Fields that were added after the first worlds, whose hashes stay.
_LATER_FIELDS = frozenset(
    ("lengths", "motion_modes", "framing", "share_odds", "spreads", "common", "idiom", "shape_spread")
)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceSettings(_Frozen):
    """A simulated collection: the number of its people by split, their texts and emotions.

    texts: number of scripts that every person performs. free: share of clips with free speech instead of a script.
    """

    name: Annotated[
        str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", description="small letters, digits and -, such as sim-a")
    ]
    train: Annotated[int, Field(ge=0)]
    validation: Annotated[int, Field(ge=0)]
    test: Annotated[int, Field(ge=0)]
    texts: Annotated[int, Field(ge=1)] = 12
    free: Annotated[float, Field(ge=0, le=1)] = 0.0
    emotions: tuple[Literal[EMOTIONS], ...] = ("neutral",)  # type: ignore[valid-type]

    @property
    def people(self) -> int:
        return self.train + self.validation + self.test

    def split(self, number: int) -> str:
        """The split of person number 1, 2, ...; the people of a split are spread over the numbers."""
        # Multiplication by a number without common factors permutes the numbers.
        step = next(k for k in (37, 41, 43, 47) if self.people % k)
        position = (number - 1) * step % self.people
        if position < self.train:
            return "train"
        return "validation" if position < self.train + self.validation else "test"

    def content(self, identity: str, clip: int) -> Content:
        """The content of a person's clip number 0, 1, ...: the same for every person, unless it is free speech."""
        emotion = self.emotions[(clip + clip // self.texts) % len(self.emotions)]
        if int((clip + 1) * self.free) > int(clip * self.free):
            return Content(f"free {identity} {clip}", "free", emotion)
        return Content(f"{self.name} script {clip % self.texts + 1:02d}", "scripted", emotion)


# NVFAIR's numbers of people (32/4/10, 16/2/6, 63/9/19): one collection of video calls and two of acted sentences.
NVFAIR_SOURCES = (
    SourceSettings(name="sim-vc", train=32, validation=4, test=10, texts=6, free=0.5),
    SourceSettings(name="sim-rav", train=16, validation=2, test=6, texts=2, emotions=EMOTIONS),
    SourceSettings(
        name="sim-crema", train=63, validation=9, test=19, texts=12,
        emotions=("neutral", "happy", "sad", "angry", "fearful", "disgust"),
    ),
)  # fmt: skip


class ParameterSettings(_Frozen):
    """Other numbers for one of `nvfair_tools.simulate.signature.PARAMETERS`; omitted numbers stay."""

    name: Literal[tuple(p.name for p in PARAMETERS)]  # type: ignore[valid-type]
    median: float | None = None
    spread: Annotated[float, Field(ge=0)] | None = None
    share: Annotated[float, Field(gt=0, lt=1)] | None = None


Share = Annotated[float, Field(ge=0, lt=1)]


class IdiomSettings(_Frozen):
    """The kinds of idiom of a world; the fields are those of `nvfair_tools.simulate.movement.idiom.IdiomShares`."""

    couplings: Share
    timings: Share
    asymmetries: Share
    habits: Share


class CommonSettings(_Frozen):
    """What parameters have in common; the fields are those of `nvfair_tools.simulate.signature.CommonVariation`."""

    face: Share = 0.0
    head: Share = 0.0
    tempo: Share = 0.0


class FaceAndHead(_Frozen):
    """A factor for all parameters of the face, and one for all of the head."""

    face: Annotated[float, Field(gt=0)] = 1.0
    head: Annotated[float, Field(gt=0)] = 1.0


class DynamicsSettings(_Frozen):
    """The dynamics of a world's people; the fields are those of `nvfair_tools.simulate.signature.Dynamics`.

    share_odds: factors of the odds of the shares between people, share / (1 - share). spreads: factors of the standard
    deviations. Both leave the resting face and pose as they are, which statistics of motion do not see. Where `idiom`
    is set, its shares replace `idiom_share` and the shares of the parameters that belong to a kind of idiom.
    """

    parameters: tuple[ParameterSettings, ...] = ()
    idiom_spread: Annotated[float, Field(ge=0)] = IDIOM_SPREAD
    idiom_share: Annotated[float, Field(gt=0, lt=1)] = IDIOM_SHARE
    idiom_power: Annotated[float, Field(ge=1, le=4)] = 1.0
    idiom_lag_s: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    tempo: Annotated[float, Field(gt=0)] = 1.0
    share_odds: FaceAndHead = FaceAndHead()
    spreads: FaceAndHead = FaceAndHead()
    common: CommonSettings = CommonSettings()
    idiom: IdiomSettings | None = None
    shape_spread: Annotated[float, Field(ge=0)] = SHAPE_SPREAD

    def dynamics(self) -> Dynamics:
        """These settings as a `Dynamics` of the simulation."""
        changes = {
            parameter.name: {k: v for k, v in parameter.model_dump(exclude={"name"}).items() if v is not None}
            for parameter in self.parameters
        }
        return Dynamics(
            tuple(self._scaled(replace(p, **changes.get(p.name, {}))) for p in PARAMETERS),
            idiom_spread=self.idiom_spread,
            idiom_share=self.idiom_share if self.idiom is None else self.idiom.couplings,
            idiom_power=self.idiom_power,
            idiom_lag_s=self.idiom_lag_s,
            tempo=self.tempo,
            common=CommonVariation(**self.common.model_dump()),
            idiom=None if self.idiom is None else IdiomShares(**self.idiom.model_dump()),
            shape_spread=self.shape_spread,
        )

    def _scaled(self, parameter: Parameter) -> Parameter:
        """A parameter with its group's factors, and with the share of its kind of idiom."""
        group = "head" if parameter.name in HEAD_PARAMETERS else "face"
        rests = parameter.name.startswith("rest_")
        factor, spread = (1.0 if rests else getattr(factors, group) for factors in (self.share_odds, self.spreads))
        share = parameter.share
        if self.idiom is not None and parameter.name in PARAMETER_KINDS:
            share = getattr(self.idiom, PARAMETER_KINDS[parameter.name])
        elif factor != 1.0:
            odds = factor * share / (1.0 - share)
            share = odds / (1.0 + odds)
        return replace(parameter, share=share, spread=spread * parameter.spread)


class FramingSettings(_Frozen):
    """How videos are framed; the fields are those of `nvfair_tools.simulate.movement.framing.FramingSpread`.

    `scale`, `place` and `roll` belong to a target's face, the other fields to each video, also to a real one.
    """

    scale: Annotated[float, Field(ge=0, le=0.3)] = 0.0
    place: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    roll: Annotated[float, Field(ge=0, le=20)] = 0.0
    drift: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    zoom: Annotated[float, Field(ge=0, le=0.3)] = 0.0
    turn: Annotated[float, Field(ge=0, le=20)] = 0.0
    drift_hz: Annotated[float, Field(gt=0)] = 0.2
    shake: Annotated[float, Field(ge=0, le=0.2)] = 0.0
    shake_hz: Annotated[float, Field(gt=0)] = 4.0

    def spread(self) -> FramingSpread:
        """These settings as a `FramingSpread` of the simulation."""
        return FramingSpread(**self.model_dump())


def _pairs(value: Any) -> Any:
    """A mapping as a tuple of pairs, which can be hashed; anything else as it is."""
    return tuple(sorted(value.items())) if isinstance(value, dict) else value


def _rising(pairs: tuple[tuple[float, int], ...]) -> tuple[tuple[float, int], ...]:
    """Percentiles and frames that rise from 0 to 100 %; raises ValueError for others."""
    rises = all(a < b and m <= n for (a, m), (b, n) in pairwise(pairs))
    if pairs and (not rises or pairs[0][0] != 0 or pairs[-1][0] != 100 or pairs[0][1] < 10):
        raise ValueError("expected frames that rise with percentiles from 0 to 100, such as {0: 45, 50: 120, 100: 250}")
    return pairs


class YamlSettings(_Frozen):
    """Settings that can be read from a YAML file."""

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Reads settings from a YAML file; raises NvfairError with every problem of the file."""
        content = read_yaml_mapping(path, "settings file", example="docs/simulation.md lists every key", empty=True)
        return parse_model(cls, content, where=path, remedy="docs/simulation.md lists every key")


class CohortSettings(YamlSettings):
    """The settings of a cohort that consists of landmarks alone.

    name: of the world. seed: determines all random numbers. difficulty: 0 (people differ most) to 1.
    clips: real clips of each person. cross: number of other faces that each clip drives, or "all" of its source and
    split. frames: median length of a clip at 25 fps; lengths differ by up to a fifth. lengths: percentiles of the
    lengths in frames, from 0 to 100, in place of `frames`. noise: factor of the tracking noise. generators: names of
    `nvfair_tools.simulate.reenact.GENERATORS`. motion_modes: the mode of each generator, in place of its own.
    dynamics: how its people move. framing: how its videos are framed.
    """

    name: str = "simulated"
    seed: Annotated[int, Field(ge=0)] = 1
    difficulty: Annotated[float, Field(ge=0, le=1)] = DEFAULT_DIFFICULTY
    sources: Annotated[tuple[SourceSettings, ...], Field(min_length=1)] = NVFAIR_SOURCES
    generators: tuple[str, ...] = FIRST_WORLD
    dynamics: DynamicsSettings = DynamicsSettings()
    clips: Annotated[int, Field(ge=1)] = 12
    cross: Annotated[int, Field(ge=0)] | Literal["all"] = 2
    frames: Annotated[int, Field(ge=10)] = 100
    noise: Annotated[float, Field(ge=0)] = 1.0
    lengths: Annotated[
        tuple[tuple[float, int], ...],
        BeforeValidator(_pairs),
        AfterValidator(_rising),
        Field(description="frames that rise with percentiles from 0 to 100, such as {0: 45, 50: 120, 100: 250}"),
    ] = ()  # fmt: skip
    motion_modes: Annotated[
        tuple[tuple[str, Literal["relative", "absolute"]], ...],
        BeforeValidator(_pairs),
        Field(description="generators and their modes, such as {sim-keypoint: absolute}"),
    ] = ()
    framing: FramingSettings = FramingSettings()

    def simulated_generators(self) -> tuple[SimulatedGenerator, ...]:
        """The generators of this world, in its motion modes; raises NvfairError with the names that do not exist."""
        unknown = [name for name in self.generators if name not in GENERATORS]
        if unknown:
            raise NvfairError(
                f"unknown simulated generators: {', '.join(unknown)}",
                where="generators",
                expected=f"some of {', '.join(sorted(GENERATORS))}",
            )
        modes = dict(self.motion_modes)
        if foreign := sorted(set(modes) - set(self.generators)):
            raise NvfairError(
                f"motion modes of generators that this world lacks: {', '.join(foreign)}",
                where="motion_modes",
                expected=f"some of {', '.join(self.generators)}",
            )
        generators = (GENERATORS[name] for name in self.generators)
        return tuple(generator.in_mode(modes.get(generator.name, generator.motion_mode)) for generator in generators)

    def stored(self) -> dict[str, Any]:
        """The settings as JSON values; fields that were added after the first worlds only where they are used."""
        content = self.model_dump(mode="json")
        for fields, settings in ((content, self), (content["dynamics"], self.dynamics)):
            for name in _LATER_FIELDS & set(fields):
                if getattr(settings, name) == type(settings).model_fields[name].default:
                    del fields[name]
        return content

    def world_hash(self) -> str:
        """The hash of everything that determines this world: settings, generators, version of the simulation."""
        return self._hash_of(self.stored(), self.simulated_generators())

    def draw_hash(self) -> str:
        """The hash that names this world's random numbers.

        It is `world_hash`, but worlds with motion modes that differ in these and in the name alone draw the same
        numbers, so that their videos differ in nothing else.
        """
        if not self.motion_modes:
            return self.world_hash()
        content = {k: v for k, v in self.stored().items() if k not in ("name", "motion_modes")}
        return self._hash_of(content, tuple(GENERATORS[name] for name in self.generators))

    def _hash_of(self, content: dict[str, Any], generators: tuple[SimulatedGenerator, ...]) -> str:
        if self.dynamics == DynamicsSettings():
            content = {k: v for k, v in content.items() if k != "dynamics"}  # added after the first worlds
        canonical = json.dumps(content, sort_keys=True)
        return digest(SIMULATION_VERSION, canonical, *(g.fingerprint() for g in generators), size=16)


def named_world(name: str) -> CohortSettings:
    """Reads the world in `nvfair_tools/simulate/worlds/NAME.yaml`; raises NvfairError for an unknown name."""
    folder = Path(__file__).with_name("worlds")
    known = sorted(path.name.removesuffix(".yaml") for path in folder.iterdir() if path.name.endswith(".yaml"))
    if name not in known:
        raise NvfairError(f"world {name!r} is unknown", expected=f"one of {', '.join(known)}")
    return CohortSettings.read(folder / f"{name}.yaml")
