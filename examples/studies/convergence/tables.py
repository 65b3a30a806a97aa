"""Tables of the study in Markdown: figures with intervals over people, the orderings, and the reasons.

A person's AUC is averaged over seeds and, on unseen generators, over generators, before an interval over people is
taken of the mean (benchmark.metrics.paired_differences, which counts people as targets and as impostors).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from benchmark.metrics.paired_differences import PairedDifference, paired_person_difference
from examples.studies.convergence.plan import CENTRED, METHODS, OURS, PLAIN, RAW, REASONS, SHORTCUTS, SIZES, STILL
from examples.studies.convergence.runs import CAPPED, FITTED, FLATTENED, STOPPED, Result
from examples.studies.convergence.scoring import CROSS_CROSS, SELF_CROSS
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import write_text

BEGIN, END = "<!-- orderings: begin -->", "<!-- orderings: end -->"
SEEN, UNSEEN = "seen", "unseen"
PUBLISHED = {SEEN: 0.85, UNSEEN: 0.83}
QUESTIONS = (
    ("distances beat raw coordinates", RAW),
    ("many frames beat one", STILL),
)
_CONFIDENCE = 0.95

People = dict[str, np.ndarray]  # person -> (AUC as a target, AUC as an impostor)


def page_tables(results: Sequence[Result]) -> str:
    """All tables of the results, a section for each size and world."""
    parts = []
    for size, world in sorted({(result.size, result.world) for result in results}):
        rows = [row for row in results if (row.size, row.world) == (size, world) and row.method != SHORTCUTS]
        headline = [row for row in rows if not row.reason]
        parts += [f"#### {world}, size {size}", f"Criterion: {SIZES[size].criterion}.", _devices(rows)]
        parts += [figure_table(headline), ordering_table(headline)]
        if any(row.reason for row in rows):
            parts.append(reason_table(rows))
    parts += motion_tables([row for row in results if not row.reason and row.method in METHODS])
    return "\n\n".join(parts) + "\n"


def _devices(rows: Sequence[Result]) -> str:
    seconds: dict[str, float] = dict.fromkeys(sorted({row.device for row in rows}), 0.0)
    for row in rows:
        seconds[row.device] += row.seconds
    return (
        "Devices: " + ", ".join(f"{name} ({total:,.0f} s, summed over runs)" for name, total in seconds.items()) + "."
    )


def figure_table(rows: Sequence[Result]) -> str:
    """Mean AUCs of every method and shortcut of a world, seen and unseen, with how their trainings ended."""
    lines = [
        "| method | seeds | seen | unseen | unseen, over seeds | cross-cross, seen / unseen | validation | trainings |",
        "|" + "---|" * 8,
    ]
    others = sorted({row.method for row in rows} - set(METHODS))
    for method in (*METHODS, *others):
        chosen = [row for row in rows if row.method == method]
        title = method if method in METHODS else f"*shortcut: {method}*"
        if not chosen:
            lines.append(f"| {title} | 0 | not run |" + " |" * 5)
            continue
        by_seed = [mean_auc(people) for row in chosen if (people := people_aucs([row], UNSEEN))]
        spread = f"{min(by_seed):.3f}–{max(by_seed):.3f}" if len(by_seed) > 1 else ""
        crosses = " / ".join(_mean_text(people_aucs(chosen, relation, CROSS_CROSS)) for relation in (SEEN, UNSEEN))
        values = [row.validation_auc for row in chosen if row.validation_auc is not None]
        validation = f"{np.mean(values):.3f}" if values else ""
        seen, unseen = (figure_text(people_aucs(chosen, relation)) for relation in (SEEN, UNSEEN))
        is_method = method in METHODS
        cells = [title, str(len(chosen)) if is_method else "", seen, unseen, spread, crosses, validation]
        lines.append(f"| {' | '.join([*cells, endings(chosen) if is_method else ''])} |")
    lines.append(f"| *published, NVFAIR's own data* | | {PUBLISHED[SEEN]} | {PUBLISHED[UNSEEN]} |" + " |" * 4)
    return "\n".join(lines)


def ordering_table(rows: Sequence[Result]) -> str:
    """The paper's orderings as paired differences of methods, over the seeds that both have."""
    lines = ["| question | plain distances | centred distances |", "|---|---|---|"]
    for question, other in QUESTIONS:
        for relation in (SEEN, UNSEEN):
            cells = [difference_text(rows, first, other, relation) for first in (PLAIN, CENTRED)]
            lines.append(f"| {question}, {relation} | {' | '.join(cells)} |")
    cells = [_loss_text(rows, method) for method in (PLAIN, CENTRED)]
    lines.append(f"| seen less unseen (other test generators) | {' | '.join(cells)} |")
    for relation in (SEEN, UNSEEN):
        reached = [_published_text([row for row in rows if row.method == name], relation) for name in (PLAIN, CENTRED)]
        lines.append(f"| less the published {PUBLISHED[relation]}, {relation} | {' | '.join(reached)} |")
    lines += ["", "| difference | seen | unseen |", "|---|---|---|"]
    for first, second in ((CENTRED, PLAIN), (OURS, PLAIN), (OURS, CENTRED)):
        cells = [difference_text(rows, first, second, relation, question=False) for relation in (SEEN, UNSEEN)]
        lines.append(f"| {first} less {second} | {' | '.join(cells)} |")
    return "\n".join(lines)


