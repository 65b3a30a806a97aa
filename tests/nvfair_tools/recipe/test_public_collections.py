"""The folders of RAVDESS and CREMA-D: every file is a clip or left out for a reason, and what is missing is counted."""

from collections import Counter
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
import yaml

from nvfair_tools.curate.preflight import check
from nvfair_tools.errors import Problems
from nvfair_tools.recipe.clip_list import list_clips
from nvfair_tools.recipe.known_collections import name_fields
from nvfair_tools.recipe.recipe import load_recipe
from nvfair_tools.recipe.splits import assign_splits

ROOT = Path(__file__).resolve().parents[3]
SENTENCES = ("IEO", "TIE", "IOM", "IWW", "TAI", "MTI", "IWL", "ITH", "DFA", "ITS", "TSI", "WSI")


def ravdess_names() -> list[str]:
    """As the publication says: speech in eight emotions, song in six, neutral never strong, actor 18 does not sing."""
    names = []
    for actor in range(1, 25):
        for channel, emotions in (("01", 8), ("02", 6)):
            if channel == "02" and actor == 18:
                continue
            for emotion, intensity, statement, repetition in product(range(1, emotions + 1), (1, 2), (1, 2), (1, 2)):
                if (emotion, intensity) != (1, 2):
                    fields = f"{channel}-{emotion:02}-{intensity:02}-{statement:02}-{repetition:02}-{actor:02}"
                    names.append(f"Actor_{actor:02}/01-{fields}.mp4")
    return names


def cremad_names() -> list[str]:
    """82 clips of each actor, less 20 to the published number."""
    names = []
    for actor in range(1001, 1092):
        for sentence, emotion in product(SENTENCES, ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")):
            levels = ("LO", "MD", "HI") if sentence == "IEO" and emotion != "NEU" else ("XX",)
            names += [f"VideoFlash/{actor}_{sentence}_{emotion}_{level}.flv" for level in levels]
    return names[:-20]


def write(folder: Path, names: list[str]) -> None:
    for parent in {(folder / name).parent for name in names}:
        parent.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def write_recipe(tmp_path: Path, *collections: str, **changes: object) -> Path:
    recipe = yaml.safe_load((ROOT / "examples" / "open_nvfair.yaml").read_text())
    recipe["sources"] = [{"collection": name, "folder": name} for name in collections]
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe | changes))
    return tmp_path / "recipe.yaml"


def test_the_published_trees_are_read_whole_under_the_published_split(tmp_path):
    write(tmp_path / "ravdess", ravdess_names())
    write(tmp_path / "crema-d", cremad_names())
    recipe = load_recipe(write_recipe(tmp_path, "ravdess", "crema-d"))
    clips = list_clips(recipe)
    sources = Counter(row.source for row in clips.rows)
    assert sources == {"ravdess": 1_440 + 1_012, "cremad": 7_442}
    assert not clips.left_out
    assert clips.missing == (
        "crema-d: VideoDemographics.csv, so that age, sex and ethnicity of its people are unknown",
    )
    splits = assign_splits(recipe, clips.rows)
    assert Counter(splits.values()) == {"train": 79, "validation": 11, "test": 25}
    genders = {row.identity: row.gender for row in clips.rows if row.source == "ravdess"}
    assert Counter(genders.values()) == {"male": 12, "female": 12}


def test_a_name_of_ravdess_says_who_and_what(tmp_path):
    write(tmp_path / "ravdess", ["Actor_12/01-02-06-02-02-01-12.mp4"])
    row = list_clips(load_recipe(write_recipe(tmp_path, "ravdess"))).rows[0]
    assert (row.identity, row.source, row.gender, row.emotion) == ("ravdess:12", "ravdess", "female", "fearful")
    assert (row.scenario, row.content) == ("scripted song", "song: dogs are sitting by the door")
    assert (row.licence, row.consent) == ("CC BY-NC-SA 4.0", "unknown")
    assert row.aliases == ("Actor_12",)


