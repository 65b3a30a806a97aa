"""The public collections that `nvfair get` knows: where they are, their terms, and how many files to expect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from nvfair_tools.downloads import git_lfs, zenodo
from nvfair_tools.downloads.errors import DownloadError
from nvfair_tools.downloads.git_lfs import GitHubAddresses
from nvfair_tools.downloads.remote import Listing
from nvfair_tools.downloads.transfer import Transfer

SERVERS = {
    "zenodo": zenodo.ADDRESS,
    "github-api": GitHubAddresses.api,
    "github-raw": GitHubAddresses.raw,
    "github": GitHubAddresses.repositories,
}


@dataclass(frozen=True)
class Collection:
    """A public collection of recordings.

    name: in commands. terms: what a user accepts, in plain sentences. page: the publisher's. record: of Zenodo, "" for
    a repository. repository, folder, plain_files, pattern: see `git_lfs.list_repository`. patterns: shell patterns of
    the record's files. member_left_out: {reason: test of a member's path in an archive}. own_folders: whether each
    archive is unpacked into a folder of its own. expected_files: the published number of files of the kind that
    `expected_pattern` matches, 0 where it is not known.
    """

    name: str
    title: str
    page: str
    terms: tuple[str, ...]
    record: str = ""
    patterns: tuple[str, ...] = ()
    repository: str = ""
    ref: str = "master"
    folder: str = ""
    plain_files: tuple[str, ...] = ()
    pattern: str = ""
    member_left_out: Mapping[str, Callable[[str], bool]] = field(default_factory=dict)
    own_folders: bool = False
    expected_files: int = 0
    expected_suffix: str = ""

    def list_files(
        self,
        transfer: Transfer,
        cache: Path,
        *,
        patterns: tuple[str, ...] = (),
        connections: int = 4,
        servers: Mapping[str, str] = SERVERS,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> Listing:
        """Lists the collection's files. patterns: shell patterns of Zenodo's file names instead of the usual ones.

        cache: folder for what need not be asked twice. Raises DownloadError, NvfairError.
        """
        try:
            return self._listed(transfer, cache, patterns, connections, servers, progress)
        except DownloadError as error:
            by_hand = (
                f"{error.remedy}{'; or ' if error.remedy else ''}on a machine that reaches it, run the same command "
                f"and bring the folder here, or take the files from {self.page} and unpack them into it: "
                "a recipe reads them"
            )
            raise DownloadError(error.reason, error.what, where=error.where, remedy=by_hand) from error

    def _listed(
        self,
        transfer: Transfer,
        cache: Path,
        patterns: tuple[str, ...],
        connections: int,
        servers: Mapping[str, str],
        progress: Callable[[int, int], None],
    ) -> Listing:
        if self.record:
            return zenodo.list_record(transfer, self.record, patterns or self.patterns, servers["zenodo"])
        return git_lfs.list_repository(
            transfer,
            self.repository,
            self.ref,
            folder=self.folder,
            plain_files=self.plain_files,
            pattern=self.pattern,
            pointer_cache=cache / "pointers.jsonl",
            connections=connections,
            addresses=GitHubAddresses(servers["github-api"], servers["github-raw"], servers["github"]),
            progress=progress,
        )


def _is_silent_copy(member: str) -> bool:
    return PurePosixPath(member).name.startswith("02-")


_CONSENT = (
    "A licence is no consent: nobody in these recordings was asked about being put on another face. Rendering "
    "reenactments of them needs an ethics approval of your institution."
)

COLLECTIONS = {
    collection.name: collection
    for collection in (
        Collection(
            name="ravdess",
            title="RAVDESS: 24 actors, 1,440 spoken and 1,012 sung clips",
            page="https://zenodo.org/records/1188976",
            terms=(
                "CC BY-NC-SA 4.0: not for commercial use; what you make from it keeps this licence; name the authors.",
                "Cite S. R. Livingstone and F. A. Russo, PLoS ONE 13(5): e0196391, 2018.",
                _CONSENT,
            ),
            record="1188976",
            patterns=("Video_Speech_Actor_*.zip", "Video_Song_Actor_*.zip"),
            member_left_out={"silent copies (modality 02)": _is_silent_copy},
            expected_files=2_452,
            expected_suffix=".mp4",
        ),
        Collection(
            name="crema-d",
            title="CREMA-D: 91 actors, 7,442 clips",
            page="https://github.com/CheyneyComputerScience/CREMA-D",
            terms=(
                "Open Database License 1.0, contents under the Database Contents License 1.0: a derived database that "
                "you publish keeps the licence; name the authors.",
                "Cite H. Cao, D. G. Cooper, M. K. Keutmann, R. C. Gur, A. Nenkova and R. Verma, IEEE Transactions on "
                "Affective Computing 5(4), 2014.",
                _CONSENT,
            ),
            repository="CheyneyComputerScience/CREMA-D",
            folder="VideoFlash",
            plain_files=("VideoDemographics.csv",),
            pattern=r".+\.flv",
            expected_files=7_442,
            expected_suffix=".flv",
        ),
        Collection(
            name="avaprintdb",
            title="AVAPrintDB: reenactments of CREMA-D's and RAVDESS's people by three generators",
            page="https://zenodo.org/records/20548978",
            terms=(
                "CC BY: name the authors (arXiv 2603.26934). The terms of CREMA-D (ODbL 1.0) and of RAVDESS (CC "
                "BY-NC-SA 4.0) apply too.",
                _CONSENT,
            ),
            record="20548978",
            own_folders=True,
        ),
    )
}
