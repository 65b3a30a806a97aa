"""The part of a recipe that says where a build's items run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class EngineChoice(BaseModel):
    """Where items run: in processes of this machine ("local"), or on the machines of a Ray cluster ("ray").

    address: of the cluster: "auto" (the one this machine belongs to), HOST:PORT, or "local" (started for the build on
    this machine). cpus_per_worker: cores, and threads of a worker. gpus_per_worker: GPUs, or the part of one, of a
    worker that renders with a network; "auto": 1 where the cluster has any.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["local", "ray"] = "local"
    address: str = Field(default="auto", min_length=1)
    cpus_per_worker: Annotated[float, Field(gt=0)] = 1.0
    gpus_per_worker: Annotated[float, Field(ge=0)] | Literal["auto"] = "auto"

    @model_validator(mode="after")
    def _check_engine(self) -> EngineChoice:
        named = self.model_fields_set - {"name"}
        if self.name == "local" and named:
            raise ValueError(f"`{'`, `'.join(sorted(named))}` need `name: ray`")
        gpus = self.gpus_per_worker
        if gpus != "auto" and gpus > 1 and gpus != int(gpus):
            raise ValueError("gpus_per_worker is a part of one GPU, or a whole number of them")
        if self.cpus_per_worker > 1 and self.cpus_per_worker != int(self.cpus_per_worker):
            raise ValueError("cpus_per_worker is a part of one core, or a whole number of them")
        return self

    def replaced(self, name: str | None, address: str | None) -> EngineChoice:
        """This choice with another engine or address, such as a command's flags name; None leaves it as it is.

        An address alone means a Ray cluster.
        """
        name = name or ("ray" if address is not None else self.name)
        settings = self.model_dump(exclude_unset=True) if name == "ray" else {}
        if address is not None:
            settings["address"] = address
        return EngineChoice(**settings | {"name": name})
