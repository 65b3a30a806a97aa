"""The rows of the report's tables: what HTML and Markdown both show of an evaluation's results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from benchmark.evaluation.result_rows import CellResult, Exclusions, NullResult, SeedSpread, ShortcutResult
from benchmark.evaluation.results import EvaluationResults
from benchmark.evaluation.sections import Section
from benchmark.methods.loss_presets import LOSS_PRESETS
from benchmark.metrics.margin import NEAR_MARGIN
from benchmark.protocols.schema import TrialRule
from benchmark.trial_scores.figure_values import IntervalFigure, SubgroupFigures

_RELATIONS = (
    ("seen", "Seen generators"),
    ("unseen", "Unseen generators"),
    ("selected", "Selected on"),
    ("mixed", "One seen, one unseen"),
    ("unknown", "Unknown training"),
)
# What is compared, by the trials' rule.
_TRIALS = {
    TrialRule.SELF_SELF_VS_SELF_CROSS: "Each target's own videos (self-reenactments) are compared with each "
    "other (genuine) and with videos of the same face that other people drive (impostor).",
    TrialRule.CROSS_CROSS: "Both videos are cross-reenactments of one face: genuine where one person drives "
    "both, by different clips.",
    TrialRule.SAME_DRIVER: "Videos of any faces are compared: genuine where one person drives both, by "
    "different clips; impostor where two people do.",
}


# What "near a shortcut" means, for readers who know no benchmark.
SHORTCUT_SENTENCE = (
    "Near a shortcut (in red): a score that looks at no facial motion, such as where the head is or how large the face "
    f"is, does about as well on the same trials. The figure is less than {NEAR_MARGIN:g} above it, or not surely above "
    "it, and so does not show that facial motion was used."
)


@dataclass(frozen=True)
class Headline:
    """The mean figure of the cells of one relation and one kind of method.

    interval: the figure with its interval where there is one cell. shortcut: (AUC, name) of the strongest shortcut on
    the same generators. near: whether a shortcut comes near.
    """

    words: str
    value: float
    interval: IntervalFigure | None
    cells: int
    shortcut: tuple[float, str] | None
    near: bool


@dataclass(frozen=True)
class MatrixRow:
    """A method in the matrix of methods and test generators; cells: one for each column, None where it has none."""

    name: str
    kind: str
    trained: str
    cells: tuple[CellResult | None, ...]


@dataclass(frozen=True)
class ShortcutRow:
    """A shortcut under the matrix; cells: one for each column, None where it has none."""

    name: str
    description: str
    cells: tuple[ShortcutResult | None, ...]


@dataclass(frozen=True)
class SubgroupRow:
    """Figures of one cell by one column of what people stated about themselves."""

    method: str
    generator: str
    column: str
    figures: SubgroupFigures


@dataclass(frozen=True)
class SectionTables(Section):
    """All tables of one section (protocols with the same trials).

    figure: the headline figure, "auc_mean" or "auc_pooled"; other_figure: the other of the two; each has its words.
    by_driver: whether drivers take the place of targets. columns: test generators of matrix and shortcuts.
    """

    figure: str
    figure_words: str
    other_figure: str
    other_figure_words: str
    by_driver: bool
    cells: tuple[CellResult, ...]
    exclusions: tuple[Exclusions, ...]
    seed_spreads: tuple[SeedSpread, ...]
    nulls: tuple[NullResult, ...]
    headlines: tuple[Headline, ...]
    columns: tuple[str, ...]
    matrix: tuple[MatrixRow, ...]
    shortcuts: tuple[ShortcutRow, ...]
    subgroups: tuple[SubgroupRow, ...]

    @property
    def trials_words(self) -> str:
        """A sentence on what is compared, or the protocol's title where the rule has no sentence."""
        return _TRIALS.get(self.protocol.trials.rule, self.protocol.title)


def section_tables(results: EvaluationResults) -> list[SectionTables]:
    """The tables of every section that has a cell."""
    return [_section(results, number) for number in sorted({cell.section for cell in results.cells})]


