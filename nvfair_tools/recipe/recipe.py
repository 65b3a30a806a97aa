"""A recipe holds all settings of a build, parsed once from YAML. `docs/datasets.md` describes its keys."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from nvfair_tools.dataset.publication import Publication
from nvfair_tools.dataset.schema import SPLITS
from nvfair_tools.errors import Problems
from nvfair_tools.features import DEFAULT_SCALE, Scale
from nvfair_tools.media.source_types import SyntheticSourceType
from nvfair_tools.recipe.engine_choice import EngineChoice
from nvfair_tools.recipe.footage_rule import FootageRule
from nvfair_tools.recipe.known_collections import COLLECTIONS
from nvfair_tools.recipe.quality_rule import ClipCheckRule, QualityRule
from nvfair_tools.recipe.rights import Rights
from nvfair_tools.schema_problems.lines import parse_model
from nvfair_tools.schema_problems.yaml_text import read_yaml_mapping

Share = Annotated[float, Field(ge=0, le=1)]
Split = Literal["train", "validation", "test"]
Count = Annotated[int, Field(ge=0)]
# What texts with a pattern may hold, for messages.
_SMALL_NAME = "small letters, digits and -, such as my-clips"
_FOLDER_NAME = "letters, digits, blanks and _ . -, the first a letter or digit"


class _RecipePart(BaseModel):
    """A part of a recipe: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ClipSource(_RecipePart):
    """A source of clips: a CSV with one row a clip, or a folder with one folder a person.

    csv: the list; `root` (default: the CSV's folder) is what its paths are relative to; `columns` maps our column
    names to those of the file. folder: its sub-folders are people, whose ids are `source`:sub-folder. collection: the
    folder holds this public collection, whose file names say who and what is in them. source: the collection (needed
    for a folder of people; for a CSV the default of that column).
    defaults: values for columns that a row leaves empty (licence, consent and permitted_use must come from somewhere).
    footage: how its files are cut into clips, where they are long or edited.
    """

    csv: str | None = None
    folder: str | None = None
    collection: str | None = None
    root: str | None = None
    source: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9-]*$", description=_SMALL_NAME)
    columns: dict[str, str] = Field(default_factory=dict)
    defaults: dict[str, str] = Field(default_factory=dict)
    footage: FootageRule | None = None

    @field_validator("collection")
    @classmethod
    def _check_collection(cls, value: str | None) -> str | None:
        if value is not None and value not in COLLECTIONS:
            raise ValueError(f"no collection is called {value!r}; there are {', '.join(COLLECTIONS)}")
        return value

    @model_validator(mode="after")
    def _check_kind(self) -> ClipSource:
        if (self.csv is None) == (self.folder is None):
            raise ValueError("give either csv or folder")
        if self.collection is not None and (self.folder is None or self.source is not None):
            raise ValueError("a collection needs `folder`, and has its own `source`")
        if self.folder is not None and self.source is None and self.collection is None:
            raise ValueError("a folder needs `source`, the name of the collection, which begins its people's ids")
        return self


class SplitRule(_RecipePart):
    """How people are divided into splits. by: "column" (the CSV's `split`), "shares" (seeded, source by source) or
    "file" (a CSV with identity, source, split), or "nvfair" (the published split of NVFAIR's people)."""

    by: Literal["column", "shares", "file", "nvfair"] = "column"
    shares: dict[Split, Share] = {"train": 0.7, "validation": 0.1, "test": 0.2}
    seed: int = 0
    file: str | None = None

    @model_validator(mode="after")
    def _check_complete(self) -> SplitRule:
        if self.by == "file" and self.file is None:
            raise ValueError("`by: file` needs `file`")
        if self.by == "shares" and abs(sum(self.shares.values()) - 1) > 1e-6:
            raise ValueError(f"shares must add up to 1; they add up to {sum(self.shares.values()):g}")
        return self


