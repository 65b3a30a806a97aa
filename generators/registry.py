"""Generators by name, imported only when one is asked for, so that `warp` never pays for torch."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable
from typing import Any

from generators.errors import GeneratorError, MissingPackage
from generators.generator import Generator

# name -> module:factory. A factory takes keyword options and returns a Generator.
FACTORIES = {
    "warp-dense": "generators.warp:dense",
    "warp-tps": "generators.warp:thin_plate",
    "warp-parts": "generators.warp:parts",
    "face-vid2vid": "generators.face_vid2vid:create",
    "lia": "generators.lia:create",
    "tps": "generators.tps:create",
    "external": "generators.external:create",
}


def names() -> list[str]:
    """The names `create` knows, in a stable order."""
    return list(FACTORIES)


def create(name: str, /, **options: Any) -> Generator:
    """The generator called `name`. Options are the factory's own (see its docstring); network generators take
    `weights` (a path or a registered name), `device` ("auto", "cpu", "cuda") and `dtype` ("float32", "bfloat16").

    Raises GeneratorError for an unknown name or option, missing weights, or a package that is not installed.
    """
    build = factory(name)
    try:
        return build(**options)
    except TypeError as error:
        if "unexpected keyword argument" in str(error):
            raise GeneratorError(f"generator {name!r}: {error}") from error
        raise


def factory(name: str, /) -> Callable[..., Generator]:
    """What makes the generator called `name`. Raises GeneratorError where there is none, or a package is missing."""
    if name not in FACTORIES:
        near = difflib.get_close_matches(name, FACTORIES, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise GeneratorError(f"no generator is called {name!r}{hint}; there are {', '.join(names())}")
    module, attribute = FACTORIES[name].split(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        extra = "curate" if name.startswith("warp-") else "render"
        raise MissingPackage(name, str(error.name), extra, str(error)) from error