def reason_table(rows: Sequence[Result]) -> str:
    """What each change alone does to a method; paired with the headline where the world stays the same."""
    lines = ["| change | method | seeds | seen | unseen | less headline, seen | less headline, unseen | trainings |"]
    lines.append("|" + "---|" * 8)
    for name, reason in REASONS.items():
        if name == "small-network" and all(row.size == "small" for row in rows):
            continue  # the headline has it already
        for method in reason.methods:
            changed = [row for row in rows if (row.reason, row.method) == (name, method)]
            if not changed:
                lines.append(f"| {reason.title} | {method} | 0 | not run |" + " |" * 4)
                continue
            seeds = {row.seed for row in changed}
            original = [row for row in rows if not row.reason and row.method == method and row.seed in seeds]
            cells = [reason.title, method, str(len(changed))]
            cells += [figure_text(people_aucs(changed, relation)) for relation in (SEEN, UNSEEN)]
            for relation in (SEEN, UNSEEN):
                first, second = people_aucs(changed, relation), people_aucs(original, relation)
                if not first or not second:
                    cells.append("not run")
                elif {row.people for row in changed} != {row.people for row in original}:
                    cells.append("other people")
                else:
                    cells.append(_difference_in_words(paired(first, second)))
            lines.append(f"| {' | '.join([*cells, endings(changed)])} |")
    return "\n".join(lines)


def motion_tables(rows: Sequence[Result]) -> list[str]:
    """For worlds of the same people, which differ in motion modes alone: every method in both, and its difference."""
    tables = []
    for size, people in sorted({(row.size, row.people) for row in rows}):
        members = [row for row in rows if (row.size, row.people) == (size, people)]
        worlds = sorted({row.world for row in members})
        for first, second in combinations(worlds, 2):
            lines = [
                f"#### {second} less {first}, the same people, size {size}",
                "",
                "| method | seeds | seen | unseen |",
                "|---|---|---|---|",
            ]
            for method in METHODS:
                runs = [
                    {row.seed: row for row in members if (row.world, row.method) == (world, method)}
                    for world in (first, second)
                ]
                seeds = sorted(set(runs[0]) & set(runs[1]))
                cells = [
                    _difference_in_words(
                        paired(*(people_aucs([chosen[seed] for seed in seeds], relation) for chosen in reversed(runs)))
                    )
                    for relation in (SEEN, UNSEEN)
                    if seeds
                ]
                lines.append(f"| {method} | {len(seeds)} | {' | '.join(cells or ['not run', ''])} |")
            tables.append("\n".join(lines))
    return tables


def people_aucs(rows: Iterable[Result], relation: str, trials: str = SELF_CROSS) -> People:
    """Each person's two AUCs, averaged over runs and over their cells of a relation; empty where there are none."""
    cells = [
        cell.people
        for row in rows
        for cell in row.cells
        if cell.trials == trials and (cell.generator == row.train_generator) == (relation == SEEN)
    ]
    if not cells:
        return {}
    people = sorted(set.intersection(*(set(cell) for cell in cells)))
    return {person: np.mean([cell[person] for cell in cells], axis=0) for person in people}


