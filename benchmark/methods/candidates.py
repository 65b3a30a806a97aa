"""What can be evaluated: a method that is run here, or a file of embeddings or scores that a method has written.

`as_candidate` finds a candidate by one text, in this order: a checkpoint folder, a file (Parquet or CSV), the name of
an entry point (group `nvfair.methods`), or `package.module:attribute`. `pretrained:NAME` is a checkpoint that ships
with the package.

Legend: W windows, D embedding size.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, cast
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
from nvfair_tools.errors import NvfairError, Problems, did_you_mean
from nvfair_tools.moved import current_path

ENTRY_POINT_GROUP = "nvfair.methods"
# Suffix of the file beside a file of embeddings or scores that says what the method was trained on.
DECLARATION_SUFFIX = ".declaration.yaml"
_OWN_PACKAGES = ("benchmark", "generators", "leaderboard", "nvfair_tools")
_METHOD_ATTRIBUTES = ("name", "declaration", "needs", "time", "embed")


class Candidate(Interface):
    """Something that can be scored on trials."""

    @property
    def name(self) -> str:
        """The name in reports, unique within an evaluation."""
        ...

    @property
    def declaration(self) -> Declaration:
        """The people and generators that the method has touched."""
        ...

    def check_protocol(self, protocol: Protocol) -> None:
        """Raises NvfairError where the candidate cannot be scored under `protocol`."""
        ...

    def embeddings(self, windows: WindowSet, dataset: Dataset) -> VideoEmbeddings | None:
        """Embeddings of every video of `windows`; None where the candidate has scores only."""
        ...

    def scorer(self, embeddings: VideoEmbeddings | None, windows: WindowSet, scoring: Scoring) -> PairScorer:
        """A scorer of trials over `windows.videos`; embeddings: what `embeddings` returned for these windows."""
        ...

    def describe(self) -> dict[str, Any]:
        """What the report says of the candidate, as plain values."""
        ...


@dataclass
class MethodCandidate:
    """A method that is run here. details: what its maker recorded (options, parameters, digest)."""

    method: Method
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.method.name

    @property
    def declaration(self) -> Declaration:
        return self.method.declaration

    def check_protocol(self, protocol: Protocol) -> None:
        """Raises NvfairError where the method does not take the protocol's windows."""
        time = self.method.time
        if time is not None and time.window_only != protocol.time.window_only:
            raise NvfairError(
                f"it was trained on windows of {time}, the protocol asks for {protocol.time}",
                where=f"method {self.name}",
                remedy="train it under this protocol",
            )

    def embeddings(self, windows: WindowSet, dataset: Dataset) -> VideoEmbeddings:
        return embed_videos(self.method, windows, dataset)

    def scorer(self, embeddings: VideoEmbeddings | None, windows: WindowSet, scoring: Scoring) -> PairScorer:
        assert embeddings is not None
        return Scorer(embeddings, scoring)

    def describe(self) -> dict[str, Any]:
        return {"kind": "method", **self.details}


@dataclass
class EmbeddingsCandidate:
    """A file of embeddings, one a window."""

    name: str
    path: Path
    declaration: Declaration

    def check_protocol(self, protocol: Protocol) -> None:
        """Raises NvfairError where the file was written under another protocol's windows."""
        time = read_embeddings(self.path).meta.get("time")
        if time is not None and json.loads(time) != protocol.time.model_dump(mode="json"):
            raise NvfairError(
                f"its windows are {time}, the protocol asks for {protocol.time.model_dump_json()}",
                where=self.path,
                remedy="embed the data set under this protocol",
            )

    def embeddings(self, windows: WindowSet, dataset: Dataset) -> VideoEmbeddings:
        return video_embeddings(read_embeddings(self.path), windows.videos["video"].tolist(), where=self.path)

    def scorer(self, embeddings: VideoEmbeddings | None, windows: WindowSet, scoring: Scoring) -> PairScorer:
        assert embeddings is not None
        return Scorer(embeddings, scoring)

    def describe(self) -> dict[str, Any]:
        return {"kind": "embeddings", "file": self.path.name}


@dataclass
class ScoresCandidate:
    """A file of scores, one a trial; a larger score means more alike."""

    name: str
    path: Path
    declaration: Declaration

    def check_protocol(self, protocol: Protocol) -> None:
        """Accepts any protocol: a trial without a score is found when it is scored."""

    def embeddings(self, windows: WindowSet, dataset: Dataset) -> None:
        return None

    def scorer(self, embeddings: VideoEmbeddings | None, windows: WindowSet, scoring: Scoring) -> PairScorer:
        return TableScorer(read_scores(self.path), windows.videos["video"].to_numpy(dtype=object), self.path)

    def describe(self) -> dict[str, Any]:
        return {"kind": "scores", "file": self.path.name}


