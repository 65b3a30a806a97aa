"""The curator's key: a secret by which digests of people can be compared, and not guessed.

A plain hash of an identity such as `cremad:1001` names the person to everybody who hashes the few possible names. A
keyed one (HMAC with SHA-256, RFC 2104) says nothing without the key, which lies outside everything that is shared.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from nvfair_tools.errors import NvfairError
from nvfair_tools.files import atomic_output

ENVIRONMENT = "NVFAIR_REVOCATION_KEY"
_KEY_BYTES = 32
_DIGEST_DIGITS = 32  # 128 bits


@dataclass(frozen=True)
class CuratorKey:
    """A key. secret: 32 random bytes. path: its file."""

    secret: bytes = field(repr=False)
    path: Path = Path()

    @property
    def name(self) -> str:
        """A name by which the key is recognised, which says nothing about the secret."""
        return hashlib.sha256(b"nvfair name of a key\n" + self.secret).hexdigest()[:16]

    def digest(self, kind: str, text: str) -> str:
        """The keyed digest (32 hexadecimal digits) of a text of some kind, such as a "person" or a "content"."""
        message = f"{kind}\n{text}".encode()
        return hmac.new(self.secret, message, hashlib.sha256).hexdigest()[:_DIGEST_DIGITS]


def default_key_path() -> Path:
    """The key's file: what the variable NVFAIR_REVOCATION_KEY names, else in the user's folder of settings."""
    if named := os.environ.get(ENVIRONMENT):
        return Path(named)
    settings = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(settings) / "nvfair" / "revocation.key"


def read_key(path: Path) -> CuratorKey:
    """Reads a key. Raises NvfairError where there is none, where others may read it, and where it is something else."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii")
    except FileNotFoundError as error:
        raise NvfairError(
            "the key of revocations is not there",
            where=path,
            expected="the file that `nvfair revoke` made; without it nobody can tell who has withdrawn",
            remedy=f"copy it here, or name it with --key or the variable {ENVIRONMENT}",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise NvfairError(f"the key cannot be read: {error}", where=path) from error
    if os.name == "posix" and mode & 0o077:
        raise NvfairError("others may read this key", where=path, remedy=f"chmod 600 {path}")
    try:
        secret = bytes.fromhex(text.strip())
    except ValueError:
        secret = b""
    if len(secret) != _KEY_BYTES:
        raise NvfairError("this is no key", where=path, expected=f"{2 * _KEY_BYTES} hexadecimal digits")
    return CuratorKey(secret, path)


def key_without_writing(path: Path) -> CuratorKey:
    """Reads the key that is there, or makes one that no file keeps, for looking alone."""
    return read_key(path) if path.exists() else CuratorKey(secrets.token_bytes(_KEY_BYTES), path)


def create_key(path: Path) -> CuratorKey:
    """Writes a new key that only its owner may read (mode 0600), or reads the one that is there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with atomic_output(path) as unfinished:
            os.close(os.open(unfinished, os.O_CREAT | os.O_WRONLY, 0o600))
            unfinished.write_text(secrets.token_hex(_KEY_BYTES) + "\n", encoding="ascii")
    return read_key(path)


def check_outside(path: Path, folders: Iterable[Path], what: str) -> None:
    """Raises NvfairError where a file that names people lies in a folder that is searched or passed on."""
    for folder in folders:
        if path.resolve().is_relative_to(folder.resolve()):
            raise NvfairError(
                f"{what} lies in {folder}, which is searched and may be passed on",
                where=path,
                expected="a place outside",
                remedy=f"move it, and name it with --key or the variable {ENVIRONMENT}",
            )
