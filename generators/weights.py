"""The store of generator checkpoints: what people fetched once, checked, hashed, and kept with its licence.

One folder (`$NVFAIR_WEIGHTS`, else ~/.cache/nvfair/weights) holds, for each entry, NAME.safetensors with the modules
the generator needs, and NAME.json which says where they came from. The JSON is written last: it makes the entry.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from generators.checkpoint import (
    Layout,
    file_sha256,
    foreign_form,
    known_layouts,
    module_names,
    read_checkpoint,
    recognise,
    select,
)
from generators.errors import GeneratorError

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Record:
    """One entry of the store.

    name: what `create(weights=...)` is given. generator, variant: the layout it fits. sha256: of the file as it was
    published; stored_sha256: of our safetensors file. source: where it came from. added: UTC, ISO 8601.
    """

    name: str
    generator: str
    variant: str
    sha256: str
    stored_sha256: str
    original_file: str
    modules: tuple[str, ...]
    licence: str
    source: str
    added: str


@dataclass(frozen=True)
class Weights:
    """A checkpoint file ready to be read, with the sha256 of the published file and the licence of its weights."""

    path: Path
    sha256: str
    licence: str


def store_folder() -> Path:
    """Where entries live; not created by asking."""
    chosen = os.environ.get("NVFAIR_WEIGHTS")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "nvfair" / "weights"


def records(folder: Path | None = None) -> list[Record]:
    """All entries by name. Raises GeneratorError for an entry whose JSON cannot be read."""
    folder = folder or store_folder()
    return [_read_record(path) for path in sorted(folder.glob("*.json"))] if folder.is_dir() else []


def add(
    file: Path | str,
    *,
    generator: str | None = None,
    name: str | None = None,
    source: str | None = None,
    licence: str | None = None,
    folder: Path | None = None,
) -> Record:
    """Checks a published checkpoint against the known layouts, and keeps the modules its generator needs.

    generator: the one it must fit; recognised where not given. name: "<generator>-<file's stem>" where not given.
    source, licence: the layout's own where not given. Raises GeneratorError where the file fits no layout, or its
    content or name is in the store already.
    """
    folder = folder or store_folder()
    planned = plan_addition(file, generator=generator, name=name, source=source, licence=licence, folder=folder)
    folder.mkdir(parents=True, exist_ok=True)
    stored = _write_tensors(planned.modules, folder / f"{planned.record.name}.safetensors")
    record = dataclasses.replace(planned.record, stored_sha256=stored)
    _write_record(record, folder / f"{record.name}.json")
    return record


@dataclass(frozen=True)
class PlannedAddition:
    """What `add` would write. record: without the hash of our file. modules: {module: its tensors}. bytes: of them."""

    record: Record
    modules: dict
    bytes: int


def plan_addition(
    file: Path | str,
    *,
    generator: str | None = None,
    name: str | None = None,
    source: str | None = None,
    licence: str | None = None,
    folder: Path | None = None,
) -> PlannedAddition:
    """Does what `add` does before it writes: takes what it takes, and raises what it raises."""
    file, folder = Path(file), folder or store_folder()
    checkpoint = read_checkpoint(file)
    layout = _fitting(checkpoint, generator, where=f"weights {file}")
    modules = select(checkpoint, layout, where=f"weights {file}")
    name = _checked_name(name or f"{layout.generator}-{_stem(file)}")
    sha256 = file_sha256(file)
    _refuse_known(name, sha256, where=f"weights {file}", folder=folder)
    record = Record(
        name=name,
        generator=layout.generator,
        variant=layout.variant,
        sha256=sha256,
        stored_sha256="",
        original_file=file.name,
        modules=tuple(modules),
        licence=licence or layout.licence,
        source=source or layout.source,
        added=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    tensors = (tensor for state in modules.values() for tensor in state.values())
    return PlannedAddition(record, modules, sum(tensor.numel() * tensor.element_size() for tensor in tensors))


def _refuse_known(name: str, sha256: str, *, where: str, folder: Path) -> None:
    """Raises GeneratorError where the store has this content, or another one of this name."""
    for record in records(folder):
        if record.sha256 == sha256:
            raise GeneratorError(f"{where}: already in the store as {record.name!r} (same sha256 {sha256[:12]}...)")
        if record.name == name:
            raise GeneratorError(
                f"{where}: the name {name!r} is taken by {record.original_file} "
                f"(sha256 {record.sha256[:12]}...); choose another with --name, or `nvfair weights remove {name}` first"
            )


def remove(name: str, folder: Path | None = None) -> Record:
    """Takes an entry out of the store, its file included. Raises GeneratorError for an unknown name."""
    folder = folder or store_folder()
    record = find(name, folder)
    (folder / f"{name}.json").unlink()
    (folder / f"{name}.safetensors").unlink(missing_ok=True)
    return record


def resolve(weights: str | Path | None, *layouts: Layout, folder: Path | None = None) -> Weights:
    """The checkpoint file that `weights` means: a registered name, else a path. layouts: of the one generator asking.

    Both ways give the sha256 of the file as it was published, so a file and its registered copy make the same
    generator. Raises GeneratorError where it is neither, is registered for another generator, or was changed in the
    store.
    """
    folder = folder or store_folder()
    generator = layouts[0].generator
    files = list(dict.fromkeys(file for layout in layouts for file in layout.files))
    known = {record.name: record for record in records(folder)}
    registered_names = [record.name for record in known.values() if record.generator == generator]
    advice = (
        f"give a path or one of the registered names {registered_names}; "
        f"`nvfair weights add FILE` registers a published file ({' or '.join(files)}, see {layouts[0].source}; "
        f"licence {layouts[0].licence})"
    )
    if weights is None:
        raise GeneratorError(f"{generator} needs weights: {advice}")
    record = known.get(str(weights))
    if record is None:
        path = Path(weights).expanduser()
        if not path.is_file():
            raise GeneratorError(f"weights {str(weights)!r}: no such file and no such registered name; {advice}")
        sha256 = file_sha256(path)
        licences = [record.licence for record in known.values() if record.sha256 == sha256]
        return Weights(path, sha256, licences[0] if licences else layouts[0].licence)
    if record.generator != generator:
        raise GeneratorError(f"weights {record.name!r} are of {record.generator}, not of {generator}; {advice}")
    path = folder / f"{record.name}.safetensors"
    if not path.is_file() or file_sha256(path) != record.stored_sha256:
        raise GeneratorError(
            f"weights {record.name!r}: {path} is missing or was changed since it was added; "
            f"`nvfair weights remove {record.name}` and add {record.original_file} again"
        )
    return Weights(path, record.sha256, record.licence)


def fetch(
    name: str,
    url: str,
    sha256: str,
    *,
    generator: str | None = None,
    licence: str | None = None,
    folder: Path | None = None,
    timeout: float = 30.0,
) -> Record:
    """Downloads a published checkpoint (https, file or hf://OWNER/REPO/FILE), checks its sha256 and adds it.

    Raises GeneratorError where the name is taken or the content known, before anything is downloaded; where the network
    fails (the message says how to do the same by hand), the sha256 differs, or `add` refuses.
    """
    folder, sha256 = folder or store_folder(), sha256.lower().strip()
    address = plan_download(name, url, sha256, generator=generator, folder=folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as scratch:
        target = Path(scratch) / (address.rsplit("/", 1)[-1].partition("?")[0] or "download")
        try:
            with urllib.request.urlopen(address, timeout=timeout) as answer, open(target, "wb") as out:
                shutil.copyfileobj(answer, out, 1 << 20)
        except (urllib.error.URLError, OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise GeneratorError(
                f"weights {name!r}: {url} could not be fetched ({reason}). Without a network here, download "
                f"{target.name} elsewhere, check that its sha256 is {sha256}, copy it to this machine, and run "
                f"`nvfair weights add {target.name} --name {name} --source {url}`"
            ) from error
        actual_sha256 = file_sha256(target)
        if actual_sha256 != sha256:
            raise GeneratorError(
                f"weights {name!r}: {url} has sha256 {actual_sha256}, expected {sha256}; nothing was kept"
            )
        return add(target, generator=generator, name=name, source=url, licence=licence, folder=folder)


def plan_download(name: str, url: str, sha256: str, *, generator: str | None = None, folder: Path | None = None) -> str:
    """Does what `fetch` does before it asks anybody, and raises what it raises; returns the address to download."""
    name = _checked_name(name)
    if not re.fullmatch(r"[0-9a-f]{64}", sha256.lower().strip()):
        raise GeneratorError(f"sha256 {sha256!r} is not 64 hex digits")
    _layouts_of(generator, where=f"weights {name!r}")
    _refuse_known(name, sha256.lower().strip(), where=f"weights {name!r}", folder=folder or store_folder())
    return web_address(url)


def _fitting(checkpoint: dict, generator: str | None, where: str) -> Layout:
    layouts = _layouts_of(generator, where=where)
    matching_layout = recognise(checkpoint, layouts)
    if matching_layout is not None:
        return matching_layout
    if generator is not None:
        select(checkpoint, layouts[0], where=where)  # raises with the whole list
    raise GeneratorError(
        f"{where}: fits none of {', '.join(layout.name for layout in known_layouts())}; it holds "
        f"{module_names(checkpoint)}.{foreign_form(checkpoint)} Name the generator (--generator) to see every tensor "
        "that differs"
    )


def _layouts_of(generator: str | None, where: str) -> list[Layout]:
    """The layouts of a network generator, or all; GeneratorError where no generator has this name."""
    layouts = known_layouts()
    chosen = [layout for layout in layouts if generator in (None, layout.generator)]
    if not chosen:
        known = sorted({layout.generator for layout in layouts})
        raise GeneratorError(f"{where}: no network generator is called {generator!r}; there are {', '.join(known)}")
    return chosen


def _checked_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise GeneratorError(
            f"the name {name!r} will not do: use lower-case letters, digits, '.', '_' and '-', at most 64 (--name)"
        )
    return name


def _stem(file: Path) -> str:
    name = file.name.lower()
    for suffix in (".safetensors", ".tar", ".pth", ".pt", ".ckpt", ".bin"):
        name = name.removesuffix(suffix)
    return re.sub(r"[^a-z0-9._-]+", "-", name).strip("-")


def find(name: str, folder: Path | None = None) -> Record:
    """The entry with a name. folder: of the store, by default the user's. Raises GeneratorError where there is none."""
    folder = folder or store_folder()
    known = {record.name: record for record in records(folder)}
    if name not in known:
        raise GeneratorError(
            f"no weights are registered as {name!r} in {folder}; there are {', '.join(sorted(known)) or 'none'}"
        )
    return known[name]


def _read_record(path: Path) -> Record:
    try:
        content = json.loads(path.read_text())
        return Record(**{**content, "modules": tuple(content["modules"])})
    except (ValueError, TypeError, KeyError) as error:
        raise GeneratorError(f"{path}: not a record of weights ({error}); delete it and add the file again") from error


def _write_tensors(modules: dict, path: Path) -> str:
    from safetensors.torch import save_file

    # Clones: published state dicts may share memory between tensors, which the format refuses.
    tensors = {
        f"{module}/{name}": tensor.contiguous().clone()
        for module, state in modules.items()
        for name, tensor in state.items()
    }
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file(tensors, aside)
        _flush(aside)
        digest = file_sha256(aside)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return digest


def _write_record(record: Record, path: Path) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(json.dumps(dataclasses.asdict(record), indent=2) + "\n")
    _flush(aside)
    os.replace(aside, path)


def _flush(path: Path) -> None:
    with open(path, "rb") as stream:
        os.fsync(stream.fileno())


def web_address(url: str) -> str:
    """The address to download from: of hf://OWNER/REPO/FILE the Hub's, any other stays as it is."""
    hub = re.fullmatch(r"hf://([^/]+/[^/]+)/(.+)", url)
    if hub:
        base = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
        return f"{base}/{hub[1]}/resolve/main/{hub[2]}"
    if not url.startswith(("https://", "file://")):
        raise GeneratorError(f"url {url!r}: give an https:// or hf://OWNER/REPO/FILE address")
    return url
