"""What can be evaluated: a method that is run here, or a file of embeddings or scores that it left.

`candidate` finds it by one text, in this order: a checkpoint folder, a file (Parquet or CSV), the name of an
entry point (group `nvfair.methods`), or `package.module:attribute`. `pretrained:NAME` is a checkpoint that ships.

Legend: W windows, D embedding size.
"""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from typing import Protocol as Interface

from benchmark.methods.declaration import Declaration, parse_declaration, read_declaration
from benchmark.methods.embed import embed_videos
from benchmark.methods.embedding_files import read_embeddings, table_columns, video_embeddings
from benchmark.methods.method import Method
from benchmark.methods.score_files import TableScorer, read_scores
from benchmark.pretrained import checkpoint_folder
from benchmark.protocols.schema import Protocol, Scoring
from benchmark.trial_scores.scores import PairScorer, Scorer, VideoEmbeddings
from benchmark.windows.window_set import WindowSet
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.moved import current_path

ENTRY_POINT_GROUP = "nvfair.methods"
# Beside a file of embeddings or scores, what it was trained on.
DECLARATION_SUFFIX = ".declaration.yaml"


class Candidate(Interface):
    """Something that can be scored on trials. name: unique within an evaluation."""

    @property
    def name(self) -> str:
        """Of the method."""
        ...

    @property
    def declaration(self) -> Declaration:
        """What it was trained on."""
        ...

    def check_protocol(self, protocol: Protocol) -> None:
        """Raises NvfairError where it cannot be scored under `protocol`."""
        ...

    def embeddings(self, windows: WindowSet, dataset: Dataset) -> VideoEmbeddings | None:
        """Embeddings of every video of `windows`; None where it has scores only."""
        ...

    def scorer(self, found: VideoEmbeddings | None, windows: WindowSet, scoring: Scoring) -> PairScorer:
        """A scorer of trials over `windows.videos`."""
        ...

    def describe(self) -> dict[str, Any]:
        """What the report says of it, as plain values."""
        ...


@dataclass
class MethodCandidate:
    """A method that is run here. details: what its maker recorded (options, parameters, digest)."""

    method: Method
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The method's."""
        return self.method.name

    @property
    def declaration(self) -> Declaration:
        """The method's."""
        return self.method.declaration

    def check_protocol(self, protocol: Protocol) -> None:
        """Refuses windows that it does not take."""
        wanted = self.method.time
        if wanted is not None and wanted.window_only != protocol.time.window_only:
            raise NvfairError(
                f"it was trained on windows of {wanted}, the protocol asks for {protocol.time}",
                where=f"method {self.name}",
                remedy="train it under this protocol",
            )

    def embeddings(self, windows: WindowSet, dataset: Dataset) -> VideoEmbeddings:
        """Runs the method."""
        return embed_videos(self.method, windows, dataset)

    def scorer(self, found: VideoEmbeddings | None, windows: WindowSet, scoring: Scoring) -> PairScorer:
        """Scores embeddings as the protocol says."""
        assert found is not None
        return Scorer(found, scoring)

    def describe(self) -> dict[str, Any]:
        """Its record."""
        return {"kind": "method", **self.details}


@dataclass
class EmbeddingsCandidate:
    """A file of embeddings."""

    name: str
    path: Path
    declaration: Declaration

    def check_protocol(self, protocol: Protocol) -> None:
        """Refuses a file that was written under another protocol's windows."""
        meta = read_embeddings(self.path).meta
        time = meta.get("time")
        if time is not None and json.loads(time) != protocol.time.model_dump(mode="json"):
            raise NvfairError(
                f"its windows are {time}, the protocol asks for {protocol.time.model_dump_json()}",
                where=self.path,
                remedy="embed the data set under this protocol",
            )

    def embeddings(self, windows: WindowSet, dataset: Dataset) -> VideoEmbeddings:
        """Reads them; every video of `windows` must be there."""
        return video_embeddings(read_embeddings(self.path), windows.videos["video"].tolist(), where=self.path)

    def scorer(self, found: VideoEmbeddings | None, windows: WindowSet, scoring: Scoring) -> PairScorer:
        """Scores embeddings as the protocol says."""
        assert found is not None
        return Scorer(found, scoring)

    def describe(self) -> dict[str, Any]:
        """Its file."""
        return {"kind": "embeddings", "file": self.path.name}


