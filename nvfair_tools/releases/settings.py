"""The settings of an import, in a small YAML file; every key has a default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nvfair_tools.recipe.recipe import ClipSource, FeatureRule, GeneratorChoice, LandmarkRule, Policy, Recipe, Rights
from nvfair_tools.releases.listing import Release
from nvfair_tools.schema_problems.lines import parse_model
from nvfair_tools.schema_problems.yaml_text import read_yaml_mapping


class _SettingsPart(BaseModel):
    """A part of the settings: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Columns(_SettingsPart):
    """Header names of NVFAIR's spreadsheet, which are not public; null: the first that fits a list of likely names.

    permitted_use: the columns with the permitted uses of a file; must_permit: those that have to permit it (default:
    all of them). permitting: the values, in any case, that do. sheet: the worksheet (default: the first that fits).
    """

    sheet: str | None = None
    file: str | None = None
    synthetic: str | None = None
    reenactment: str | None = None
    licence: str | None = None
    permitted_use: tuple[str, ...] = ()
    must_permit: tuple[str, ...] = ()
    permitting: tuple[str, ...] = ("yes", "y", "true", "1", "permitted", "allowed")


class ReleaseSettings(_SettingsPart):
    """All keys of an import's settings file.

    scenarios: first letter of an NVIDIA-VC clip's name -> scenario, an assumption (see `nvfair_tools.releases.nvfair`).
    generators: AVAPrintDB's name parts (such as GAGA) -> our labels, in addition to the known ones. validation_share:
    share of AVAPrintDB's DEV people who become validation (0: all train, as published), drawn with `seed`;
    validation_people names them instead ("C1001", "Actor_03"), and TEST people among them are refused. licence,
    consent, permitted_use: of AVAPrintDB's files (consent: of NVFAIR's too). link_videos: whether `videos/` gets links
    to the release's files, which let a report show sample frames. truncated: how a file that is cut off ends.
    """

    columns: Columns = Columns()
    scenarios: dict[Annotated[str, Field(pattern="^[aqs]$", description="one of the letters a, q, s")], str] = Field(
        default_factory=lambda: {"a": "free", "q": "free", "s": "scripted"}
    )
    generators: dict[str, str] = Field(default_factory=dict)
    validation_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    validation_people: tuple[str, ...] = ()
    seed: int = 0
    licence: str = "CC BY (AVAPrintDB); the terms of its source recordings apply too"
    consent: str = "as the release states it"
    permitted_use: str = "as the release states it"
    landmarks: LandmarkRule = LandmarkRule()
    features: FeatureRule = FeatureRule(distances="none")
    truncated: Literal["fail", "keep"] = "fail"
    link_videos: bool = False
    workers: Annotated[int, Field(ge=0)] | Literal["auto"] = "auto"
    item_time_limit: Annotated[float, Field(gt=0)] = 3600.0

    @model_validator(mode="after")
    def _check_validation(self) -> ReleaseSettings:
        if self.validation_people and self.validation_share:
            raise ValueError("validation_people and validation_share are both set; expected one of them")
        return self


def load_settings(path: Path | None) -> ReleaseSettings:
    """Reads settings from a YAML file (defaults without one). Raises Problems, NvfairError where it is not YAML.

    Files that `landmarks` names are relative to the settings file's folder.
    """
    if path is None:
        return ReleaseSettings()
    content = read_yaml_mapping(path, "settings file", example="docs/releases.md lists every key", empty=True)
    settings = parse_model(ReleaseSettings, content, where=path, remedy="see docs/releases.md")
    rule = settings.landmarks
    absolute_paths = {
        name: str(file.resolve())
        for name in ("model", "detector", "recogniser")
        if (value := getattr(rule, name)) and (file := path.parent / value).is_file()
    }
    return settings.model_copy(update={"landmarks": rule.model_copy(update=absolute_paths)})


def recipe_for_import(release: Release, settings: ReleaseSettings, out: Path) -> Recipe:
    """Makes the recipe that an import's stages need; its generators are those of the release and never run.

    No policy judges length or visibility: a published protocol is about all published files, and a file that cannot be
    used is counted where it is scored.
    """
    return Recipe(
        name=release.name,
        output=str(out.resolve()),
        sources=[ClipSource(folder=str(release.root.resolve()), source=release.name.lower())],
        rights=Rights(render_if=list(settings.columns.permitting)),
        generators=[GeneratorChoice(name=str(generator["label"])) for generator in release.generators],
        landmarks=settings.landmarks,
        features=settings.features,
        policy=Policy(truncated=settings.truncated),
        workers=settings.workers,
        item_time_limit=settings.item_time_limit,
        folder=release.root.resolve(),
    )
