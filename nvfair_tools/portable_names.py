"""Names of files that every file system, URL and reader of data sets takes: Windows forbids `:` and a dot at the end, a
URL means something by `#` and `%`, and `datasets` takes `*` and `[` for patterns."""

from __future__ import annotations

import hashlib
import re

from nvfair_tools.identity import is_reserved_name

_PORTABLE = re.compile(r"(?!__)[A-Za-z0-9_-][A-Za-z0-9_.-]*(?<!\.)")
_LONGEST = 200  # bytes; file systems allow 255, of which a file that is being written needs some
_LONGEST_PLAIN = 80


def is_portable(path: str) -> bool:
    """Whether each name in a path, relative and with `/` between names, is portable."""
    return all(
        _PORTABLE.fullmatch(name) is not None and len(name) <= _LONGEST and not is_reserved_name(name)
        for name in path.split("/")
    )


def portable_name(name: str) -> str:
    """A portable name for one file or folder: the name itself where it is one; else its plain characters and eight
    digits of its hash, by which two names stay two."""
    if "/" not in name and is_portable(name):
        return name
    stem, dot, suffix = name.rpartition(".")
    if not stem or not re.fullmatch(r"[A-Za-z0-9]{1,8}", suffix):
        stem, dot, suffix = name, "", ""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", stem).strip("._")[:_LONGEST_PLAIN] or "name"
    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}{dot}{suffix}"


def portable_path(path: str) -> str:
    """A relative path in which each name is portable."""
    return "/".join(map(portable_name, path.split("/")))
