"""C2PA manifests: what a published video says of itself under the curator's signature, written and validated.

The work is the C2PA library's (`c2pa-python`). Nothing is asked over the network: no time-stamp server, no server that
knows of revoked certificates, no manifest elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nvfair_tools import __version__
from nvfair_tools.errors import MissingExtra, NvfairError
from nvfair_tools.marks.credentials import Credentials
from nvfair_tools.media.source_types import SOURCE_TYPE_TAG, SOURCE_TYPE_URI
from nvfair_tools.media.xmp import top_level_boxes

FORMAT = "video/mp4"
# The label of our own assertion: the video's tags.
ASSERTION = "nvfair.video"
# C2PA's own term for media of which nothing is claimed.
_NO_CLAIM = "http://c2pa.org/digitalsourcetype/empty"
_UNTRUSTED = "signingCredential.untrusted"
_SETTINGS: dict[str, Any] = {
    "verify": {"verify_trust": True, "ocsp_fetch": False, "remote_manifest_fetch": False, "verify_after_sign": False},
    "builder": {"thumbnail": {"enabled": False}},
}


@dataclass(frozen=True)
class ManifestReading:
    """What the C2PA library says of a file's manifest.

    state: "absent"; "invalid"; "valid, untrusted", where everything fits and nobody vouches for the signer, as with a
    certificate of one's own; "valid, trusted". problems: the library's codes of what failed. signer, source_type (a
    URI), tags: from the manifest, empty where it is absent or cannot be read.
    """

    state: str
    problems: tuple[str, ...] = ()
    signer: str = ""
    source_type: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        """Whether there is a manifest, and everything in it fits the file."""
        return self.state.startswith("valid")


class VideoSigner:
    """Signs videos with one curator's credentials. certificates: the chain, as PEM."""

    def __init__(self, credentials: Credentials) -> None:
        """Raises MissingExtra where the C2PA library is absent, NvfairError where it refuses the credentials."""
        self._c2pa, self.certificates = import_c2pa(), credentials.certificates
        information = self._c2pa.C2paSignerInfo(credentials.algorithm, credentials.certificates, credentials.key, None)
        try:
            self._signer = self._c2pa.Signer.from_info(information)
            self._context = self._c2pa.Context.from_dict(_SETTINGS)
        except self._c2pa.C2paError as error:
            raise NvfairError(
                f"the C2PA library refuses them: {error}", where="certificate and key", remedy="see docs/marking.md"
            ) from error

    def sign(self, source: Path, target: Path, tags: Mapping[str, str]) -> None:
        """Writes `source` (mp4) with a signed manifest to `target`. tags: our own of the video.

        Raises NvfairError where the library cannot sign the file.
        """
        try:
            with (
                self._c2pa.Builder(manifest_of(tags, source.name), self._context) as builder,
                open(source, "rb") as reader,
                open(target, "w+b") as writer,
            ):
                builder.sign(self._signer, FORMAT, reader, writer)
        except self._c2pa.C2paError as error:
            raise NvfairError(f"the C2PA library cannot sign it: {error}", where=source) from error


def manifest_of(tags: Mapping[str, str], name: str) -> dict[str, Any]:
    """The definition of a video's manifest, from its tags. name: its title where it has no id."""
    source_type = tags.get(SOURCE_TYPE_TAG, "")
    created: dict[str, Any] = {
        "action": "c2pa.created",
        "digitalSourceType": f"{SOURCE_TYPE_URI}{source_type}" if source_type else _NO_CLAIM,
    }
    if generator := tags.get("generator"):
        created["softwareAgent"] = {"name": generator}
    return {
        "claim_generator_info": [{"name": "nvfair-tools", "version": __version__}],
        "format": FORMAT,
        "title": tags.get("video", name),
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [created]}},
            {"label": ASSERTION, "data": dict(tags)},
        ],
    }


def read_manifest(path: Path, anchors: str = "") -> ManifestReading:
    """Lets the C2PA library validate a file's manifest. anchors: PEM of certificates that one trusts, or "".

    Raises MissingExtra where the library is absent.
    """
    c2pa = import_c2pa()
    with open(path, "rb") as file:
        if next(top_level_boxes(file), (b"", 0, 0))[0] != b"ftyp":
            return ManifestReading("absent")  # no ISO media file: nothing of ours
    settings = _SETTINGS | ({"trust": {"user_anchors": anchors}} if anchors else {})
    try:
        with (
            c2pa.Context.from_dict(settings) as context,
            open(path, "rb") as file,
            c2pa.Reader(FORMAT, file, context=context) as reader,
        ):
            state, stored = reader.get_validation_state(), json.loads(reader.json())
    except c2pa.C2paError.ManifestNotFound:
        return ManifestReading("absent")
    except (c2pa.C2paError, json.JSONDecodeError) as error:
        return ManifestReading("invalid", (" ".join(str(error).split()),))
    results = stored.get("validation_results", {}).get("activeManifest", {})
    failures = [entry["code"] for entry in results.get("failure", ())]
    if state == "Trusted":
        verdict = "valid, trusted"
    elif state == "Valid":
        verdict = "valid, untrusted"
    else:
        verdict = "invalid"
        failures = [code for code in failures if code != _UNTRUSTED] or failures
    manifest = stored.get("manifests", {}).get(stored.get("active_manifest", ""), {})
    data = {entry.get("label"): entry.get("data", {}) for entry in manifest.get("assertions", ())}
    actions = data.get("c2pa.actions.v2", {}).get("actions", [{}])
    return ManifestReading(
        verdict,
        tuple(dict.fromkeys(failures)),
        str(manifest.get("signature_info", {}).get("common_name", "")),
        str(actions[0].get("digitalSourceType", "")),
        {str(key): str(value) for key, value in data.get(ASSERTION, {}).items()},
    )


def import_c2pa() -> Any:
    """Imports the C2PA library; raises MissingExtra where it is not installed."""
    try:
        import c2pa
    except (ImportError, OSError) as error:  # OSError: its shared library does not suit this machine
        raise MissingExtra("c2pa-python", "marks", str(error)) from error
    return c2pa
