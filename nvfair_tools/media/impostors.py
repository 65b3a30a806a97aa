"""Files that are not what their names say: what downloads, copies and version control leave in place of media."""

from __future__ import annotations

HEAD_BYTES = 64  # as much of a file's beginning as tells them apart
_BEGINNINGS = (
    (b"version https://git-lfs", "a Git LFS pointer; run `git lfs pull`"),
    (b"<!doctype", "a web page; download the file itself"),
    (b"<html", "a web page; download the file itself"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML file"),
    (b"%pdf", "a PDF"),
    (b"8bps", "a Photoshop file"),
    (b"\x00\x05\x16\x07", "macOS's data about a file, not the file"),
    (b"pk\x03\x04", "a zip file"),
)


def impostor(head: bytes) -> str:
    """What a file with these first bytes is in place of a picture or video; "" where nothing speaks against it."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return next((what for beginning, what in _BEGINNINGS if start.startswith(beginning)), "")
