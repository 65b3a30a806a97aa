"""Bytes, durations and rates in words."""

import pytest

from nvfair_tools.quantities import duration_text, rate_text, size_text


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