class GeneratorChoice(_RecipePart):
    """A generator and how it is driven. variant: suffix that tells two uses of one generator apart in folders.
    settings: options of its factory (size, ...); options: options of its motion mode; weights, dtype: of network
    generators; dtype "auto" is the faster one on the machine that begins the build; splits: the only ones it renders,
    such as [test] for a generator that no method is trained on. digital_source_type: IPTC's term for its videos, in
    place of the generator's own (trainedAlgorithmicMedia for networks and external programs)."""

    name: str
    variant: str = Field(default="", pattern=r"^[A-Za-z0-9_-]*$", description="letters, digits, _ and -")
    mode: Literal["absolute", "relative"] = "relative"
    reference: Annotated[int, Field(ge=0)] | Literal["best", "neutral"] = "best"
    options: dict[str, Any] = Field(default_factory=dict)
    settings: dict[str, Any] = Field(default_factory=dict)
    weights: str | None = None
    dtype: Literal["float32", "bfloat16", "auto"] = "float32"
    splits: Annotated[tuple[Split, ...], Field(min_length=1)] = SPLITS  # type: ignore[assignment]
    digital_source_type: SyntheticSourceType | None = None

    @property
    def label(self) -> str:
        """The name of this generator in folders, parts and the column `generator`."""
        return f"{self.name}-{self.variant}" if self.variant else self.name

    @property
    def motion_mode(self) -> str:
        """The value of the column `motion_mode`, such as "relative(expression=1.5, reference=best)"."""
        options = dict(self.options)
        if self.mode == "relative":
            options["reference"] = self.reference
        if not options:
            return self.mode
        return f"{self.mode}({', '.join(f'{key}={options[key]}' for key in sorted(options))})"


class PairRule(_RecipePart):
    """Which reenactments are made, always within source and split. cross_per_clip: how many other people each clip
    drives (null: all of them), for all splits or by split, drawn with `seed`; self: whether people also drive
    themselves. faces_per_driver: how many other people each person drives with all clips together, balanced over faces
    and over groups by the columns `balance`. file: a CSV that names the pairs in place of all these rules."""

    cross_per_clip: Count | dict[Split, Count | None] | None = None
    self_: bool = Field(default=True, alias="self")
    seed: int = 0
    faces_per_driver: Annotated[int, Field(ge=1)] | None = None
    balance: tuple[Literal["gender", "age", "ethnicity"], ...] = ("gender", "age", "ethnicity")
    file: str | None = None

    @model_validator(mode="after")
    def _check_rules(self) -> PairRule:
        named = self.model_fields_set
        if self.file is not None and (others := sorted(named - {"file"})):
            raise ValueError(f"`file` names all pairs; leave out {', '.join(name.rstrip('_') for name in others)}")
        if "balance" in named and self.faces_per_driver is None:
            raise ValueError("`balance` needs `faces_per_driver`")
        return self

    def cross_limit(self, split: str) -> int | None:
        """The number of other people that a clip of `split` drives at most; None: all of them."""
        limit = self.cross_per_clip
        return limit.get(split) if isinstance(limit, dict) else limit  # type: ignore[call-overload]


class LandmarkRule(_RecipePart):
    """How faces are tracked in all videos. landmarker: "facemesh" (in mediapipe 0.10.21's wheel), "tasks" with its
    `model` file, or "auto": "tasks" where a model is given or the installed mediapipe carries none (then the file in
    docs/landmarks.md), else "facemesh". detector: finds small faces first.
    recogniser: flags clips in which the person changes. Each is an .onnx file or the name of an insightface pack on
    disk."""

    landmarker: Literal["auto", "facemesh", "tasks"] = "auto"
    model: str | None = None
    detector: str | None = None
    recogniser: str | None = None


class FeatureRule(_RecipePart):
    """Which features the shards hold. distances: "float16", or "none" for landmarks alone (readers compute the
    distances). mesh: whether all 478 points are stored as well."""

    distances: Literal["float16", "none"] = "float16"
    scale: Scale = DEFAULT_SCALE
    mesh: bool = False
    rows_per_part: Annotated[int, Field(ge=1)] = 200_000


class Policy(_RecipePart):
    """Which clips are good enough. min_valid_share: least share of frames with a face. max_gap: longest time in seconds
    without a face (shorter gaps are bridged where the clip drives). several_faces, truncated: how such clips end."""

    min_frames: Annotated[int, Field(ge=1)] = 16
    min_valid_share: Share = 0.95
    max_gap: Annotated[float, Field(ge=0)] = 0.2
    several_faces: Literal["flag", "reject"] = "flag"
    truncated: Literal["fail", "keep"] = "fail"


