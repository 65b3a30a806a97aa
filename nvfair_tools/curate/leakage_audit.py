"""The leakage audit: what a reader of the card wants to know before trusting a figure."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Check:
    """One question asked of the data set. found: how many cases; allowed: whether cases are a defect or a remark."""

    question: str
    found: int
    remark: str = ""
    defect: bool = True

    @property
    def clean(self) -> bool:
        """Whether nothing speaks against the data set."""
        return self.found == 0 or not self.defect


def audit(identities: pd.DataFrame, videos: pd.DataFrame) -> list[Check]:
    """Every check, computed from the finished tables alone (not from what the build meant to do)."""
    ok = videos[videos["state"] == "ok"]
    synthetic = ok[ok["kind"] != "real"]
    split = identities.set_index("identity")["split"]
    people = pd.concat(
        [
            ok[["target", "split"]].set_axis(["person", "split"], axis=1),
            ok[["driver", "split"]].set_axis(["person", "split"], axis=1),
        ]
    )
    shared_people = int((people.groupby("person")["split"].nunique() > 1).sum())
    shared_clips = int((ok.groupby("clip")["split"].nunique() > 1).sum())
    crossing = int(
        (split.reindex(synthetic["target"]).to_numpy() != split.reindex(synthetic["driver"]).to_numpy()).sum()
    )
    portraits = identities.dropna(subset=["portrait_clip"])
    single = portraits["flags"].map(lambda flags: "single_clip" in list(flags))
    driving = set(synthetic["clip"])
    used = portraits[portraits["portrait_clip"].isin(driving)]
    copies = videos[videos["reason"].isin(["duplicate_content", "conflicting_identity"])]
    return [
        Check("people in more than one split", shared_people),
        Check("driving clips in more than one split", shared_clips),
        Check("reenactments whose target and driver are in different splits", crossing),
        Check("portraits taken from a clip that also drives", int((~single.reindex(used.index)).sum())),
        Check(
            "people with a single clip, which gives the portrait and drives too",
            int(single.sum()),
            "their videos can be left out by the flag single_clip in identities.parquet",
            defect=False,
        ),
        Check(
            "listed files that are copies of another one",
            len(copies),
            "left out; see videos.parquet",
            defect=False,
        ),
    ]
