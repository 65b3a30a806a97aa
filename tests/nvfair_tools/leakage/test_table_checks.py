"""The leakage audit finds planted leaks in finished tables, and the card reports them."""

import pandas as pd
import pytest
import yaml

from nvfair_tools.curate.card import write_card
from nvfair_tools.curate.tables import join_distinct
from nvfair_tools.leakage.table_checks import audit_leakage

META = {
    "name": "Planted",
    "features": {"distances": "none"},
    "landmarks": {"points": 126, "scheme": "nvfair-126"},
    "generators": [],
}


def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two people in train, two in test, one clip each for the portrait and one that drives."""
    people = [("x:1", "train"), ("x:2", "train"), ("x:3", "test"), ("x:4", "test")]
    identities = pd.DataFrame(
        [
            {
                "identity": person,
                "source": "x",
                "split": split,
                "portrait_clip": f"portrait of {person}",
                "flags": [],
                "licence": "CC0",
                "consent": "yes",
                "permitted_use": "research",
            }
            for person, split in people
        ]
    )
    videos = [
        {"video": f"{target}<{driver}", "target": target, "driver": driver, "split": split, "clip": f"clip of {driver}"}
        for target, split in people
        for driver, other in people
        if split == other
    ]
    frame = pd.DataFrame(videos).assign(state="ok", reason="", generator="warp-dense", part="p", frames=10)
    frame["kind"] = ["self" if row.target == row.driver else "cross" for row in frame.itertuples()]
    frame = frame.assign(fps_num=25, fps_den=1, licence="CC0", permitted_use="research", first_row=0)
    frame = frame.assign(source="x", clip_name=frame["clip"], content=None, scenario=None, emotion=None, path=None)
    return identities, frame


def cases(identities: pd.DataFrame, videos: pd.DataFrame) -> dict[str, int]:
    return {check.question: check.cases for check in audit_leakage(identities, videos) if not check.clean}


def test_a_clean_set_has_no_case():
    assert cases(*tables()) == {}


def test_a_person_and_a_clip_in_two_splits_and_a_crossing_pair_are_found():
    identities, videos = tables()
    leak = videos.iloc[[0]].assign(video="leak", driver="x:3", clip="clip of x:3", kind="cross")
    defects = cases(identities, pd.concat([videos, leak], ignore_index=True))
    assert defects == {
        "people in more than one split": 1,
        "driving clips in more than one split": 1,
        "reenactments whose target and driver are in different splits": 1,
    }


@pytest.mark.parametrize(("flags", "defects"), [([], 1), (["single_clip"], 0)])
def test_a_portrait_that_drives_is_a_defect_unless_its_person_has_no_other_clip(flags, defects):
    identities, videos = tables()
    identities.at[0, "portrait_clip"] = "clip of x:1"
    identities.at[0, "flags"] = flags
    assert len(cases(identities, videos)) == defects


def test_a_failed_video_leaks_nothing():
    identities, videos = tables()
    leak = videos.iloc[[0]].assign(video="leak", driver="x:3", state="failed", reason="worker_crashed")
    assert cases(identities, pd.concat([videos, leak], ignore_index=True)) == {}


def test_the_card_names_defects_synthetic_videos_and_where_the_parts_are(tmp_path):
    identities, videos = tables()
    identities.at[0, "portrait_clip"] = "clip of x:1"
    videos.at[0, "state"], videos.at[0, "reason"] = "failed", "worker_crashed"
    written = write_card(tmp_path, META, identities, videos)
    text = (tmp_path / "README.md").read_text()
    assert "**Synthetic: 7 of these 7 videos**" in text
    assert "| portraits taken from a clip that also drives | 1 | DEFECT |" in text
    assert "| self | failed | worker_crashed | 1 |" in text
    front = yaml.safe_load(text.split("---")[1])
    frames = front["configs"][0]
    assert frames["default"] is True
    assert [entry["split"] for entry in frames["data_files"]] == ["train", "test"], "no file, no split"
    first = {path: path.read_bytes() for path in written}
    assert {path: path.read_bytes() for path in write_card(tmp_path, META, identities, videos)} == first


def test_rights_of_several_origins_are_all_kept():
    assert join_distinct(["b", "a", "b"]) == "a + b"
