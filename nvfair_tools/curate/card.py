"""Writing a data set's card: README.md with the YAML that the Hugging Face Hub reads, counts, rights, audit, plots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from nvfair_tools.curate.card_plots import PLOTS, write_plots
from nvfair_tools.curate.footage.cautions import footage_cautions
from nvfair_tools.curate.portraits import Portrait
from nvfair_tools.dataset.describing.card_metadata import size_category
from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.dataset.schema import CONTENT_MARK, SPLITS, TABLE_SPLIT
from nvfair_tools.dataset.segments import read_segments
from nvfair_tools.dataset.terms import strictest_terms
from nvfair_tools.files import write_text
from nvfair_tools.landmarks.track_files import LANDMARKS_ONLY
from nvfair_tools.leakage.audit import LeakageAudit, audit_tables, check_rows, shortcut_rows
from nvfair_tools.metadata.counts import count_rights, count_unusable, count_videos, seconds_of
from nvfair_tools.metadata.description import Description
from nvfair_tools.metadata.markdown import markdown_table
from nvfair_tools.metadata.writing import METADATA_FILES, write_metadata
from nvfair_tools.quality.clip_table import CLIP_TABLE, identity_sentences, read_clip_table, summarise_clips
from nvfair_tools.quantities import count_text, duration_text

_OTHER_READERS = """\
Any reader of Parquet does, frames joined with videos by `video`:

