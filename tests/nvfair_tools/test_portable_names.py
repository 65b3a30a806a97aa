"""Names of files that Windows, URLs and `datasets` take stay; others become such names, and two stay two."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvfair_tools.portable_names import is_portable, portable_name, portable_path


@pytest.mark.parametrize(
    "path",
    [
        "videos/museum/originals/museum_ann/clip-1.mp4",
        "frames/train/face-vid2vid/part-00000.parquet",
        "portraits/lab_a.b.png",
        "videos/NVIDIA-VC-subset/tps-generated/id001/id001--s_2--id004.mp4",
        "-x",
    ],
)
def test_names_that_builds_give_stay(path):
    assert is_portable(path)
    assert portable_path(path) == path


@pytest.mark.parametrize(
    "name",
    [
        *("lab:ann", "a?b", "a*", "[a]", "a|b", "a<b", 'a"b', "a\\b", "a#b", "a%20b", "a=b", "a\nb"),
        *("dot.", "blank ", " blank", ".hidden", "__special", "nul", "CON.mp4", "com1.txt"),
        *("\u00e9", "e\u0301", "", "x" * 201),
    ],
)
def test_other_names_become_portable_ones_that_tell_them_apart(name):
    assert not is_portable(name)
    made = portable_name(name)
    assert is_portable(made)
    assert hashlib.sha256(name.encode()).hexdigest()[:8] in made
    assert portable_name(made) == made


def test_a_file_keeps_its_ending():
    assert portable_name("lab:ann.png") == f"lab_ann-{hashlib.sha256(b'lab:ann.png').hexdigest()[:8]}.png"


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=300))
def test_whatever_the_name_is_its_replacement_is_portable(name):
    assert is_portable(portable_name(name))
