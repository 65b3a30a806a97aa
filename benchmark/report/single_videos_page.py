"""The page for people who do not read tables: who drives which video, right and wrong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmark.evaluation.results import EvaluationResults
from benchmark.report.previews import Preview, pictures_refused, video_preview, video_thumbnail
from benchmark.report.single_videos import OUTCOMES, JudgedVideo, SingleVideos, judge_single_videos
from benchmark.report.templates import template
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.rights import DatasetRights
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import write_text

PAGE = "who-drives.html"
_MOST_ROWS = 40  # of the list of a person's videos
_MOST_PEOPLE = 40  # with a row of squares each
_WORDS = {
    (True, True): ("Right", "recognised", "The enrolled person drives it, and the method says so."),
    (False, False): ("Right", "turned away", "Somebody else drives it, and the method says so."),
    (True, False): ("Wrong", "missed", "The enrolled person drives it, but the method does not see it."),
    (False, True): ("Wrong", "let in", "Somebody else drives it, but the method takes it for the enrolled person."),
}


@dataclass(frozen=True)
class Bar:
    """A score as a share of the bar's length, and the threshold on it; both 0 to 100."""

    score: float
    threshold: float


@dataclass(frozen=True)
class Card:
    """One outcome: its words, and the video that stands for it, with previews; None where there is none."""

    right: bool
    verdict: str
    outcome: str
    sentence: str
    count: int
    video: JudgedVideo | None
    bar: Bar | None = None
    enrolled: Preview | None = None
    test: Preview | None = None
    driver: Preview | None = None


@dataclass(frozen=True)
class Row:
    """One video of the person's face in the list."""

    video: JudgedVideo
    bar: Bar
    picture: str


def write_single_videos_page(folder: Path, results: EvaluationResults, dataset: Dataset | None) -> str:
    """Writes the page to `folder`, whose evidence it is made from; returns why there is none, "" where there is.

    dataset: where its people are simulated, previews are shown. A page of an earlier evaluation is removed.
    """
    path = folder / PAGE
    try:
        judged = judge_single_videos(results, folder / "evidence")
    except NvfairError as error:
        path.unlink(missing_ok=True)
        return error.what.splitlines()[0]
    write_text(path, render_single_videos_page(results, judged, dataset))
    return ""


def render_single_videos_page(results: EvaluationResults, judged: SingleVideos, dataset: Dataset | None) -> str:
    """The page as text: one file that needs neither network nor scripts."""
    refused = pictures_refused(dataset)
    source = None if refused else dataset
    scale = _Scale.of(judged)
    names = {
        person: f"Person {n}"
        for n, person in enumerate(
            sorted({v.driver for v in judged.videos} | {p.person for p in judged.people}), start=1
        )
    }
    previews = _Previews(source)
    person = judged.person
    wrong = sum(not video.right for video in judged.videos)
    shortcut = results.strongest_shortcut(judged.cell)
    return template("single_videos.html.j2").render(
        data=results.data,
        cell=judged.cell,
        names=names,
        person=person,
        cards=[_card(judged, outcome, scale, previews) for outcome in OUTCOMES],
        rows=[
            Row(video, scale.bar(video.score, person.threshold), previews.thumbnail(video.video))
            for video in person.videos[:_MOST_ROWS]
        ],
        left_out=max(0, len(person.videos) - _MOST_ROWS),
        people=sorted(judged.people, key=lambda other: names[other.person])[:_MOST_PEOPLE],
        people_left_out=max(0, len(judged.people) - _MOST_PEOPLE),
        total=len(judged.videos),
        wrong=wrong,
        missed=judged.count(True, False),
        own=judged.count(True, True) + judged.count(True, False),
        let_in=judged.count(False, True),
        foreign=judged.count(False, True) + judged.count(False, False),
        auc=results.headline(judged.cell),
        shortcut=None if shortcut is None else (shortcut.name, results.headline(shortcut).value),
        refused=refused,
    )


@dataclass(frozen=True)
class _Scale:
    """The least and the largest score of the page, between which bars reach from 4 to 100 %."""

    low: float
    high: float

    @classmethod
    def of(cls, judged: SingleVideos) -> _Scale:
        scores = [video.score for video in judged.videos] + [person.threshold for person in judged.people]
        return cls(min(scores), max(scores))

    def bar(self, score: float, threshold: float) -> Bar:
        span = (self.high - self.low) or 1.0
        length, mark = (round(4 + 96 * (value - self.low) / span, 1) for value in (score, threshold))
        return Bar(length, mark)


class _Previews:
    """Previews of one page, each made once; none without a data set."""

    def __init__(self, dataset: Dataset | None) -> None:
        self.dataset = dataset
        self._rights = None if dataset is None else DatasetRights(dataset)
        self._made: dict[tuple[str, str], Preview | None] = {}

    def of(self, video: str, mark: str) -> Preview | None:
        if self.dataset is None or self._is_hidden(video):
            return None
        if (video, mark) not in self._made:
            self._made[video, mark] = video_preview(self.dataset, video, mark)
        return self._made[video, mark]

    def driving_clip(self, video: str) -> Preview | None:
        """A preview of the clip that moved a video."""
        if self.dataset is None:
            return None
        clip = self.dataset.videos.loc[self.dataset.videos["video"] == video, "clip"]
        return None if clip.empty else self.of(str(clip.iloc[0]), "simulated")

    def thumbnail(self, video: str) -> str:
        return "" if self.dataset is None or self._is_hidden(video) else video_thumbnail(self.dataset, video)

    def _is_hidden(self, video: str) -> bool:
        """Whether a word or a licence forbids to show the video, although its people are simulated."""
        assert self.dataset is not None
        assert self._rights is not None
        return any(self._rights.hidden(self.dataset.videos[self.dataset.videos["video"] == video]))


def _card(judged: SingleVideos, outcome: tuple[bool, bool], scale: _Scale, previews: _Previews) -> Card:
    verdict, name, sentence = _WORDS[outcome]
    video = judged.examples[outcome]
    card = Card(outcome[0] == outcome[1], verdict, name, sentence, judged.count(*outcome), video)
    if video is None:
        return card
    person = next(person for person in judged.people if person.person == video.enrolled)
    # Of the enrolled videos, the first by id that the test video was compared with.
    enrolled = next(name for name in person.enrolled if name != video.video)
    return Card(
        card.right, verdict, name, sentence, card.count, video,
        bar=scale.bar(video.score, person.threshold),
        enrolled=previews.of(enrolled, "synthetic"),
        test=previews.of(video.video, "synthetic"),
        driver=previews.driving_clip(video.video),
    )  # fmt: skip
