"""Files that stand in for recordings, and how a folder's files are compared with them."""

import hashlib
from pathlib import Path


def video(seed: str, size: int = 3_000) -> bytes:
    """Bytes that do not shrink, as those of a video."""
    return b"".join(hashlib.sha256(f"{seed} {block}".encode()).digest() for block in range(size // 32))


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".nvfair-get" not in path.parts
    }


RAVDESS_FILES = {
    "Actor_01/01-01-01-01-01-01-01.mp4": video("01-01-01-01-01-01"),
    "Actor_01/01-01-01-01-02-01-01.mp4": video("01-01-01-01-02-01"),
    "Actor_01/01-02-01-01-01-01-01.mp4": video("song"),
}