def test_a_name_of_cremad_and_its_table_say_who_and_what(tmp_path):
    write(tmp_path / "crema-d", ["VideoFlash/1040_ITH_SAD_X.flv"])
    table = '"ActorID","Age","Sex","Race","Ethnicity"\n1040,42,Female,Asian,Not Hispanic\n'
    (tmp_path / "crema-d" / "VideoDemographics.csv").write_text(table)
    row = list_clips(load_recipe(write_recipe(tmp_path, "crema-d"))).rows[0]
    assert (row.identity, row.source, row.emotion) == ("cremad:1040", "cremad", "sad")
    assert (row.gender, row.age, row.ethnicity) == ("female", "42", "Asian, Not Hispanic")
    assert row.content == "speech: i think i have a doctor's appointment"
    assert row.licence.startswith("ODbL 1.0")


def test_all_seven_fields_of_a_name_of_ravdess_can_be_read_from_a_data_sets_videos():
    videos = pd.DataFrame(
        [("a", "ravdess", "01-02-06-02-02-01-12"), ("b", "cremad", "1040_ITH_SAD_X"), ("c", "museum", "clip")],
        columns=["video", "source", "clip_name"],
    )
    fields = name_fields(videos).set_index("video")
    assert fields.loc["a"].dropna().to_dict() == {
        "modality": "picture and sound",
        "vocal_channel": "song",
        "emotion": "fearful",
        "intensity": "strong",
        "statement": "dogs are sitting by the door",
        "repetition": "01",
        "actor": "12",
    }
    assert fields.loc["b"].dropna().to_dict() == {
        "actor": "1040",
        "sentence": "i think i have a doctor's appointment",
        "emotion": "sad",
        "level": "unspecified",
    }
    assert list(fields.index) == ["a", "b"]
    assert name_fields(videos.tail(1)).empty


def test_people_of_whom_there_is_no_clip_are_counted_and_links_and_hidden_files_named(tmp_path):
    write(tmp_path / "crema-d", ["VideoFlash/1001_DFA_ANG_XX.flv", "VideoFlash/._1001_DFA_ANG_XX.flv"])
    (tmp_path / "crema-d" / "VideoFlash" / "more").symlink_to(tmp_path)
    clips = list_clips(load_recipe(write_recipe(tmp_path, "crema-d")))
    assert "crema-d: 90 of the 91 published people, such as cremad:1002, cremad:1003, cremad:1004" in clips.missing
    assert "crema-d: 7,441 of the 7,442 published clips" in clips.missing
    assert clips.notes == (
        "crema-d: 1 hidden file is not listed, such as VideoFlash/._1001_DFA_ANG_XX.flv",
        "crema-d: 1 link to a folder is not followed, such as VideoFlash/more",
    )


def test_wrong_missing_and_extra_files_are_all_named_with_counts(tmp_path):
    extra = [
        "Actor_01/02-01-01-01-01-01-01.mp4",  # a silent copy
        "Actor_01/03-01-01-01-01-01-01.wav",
        "Actor_01/03-01-01-01-01-01-01.mp4",
        "Actor_01/holiday.mp4",
        "Actor_01/01-01-01-02-01-01-01.mp4",  # strong neutral
        "Actor_18/01-02-02-01-01-01-18.mp4",  # a song of actor 18
        "Actor_01/01-01-01-01-01-01-02.mp4",  # of actor 2
        "copies/01-01-01-01-01-01-01.mp4",
        "README.txt",
    ]
    absent = {
        "Actor_24/01-01-08-02-02-02-24.mp4",
        "Actor_01/01-01-02-01-01-01-01.mp4",
        "Actor_02/01-01-01-01-01-01-02.mp4",
    }
    write(tmp_path / "ravdess", [name for name in ravdess_names() if name not in absent] + extra)
    clips = list_clips(load_recipe(write_recipe(tmp_path, "ravdess")))
    assert len(clips.rows) == 2_452 - 3
    assert clips.notes == (
        "ravdess: silent copies of other clips (modality 02): 1 file, such as Actor_01/02-01-01-01-01-01-01.mp4",
    )
    assert sorted(text.removeprefix("ravdess: ").partition(", such as")[0] for text in clips.left_out) == [
        "names of another actor than their folder's: 1 file",
        "names that are not RAVDESS's: 1 file",
        "names with fields that RAVDESS does not have: 2 files",
        "no videos: 2 files",
        "second copies of a clip: 1 file",
        "sound without a picture (modality 03): 1 file",
    ]
    assert clips.missing == (
        "ravdess: 3 of the 2,452 published clips, such as 01-01-01-01-01-01-02, 01-01-02-01-01-01-01, "
        "01-01-08-02-02-02-24",
    )


