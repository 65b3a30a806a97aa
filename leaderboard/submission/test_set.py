"""What a submission to a data set must hold: the windows and trials of its test people, worked out once a protocol.

Legend: N videos, W windows of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from benchmark.evaluation import sections as plan
from benchmark.protocols.schema import Protocol, Relation
from benchmark.trials.trials import cell_names, count_trials, make_trials
from benchmark.windows.window_set import WindowSet, read_windows
from leaderboard.hidden.blind_key import blind_names
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import sha256_of


@dataclass(frozen=True)
class ExpectedRows:
    """What is tested under one protocol.

    videos: the table's rows of the N videos that have windows, index 0..N-1. shown: (N,) the names by which authors
    know them: their ids, or on a hidden set those of the blind copy. offsets: (N + 1), start_frame: (W,), first frames
    of the windows of video n are start_frame[offsets[n]:offsets[n + 1]]. asked: rows of all reenactments of the test
    people, those without a window among them: failures to acquire, which count as rejected.
    """

    videos: pd.DataFrame
    public_ids: np.ndarray
    offsets: np.ndarray
    start_frame: np.ndarray
    protocol: Protocol
    all_reenactments: pd.DataFrame
    _keys: dict[tuple[str, ...], np.ndarray] = field(default_factory=dict, compare=False)
    _cells: dict[tuple[str, ...], list[str]] = field(default_factory=dict, compare=False)

    @property
    def people(self) -> list[str]:
        """Everybody in the videos, in either role."""
        return sorted({*self.videos["driver"], *self.videos["target"]})

    def cells(self, generators: Sequence[str]) -> list[str]:
        """Cells (`trials.cell_names`) of `generators` in which a target has genuine and impostor trials."""
        wanted = tuple(sorted(generators))
        if wanted not in self._cells:
            rule = self.protocol.trials
            table = count_trials(self.videos, rule, cell_names(wanted, rule))
            self._cells[wanted] = sorted(table.loc[table["lack"] == "", "cell"].unique())
        return self._cells[wanted]

    def trial_keys(self, cells: Sequence[str]) -> np.ndarray:
        """Sorted numbers (first video · N + second) of all trials of `cells`, int64. Not for trials of templates."""
        wanted = tuple(cells)
        if wanted not in self._keys:
            parts = [
                self.keys_of(pairs)
                for cell in cells
                for one in make_trials(self.videos, cell, self.protocol.trials)
                for pairs in (one.genuine, one.impostor)
            ]
            self._keys[wanted] = np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int64)
        return self._keys[wanted]

    def keys_of(self, pairs: np.ndarray) -> np.ndarray:
        """Numbers of trials given as positions (n, 2)."""
        pairs = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
        return pairs[:, 0] * len(self.videos) + pairs[:, 1]


class TestSet:
    """A data set as the board scores on it. Keep one: what a protocol expects takes a pass over the tracks.

    names: {video id: name in the blind copy} of a hidden set; None: as the key beside the data set says, if there is
    one (`leaderboard.hidden.blind_key`).
    """

    __test__ = False  # no class of tests, whatever its name

    def __init__(self, dataset: Dataset, names: Mapping[str, str] | None = None) -> None:
        self.dataset = dataset
        self.names = blind_names(dataset) if names is None else names
        self._known: dict[str, ExpectedRows] = {}
        self._digest = ""

    @property
    def blind(self) -> bool:
        """Whether this is the blind copy itself, which can be checked against but not scored on."""
        return "blind" in self.dataset.meta

    @property
    def hidden(self) -> bool:
        """Whether authors have a blind copy only."""
        return self.names is not None or self.blind

    @property
    def digest(self) -> str:
        """sha256 of dataset.json."""
        self._digest = self._digest or sha256_of(self.dataset.folder / "dataset.json")
        return self._digest

    def generators(self, protocol: Protocol) -> list[str]:
        """Generators of the test people's reenactments."""
        return sorted(videos_under_test(self.dataset, protocol)["generator"].unique())

    def expected_rows(self, protocol: Protocol) -> ExpectedRows:
        """What is to be embedded, or scored, under `protocol`."""
        known = self._known.get(protocol.digest)
        if known is None:
            known = self._known[protocol.digest] = self._expected(protocol)
        return known

    def _expected(self, protocol: Protocol) -> ExpectedRows:
        same = [one for one in self._known.values() if _windows_of(one.protocol) == _windows_of(protocol)]
        if same:
            one = same[0]
            return ExpectedRows(
                one.videos, one.public_ids, one.offsets, one.start_frame, protocol, one.all_reenactments
            )
        windows = windows_under_test(self.dataset, protocol)
        counts = np.bincount(windows.video, minlength=len(windows.videos))
        ids = windows.videos["video"].tolist()
        if self.names is not None and (lost := [video for video in ids if video not in self.names]):
            raise NvfairError(
                f"the key of the blind copy does not know {len(lost)} test videos, such as {lost[0]}",
                where=self.dataset.folder,
                remedy="make the blind copy again",
            )
        return ExpectedRows(
            videos=windows.videos,
            public_ids=np.array(ids if self.names is None else [self.names[video] for video in ids], dtype=object),
            offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            start_frame=windows.start_frame.astype(np.int64),
            protocol=protocol,
            all_reenactments=plan.select_test_videos(self.dataset, protocol)
            .sort_values("video")
            .reset_index(drop=True),
        )


def videos_under_test(dataset: Dataset, protocol: Protocol) -> pd.DataFrame:
    """Reenactments of the test people that have frames."""
    videos = dataset.usable()
    return videos[(videos["split"] == protocol.split.test) & videos["generator"].notna()]


def windows_under_test(dataset: Dataset, protocol: Protocol) -> WindowSet:
    """The windows of every reenactment of the test people: `.videos` lists what an entry must embed."""
    return read_windows(dataset, protocol, videos=videos_under_test(dataset, protocol)["video"])


def requires_seen_generators(relation: Relation) -> bool | None:
    """Whether the protocol tests generators that were trained on (True), were not (False), or either (None)."""
    return {Relation.SEEN: True, Relation.UNSEEN: False}.get(relation)


def _windows_of(protocol: Protocol) -> tuple[object, ...]:
    return protocol.split.test, protocol.time, protocol.missing
