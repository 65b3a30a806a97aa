"""Published checkpoints: read without running anything in them, checked in full against the networks they must fill.

A *checkpoint* here is {module: {tensor name: Tensor}}: what the published files hold at their top level
("kp_detector", "generator", ...). A `Layout` says which modules a generator needs.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import pickle
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from generators.checkpoint_forms import form_hint, non_finite_problem
from generators.errors import GeneratorError

State = dict[str, Tensor]
Checkpoint = dict[str, State]

# The packages that fill networks from published files; each exposes LAYOUTS (several variants) or LAYOUT.
NETWORK_PACKAGES = ("generators.face_vid2vid", "generators.lia", "generators.tps")

# Above this share of equally named and shaped tensors a module is said to resemble another.
RESEMBLANCE = 0.5
LISTED_NAMES = 4


@dataclass(frozen=True)
class Layout:
    """The modules of one generator's published checkpoints.

    generator: the registry's name ("tps"). variant: what tells it from its siblings ("spade"), or "".
    files: names under which people know the published files. required, optional: module key -> a function that
        builds the network which the module fills; it is called on the meta device, so it costs no memory.
    licence: of the published weights. source: where they are published.
    """

    generator: str
    files: tuple[str, ...]
    required: Mapping[str, Callable[[], nn.Module]]
    licence: str
    source: str
    optional: Mapping[str, Callable[[], nn.Module]] = field(default_factory=dict)
    variant: str = ""

    @property
    def name(self) -> str:
        """Generator and variant, as shown to people: "face-vid2vid (spade)"."""
        return f"{self.generator} ({self.variant})" if self.variant else self.generator

    def expected(self, module: str) -> dict[str, tuple[int, ...]]:
        """The shapes that a module's tensors must have: {tensor name: shape}. Raises KeyError for an unknown module."""
        build = self.required[module] if module in self.required else self.optional[module]
        with torch.device("meta"):
            return {name: tuple(tensor.shape) for name, tensor in build().state_dict().items()}


def known_layouts() -> list[Layout]:
    """The layouts of all network generators that are installed."""
    layouts: list[Layout] = []
    for name in NETWORK_PACKAGES:
        try:
            package = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name == name:
                continue
            raise
        layouts.extend(getattr(package, "LAYOUTS", None) or (package.LAYOUT,))
    return layouts


def file_sha256(path: Path) -> str:
    """Hex sha256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def read_checkpoint(path: Path | str) -> Checkpoint:
    """The modules of a checkpoint file as {module: {tensor name: Tensor on the CPU}}.

    Reads torch files (never an arbitrary pickle: `weights_only`) and safetensors files whose keys are
    "<module>/<tensor>". Entries that hold no tensors by name (optimisers, epoch, arguments) are left out; tensors
    that lie at the top level, as in a bare state dict, come back under the module "".
    Raises GeneratorError where the file is missing, cut short, no checkpoint, or needs to run code to be opened.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise GeneratorError(
            f"weights {path}: the file {what}; give the path of a checkpoint file or a registered name"
        )
    with open(path, "rb") as stream:
        head = stream.read(64)
    _refuse_impostors(path, head)
    # safetensors: 8 bytes of header length, then JSON. The suffix is not trusted: people rename files.
    checkpoint = _read_safetensors(path) if head[8:9] == b"{" else _read_torch(path)
    if not checkpoint:
        raise GeneratorError(f"weights {path}: no tensors inside; expected a dict of modules, each a state dict")
    return checkpoint


def select(checkpoint: Checkpoint, layout: Layout, *, where: str) -> Checkpoint:
    """The modules of `checkpoint` that `layout` uses, every name and shape checked, and that all numbers are finite.

    Raises one GeneratorError that lists all that is missing, unexpected, wrongly shaped or not finite, and names the
    form or the layout that the file resembles more.
    """
    problems = [f"module {module!r} is missing" for module in layout.required if module not in checkpoint]
    chosen = {name: checkpoint[name] for name in (*layout.required, *layout.optional) if name in checkpoint}
    for name, state in chosen.items():
        difference = _difference(layout.expected(name), state)
        if difference or (difference := non_finite_problem(state)):
            problems.append(f"module {name!r}: {difference}")
    if problems:
        raise GeneratorError(
            f"{where} does not fit {layout.name}: {'; '.join(problems)}. The file holds {module_names(checkpoint)}."
            f"{foreign_form(checkpoint) or _other_layout(checkpoint, layout)} {layout.name} reads "
            f"{_names(layout.files)} from {layout.source}"
        )
    return chosen


def module_names(checkpoint: Checkpoint) -> str:
    """The modules of a checkpoint in words; a plain state dict has tensors of no module."""
    names = [repr(name) for name in checkpoint if name]
    names += ["tensors that belong to no module"] if "" in checkpoint else []
    return ", ".join(names)


def recognise(checkpoint: Checkpoint, layouts: Iterable[Layout] | None = None) -> Layout | None:
    """The first of `layouts` (all known ones) that `checkpoint` fits in each of its required modules, or None."""
    for layout in known_layouts() if layouts is None else layouts:
        if all(
            module in checkpoint and not _difference(layout.expected(module), checkpoint[module])
            for module in layout.required
        ):
            return layout
    return None


def foreign_form(checkpoint: Checkpoint) -> str:
    """A sentence on the form of a checkpoint that fits no layout, where it is a known one; see `form_hint`."""

    def recognised(candidate: Checkpoint) -> str:
        layout = recognise(candidate)
        return layout.name if layout is not None else ""

    return form_hint(checkpoint, recognised)


