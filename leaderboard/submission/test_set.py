"""What a submission to a data set must hold: the windows and trials of its test people, worked out once a protocol.

Legend: N videos, W windows of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from benchmark.evaluation.sections import select_test_videos
from benchmark.protocols.schema import Protocol
from benchmark.trials.trials import cell_names, count_trials, make_trials
from benchmark.windows.window_set import WindowSet, read_windows
from leaderboard.hidden.blind_key import blind_names
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.rights import DatasetRights, refused_rows
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import sha256_of
from nvfair_tools.governance.decision import count_reasons
from nvfair_tools.quantities import count_text


@dataclass(frozen=True)
class ExpectedRows:
    """The rows that a submission must hold under one protocol: one a window, or one a trial.

    videos: the table's rows of the N videos that have windows, index 0..N-1. public_ids: (N,) the names by which
    authors know them: their ids, or on a hidden set those of the blind copy. offsets: (N + 1,), start_frame: (W,); the
    first frames of the windows of video n are start_frame[offsets[n]:offsets[n + 1]]. all_reenactments: rows of all
    reenactments of the test people. Those of them without a window are failures to acquire, which count as rejected.
    """

    videos: pd.DataFrame
    public_ids: np.ndarray
    offsets: np.ndarray
    start_frame: np.ndarray
    protocol: Protocol
    all_reenactments: pd.DataFrame
    _trial_keys: dict[tuple[str, ...], np.ndarray] = field(default_factory=dict, compare=False)
    _cells: dict[tuple[str, ...], list[str]] = field(default_factory=dict, compare=False)

    @property
    def people(self) -> list[str]:
        """Everybody in the videos, as driver or target."""
        return sorted({*self.videos["driver"], *self.videos["target"]})

    def cells(self, generators: Sequence[str]) -> list[str]:
        """Cells (`trials.cell_names`) of `generators` in which a target has genuine and impostor trials."""
        names = tuple(sorted(generators))
        if names not in self._cells:
            rule = self.protocol.trials
            counts = count_trials(self.videos, rule, cell_names(names, rule))
            self._cells[names] = sorted(counts.loc[counts["lack"] == "", "cell"].unique())
        return self._cells[names]

    def trial_keys(self, cells: Sequence[str]) -> np.ndarray:
        """Sorted keys (first video · N + second) of all trials of `cells`, int64. Not for trials of templates."""
        names = tuple(cells)
        if names not in self._trial_keys:
            parts = [
                self.keys_of(pairs)
                for cell in cells
                for target_trials in make_trials(self.videos, cell, self.protocol.trials)
                for pairs in (target_trials.genuine, target_trials.impostor)
            ]
            self._trial_keys[names] = np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int64)
        return self._trial_keys[names]

    def keys_of(self, pairs: np.ndarray) -> np.ndarray:
        """Keys (n,) of trials given as positions of their videos (n, 2)."""
        pairs = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
        return pairs[:, 0] * len(self.videos) + pairs[:, 1]

    def trial_names(self, keys: np.ndarray) -> list[str]:
        """The names by which authors know the trials with these keys: `first|second`."""
        first, second = np.divmod(keys, len(self.videos))
        return [f"{self.public_ids[a]}|{self.public_ids[b]}" for a, b in zip(first, second, strict=True)]


class TestSet:
    """A data set as the board scores on it. Keep one a day: what a protocol expects takes a pass over the tracks.

    Videos of people who do not agree to training and testing today are not asked for, as `nvfair embed` leaves them
    out.

    names: {video id: name in the blind copy} of a hidden set. None: as the key beside the data set says, if there is
    one (`leaderboard.hidden.blind_key`).
    """

    __test__ = False  # pytest collects classes by their name

    def __init__(self, dataset: Dataset, names: Mapping[str, str] | None = None) -> None:
        self.rights = DatasetRights(dataset)
        self.dataset = self.rights.restricted_to("training")
        self.names = blind_names(dataset) if names is None else names
        self._expected: dict[str, ExpectedRows] = {}  # by the digest of the protocol
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
        """The sha256 of the data set's dataset.json."""
        self._digest = self._digest or sha256_of(self.dataset.folder / "dataset.json")
        return self._digest

    @cached_property
    def unnamed_people(self) -> list[str]:
        """The people who have not agreed to public display: the board names none of them."""
        return list(self.rights.unnamed(self.dataset.identities["identity"], public=True))

    def generators(self, protocol: Protocol) -> list[str]:
        """The generators of the test people's reenactments."""
        return sorted(videos_under_test(self.dataset, protocol)["generator"].unique())

    def expected_rows(self, protocol: Protocol) -> ExpectedRows:
        """What must be embedded, or scored, under `protocol`. Raises NvfairError where the blind key lacks a video."""
        if protocol.digest not in self._expected:
            self._expected[protocol.digest] = self._read_expected_rows(protocol)
        return self._expected[protocol.digest]

    def _read_expected_rows(self, protocol: Protocol) -> ExpectedRows:
        for known in self._expected.values():
            if _window_rule(known.protocol) == _window_rule(protocol):
                return replace(known, protocol=protocol, _trial_keys={}, _cells={})
        self._check_rights(protocol)
        windows = windows_under_test(self.dataset, protocol)
        window_counts = np.bincount(windows.video, minlength=len(windows.videos))
        return ExpectedRows(
            videos=windows.videos,
            public_ids=np.array(self._public_ids(windows.videos["video"].tolist()), dtype=object),
            offsets=np.concatenate([[0], np.cumsum(window_counts)]).astype(np.int64),
            start_frame=windows.start_frame.astype(np.int64),
            protocol=protocol,
            all_reenactments=select_test_videos(self.dataset, protocol).sort_values("video").reset_index(drop=True),
        )

    def _check_rights(self, protocol: Protocol) -> None:
        """Raises NvfairError where no reenactment of the test people may be tested on; submitters read it too."""
        table = self.dataset.videos
        refused = table[(table["split"] == protocol.split.test) & refused_rows(table) & table["generator"].notna()]
        if videos_under_test(self.dataset, protocol).empty and len(refused):
            raise NvfairError(
                f"none of the board's test videos may be used today ({count_reasons(refused['reason'])})",
                expected="people who agree to training and testing",
                remedy="the maintainer's `nvfair dataset rights` says why (docs/consent.md)",
            )

    def _public_ids(self, ids: list[str]) -> list[str]:
        if self.names is None:
            return ids
        missing = [video for video in ids if video not in self.names]
        if missing:  # submitters read this too: no name and no path of the hidden set
            raise NvfairError(
                f"the board's key of the blind copy does not know {count_text(len(missing), 'test video')}",
                remedy="the maintainer has to make the blind copy again",
            )
        return [self.names[video] for video in ids]


def videos_under_test(dataset: Dataset, protocol: Protocol) -> pd.DataFrame:
    """Rows of the test people's reenactments that have frames."""
    videos = dataset.usable()
    return videos[(videos["split"] == protocol.split.test) & videos["generator"].notna()]


def windows_under_test(dataset: Dataset, protocol: Protocol) -> WindowSet:
    """The windows of every reenactment of the test people: `.videos` lists what an entry must embed."""
    return read_windows(dataset, protocol, videos=videos_under_test(dataset, protocol)["video"])


def _window_rule(protocol: Protocol) -> tuple[object, ...]:
    """What the windows of the test people follow from."""
    return protocol.split.test, protocol.time, protocol.missing