class Recipe(_RecipePart):
    """All settings of a build; each part describes its own keys.

    workers: processes; on a cluster, the most there may be. render_workers: those of the render stage alone, where a
    GPU's memory holds fewer networks than there are cores. item_time_limit: seconds. sources_in_memory: encoded targets
    that a worker keeps. folder: the recipe file's own, which relative paths start from.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]*$", description=_FOLDER_NAME)
    output: str
    simulated: bool = False
    sources: list[ClipSource] = Field(min_length=1)
    rights: Rights
    splits: SplitRule = SplitRule()
    generators: list[GeneratorChoice] = Field(min_length=1)
    pairs: PairRule = PairRule()
    landmarks: LandmarkRule = LandmarkRule()
    features: FeatureRule = FeatureRule()
    policy: Policy = Policy()
    clip_checks: ClipCheckRule | None = None
    quality: QualityRule | None = None
    publication: Publication | None = None
    workers: Annotated[int, Field(ge=0)] | Literal["auto"] = "auto"
    render_workers: Annotated[int, Field(ge=0)] | None = None
    engine: EngineChoice = EngineChoice()
    device: str = "auto"
    item_time_limit: Annotated[float, Field(gt=0)] = 3600.0
    sources_in_memory: Annotated[int, Field(ge=1)] = 64
    folder: Path = Field(default=Path("."), exclude=True)

    @field_validator("generators")
    @classmethod
    def _check_labels(cls, value: list[GeneratorChoice]) -> list[GeneratorChoice]:
        labels = [choice.label for choice in value]
        if repeated := sorted({label for label in labels if labels.count(label) > 1}):
            raise ValueError(f"two generators are called {', '.join(repeated)}: give each its own `variant`")
        return value

    @model_validator(mode="after")
    def _check_limits(self) -> Recipe:
        if self.simulated and self.rights.consent is not None:
            raise ValueError("simulated people need no `rights.consent`; leave it out, or leave `simulated` out")
        if self.quality is not None and self.quality.least_identity is not None and self.landmarks.recogniser is None:
            raise ValueError("`quality: least_identity` needs `landmarks: recogniser`, which measures the likeness")
        return self

    def resolve(self, path: str) -> Path:
        """The absolute form of a path in the recipe, which is relative to the recipe's own folder."""
        return (self.folder / Path(path).expanduser()).resolve()

    @property
    def output_folder(self) -> Path:
        """The folder of the data set that the recipe builds."""
        return self.resolve(self.output)

    def digest(self) -> str:
        """Hash of the settings that change the data set; those of the machine (output, workers, paths) and what is
        stated for its publication do not count."""
        content = self.model_dump(
            mode="json",
            by_alias=True,
            exclude={
                **dict.fromkeys(("output", "workers", "render_workers", "engine", "device", "item_time_limit"), True),
                **dict.fromkeys(("sources_in_memory", "sources", "publication"), True),
                "splits": {"file"},
                "landmarks": {"model", "detector", "recogniser"},
                "clip_checks": {"pack"},
                "generators": {"__all__": {"weights"}},
            },
        )
        for name in ("quality", "clip_checks"):
            if content[name] is None:
                del content[name]
        for generator in content["generators"]:
            if generator["digital_source_type"] is None:
                del generator["digital_source_type"]
        content["rights"] = self.rights.without_defaults(content["rights"])
        # Rules that a recipe does not use do not count, so that recipes written before there were any keep their hash.
        for name, unused in (("faces_per_driver", ("faces_per_driver", "balance")), ("file", ("file",))):
            if content["pairs"][name] is None:
                for key in unused:
                    del content["pairs"][key]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def load_recipe(path: str | Path) -> Recipe:
    """Reads a recipe from a YAML file. Raises Problems with all mistakes in it, NvfairError where it is not YAML."""
    path = Path(path)
    content = read_yaml_mapping(
        path,
        "recipe",
        example="start from examples/clips.yaml; a list of clips is named in it: `sources: [{csv: clips.csv}]`",
    )
    if "folder" in content:
        raise Problems(path, ["folder: not a key of a recipe; did you mean `output`, or `sources: [{folder: ...}]`?"])
    content = {**content, "folder": path.resolve().parent}
    return parse_model(Recipe, content, where=path, remedy="see docs/datasets.md for every key")


def split_shares(recipe: Recipe) -> dict[str, float]:
    """The share of people in each split, in the canonical order of splits."""
    return {split: float(recipe.splits.shares.get(split, 0.0)) for split in SPLITS}  # type: ignore[call-overload]