```python
pandas.read_parquet(f"{FOLDER}/videos.parquet")
pyarrow.dataset.dataset(f"{FOLDER}/frames").to_table(filter=pyarrow.dataset.field("video") == VIDEO)
polars.scan_parquet(f"{FOLDER}/frames/**/*.parquet").join(polars.scan_parquet(f"{FOLDER}/videos.parquet"), on="video")
duckdb.sql(f"SELECT v.driver, f.landmarks FROM '{FOLDER}/frames/**/*.parquet' f JOIN '{FOLDER}/videos.parquet' v "
           "ON f.video = v.video")
```"""


def write_description(
    folder: Path,
    meta: Mapping[str, Any],
    identities: pd.DataFrame,
    videos: pd.DataFrame,
    portraits: Iterable[Portrait] = (),
    content: str = "",
    day: date | None = None,
) -> list[Path]:
    """Writes the card and the files of `nvfair_tools.metadata` beside it; returns all their paths.

    The tables, the parts and consent.parquet must lie in the folder. day: for which rights are judged; default, today.
    The other arguments are those of `write_card`.
    """
    audit = audit_tables(folder, dict(meta), identities, videos)
    card = write_card(folder, meta, identities, videos, portraits, content, audit)
    dataset = Dataset(folder, dict(meta), identities, videos)
    cautions = _all_cautions(folder, meta, videos)
    return [*card, *write_metadata(Description.of(dataset, audit=audit, cautions=cautions, day=day))]


def write_card(
    folder: Path,
    meta: Mapping[str, Any],
    identities: pd.DataFrame,
    videos: pd.DataFrame,
    portraits: Iterable[Portrait] = (),
    content: str = "",
    audit: LeakageAudit | None = None,
) -> list[Path]:
    """Writes README.md and the plots in card/; returns their paths.

    meta: the content of dataset.json. identities, videos: the finished tables, with the column part. portraits: those
    of the build, of which the card lists the failed ones. content: see `content_digest`; `datasets` keeps what it has
    read under a name that the card's configs determine, so another content needs other configs. audit: default, that
    of the tables and stored landmarks.
    """
    plots = write_plots(folder, videos)
    audit = audit or audit_tables(folder, dict(meta), identities, videos)
    cautions = _all_cautions(folder, meta, videos)
    body = _body(folder, {**meta, "cautions": cautions}, identities, videos, audit, portraits, plots)
    text = f"---\n{_front_matter(meta, videos, content)}---\n\n{body}"
    write_text(folder / "README.md", text)
    return [folder / "README.md", *plots]


def _all_cautions(folder: Path, meta: Mapping[str, Any], videos: pd.DataFrame) -> list[str]:
    return [*meta.get("cautions", ()), *footage_cautions(read_segments(folder), videos)]


def has_card(folder: Path) -> bool:
    """Whether the README.md of a data set is a card, with YAML that the Hub reads, and no other text."""
    path = folder / "README.md"
    return path.is_file() and path.read_bytes().startswith(b"---\n")


def _front_matter(meta: Mapping[str, Any], videos: pd.DataFrame, content_sha256: str) -> str:
    used_splits = [split for split in SPLITS if (videos["part"].notna() & (videos["split"] == split)).any()]
    frames = int(videos.loc[videos["part"].notna(), "frames"].sum())
    content: dict[str, Any] = {
        "pretty_name": meta["name"],
        "license": "other",
        "license_name": "see-licence-columns",
        "tags": ["avatar-fingerprinting", "talking-head", "reenactment", "synthetic", "biometrics", "landmarks"],
        "size_categories": [size_category(frames)],
        "configs": [
            {
                "config_name": "frames",
                "default": True,
                "data_files": [{"split": split, "path": f"frames/{split}/*/part-*.parquet"} for split in used_splits],
            },
            {"config_name": "videos", "data_files": [{"split": TABLE_SPLIT, "path": "videos.parquet"}]},
            {"config_name": "identities", "data_files": [{"split": TABLE_SPLIT, "path": "identities.parquet"}]},
        ],
    }
    if content_sha256:
        for config in content["configs"]:
            config["description"] = f"{CONTENT_MARK}{content_sha256}"
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _other_files() -> str:
    """Names the files beside the card that say the same to machines, and more to people."""
    croissant, sheet, datacite, zenodo = METADATA_FILES
    return (
        f"`{sheet}` answers the questions of a data sheet; `{croissant}` describes the files for machines; "
        f"`{datacite}` and `{zenodo}` are for a DOI."
    )


def _release_notes(meta: Mapping[str, Any]) -> list[str]:
    """How a published release was understood, assumptions included; nothing for a data set of another kind."""
    notes = meta.get("release", {}).get("notes", [])
    return ["## How the release was read", "\n".join(f"* {note}" for note in notes)] if notes else []


def _body(
    folder: Path,
    meta: Mapping[str, Any],
    identities: pd.DataFrame,
    videos: pd.DataFrame,
    audit: LeakageAudit,
    portraits: Iterable[Portrait],
    plots: Iterable[Path],
) -> str:
    ok = videos[videos["state"] == "ok"]
    real, synthetic = ok[ok["kind"] == "real"], ok[ok["kind"] != "real"]
    generators = pd.DataFrame(meta["generators"], columns=["label", "family", "version", "motion_mode", "licence"])
    people, recordings = count_text(len(identities), "person"), count_text(len(real), "real recording")
    if meta.get("simulated"):
        people = f"{count_text(len(identities), 'simulated person')} (none of them exists)"
        recordings = count_text(len(real), "simulated recording")
    sections = [
        f"# {meta['name']}",
        f"**Synthetic: {len(synthetic):,} of these {count_text(len(ok), 'video')}**. Each shows the "
        "face of one person (the *target*) moved by a recording of a person (the *driver*), the same one "
        "(self-reenactment) or another (cross-reenactment). None of them shows what its target did or said. "
        + (
            f"They are those of the release {meta['release']['name']}, whose terms hold for everything here, landmarks "
            "included; it may not be passed on where those terms do not allow it."
            if "release" in meta
            else "The set holds their landmarks alone, and no pictures."
            if not videos["path"].notna().any()
            else "Every synthetic file says so in its own metadata (`synthetic=true`, and IPTC's digital source type "
            "in XMP), with its generator, driver, target and permitted use."
        ),
        f"{people}, {recordings}, {duration_text(seconds_of(ok))} of video in all. "
        "Made for research on *avatar fingerprinting*: verifying who drives a talking head, whatever face it shows.",
        "## How to read it",
        "```python\nfrom datasets import load_dataset\n\n"
        "frames = load_dataset(FOLDER)             # one row a frame: landmarks"
        + (", distances" if meta["features"]["distances"] != "none" else "")
        + f'\nvideos = load_dataset(FOLDER, "videos")["{TABLE_SPLIT}"]        '
        "# one row a video, whatever became of it\n"
        f'identities = load_dataset(FOLDER, "identities")["{TABLE_SPLIT}"]\n```',
        "`nvfair_tools.dataset.Dataset.open(FOLDER)` reads it without `datasets`. A frame's `landmarks` are "
        f"{meta['landmarks']['points']} points (x0, y0, x1, y1, ...) in pixels of the stored video (scheme "
        f"`{meta['landmarks']['scheme']}`), NaN where `valid` is false.",
        _OTHER_READERS,
        _other_files(),
        *_release_notes(meta),
        "## What is in it",
        markdown_table(count_videos(ok), ["split", "kind", "generator", "videos", "frames", "people"]),
        *(f"![{PLOTS[path.name]}](card/{path.name})" for path in plots),
        "## Generators",
        markdown_table(generators, list(generators.columns)),
        "Generators of one family share parts; results across them are results within that family, not on unseen "
        "generators.",
        "## What was left out, and why",
        markdown_table(count_unusable(videos), ["kind", "state", "reason", "videos"]),
        *_failed_portraits(portraits),
        *_people_without_faces(identities),
        *_clip_checks(folder, meta, videos),
        "## Leakage audit",
        markdown_table(check_rows(audit.checks), ["check", "cases", "verdict", "remark"]),
        *_shortcuts(audit),
        *_cautions(meta),
        "## Consent, licences, permitted use",
        markdown_table(count_rights(identities), ["source", "licence", "consent", "permitted_use", "people"]),
        *_stated_use(meta),
        "A reenactment inherits the conditions of its driver, its target and its generator (columns `licence`, "
        "`consent`, `permitted_use` of videos.parquet). A person may withdraw consent: the columns `target` and "
        "`driver` find every video that has to be deleted. Do not use this data set to imitate, or to recognise "
        "without their consent, the people in it.",
        *_strictest(ok),
    ]
    return "\n\n".join(sections) + "\n"


def _failed_portraits(portraits: Iterable[Portrait]) -> list[str]:
    """A sentence and a table of the people without a portrait, who are no targets; nothing where there is none."""
    columns = ["identity", "state", "reason", "detail"]
    rows = [
        (portrait.identity, portrait.result.state, portrait.result.reason, portrait.result.detail)
        for portrait in portraits
        if portrait.result.state != "ok"
    ]
    if not rows:
        return []
    return [
        "People without a usable portrait, who drive but are no targets:",
        markdown_table(pd.DataFrame(rows, columns=columns), columns),
    ]


def _clip_checks(folder: Path, meta: Mapping[str, Any], videos: pd.DataFrame) -> list[str]:
    """A section with the figures of each check of clips, and what faces say about names; nothing without checks."""
    rule = meta.get("clip_checks")
    path = folder / "quality" / CLIP_TABLE
    if rule is None or not path.is_file():
        return []
    rows = read_clip_table(path)
    summary = summarise_clips(rows, rule)
    for name in ("p5", "median", "p95"):
        summary[name] = ["" if value != value else f"{value:.3g}" for value in summary[name]]
    names = dict(zip(videos["video"], videos["clip_name"], strict=True))
    return [
        "## Checks of the clips",
        markdown_table(summary, list(summary.columns)),
        f"`quality/{CLIP_TABLE}` has each clip's values.",
        "\n".join(f"* {sentence}" for sentence in identity_sentences(rows, rule, names)),
    ]


def _shortcuts(audit: LeakageAudit) -> list[str]:
    """What single columns of the metadata tell about who drives, by figures; nothing where no column has values."""
    rows = shortcut_rows([figure for figure in audit.shortcuts if figure.people])
    if rows.empty:
        return []
    return [
        "What one column of the metadata tells by itself (AUC, mean over faces; 0.5 is chance; `same driver`: the "
        "pairs of NVFAIR's rule). A shortcut is what a method must beat.",
        markdown_table(rows, list(rows.columns)),
    ]


def _cautions(meta: Mapping[str, Any]) -> list[str]:
    """A section on what makes figures on these recordings mean less; nothing where the recipe names none."""
    cautions = meta.get("cautions", ())
    return ["## What to mind", "\n".join(f"* {text}" for text in cautions)] if cautions else []


def _stated_use(meta: Mapping[str, Any]) -> list[str]:
    """What the set was built for where a consent table says who agreed to it, or that nobody was asked use by use."""
    governance = meta.get("governance", {})
    if meta.get("simulated"):
        return []
    if "consent_sha256" not in governance:
        return [
            "Consent was not recorded person by person: `consent` and `permitted_use` are what the curator, or the "
            "release, says of all uses together. Whether files may be passed on, and people shown, is unknown where "
            "`permitted_use` is not `any`, and unknown is a no. `nvfair dataset rights FOLDER` counts it."
        ]
    uses, purpose = ", ".join(governance.get("use", ["training"])), governance.get("purpose", "research")
    return [
        f"Built for {purpose}: {uses}. `consent.parquet` says what each person agreed to, use by use, with the days on "
        "which it begins and ends; whoever has not agreed to these uses is not in it. Unknown is a no. "
        "`nvfair dataset rights FOLDER` counts what is permitted today."
    ]


def _strictest(videos: pd.DataFrame) -> list[str]:
    """What all licences and permitted uses together leave, in a sentence; nothing where no known term restricts."""
    limits = strictest_terms([*videos["licence"], *videos["permitted_use"]])
    return [f"All conditions hold together, so that the strictest wins: {'; '.join(limits)}."] if limits else []


def _people_without_faces(identities: pd.DataFrame) -> list[str]:
    """A sentence on the people of whom only landmark tracks were listed; nothing where there is none."""
    count = sum(LANDMARKS_ONLY in flags for flags in identities["flags"] if flags is not None)
    text = f"There are landmark tracks alone of {count:,} of the people: their recordings have landmarks and no video."
    return [text] if count else []
