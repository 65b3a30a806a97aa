"""Counts, bytes, durations and rates in words."""

import pytest

from nvfair_tools.quantities import count_text, duration_text, rate_text, size_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (99.4, "99 s"),
        (99.5, "2 min"),
        (5969, "99 min"),
        (5970, "1.7 h"),
        (12_600, "3.5 h"),
        (359_819, "99.9 h"),
        (359_821, "100 h"),
        (4_500_000, "1,250 h"),
    ],
)
def test_a_duration_stands_in_the_largest_unit_that_says_it_well(seconds, text):
    assert duration_text(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(3_000, "3 kB"), (784e6, "784 MB"), (949e6, "949 MB"), (1.2e9, "1.2 GB")])
def test_a_size(count, text):
    assert size_text(count) == text


@pytest.mark.parametrize(("rate", "text"), [(0.456, "0.46 a second"), (99, "99 a second"), (3_200, "3,200 a second")])
def test_a_rate(rate, text):
    assert rate_text(rate) == text


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (0, "video", "0 videos"),
        (1, "video", "1 video"),
        (1_234, "video", "1,234 videos"),
        (2, "test person", "2 test people"),
        (2, "entry", "2 entries"),
        (2, "identity", "2 identities"),
        (2, "copy", "2 copies"),
        (2, "class", "2 classes"),
        (2, "index", "2 indexes"),
        (2, "day", "2 days"),
    ],
)
def test_a_count_agrees_with_its_noun(count, noun, text):
    assert count_text(count, noun) == text


@pytest.mark.parametrize(("count", "text"), [(1, "1 clip is"), (0, "0 clips are"), (3, "3 clips are")])
def test_a_plural_that_is_stated_is_taken(count, text):
    assert count_text(count, "clip is", "clips are") == text