def _section(results: EvaluationResults, number: int) -> SectionTables:
    protocols = results.protocols_of(number)
    cells = [cell for cell in results.cells if cell.section == number]
    shortcuts = [shortcut for shortcut in results.shortcuts if shortcut.section == number]
    columns = sorted({row.generator for row in cells} | {row.generator for row in shortcuts})
    figure = results.headline_figure(number)
    by_driver = protocols[0].trials.rule is TrialRule.SAME_DRIVER
    words = {
        "auc_mean": f"mean AUC over {'drivers' if by_driver else 'target people'}",
        "auc_pooled": "AUC of all trials in one pot",
    }
    other_figure = "auc_mean" if figure == "auc_pooled" else "auc_pooled"
    return SectionTables(
        number=number,
        protocols=tuple(protocols),
        figure=figure,
        figure_words=words[figure],
        other_figure=other_figure,
        other_figure_words=words[other_figure],
        by_driver=by_driver,
        cells=tuple(cells),
        exclusions=tuple(row for row in results.exclusions if row.section == number),
        seed_spreads=tuple(row for row in results.seed_spreads if row.section == number),
        nulls=tuple(row for row in results.nulls if row.section == number),
        headlines=tuple(_headlines(results, cells, shortcuts)),
        columns=tuple(columns),
        matrix=tuple(_matrix(results, cells, columns)),
        shortcuts=tuple(_shortcut_rows(results, shortcuts, columns)),
        subgroups=tuple(
            SubgroupRow(cell.method, cell.generator, column, figures)
            for cell in cells
            for column, figures in (cell.figures.subgroups or {}).items()
        ),
    )


def _headlines(
    results: EvaluationResults, cells: Sequence[CellResult], shortcuts: Sequence[ShortcutResult]
) -> list[Headline]:
    """Mean figures of seen and of unseen cells, each kind of method by itself, and whether a shortcut comes near."""
    headlines = []
    kinds = list(dict.fromkeys(record.input_kind for record in results.methods.values()))
    for kind, (relation, relation_words) in product(kinds, _RELATIONS):
        group = [
            cell for cell in cells if cell.relation == relation and results.methods[cell.method].input_kind == kind
        ]
        if not group:
            continue
        values = [results.headline(cell).value for cell in group]
        value = sum(values) / len(values)
        family = _common_family(results, group) if relation == "unseen" else ""
        generators = {cell.generator for cell in group}
        shortcut_aucs = [(results.headline(row).value, row.name) for row in shortcuts if row.generator in generators]
        strongest = max(shortcut_aucs, default=None)
        all_near = all(cell.is_near_shortcut for cell in group)
        headlines.append(
            Headline(
                words=relation_words
                + (f", within the {family} family" if family else "")
                + (f": {kind}" if len(kinds) > 1 else ""),
                value=value,
                interval=results.headline(group[0]) if len(group) == 1 else None,
                cells=len(group),
                shortcut=strongest,
                near=(strongest is not None and strongest[0] >= value - NEAR_MARGIN) or all_near,
            )
        )
    return headlines


def _common_family(results: EvaluationResults, cells: Sequence[CellResult]) -> str:
    """The one family that the cells' test and training generators belong to; "" where there is no such family."""
    families = {results.generators.get(cell.generator, "") for cell in cells} - {""}
    if len(families) != 1:
        return ""
    family = families.pop()
    trained = {results.generators.get(name, "") for cell in cells for name in cell.train_generators}
    return family if family in trained else ""


def _matrix(results: EvaluationResults, cells: Sequence[CellResult], columns: Sequence[str]) -> list[MatrixRow]:
    """Methods x test generators; methods without a cell are left out."""
    cell_at = {(cell.method, cell.generator): cell for cell in cells}
    rows = []
    for name, record in results.methods.items():
        row = tuple(cell_at.get((name, column)) for column in columns)
        trained = record.generators["training"]
        words = "unknown" if trained is None else ", ".join(trained) or "nothing"
        if record.loss in LOSS_PRESETS:  # a loss in a published setting is named wherever its figure stands
            words += f"; loss: {record.loss}"
        if any(cell is not None for cell in row):
            rows.append(MatrixRow(name, record.input_kind, words, row))
    return rows


def _shortcut_rows(
    results: EvaluationResults, shortcuts: Sequence[ShortcutResult], columns: Sequence[str]
) -> list[ShortcutRow]:
    shortcut_at = {(shortcut.name, shortcut.generator): shortcut for shortcut in shortcuts}
    return [
        ShortcutRow(
            name,
            results.shortcut_descriptions.get(name, ""),
            tuple(shortcut_at.get((name, column)) for column in columns),
        )
        for name in dict.fromkeys(shortcut.name for shortcut in shortcuts)
    ]
