"""Changes of the zip file: (rng, files) -> (bytes, outcome)."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Callable

from tests.leaderboard.mutations.outcomes import BAD, SAME, YAML, Files, Rng, zip_bytes


def _store_uncompressed(rng: Rng, files: Files) -> tuple:
    return zip_bytes(files, zipfile.ZIP_STORED), SAME


def _put_into_folder(rng: Rng, files: Files) -> tuple:
    return zip_bytes({f"mine/{name}": content for name, content in files.items()}), SAME


def _add_file(rng: Rng, files: Files) -> tuple:
    return zip_bytes({**files, "readme.txt": b"of no importance"}), SAME


def _add_as_file_managers_do(rng: Rng, files: Files) -> tuple:
    names = ["__MACOSX/._submission.yaml", "._submission.yaml", ".DS_Store", "Thumbs.db", "desktop.ini"]
    return zip_bytes({**files, str(rng.choice(names)): rng.bytes(100)}), SAME


def _put_into_oddly_named_folder(rng: Rng, files: Files) -> tuple:
    folder = str(rng.choice(["mine (2)", "Übung", ".mine", "con", "a b ", "mine"]))
    separator = "/" if rng.integers(2) else "\\"
    return zip_bytes({f"{folder}/{name}".replace("/", separator): content for name, content in files.items()}), SAME


def _lose_file(rng: Rng, files: Files) -> tuple:
    lost = sorted(files)[int(rng.integers(len(files)))]
    return zip_bytes({name: content for name, content in files.items() if name != lost}), BAD


def _add_escaping_name(rng: Rng, files: Files) -> tuple:
    names = ["../x", "/x", "a/../../x", "C:x", "\\\\server\\x", "a" * 300, ".x", "x\n", "nul", "\u202ex"]
    return zip_bytes({**files, str(rng.choice(names)): b"x"}), BAD


def _add_link(rng: Rng, files: Files) -> tuple:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        info = zipfile.ZipInfo("link.parquet")
        info.create_system = 3
        info.external_attr = (int(rng.choice([stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])) | 0o777) << 16
        archive.writestr(info, b"/etc/passwd")
    return out.getvalue(), BAD


def _repeat_name(rng: Rng, files: Files) -> tuple:
    return zip_bytes({**files, YAML.upper(): b"x"}), BAD


def _add_bomb(rng: Rng, files: Files) -> tuple:
    return zip_bytes({**files, "zeros.txt": bytes(24 * 2**20)}), BAD


def _add_too_many_files(rng: Rng, files: Files) -> tuple:
    return zip_bytes({**files, **{f"f{n}.txt": b"" for n in range(200)}}, zipfile.ZIP_STORED), BAD


def _change_compression(rng: Rng, files: Files) -> tuple:
    return zip_bytes(files, zipfile.ZIP_LZMA if rng.integers(2) else zipfile.ZIP_BZIP2), BAD


def _replace_by_other_bytes(rng: Rng, files: Files) -> tuple:
    return [b"", b"PK", b"PK\x05\x06" + bytes(18), files[YAML], rng.bytes(1000)][int(rng.integers(5))], BAD


ARCHIVES: dict[str, Callable] = {
    "stored": _store_uncompressed,
    "in a folder": _put_into_folder,
    "a file more": _add_file,
    "as file managers do": _add_as_file_managers_do,
    "in an oddly named folder": _put_into_oddly_named_folder,
    "a file less": _lose_file,
    "a name that leads out": _add_escaping_name,
    "a link": _add_link,
    "a name twice": _repeat_name,
    "a bomb": _add_bomb,
    "too many files": _add_too_many_files,
    "another compression": _change_compression,
    "no zip": _replace_by_other_bytes,
}
