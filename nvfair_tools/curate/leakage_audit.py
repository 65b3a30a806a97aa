"""The leakage audit: checks of the finished tables for people, clips and portraits that leak between splits."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class AuditCheck:
    """One check of the data set. cases: how many were found. defect: whether a case is a defect or only a remark."""

    question: str
    cases: int
    remark: str = ""
    defect: bool = True

    @property
    def clean(self) -> bool:
        """Whether the check found no defect."""
        return self.cases == 0 or not self.defect


def audit_leakage(identities: pd.DataFrame, videos: pd.DataFrame) -> list[AuditCheck]:
    """Runs all checks on the finished tables alone, whatever the build intended."""
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
    driving_clips = set(synthetic["clip"])
    driving_portraits = portraits[portraits["portrait_clip"].isin(driving_clips)]
    copies = videos[videos["reason"].isin(["duplicate_content", "conflicting_identity"])]
    return [
        AuditCheck("people in more than one split", shared_people),
        AuditCheck("driving clips in more than one split", shared_clips),
        AuditCheck("reenactments whose target and driver are in different splits", crossing),
        AuditCheck(
            "portraits taken from a clip that also drives", int((~single.reindex(driving_portraits.index)).sum())
        ),
        AuditCheck(
            "people with a single clip, which gives the portrait and drives too",
            int(single.sum()),
            "their videos can be left out by the flag single_clip in identities.parquet",
            defect=False,
        ),
        AuditCheck(
            "listed files that are copies of another one",
            len(copies),
            "left out; see videos.parquet",
            defect=False,
        ),
    ]
