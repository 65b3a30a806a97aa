"""Which extras of this package are whole: what they require, and what is installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from importlib.util import find_spec

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from nvfair_tools.doctor.finding import MachineFinding

PACKAGE = "nvfair-tools"
# What each extra is for, in the order in which a reader meets them. Extras of developers are not looked at.
EXTRAS = {
    "": "read data sets, run the command",
    "media": "read and write videos",
    "curate": "build data sets",
    "releases": "read published releases",
    "hub": "send a data set to the Hugging Face Hub",
    "download": "download public collections",
    "render": "render with face-vid2vid, LIA and TPS",
    "train": "train and score methods",
    "verify": "enrol people and verify videos",
    "view": "look through a data set",
    "marks": "sign videos for publication",
    "board": "keep a leaderboard",
    "board-postgres": "keep it in PostgreSQL",
    "ray": "build on a Ray cluster",
}


PROBLEM_MARK = "; "  # between what is missing or wrong of one extra
# Packages that are imported by another name than they are installed by.
_IMPORT_NAMES = {"pillow": "PIL", "scikit-image": "skimage", "c2pa-python": "c2pa", "opencv-python": "cv2"}


def check_python() -> MachineFinding:
    """Whether this Python is one that the package supports."""
    version = ".".join(map(str, sys.version_info[:3]))
    (supported,) = metadata.metadata(PACKAGE).get_all("Requires-Python") or [""]
    if version in SpecifierSet(supported, prereleases=True):
        return MachineFinding("ok", "Python", f"{version} in {sys.prefix}")
    return MachineFinding(
        "error",
        "Python",
        f"{version}, but {PACKAGE} supports {supported}",
        "make a virtual environment of such a Python",
    )


def check_extras() -> Iterator[MachineFinding]:
    """One finding an extra: whole, not installed, or with the packages that are missing or of a wrong version.

    An extra of which no package is there but those that others brought counts as not installed, which is no fault,
    whatever versions of these it would take.
    """
    known = metadata.metadata(PACKAGE).get_all("Provides-Extra") or []
    brought = _brought_by_whole_extras()
    for extra, purpose in EXTRAS.items():
        if extra and extra not in known:
            text = "not known to the installed package, which is older than this code"
            yield MachineFinding("warning", f"packages [{extra}]", text, f"install {PACKAGE} again")
            continue
        missing, wrong, there = requirement_problems(extra)
        present = there - brought
        topic = f"packages [{extra}]" if extra else "packages"
        install = f"pip install '{PACKAGE}[{extra}]'" if extra else f"pip install {PACKAGE}"
        if wrong and not missing:
            yield MachineFinding("error", topic, f"to {purpose}: {'; '.join(wrong)}", install)
        elif missing and (present or not extra):
            problems = "; ".join([f"{', '.join(missing)} missing", *wrong])
            yield MachineFinding("warning", topic, f"to {purpose}: {problems}", install)
        elif missing:
            yield MachineFinding("note", topic, f"not installed; to {purpose}: {install}")
        else:
            yield MachineFinding("ok", topic, f"whole; to {purpose}")


def check_packages(extra: str, names: Sequence[str]) -> MachineFinding:
    """Whether these packages of an extra are there, each in a version that the extra takes. Nothing is imported.

    names: as they are installed by. A package of which nothing but its record is left counts as missing.
    """
    try:
        specifiers = {canonicalize_name(item.name): item.specifier for item in _requirements(extra, set())}
    except metadata.PackageNotFoundError:  # run from the source, without an installation that says what it takes
        specifiers = {}
    problems = []
    for name in names:
        try:
            version = metadata.version(name)
            is_there = find_spec(_IMPORT_NAMES.get(name, name.replace("-", "_"))) is not None
        except (metadata.PackageNotFoundError, ImportError, ValueError):
            is_there = False
        if not is_there:
            problems.append(_missing_text(name))
            continue
        specifier = specifiers.get(canonicalize_name(name), SpecifierSet())
        if not specifier.contains(version, prereleases=True):
            problems.append(f"{name} is {version}, but must be {specifier}")
    topic = f"packages [{extra}]"
    if problems:
        return MachineFinding("error", topic, PROBLEM_MARK.join(problems), f"pip install '{PACKAGE}[{extra}]'")
    return MachineFinding("ok", topic, ", ".join(names))


def missing_module(module: str, extra: str) -> MachineFinding:
    """What `check_packages` says where a package of an extra is missing. module: what is imported."""
    remedy = f"pip install '{PACKAGE}[{extra}]'"
    return MachineFinding("error", f"packages [{extra}]", _missing_text(_installed_by(module)), remedy)


def _missing_text(name: str) -> str:
    return f"{name} ({_IMPORT_NAMES[name]}) is missing" if name in _IMPORT_NAMES else f"{name} is missing"


def _installed_by(module: str) -> str:
    """The name that a module's package is installed by."""
    return {imported: name for name, imported in _IMPORT_NAMES.items()}.get(module, module)


