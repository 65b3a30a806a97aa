"""What an import may be told, in a small YAML file; every key has a default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.recipe.recipe import FeatureRule, GeneratorChoice, LandmarkRule, Policy, Recipe, Rights, SourceFolder
from nvfair_tools.releases.listing import Release


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Columns(_Part):
    """Header names in NVFAIR's spreadsheet, which are not public; null: the first that fits a list of likely names.

    permitted_use: the columns that say what a file may be used for; must_permit: those that have to permit it (default:
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


class ReleaseSettings(_Part):
    """All keys of an import's settings file.

    generators: AVAPrintDB's name parts (such as GAGA) -> our labels, beside the known ones. validation_share: of
    AVAPrintDB's DEV people who become validation (0: all train, as published), drawn with `seed`. licence, consent,
    permitted_use: of AVAPrintDB's files (consent: NVFAIR's too). link_videos: links to the release's files in
    `videos/`, which let a report show sample frames. truncated: what a file that is cut off means.
    """

    columns: Columns = Columns()
    generators: dict[str, str] = Field(default_factory=dict)
    validation_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
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


def load_settings(path: Path | None) -> ReleaseSettings:
    """The settings in a YAML file (defaults without one). Raises Problems, NvfairError where it is not YAML.

    Files that `landmarks` names are relative to the settings file's folder.
    """
    if path is None:
        return ReleaseSettings()
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise NvfairError(f"the settings cannot be read: {str(error).splitlines()[0]}", where=path) from error
    try:
        settings = ReleaseSettings.model_validate(content)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors()]
        raise Problems(path, lines, remedy="see docs/releases.md") from error
    rule = settings.landmarks
    beside = {
        name: str(file.resolve())
        for name in ("model", "detector", "recogniser")
        if (value := getattr(rule, name)) and (file := path.parent / value).is_file()
    }
    return settings.model_copy(update={"landmarks": rule.model_copy(update=beside)})


def as_recipe(release: Release, settings: ReleaseSettings, out: Path) -> Recipe:
    """The import as a recipe, which is what stages are told; its generators are those of the release, never run.

    No policy judges length or visibility: a published protocol is about all published files, and what cannot be used
    is counted where it is scored.
    """
    return Recipe(
        name=release.name,
        output=str(out.resolve()),
        sources=[SourceFolder(folder=str(release.root.resolve()), source=release.name.lower())],
        rights=Rights(render_if=list(settings.columns.permitting)),
        generators=[GeneratorChoice(name=str(one["label"])) for one in release.generators],
        landmarks=settings.landmarks,
        features=settings.features,
        policy=Policy(truncated=settings.truncated),
        workers=settings.workers,
        item_time_limit=settings.item_time_limit,
        folder=release.root.resolve(),
    )