def paired(first: People, second: People) -> PairedDifference:
    """The mean paired difference over the people that both have, with its interval over people."""
    people = sorted(set(first) & set(second))
    a, b = (np.array([aucs[person] for person in people]).reshape(-1, 2) for aucs in (first, second))
    return paired_person_difference(
        a[:, 0], b[:, 0], _CONFIDENCE, first_as_impostor=a[:, 1], second_as_impostor=b[:, 1]
    )


def figure_text(people: People) -> str:
    """The mean AUC over people as targets, with its interval where there is one."""
    if not people:
        return "not run"
    zeros = {person: np.zeros(2) for person in people}
    figure = paired(people, zeros)
    return f"{figure.value:.3f}" + ("" if figure.reason else f" ({figure.low:.3f}–{min(figure.high, 1.0):.3f})")


def difference_text(rows: Sequence[Result], first: str, second: str, relation: str, *, question: bool = True) -> str:
    """A paired difference of two methods over their common seeds, with a verdict where it answers a question."""
    by_method = [{row.seed: row for row in rows if row.method == method} for method in (first, second)]
    seeds = sorted(set(by_method[0]) & set(by_method[1]))
    if not seeds:
        return "not run"
    difference = paired(*(people_aucs([runs[seed] for seed in seeds], relation) for runs in by_method))
    return _difference_in_words(difference) + (f": {_verdict(difference)}" if question else "")


def _loss_text(rows: Sequence[Result], method: str) -> str:
    chosen = [row for row in rows if row.method == method]
    seen, unseen = (people_aucs(chosen, relation) for relation in (SEEN, UNSEEN))
    return _difference_in_words(paired(seen, unseen)) if seen and unseen else "not run"


def _published_text(rows: Sequence[Result], relation: str) -> str:
    """The mean AUC less the published value (of other people), with the interval of the mean AUC, and a verdict."""
    people = people_aucs(rows, relation)
    if not people:
        return "not run"
    gap = paired(people, {person: np.array([PUBLISHED[relation], 0.0]) for person in people})
    if gap.reason:
        return f"{gap.value:+.3f}, {gap.reason}"
    verdict = "below" if gap.high < 0 else "above" if gap.low > 0 else "within the interval"
    return f"{_difference_in_words(gap)}: {verdict}"


def _difference_in_words(difference: PairedDifference) -> str:
    if difference.reason:
        return f"{difference.value:+.3f}"
    return f"{difference.value:+.3f} ({difference.low:+.3f}, {difference.high:+.3f})"


def _verdict(difference: PairedDifference) -> str:
    if difference.reason:
        return difference.reason
    if not difference.excludes_zero:
        return "undecided"
    return "yes" if difference.value > 0 else "**no, reversed**"


def endings(rows: Sequence[Result]) -> str:
    """How trainings ended, with their selected steps, such as "3 flattened, best at 900–1,400"."""
    counts = Counter(row.state for row in rows)
    states = ", ".join(f"{counts[state]} {state}" for state in (FLATTENED, CAPPED, STOPPED, FITTED) if counts[state])
    steps = sorted(row.best_step for row in rows if row.state != FITTED)
    if not steps:
        return states
    span = f"{steps[0]:,}" if steps[0] == steps[-1] else f"{steps[0]:,}–{steps[-1]:,}"
    return f"{states}; best at step {span}"


def mean_auc(people: People) -> float:
    """The mean AUC over people as targets."""
    return float(np.mean([pair[0] for pair in people.values()]))


def _mean_text(people: People) -> str:
    return f"{mean_auc(people):.3f}" if people else "–"


def write_between_markers(page: Path, text: str) -> None:
    """Puts `text` between the markers of a page; NvfairError where it has none."""
    content = page.read_text(encoding="utf-8")
    if BEGIN not in content or END not in content:
        raise NvfairError("the page lacks the markers of the tables", where=page, expected=f"{BEGIN} ... {END}")
    before, after = content.split(BEGIN)[0], content.split(END)[1]
    write_text(page, f"{before}{BEGIN}\n{text}{END}{after}")