def installed(extra: str) -> bool:
    """Whether all packages of an extra are there."""
    known = not extra or extra in (metadata.metadata(PACKAGE).get_all("Provides-Extra") or ())
    missing, wrong, _ = requirement_problems(extra)
    return known and not missing and not wrong


def extra_with(module: str) -> str:
    """The first extra that brings what is imported as `module`; "" where the core or none does."""
    name = canonicalize_name(_installed_by(module))
    try:
        brought = {extra: {canonicalize_name(item.name) for item in _requirements(extra, set())} for extra in EXTRAS}
    except metadata.PackageNotFoundError:  # run from the source, without an installation that says what it takes
        return ""
    return next((extra for extra, names in brought.items() if name in names), "")


def brings(extra: str, module: str) -> bool:
    """Whether an extra brings what is imported as `module`."""
    name = canonicalize_name(_installed_by(module))
    try:
        return any(canonicalize_name(item.name) == name for item in _requirements(extra, set()))
    except metadata.PackageNotFoundError:  # run from the source, without an installation that says what it takes
        return False


def requirement_problems(extra: str) -> tuple[list[str], list[str], set[str]]:
    """(missing packages, versions that do not fit, in words, names of the packages of the extra that are there)."""
    missing: list[str] = []
    wrong: list[str] = []
    there = set()
    for item in _requirements(extra, set()):
        try:
            version = metadata.version(item.name)
        except metadata.PackageNotFoundError:
            missing.append(item.name)
            continue
        there.add(str(canonicalize_name(item.name)))
        if not item.specifier.contains(version, prereleases=True):
            wrong.append(f"{item.name} is {version}, but must be {item.specifier}")
    return sorted(set(missing)), sorted(set(wrong)), there


def _brought_by_whole_extras() -> set[str]:
    """The packages that the core and whole extras require, and what these require in turn."""
    waiting = {str(canonicalize_name(item.name)) for item in _requirements("", set())}
    for extra in EXTRAS:
        if extra and installed(extra):
            waiting |= {str(canonicalize_name(item.name)) for item in _requirements(extra, set())}
    brought: set[str] = set()
    while waiting:
        name = waiting.pop()
        brought.add(name)
        try:
            requirements = [Requirement(text) for text in metadata.requires(name) or ()]
        except metadata.PackageNotFoundError:
            continue
        for item in requirements:
            if item.marker is None or item.marker.evaluate({"extra": ""}):
                waiting |= {str(canonicalize_name(item.name))} - brought
    return brought


def _requirements(extra: str, seen: set[str]) -> Iterator[Requirement]:
    """What an extra requires, with the extras of this package that it names, as this Python and system need it."""
    seen.add(extra)
    for text in metadata.requires(PACKAGE) or ():
        item = Requirement(text)
        if item.marker is not None and not item.marker.evaluate({"extra": extra}):
            continue
        if extra and item.marker is not None and item.marker.evaluate({"extra": ""}):
            continue  # the core's, under another marker
        if extra and item.marker is None:
            continue  # the core's
        if canonicalize_name(item.name) != PACKAGE:
            yield item
            continue
        for other in sorted(item.extras - seen):
            yield from _requirements(other, seen)