@dataclass
class ScoresCandidate:
    """A file of scores, one a trial; larger means more alike."""

    name: str
    path: Path
    declaration: Declaration

    def check_protocol(self, protocol: Protocol) -> None:
        """Scores fit any protocol whose trials they name."""

    def embeddings(self, windows: WindowSet, dataset: Dataset) -> None:
        """There are none."""

    def scorer(self, found: VideoEmbeddings | None, windows: WindowSet, scoring: Scoring) -> PairScorer:
        """Looks trials up by their names."""
        return TableScorer(read_scores(self.path), windows.videos["video"].to_numpy(dtype=object), self.path)

    def describe(self) -> dict[str, Any]:
        """Its file."""
        return {"kind": "scores", "file": self.path.name}


def as_candidate(
    method: Method | Candidate | type | str | Path, *, device: str = "cpu", declaration: Path | None = None
) -> Candidate:
    """The candidate for a method in memory or by name.

    method: a method or a class of one, a loaded checkpoint, or a name: the folder of a checkpoint, "pretrained:NAME",
    an installed method, package.module:attribute, or the path of a file of embeddings or scores.
    declaration: a YAML or JSON file of what it was trained on, for files that do not say it themselves.
    Raises NvfairError where nothing is found, or where a file comes without a declaration.
    """
    if not isinstance(method, (str, Path)):
        return _candidate_in_memory(method, device)
    path = checkpoint_folder(method)
    if path.is_dir():
        return _checkpoint(path, device)
    if path.is_file():
        return _file(path, declaration)
    name = str(method)
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        if entry.name == name:
            return MethodCandidate(_built(entry.load(), name, device))
    if ":" in name and not name.startswith((".", "/")):
        return MethodCandidate(_built(_attribute(name), name, device))
    known = sorted(entry.name for entry in entry_points(group=ENTRY_POINT_GROUP))
    raise NvfairError(
        f"no method {name!r}",
        expected="a checkpoint folder, a file of embeddings or scores, an installed method"
        + (f" ({', '.join(known)})" if known else "")
        + ", or package.module:attribute",
    )


def _candidate_in_memory(method: Method | Candidate | type, device: str) -> Candidate:
    if isinstance(method, (MethodCandidate, EmbeddingsCandidate, ScoresCandidate)):
        return method
    instance = _built(method, getattr(method, "__name__", type(method).__name__), device)
    describe = getattr(instance, "describe", None)  # a checkpoint's record
    return MethodCandidate(instance, describe() if callable(describe) else {})


def _checkpoint(folder: Path, device: str) -> Candidate:
    from benchmark.methods.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(folder, device)
    return MethodCandidate(checkpoint, checkpoint.describe())


def _file(path: Path, declaration: Path | None) -> Candidate:
    columns, meta = table_columns(path)
    beside = declaration or path.with_name(path.name + DECLARATION_SUFFIX)
    if declaration is not None or beside.is_file():
        declared = read_declaration(beside)
    elif "declaration" in meta:
        declared = parse_declaration(json.loads(meta["declaration"]), where=path)
    else:
        raise NvfairError(
            "nothing says what this was trained on",
            where=path,
            expected=f"a declaration in {beside.name} beside it, or --declaration FILE",
            remedy="a YAML file with training, selection, thresholds and cohorts, each with people and generators; "
            "what is not known is 'unknown', and is shown as such",
        )
    kind = EmbeddingsCandidate if "embedding" in columns else ScoresCandidate
    return kind(path.stem, path, declared)


def _attribute(name: str) -> Any:
    module, _, attribute = current_path(name).partition(":")
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(error.name + ".")):
            raise  # the module is there; what it imports is not
        raise NvfairError(
            f"there is no module {module!r}", where=name, remedy="install it, or set PYTHONPATH to its folder"
        ) from error
    for step in attribute.split("."):
        if not hasattr(found, step):
            raise NvfairError(f"{module!r} has no {attribute!r}", where=name)
        found = getattr(found, step)
    return found


def _built(found: Any, name: str, device: str) -> Method:
    """A method from what was named: itself, or what its class or factory makes (given `device` where it takes it)."""
    if isinstance(found, type) or (callable(found) and not isinstance(found, Method)):
        import inspect

        takes = "device" in inspect.signature(found).parameters
        found = found(device=device) if takes else found()
    lacks = [word for word in ("name", "declaration", "needs", "time", "embed") if not hasattr(found, word)]
    if lacks:
        raise NvfairError(
            f"it has no {', '.join(lacks)}", where=name, expected="a method as benchmark/methods/method.py describes it"
        )
    if not isinstance(found.declaration, Declaration):
        raise NvfairError(
            f"its declaration is {type(found.declaration).__name__}",
            where=name,
            expected="benchmark.methods.declaration.Declaration; Declaration.unknown() where nothing is known",
        )
    return found
