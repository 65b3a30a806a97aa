"""The board's settings: one YAML file in the board's folder, in which paths are relative to that folder."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from nvfair_tools.errors import NvfairError
from nvfair_tools.schema_problems.lines import parse_model
from nvfair_tools.schema_problems.yaml_text import read_yaml_mapping

SETTINGS_FILE = "board.yaml"
SITE = "site"  # the folder in the board's own in which its static copy is written where no other is named
_SQLITE = "sqlite:///"
# Of a hidden set: by how much an entry must improve on the best to be answered before the phases close, and how many
# entries of all accounts together are compared with the best.
DEFAULT_STEP, DEFAULT_COMPARED = 0.05, 1000


def _with_zone(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


_NAME = "at most 80 small letters, digits and . _ -, such as spring-2026"  # for messages
Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[a-z0-9][a-z0-9._-]*$", description=_NAME)]
Time = Annotated[datetime, AfterValidator(_with_zone)]  # UTC where no zone is written


class _FrozenModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DatasetSetting(_FrozenModel):
    """A data set that submissions are scored on."""

    folder: Path
    feedback: Literal["full", "coarse"] = "full"  # coarse: hidden labels; nothing but rounded figures, after the close
    step: float = Field(default=DEFAULT_STEP, ge=0.01, le=0.5)  # coarse: what is answered before the close
    compared: int = Field(default=DEFAULT_COMPARED, ge=0)  # coarse: how many entries of everybody may be answered


class PhaseSetting(_FrozenModel):
    """A round of submissions: its data set, its time, and the number of entries of one person in all and a day."""

    dataset: str
    total: int = Field(default=100, ge=0)
    per_day: int = Field(default=10, ge=0)
    opens: Time | None = None
    closes: Time | None = None

    def open_at(self, time: datetime) -> bool:
        """Whether submissions are taken at `time`."""
        return not (self.opens and time < self.opens) and not (self.closes and time >= self.closes)


class LimitSettings(_FrozenModel):
    """Bounds on the time, memory and repetitions that one submission may take."""

    upload_bytes: int = Field(default=512 * 1024 * 1024, gt=0)
    check_seconds: float = Field(default=60, gt=0)
    check_memory_mb: int = Field(default=4096, gt=0)
    checks_at_once: int = Field(default=2, gt=0)
    score_seconds: float = Field(default=3600, gt=0)
    score_memory_mb: int = Field(default=8192, gt=0)
    attempts: int = Field(default=3, gt=0)  # how often scoring may fail before the job is given up
    leases: int = Field(default=100, gt=0)  # how often a worker may vanish with the job before it is given up
    lease_seconds: float = Field(default=60, gt=0)
    free_disk_bytes: int = Field(default=256 * 1024 * 1024, ge=0)  # below this no submission is taken
    stuck_hours: float = Field(default=24, gt=0)  # a job that waits for longer no longer counts against its owner


class RateSettings(_FrozenModel):
    """Requests a minute, and connections at a time, counted in each server process; 0 stands for no limit."""

    uploads_per_token: int = Field(default=20, ge=0)
    requests_per_token: int = Field(default=300, ge=0)
    requests_per_address: int = Field(default=1200, ge=0)
    failed_tokens_per_address: int = Field(default=20, ge=0)
    connections_per_address: int = Field(default=100, ge=0)
    uploads_at_once: int = Field(default=2, ge=0)  # of one account


class Settings(_FrozenModel):
    """The settings of a board, as board.yaml gives them."""

    title: str = Field(default="Avatar fingerprinting leaderboard", min_length=1, max_length=200)
    store: str = f"{_SQLITE}board.sqlite"
    files: Path = Path("submissions")
    datasets: dict[Name, DatasetSetting] = Field(min_length=1)
    phases: dict[Name, PhaseSetting] = Field(min_length=1)
    limits: LimitSettings = LimitSettings()
    rates: RateSettings = RateSettings()
    proxies: tuple[str, ...] = ()  # addresses whose X-Forwarded-For is believed
    secure_cookies: bool = False  # true behind a proxy that speaks HTTPS
    refresh_seconds: float = Field(default=2, gt=0)  # after which readers see new results

    @model_validator(mode="after")
    def _known_datasets(self) -> Settings:
        for name, phase in self.phases.items():
            if phase.dataset not in self.datasets:
                raise ValueError(f"phase {name!r} names the data set {phase.dataset!r}, which `datasets` does not have")
        return self

    def sealed_until(self, dataset: str) -> datetime | None:
        """When the last phase on this data set closes; None where there is no phase, or one without an end."""
        closes = [phase.closes for phase in self.phases.values() if phase.dataset == dataset]
        ends = [time for time in closes if time is not None]
        return max(ends) if ends and len(ends) == len(closes) else None


def read_settings(path: Path) -> Settings:
    """Reads the settings in `path`: the file, or the board's folder. Relative paths in them are made absolute.

    Raises NvfairError where there is no such file or it is no YAML, and Problems with every mistake in it.
    """
    file = path / SETTINGS_FILE if path.is_dir() else path
    if not file.is_file():
        raise NvfairError(
            f"no {SETTINGS_FILE} here",
            where=path,
            remedy="`nvfair board admin init FOLDER --dataset DATASET` makes a board",
        )
    content = read_yaml_mapping(file, "board's settings file", example="docs/leaderboard.md lists every setting")
    settings = parse_model(Settings, content, where=file, remedy="docs/leaderboard.md lists every setting")
    return _with_absolute_paths(settings, file.parent.resolve())


def _with_absolute_paths(settings: Settings, folder: Path) -> Settings:
    store = settings.store
    if store.startswith(_SQLITE) and not store.startswith(f"{_SQLITE}/"):
        store = f"{_SQLITE}{folder / store.removeprefix(_SQLITE)}"
    datasets = {
        name: dataset.model_copy(update={"folder": folder / dataset.folder})
        for name, dataset in settings.datasets.items()
    }
    return settings.model_copy(update={"store": store, "files": folder / settings.files, "datasets": datasets})


SETTINGS_TEMPLATE = """\
# A leaderboard. Start it with: nvfair board serve {folder}
title: Avatar fingerprinting leaderboard
store: sqlite:///board.sqlite    # or postgresql://user:password@host/name
files: submissions               # uploaded files, by their content
datasets:
  main:
    folder: {dataset}
    feedback: full               # coarse where the labels are hidden: docs/leaderboard.md, "Hidden sets"
phases:
  development:
    dataset: main
    total: 100                   # entries a person; those of submissions that the check refuses are free
    per_day: 10
"""
