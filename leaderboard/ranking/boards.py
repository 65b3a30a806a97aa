"""Boards: results that may be compared, because protocol, data set and version of the scorer are the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmark import protocols
from benchmark.protocols.schema import Protocol
from benchmark.protocols.schema import Relation as ProtocolRelation
from leaderboard.ranking.records import Record

Relation = Literal["seen", "unseen", "any"]


@dataclass(frozen=True, eq=False)
class Board:
    """Results that may be compared.

    relation: whether the protocol tests generators that were seen in training. relation_free_digest: equal for
    protocols that differ in that relation alone. coarse: whether the test labels are hidden. sealed: whether the
    phases of a hidden set have not closed, so that there are answers alone. people: the number of test people. methods:
    by method key the results of the method's newest submission. newest: number of the newest result, counted over all
    boards.
    """

    protocol: str
    protocol_digest: str
    dataset: str
    dataset_digest: str
    scorer: str
    relation: Relation
    relation_free_digest: str
    title: str
    coarse: bool
    sealed: bool
    generators: tuple[str, ...]
    people: int
    methods: dict[str, tuple[Record, ...]]
    newest: int

    @property
    def slug(self) -> str:
        """The board's name in addresses."""
        return f"{self.protocol}-{self.protocol_digest[:6]}-{self.dataset_digest[:6]}-s{self.scorer}"

    @property
    def key(self) -> tuple[str, str, str]:
        """The `board_key` of the records on this board."""
        return self.protocol_digest, self.dataset_digest, self.scorer


def group_into_boards(records: list[Record]) -> tuple[Board, ...]:
    """The boards of `records`, by data set and protocol; of several scorers or data, the one scored last comes first.

    records: in the order in which they were made.
    """
    groups: dict[tuple[str, str, str], list[Record]] = {}
    newest: dict[tuple[str, str, str], int] = {}
    for number, record in enumerate(records):
        groups.setdefault(record.board_key, []).append(record)
        newest[record.board_key] = number
    boards = [_board(group, newest[key]) for key, group in groups.items()]
    return tuple(sorted(boards, key=lambda board: (board.dataset, board.protocol, board.dataset_digest, -board.newest)))


def _board(records: list[Record], newest: int) -> Board:
    entries_by_method: dict[str, dict[int, Record]] = {}
    for record in records:
        entries = entries_by_method.setdefault(record.method_key, {})
        if entries and next(iter(entries.values())).digest != record.digest:
            entries.clear()  # a method's newest submission stands for it
        entries[record.public_result.entry] = record
    last = records[-1].public_result
    relation, relation_free_digest, title = _protocol_facts(last.protocol, last.protocol_digest)
    cells = [cell for record in records for cell in record.cells]
    return Board(
        protocol=last.protocol,
        protocol_digest=last.protocol_digest,
        dataset=last.dataset,
        dataset_digest=last.dataset_digest,
        scorer=last.scorer,
        relation=relation,
        relation_free_digest=relation_free_digest,
        title=title,
        coarse=records[-1].coarse,
        sealed=records[-1].sealed,
        generators=tuple(sorted({cell.generator for cell in cells})),
        people=max((len(cell.auc_by_person) for cell in cells), default=0),
        methods={key: tuple(entries.values()) for key, entries in entries_by_method.items()},
        newest=newest,
    )


def _protocol_facts(name: str, digest: str) -> tuple[Relation, str, str]:
    """(relation, relation-free digest, title) of a protocol; by its name alone where this version does not ship it."""
    if name in protocols.names():
        protocol = protocols.load(name)
        if protocol.digest == digest:
            return protocol.generators.relation.value, _relation_free_digest(protocol), protocol.title
    relation: Relation = "unseen" if name.endswith("-unseen") else "seen" if name.endswith("-seen") else "any"
    return relation, name.removesuffix(f"-{relation}"), ""


def _relation_free_digest(protocol: Protocol) -> str:
    generators = protocol.generators.model_copy(update={"relation": ProtocolRelation.ANY})
    return protocol.model_copy(update={"generators": generators}).digest
