"""Checks of the finished tables for people, clips and portraits that leak between splits or between two sides."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from nvfair_tools.leakage.audit_check import AuditCase, AuditCheck, check_of_cases

_VIDEOS, _PEOPLE = "videos.parquet", "identities.parquet"


def audit_leakage(identities: pd.DataFrame, videos: pd.DataFrame) -> list[AuditCheck]:
    """Runs all checks on the finished tables alone, whatever the build intended."""
    ok = videos[videos["state"] == "ok"]
    synthetic = ok[ok["kind"] != "real"]
    return [
        check_of_cases("people in more than one split", list(_people_in_two_splits(identities, ok))),
        check_of_cases("driving clips in more than one split", list(_clips_in_two_splits(ok))),
        check_of_cases(
            "reenactments whose target and driver are in different splits", list(_crossing(identities, synthetic))
        ),
        *_portrait_checks(identities, synthetic),
        check_of_cases("names that two people share", list(_shared_names(identities))),
        check_of_cases("files that are in the set as two recordings", list(_equal_files(ok[ok["kind"] == "real"]))),
        check_of_cases(
            "listed files that are copies of another one",
            [
                AuditCase(_VIDEOS, str(row.video), f"{row.reason}: clip {row.clip_name} of {row.driver}")
                for row in videos[videos["reason"].isin(["duplicate_content", "conflicting_identity"])].itertuples()
            ],
            "left out; see videos.parquet",
            defect=False,
        ),
    ]


def _people_in_two_splits(identities: pd.DataFrame, ok: pd.DataFrame) -> Iterator[AuditCase]:
    roles = pd.concat(
        [
            ok[[role, "split", "video"]].set_axis(["person", "split", "video"], axis=1).assign(role=role)
            for role in ("target", "driver")
        ]
    )
    own = identities.set_index("identity")["split"]
    counts = roles.groupby("person")["split"].nunique()
    for person in sorted(counts.index[counts > 1]):
        of_person = roles[roles["person"] == person]
        first = of_person.groupby("split").first()
        places = [f"{split} (as {row.role} of video {row.video})" for split, row in first.iterrows()]
        listed = f"; identities.parquet says {own[person]}" if person in own.index else ""
        yield AuditCase(_VIDEOS, str(person), f"in {' and '.join(places)}{listed}")


def _clips_in_two_splits(ok: pd.DataFrame) -> Iterator[AuditCase]:
    counts = ok.groupby("clip")["split"].nunique()
    for clip in sorted(counts.index[counts > 1]):
        first = ok[ok["clip"] == clip].groupby("split").first()
        places = [f"{split} (video {row.video})" for split, row in first.iterrows()]
        yield AuditCase(_VIDEOS, str(clip), f"drives in {' and '.join(places)}")


def _crossing(identities: pd.DataFrame, synthetic: pd.DataFrame) -> Iterator[AuditCase]:
    split = identities.set_index("identity")["split"]
    target, driver = split.reindex(synthetic["target"]).to_numpy(), split.reindex(synthetic["driver"]).to_numpy()
    for row in synthetic[target != driver].itertuples():
        places = f"target {row.target} ({split.get(row.target)}), driver {row.driver} ({split.get(row.driver)})"
        yield AuditCase(_VIDEOS, str(row.video), places)


def _portrait_checks(identities: pd.DataFrame, synthetic: pd.DataFrame) -> list[AuditCheck]:
    portraits = identities.dropna(subset=["portrait_clip"])
    single = portraits["flags"].map(lambda flags: "single_clip" in list(flags)).astype(bool)
    drives = portraits["portrait_clip"].isin(set(synthetic["clip"]))
    return [
        check_of_cases(
            "portraits taken from a clip that also drives",
            [
                AuditCase(_PEOPLE, str(row.identity), f"portrait from clip {row.portrait_clip}, which drives videos")
                for row in portraits[drives & ~single].itertuples()
            ],
        ),
        check_of_cases(
            "people with a single clip, which gives the portrait and drives too",
            [
                AuditCase(_PEOPLE, str(row.identity), f"clip {row.portrait_clip}")
                for row in portraits[single].itertuples()
            ],
            "their videos can be left out by the flag single_clip in identities.parquet",
            defect=False,
        ),
    ]


def _shared_names(identities: pd.DataFrame) -> Iterator[AuditCase]:
    """The names, aliases included, by which two rows of people go."""
    if "aliases" not in identities:
        return
    names: dict[str, list[str]] = {}
    for identity, aliases in identities[["identity", "aliases"]].itertuples(index=False):
        for name in dict.fromkeys([identity, *(aliases if aliases is not None else ())]):
            names.setdefault(name, []).append(identity)
    for name, people in sorted(names.items()):
        if len(people) > 1:
            yield AuditCase(_PEOPLE, name, f"a name of {' and of '.join(sorted(people))}")


def _equal_files(real: pd.DataFrame) -> Iterator[AuditCase]:
    """The recordings whose files have the same bytes, as listed (lineage) or as stored (sha256)."""
    columns = [column for column in ("sha256", "lineage") if column in real]
    seen: set[tuple[str, ...]] = set()
    for column in columns:
        rows = real[["video", "driver", column]].dropna().explode(column).dropna()
        for digest, group in rows.groupby(column):
            videos = tuple(sorted(set(group["video"])))
            if len(videos) > 1 and videos not in seen:
                seen.add(videos)
                people = " and ".join(sorted(set(group["driver"])))
                yield AuditCase(_VIDEOS, videos[0], f"the bytes of {', '.join(videos[1:])} ({people}; sha256 {digest})")