def as_candidate(
    method: Method | Candidate | type | str | Path, *, device: str = "cpu", declaration: Path | None = None
) -> Candidate:
    """The candidate for a method in memory, or for a name.

    method: a method, a class or function that makes one, a candidate; or a name: the folder of a checkpoint,
    "pretrained:NAME", an installed method, package.module:attribute, or a file of embeddings or scores.
    device: where a network embeds. declaration: a YAML or JSON file of what the method was trained on, for files that
    do not say it themselves.
    Raises NvfairError where nothing goes by the name, where what goes by it is no method, and where a file comes
    without a declaration.
    """
    if not isinstance(method, (str, Path)):
        return _candidate_in_memory(method, device)
    path = checkpoint_folder(method)
    if path.is_dir():
        return _checkpoint_candidate(path, device)
    if path.is_file():
        return _file_candidate(path, declaration)
    name = str(method)
    installed = entry_points(group=ENTRY_POINT_GROUP)
    for entry_point in installed:
        if entry_point.name == name:
            return MethodCandidate(_build_method(entry_point.load(), name, device))
    if ":" in name and not name.startswith((".", "/")):
        return MethodCandidate(_build_method(_import_attribute(name), name, device))
    known = sorted(entry_point.name for entry_point in installed)
    raise NvfairError(
        f"no method {name!r}",
        expected="a checkpoint folder, a file of embeddings or scores, an installed method"
        + (f" ({', '.join(known)})" if known else "")
        + ", or package.module:attribute",
        remedy=did_you_mean([name], known),
    )


def _candidate_in_memory(method: Method | Candidate | type, device: str) -> Candidate:
    if hasattr(method, "check_protocol") and hasattr(method, "scorer"):
        return cast(Candidate, method)
    instance = _build_method(method, getattr(method, "__name__", type(method).__name__), device)
    describe = getattr(instance, "describe", None)  # a checkpoint's record
    return MethodCandidate(instance, describe() if callable(describe) else {})


def _checkpoint_candidate(folder: Path, device: str) -> Candidate:
    from benchmark.methods.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(folder, device)
    return MethodCandidate(checkpoint, checkpoint.describe())


def _file_candidate(path: Path, declaration_file: Path | None) -> Candidate:
    columns, meta = table_columns(path)
    default_file = path.with_name(path.name + DECLARATION_SUFFIX)
    own = parse_declaration(json.loads(meta["declaration"]), where=path) if "declaration" in meta else None
    if declaration_file is not None or default_file.is_file():
        declaration = read_declaration(declaration_file or default_file)
        if own is not None and (omissions := own.unnamed_in(declaration)):
            raise Problems(
                declaration_file or default_file,
                [f"{path.name} says that its checkpoint has seen {line}" for line in omissions],
                remedy="leave the declaration out: the file has that of its checkpoint",
            )
    elif own is not None:
        declaration = own
    else:
        raise NvfairError(
            "nothing says what this was trained on",
            where=path,
            expected=f"a declaration in {default_file.name} beside it, or --declaration FILE",
            remedy="a YAML file with training, selection, thresholds and cohorts, each with people and generators; "
            "what is not known is 'unknown', and is shown as such",
        )
    kind = EmbeddingsCandidate if "embedding" in columns else ScoresCandidate
    return kind(path.stem, path, declaration)


def _import_attribute(dotted_path: str) -> Any:
    """What `package.module:attribute` names; NvfairError where there is no such module or attribute."""
    module, _, attribute = current_path(dotted_path).partition(":")
    # An installed `nvfair` does not look into the present folder. It comes last, so that nothing there hides a package.
    if not {"", os.getcwd()} & set(sys.path):
        sys.path.append(os.getcwd())
    try:
        value: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(error.name + ".")):
            raise  # the module is there; what it imports is not
        package = module.partition(".")[0]
        remedy = "go to its folder, install it, or set PYTHONPATH"
        if package in _OWN_PACKAGES:
            remedy = f"{package!r} is a package of this toolkit; give your own another name, such as my_{package}"
        raise NvfairError(
            f"there is no module {module!r}",
            where=dotted_path,
            expected="an installed module, or one in the present folder",
            remedy=remedy,
        ) from error
    for name in attribute.split("."):
        if not hasattr(value, name):
            raise NvfairError(f"{module!r} has no {attribute!r}", where=dotted_path)
        value = getattr(value, name)
    return value


def _build_method(source: Any, name: str, device: str) -> Method:
    """A method from what was named: itself, or what the class or factory makes, called with `device` if it takes it.

    Raises NvfairError where it lacks part of a method. name: for errors.
    """
    if isinstance(source, type) or (callable(source) and not isinstance(source, Method)):
        takes_device = "device" in inspect.signature(source).parameters
        source = source(device=device) if takes_device else source()
    missing = [attribute for attribute in _METHOD_ATTRIBUTES if not hasattr(source, attribute)]
    if missing:
        raise NvfairError(
            f"it has no {', '.join(missing)}",
            where=name,
            expected="a method as benchmark/methods/method.py describes it",
        )
    if not isinstance(source.declaration, Declaration):
        raise NvfairError(
            f"its declaration is {type(source.declaration).__name__}",
            where=name,
            expected="benchmark.methods.declaration.Declaration; Declaration.unknown() where nothing is known",
        )
    return source
