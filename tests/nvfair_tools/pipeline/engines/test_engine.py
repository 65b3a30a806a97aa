"""An exception becomes a failed result that says whether another run may end differently."""

import pytest

from generators.errors import GeneratorError
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.gaps import GapTooLong
from nvfair_tools.media import MediaError
from nvfair_tools.pipeline.engines.engine import failure_result


class UserError(Exception):
    """An error class that this package does not know."""

    is_user_error = True


@pytest.mark.parametrize(
    ("error", "reason", "retryable"),
    [
        (NvfairError("no such clip"), "unusable_input", False),
        (GeneratorError("no such frame"), "unusable_input", False),
        (UserError("no such frame"), "unusable_input", False),
        (type("GeneratorError", (Exception,), {})("a fault in our code"), "unexpected_error", True),
        (MediaError("truncated", "clip.mp4", "cut off"), "truncated", False),
        (MediaError("not_encoded", "clip.mp4", "the disk is full"), "not_encoded", True),
        (GapTooLong("gap_at_start", "the face is missing at the start", 2.0), "gap_at_start", False),
        (OSError(28, "No space left on device"), "io_error", True),
        (MemoryError("no memory left"), "out_of_memory", True),
        (UnicodeDecodeError("utf-8", b"x", 0, 1, "invalid start byte"), "unexpected_error", True),
    ],
)
def test_the_reason_and_whether_to_retry_follow_from_what_the_error_carries(error, reason, retryable):
    result = failure_result(error)
    assert (result.state, result.reason, result.retryable) == ("failed", reason, retryable)
    assert result.detail


def test_an_error_without_a_message_is_described_by_its_class():
    assert failure_result(NvfairError("")).detail == "NvfairError"


def test_a_failures_detail_holds_no_path_of_the_machine():
    assert "/secret" not in failure_result(FileNotFoundError(2, "No such file", "/secret/clip.mp4")).detail
