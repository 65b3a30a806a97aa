"""What our tags must say, and what contradicts itself."""

import pytest

from nvfair_tools.marks.own_tags import tag_problems

REENACTMENT = {
    "synthetic": "true",
    "digital_source_type": "trainedAlgorithmicMedia",
    "generator": "lia",
    "target": "x:a",
    "driver": "x:b",
    "clip": "c",
    "video": "v",
}
ORIGINAL = {"synthetic": "false", "identity": "x:a", "clip": "c"}
PREVIEW = {"synthetic": "true", "digital_source_type": "composite", "generator": "lia"}


@pytest.mark.parametrize(
    "tags",
    [
        REENACTMENT,
        ORIGINAL,
        ORIGINAL | {"digital_source_type": "digitalCapture"},
        ORIGINAL | {"digital_source_type": "minorHumanEdits"},
        ORIGINAL | {"synthetic": "true", "digital_source_type": "algorithmicMedia"},
        PREVIEW,
    ],
)
def test_tags_as_builds_write_them_have_no_problem(tags):
    assert tag_problems(tags, tags.get("digital_source_type", "")) == []


@pytest.mark.parametrize(
    ("tags", "source_type", "problem"),
    [
        ({}, "", "it has none of our tags"),
        (REENACTMENT | {"video": ""}, "trainedAlgorithmicMedia", "the tag `video` is missing"),
        (REENACTMENT, "algorithmicMedia", "says trainedAlgorithmicMedia, and the XMP algorithmicMedia"),
        (
            REENACTMENT | {"synthetic": "false"},
            "trainedAlgorithmicMedia",
            "`synthetic` is 'false', and the source type",
        ),
        (REENACTMENT | {"synthetic": "yes"}, "trainedAlgorithmicMedia", "neither true nor false"),
        (ORIGINAL | {"synthetic": "true"}, "", "the source type none"),
        (
            REENACTMENT | {"digital_source_type": "digitalCapture"},
            "digitalCapture",
            "`synthetic` is 'true', and the source type digitalCapture",
        ),
        (ORIGINAL | {"digital_source_type": "photo"}, "photo", "the source type photo"),
    ],
)
def test_what_is_missing_or_contradicts_itself_is_said(tags, source_type, problem):
    assert any(problem in text for text in tag_problems(tags, source_type)), tag_problems(tags, source_type)
