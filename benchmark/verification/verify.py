"""Asks whether an enrolled person drives a video, a live stream, or each video of a folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from types import TracebackType

import numpy as np

from benchmark.methods.method import Method
from benchmark.verification.calibration import Calibration
from benchmark.verification.enrolment import REVOKED_LIST, Enrolment, LandmarkerIdentity, read_revoked
from benchmark.verification.face_windows import EmbeddedWindow, FaceWindows, load_method
from benchmark.verification.likeness import window_statistics
from benchmark.verification.results import VerificationResult, WindowScore, limits_text
from benchmark.verification.stream_windows import CUT, SEVERAL_FACES
from benchmark.verification.template import Template
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import sha256_of
from nvfair_tools.landmarks.landmarker import Landmarker, create_landmarker
from nvfair_tools.media.live.sources import is_live

_REMEMBERED_STATISTICS = 1000  # windows of a live stream whose statistics are kept


def verify(
    enrolment: Enrolment | str | Path,
    video: str | Path,
    *,
    calibration: Calibration | str | Path | None = None,
    fmr: float | None = None,
    method: Method | str | Path | None = None,
    landmarker: Landmarker | None = None,
    largest_face: bool = False,
    across_cuts: bool = False,
    revoked: str | Path | None = None,
    on: date | None = None,
    device: str = "cpu",
    progress: Callable[[float], None] = lambda seconds: None,
) -> VerificationResult:
    """Asks whether the enrolled person drives a video.

        result = verify("ann.enrolment", "suspicious.mp4", calibration="other-people.calibration")

    enrolment: an enrolment, or its file. video: a file, or a live source that ends. calibration: what scores mean;
    without it the outcome is a score. fmr: the false match rate of the threshold; None for the lowest that the
    calibration supports. method: the method of the enrolment, where it is not found by the name that it was enrolled
    with. landmarker: one that is open. largest_face: whether to go on where other faces are seen. across_cuts:
    whether to go on where there is a cut: whoever calls this says that one person is seen throughout. revoked: a list
    of revoked enrolments; by default the one beside the enrolment. on: today. progress: called with the seconds
    of the video that are done.

    An outcome such as "too_short" is a result, no error. Raises NvfairError where method, landmarker or calibration do
    not belong to the enrolment, MediaError where the video cannot be read.
    """
    with Verifier(
        enrolment,
        calibration=calibration,
        fmr=fmr,
        method=method,
        landmarker=landmarker,
        largest_face=largest_face,
        across_cuts=across_cuts,
        revoked=revoked,
        on=on,
        device=device,
    ) as verifier:
        return verifier.verify(video, progress=progress)


class Verifier:
    """An enrolment with everything that is loaded for it once, for many videos; a context manager."""

    def __init__(
        self,
        enrolment: Enrolment | str | Path,
        *,
        calibration: Calibration | str | Path | None = None,
        fmr: float | None = None,
        method: Method | str | Path | None = None,
        landmarker: Landmarker | None = None,
        largest_face: bool = False,
        across_cuts: bool = False,
        revoked: str | Path | None = None,
        on: date | None = None,
        device: str = "cpu",
    ) -> None:
        """Arguments and errors are those of `verify`."""
        self.enrolment = enrolment if isinstance(enrolment, Enrolment) else Enrolment.load(enrolment)
        if calibration is not None and not isinstance(calibration, Calibration):
            calibration = Calibration.load(calibration)
        if fmr is not None and calibration is None:
            raise NvfairError(
                f"a false match rate of {fmr:g} without a calibration",
                remedy="name a calibration: without one nobody knows which threshold has this rate",
            )
        self.calibration = calibration
        self.threshold = None
        if calibration is not None:
            calibration.check_fits(self.enrolment)
            self.threshold = calibration.threshold(fmr)
        self.refusal = self._refused(revoked, on or date.today())
        self.loaded = load_method(method or self._source(), self.enrolment.protocol, device)
        if self.loaded.identity.digest != self.enrolment.method.digest:
            raise NvfairError(
                f"{self.loaded.identity.name} is not the method that {self.enrolment.person} was enrolled with",
                expected=f"the checkpoint {self.enrolment.method.source!r} as it was then",
                remedy="name the checkpoint with --method, or enrol the person again",
            )
        self.template = Template(self.enrolment.embeddings, self.enrolment.video, self.enrolment.protocol.scoring)
        self.largest_face, self.across_cuts, self._owned = largest_face, across_cuts, landmarker is None
        self.landmarker = landmarker or create_landmarker()
        theirs = self.enrolment.landmarker
        ours = LandmarkerIdentity(self.landmarker.name, self.landmarker.version)
        if ours.source_of_points() != theirs.source_of_points():
            self.close()
            raise NvfairError(
                f"the landmarker {ours} is not the one of the enrolment",
                expected=f"{theirs}",
                remedy="use that landmarker, or enrol the person again: two landmarkers put their points differently",
            )

    def __enter__(self) -> Verifier:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Frees the landmarker, where it was opened here."""
        if self._owned:
            self.landmarker.close()
            self._owned = False

    def verify(
        self, video: str | Path, *, progress: Callable[[float], None] = lambda seconds: None
    ) -> VerificationResult:
        """The answer about one video; see `verify`."""
        run = self.follow(video, progress=progress)
        return run.result(tuple(run))

    def follow(self, source: str | Path, *, progress: Callable[[float], None] = lambda seconds: None) -> FollowedVideo:
        """The windows of a video or live stream as they come; iterate over it, and ask for its `result` at any time.

        for window in verifier.follow("rtmp://127.0.0.1/live"):
            print(window.start, window.score)
        """
        return FollowedVideo(self, source, self.windows(source, progress))

    def windows(self, source: str | Path, progress: Callable[[float], None] = lambda seconds: None) -> FaceWindows:
        """The embedded windows of a source, which know nothing of the enrolment."""
        return FaceWindows(source, self.loaded, self.landmarker, largest_face=self.largest_face, progress=progress)

    def _source(self) -> str:
        source = self.enrolment.method.source
        if not source:
            raise NvfairError(
                f"{self.enrolment.person} was enrolled with a method in memory, {self.enrolment.method.name}",
                remedy="hand the same method to verify(..., method=...)",
            )
        return source

    def _refused(self, revoked: str | Path | None, on: date) -> str:
        """The outcome that ends every verification by this enrolment; "" where nothing does."""
        path = self.enrolment.path
        listed = Path(revoked) if revoked is not None else None if path is None else path.parent / REVOKED_LIST
        if revoked is not None and not Path(revoked).is_file():
            raise NvfairError("no such list of revoked enrolments", where=revoked)
        if listed is not None and self.enrolment.id in read_revoked(listed):
            return "enrolment_revoked"
        return "enrolment_expired" if self.enrolment.expired(on) else ""