def filled(build: Callable[[], nn.Module], state: Mapping[str, Tensor], *, where: str) -> Any:
    """The network that `build` makes, filled exactly from `state` (`load_strict`), for inference only.

    It is built on the meta device, so the tensors of `state` are all the memory it takes.
    """
    with torch.device("meta"):
        module = build()
    load_strict(module, state, where=where)
    return module.eval().requires_grad_(False)


def load_strict(module: nn.Module, state: Mapping[str, Tensor], *, where: str) -> None:
    """Fills `module` from `state`, exactly: each tensor present, none left over, equal shapes.

    Floating-point tensors are converted to the module's type. A module on the meta device takes the tensors
    themselves. Raises one GeneratorError naming everything that does not fit, and the known layout's module that
    the state resembles more; `where` opens the message (file and module).
    """
    module_state = module.state_dict()
    difference = _difference({name: tuple(tensor.shape) for name, tensor in module_state.items()}, state)
    if difference:
        raise GeneratorError(f"{where}: {difference}.{_other_module(state)} Give the checkpoint of this very network")
    on_meta = any(tensor.is_meta for tensor in module_state.values())
    module.load_state_dict(
        {name: state[name].to(module_state[name].dtype) for name in module_state}, strict=True, assign=on_meta
    )


def _refuse_impostors(path: Path, head: bytes) -> None:
    start = head.lstrip().lower()
    if not head:
        raise GeneratorError(f"weights {path}: the file is empty; fetch it again")
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise GeneratorError(f"weights {path}: this is a web page, not a checkpoint; download the file itself")
    if start.startswith(b"version https://git-lfs"):
        raise GeneratorError(
            f"weights {path}: this is a Git LFS pointer, not the file; run `git lfs pull` or download it"
        )


def _read_safetensors(path: Path) -> Checkpoint:
    from safetensors import SafetensorError, safe_open

    checkpoint: Checkpoint = {}
    try:
        with safe_open(path, framework="pt") as file:
            for key in file.keys():  # noqa: SIM118 - safe_open is no mapping
                module, _, tensor = key.rpartition("/")
                checkpoint.setdefault(module, {})[tensor] = file.get_tensor(key)
    except SafetensorError as error:
        raise GeneratorError(f"weights {path}: not a whole safetensors file ({error}); fetch it again") from error
    return checkpoint


def _read_torch(path: Path) -> Checkpoint:
    try:
        # LIA's files carry the training command's argparse.Namespace: a bag of attributes, harmless.
        with torch.serialization.safe_globals([argparse.Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        code_name = re.search(r"(?:GLOBAL |class )([\w.]+)", str(error))
        if code_name:
            raise GeneratorError(
                f"weights {path}: opening the file would run code ({code_name[1]}), which is refused. "
                "If you trust it, open it once in the project it comes from and save only its state dicts: "
                'torch.save({"<module>": checkpoint["<module>"], ...}, new_file)'
            ) from error
        raise GeneratorError(f"weights {path}: not a torch checkpoint, or damaged; fetch the file again") from error
    except Exception as error:  # damaged bytes make the unpickler raise nearly anything
        raise GeneratorError(
            f"weights {path}: cut short or damaged ({_first_line(error)}); fetch the file again and compare its sha256"
        ) from error
    if not isinstance(content, Mapping):
        raise GeneratorError(f"weights {path}: holds a {type(content).__name__}; expected a dict of modules")
    checkpoint = {str(name): state for name, value in content.items() if (state := _tensors(value))}
    bare = _tensors(content)
    return {**checkpoint, "": bare} if bare else checkpoint


def _tensors(value: object) -> State:
    if not isinstance(value, Mapping):
        return {}
    return {name: item.detach() for name, item in value.items() if isinstance(name, str) and isinstance(item, Tensor)}


def _difference(expected: Mapping[str, tuple[int, ...]], state: Mapping[str, Tensor]) -> str:
    missing = [name for name in expected if name not in state]
    unexpected = [name for name in state if name not in expected]
    shapes = [
        f"{name} is {tuple(state[name].shape)}, expected {shape}"
        for name, shape in expected.items()
        if name in state and tuple(state[name].shape) != shape
    ]
    parts = (("missing", missing), ("unexpected", unexpected), ("wrongly shaped", shapes))
    return "; ".join(f"{len(names)} {label}: {_names(names)}" for label, names in parts if names)


def _names(names: Iterable[str]) -> str:
    names = list(names)
    more = len(names) - LISTED_NAMES
    return ", ".join(names[:LISTED_NAMES]) + (f" and {more} more" if more > 0 else "")


def _alike(expected: Mapping[str, tuple[int, ...]], state: Mapping[str, Tensor]) -> float:
    equal = sum(1 for name, shape in expected.items() if name in state and tuple(state[name].shape) == shape)
    return equal / max(1, len(expected.keys() | state.keys()))


def _other_layout(checkpoint: Checkpoint, expected_layout: Layout) -> str:
    best, best_share = None, RESEMBLANCE
    for layout in known_layouts():
        if layout.name == expected_layout.name:
            continue
        shares = [_alike(layout.expected(name), checkpoint.get(name, {})) for name in layout.required]
        share = sum(shares) / len(shares)
        if share > best_share:
            best, best_share = layout, share
    return f" It looks like weights of {best.name}." if best else ""


def _other_module(state: Mapping[str, Tensor]) -> str:
    best, best_share = "", RESEMBLANCE
    for layout in known_layouts():
        for name in (*layout.required, *layout.optional):
            share = _alike(layout.expected(name), state)
            if share > best_share:
                best, best_share = f" It looks like {name!r} of {layout.name}.", share
    return best


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].split(". ")[0][:200]