def test_every_wrong_row_of_the_table_of_actors_is_named(tmp_path):
    write(tmp_path / "crema-d", ["1001_DFA_ANG_XX.flv", "1092_DFA_ANG_XX.flv", "1001_DFA_JOY_XX.flv", "1001-DFA.flv"])
    rows = ["1001,51,Male,A,B", "1001,51,Male,A,B", "2001,51,Male,A,B", "1002,old,Male,A,B", "1003,30,Unsaid,A,B"]
    (tmp_path / "crema-d" / "VideoDemographics.csv").write_text("\n".join(["ActorID,Age,Sex,Race,Ethnicity", *rows]))
    with pytest.raises(Problems) as caught:
        list_clips(load_recipe(write_recipe(tmp_path, "crema-d")))
    text = str(caught.value)
    assert len(caught.value.problems) == 4
    for words in (
        "row 3: ActorID 1001 stands in it twice",
        "row 4: ActorID '2001'",
        "row 5: Age 'old'",
        "row 6: Sex 'Unsaid'",
    ):
        assert words in text


def test_an_absent_folder_names_the_command_that_fills_it(tmp_path):
    with pytest.raises(Problems, match="nvfair get ravdess"):
        list_clips(load_recipe(write_recipe(tmp_path, "ravdess")))


def test_the_check_names_the_command_that_brings_what_is_missing(tmp_path):
    write(tmp_path / "crema-d", ["1001_DFA_ANG_XX.flv"])
    report = check(write_recipe(tmp_path, "crema-d"))
    missing = [finding for finding in report.findings if finding.topic == "missing"]
    assert len(missing) == 3
    assert {finding.remedy for finding in missing} == {f"`nvfair get crema-d {tmp_path / 'crema-d'}` brings them"}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"collection": "ravdess"}, "folder"),
        ({"collection": "ravdess", "folder": "x", "source": "y"}, "its own `source`"),
        ({"collection": "mead", "folder": "x"}, "ravdess"),
    ],
)
def test_a_source_that_names_a_collection_wrongly_is_refused(tmp_path, source, words):
    path = write_recipe(tmp_path, "ravdess", sources=[source])
    with pytest.raises(Problems, match=words):
        load_recipe(path)


@pytest.mark.parametrize("approval", ["yes", "", "our committee said so"])
def test_an_approval_names_committee_number_and_date(tmp_path, approval):
    rights = {"render_if": ["research"], "ethics_approval": approval}
    with pytest.raises(Problems, match="ethics_approval"):
        load_recipe(write_recipe(tmp_path, "ravdess", rights=rights))


def test_an_approval_stands_in_the_consent_of_every_clip_and_in_the_digest(tmp_path):
    write(tmp_path / "ravdess", ["Actor_12/01-02-06-02-02-01-12.mp4"])
    without = load_recipe(write_recipe(tmp_path, "ravdess"))
    rights = {"render_if": ["research"], "ethics_approval": "Board of Somewhere, no. 2026-17, 3 May 2026"}
    recipe = load_recipe(write_recipe(tmp_path, "ravdess", rights=rights))
    assert list_clips(recipe).rows[0].consent == "unknown; ethics approval: Board of Somewhere, no. 2026-17, 3 May 2026"
    assert recipe.digest() != without.digest()


def test_a_list_cannot_go_around_the_approval(tmp_path):
    from nvfair_tools.recipe.permissions import needs_approval

    (tmp_path / "list.csv").write_text(
        "path,identity,licence,consent,permitted_use\na.mp4,cremad:1001,x,Unknown,research\n"
    )
    recipe = load_recipe(write_recipe(tmp_path, sources=[{"csv": "list.csv"}]))
    assert [needs_approval(row) for row in list_clips(recipe).rows] == [True]