class FollowedVideo:
    """The windows of one source as they come, in constant memory; iterate once. `result` answers from those so far."""

    def __init__(self, verifier: Verifier, source: str | Path, windows: FaceWindows) -> None:
        self._verifier, self._source, self._frames = verifier, source, windows
        self._score = verifier.template.running()
        self._reasons: Counter[str] = Counter()
        self._scored_seconds, self._scored_until = 0.0, 0.0
        self._statistics: list[np.ndarray] = []

    def __iter__(self) -> Iterator[WindowScore]:
        """Raises MediaError where the source cannot be read to its end."""
        if self._verifier.refusal:
            return
        for window in self._frames:
            yield self.take(window)

    def take(self, window: EmbeddedWindow) -> WindowScore:
        """Scores the next window of the source, where somebody else iterates over it."""
        if window.embedding is None or window.landmarks is None:
            self._reasons[window.reason] += 1
            return WindowScore(window.start, window.end, None, window.reason)
        score = self._score.add(window.embedding)
        # Windows overlap: only what is new counts as covered.
        self._scored_seconds += window.end - max(window.start, self._scored_until)
        self._scored_until = window.end
        if self._verifier.calibration is not None and self._verifier.calibration.likeness is not None:
            self._statistics = [*self._statistics[1 - _REMEMBERED_STATISTICS :], window_statistics(window.landmarks)]
        return WindowScore(window.start, window.end, score)

    @property
    def score(self) -> float | None:
        """The score of the windows so far; None where there is none yet."""
        return self._score.value

    def result(self, windows: Sequence[WindowScore] = ()) -> VerificationResult:
        """The answer from what has been seen so far. windows: those that it should list."""
        verifier, score = self._verifier, self._score.value
        unlike = self._unlike()
        outcome = self._outcome(score, unlike)
        calibration, has_decision = verifier.calibration, outcome in ("match", "no_match")
        window_seconds = float(verifier.enrolment.protocol.time.window / verifier.enrolment.protocol.time.rate)
        return VerificationResult(
            person=verifier.enrolment.person,
            video=str(self._source) if is_live(self._source) else Path(self._source).name,
            outcome=outcome,
            score=score,
            threshold=verifier.threshold,
            likelihood_ratio=calibration.likelihood_ratio(score)
            if calibration is not None and has_decision and score is not None
            else None,
            windows=tuple(windows),
            seconds=self._frames.seconds,
            scored_windows=self._score.windows,
            scored_seconds=self._scored_seconds,
            notes=self._notes(),
            unlike=unlike,
            method=verifier.enrolment.method.name,
            protocol=verifier.enrolment.protocol.name,
            window_seconds=window_seconds,
            limits=limits_text(window_seconds, calibrated=calibration is not None),
        )

    def _outcome(self, score: float | None, unlike: str) -> str:
        if self._verifier.refusal:
            return self._verifier.refusal
        if self._frames.shots.other_face is not None:
            return "face_changes"
        if self._frames.shots.cuts and not self._verifier.across_cuts:
            return "cut"
        if score is None:
            if not self._reasons:
                return "too_short"
            usual = self._reasons.most_common(1)[0][0]
            return {SEVERAL_FACES: "several_faces", CUT: "too_short"}.get(usual, "face_lost")
        if self._verifier.threshold is None:
            return "scored"
        if unlike:
            return "unlike_training"
        return "match" if score >= self._verifier.threshold.value else "no_match"

    def _unlike(self) -> str:
        calibration = self._verifier.calibration
        if calibration is None or calibration.likeness is None or not self._statistics:
            return ""
        return calibration.likeness.difference(np.stack(self._statistics))

    def _notes(self) -> tuple[str, ...]:
        if self._verifier.refusal:
            return ()
        notes = list(self._frames.notes())
        enrolment, calibration = self._verifier.enrolment, self._verifier.calibration
        if self._reasons:
            reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(self._reasons.items()))
            notes.append(f"windows without a score: {reasons}")
        if self._verifier.landmarker.version != enrolment.landmarker.version:
            notes.append(f"enrolled with version {enrolment.landmarker.version} of the landmarker")
        if not is_live(self._source) and Path(self._source).is_file():
            digest = sha256_of(Path(self._source))
            if any(video.sha256 == digest for video in enrolment.videos):
                notes.append("this very file was enrolled: its score says nothing")
        if calibration is not None and (score := self._score.value) is not None:
            notes += calibration.cautions(enrolment.person, score)
            if calibration.recording is not None:
                notes += calibration.recording.differences(self._frames.fps, self._frames.height)
            notes += _length_notes(self._scored_seconds, *calibration.seconds)
        return tuple(notes)


def _length_notes(scored: float, shortest: float, longest: float) -> list[str]:
    """What to mind where a calibration was made from shorter or longer videos; all in seconds."""
    if scored < shortest - 0.5:
        return [
            f"{scored:.1f} s are scored; the calibration's videos have {shortest:.1f} s or more, and shorter ones "
            "score less steadily"
        ]
    if scored > 1.5 * longest:
        return [
            f"{scored:.1f} s are scored; the calibration's videos have at most {longest:.1f} s: everybody's longer "
            "videos score higher, so that the false match rate is higher than stated"
        ]
    return []
