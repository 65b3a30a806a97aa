"""The key and certificate with which a curator signs the videos that are published."""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nvfair_tools.errors import MissingExtra, NvfairError, Problems
from nvfair_tools.files import check_writable, make_folder, write_bytes

PASSPHRASE = "NVFAIR_KEY_PASSPHRASE"
CERTIFICATE_FILE, KEY_FILE = "certificate.pem", "key.pem"
_VALID_DAYS = 3650
_REMEDY = "see docs/marking.md; `nvfair mark FOLDER --new-certificate NAME` makes both"
# C2PA's names of the algorithms that go with an elliptic curve.
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


@dataclass(frozen=True)
class Credentials:
    """What signs a manifest. algorithm: C2PA's name, such as "es256". certificates: the chain, the signer's first, as
    PEM. key: the private key as unencrypted PKCS#8 PEM; it is never shown. subject: the signer's name."""

    algorithm: str
    certificates: bytes
    key: bytes
    subject: str

    def __repr__(self) -> str:
        return f"Credentials({self.algorithm}, {self.subject!r})"


def read_credentials(certificate: Path, key: Path, now: datetime.datetime | None = None) -> Credentials:
    """Reads a chain of certificates (PEM, the signer's first) and its private key (PEM, P-256, P-384, P-521, Ed25519 or
    RSA). The environment variable NVFAIR_KEY_PASSPHRASE opens an encrypted key.

    now: the time at which the certificate must be valid (default: this moment). Raises Problems with all that is wrong
    with the two files, MissingExtra where the package `cryptography` is absent.
    """
    x509, serialization = _cryptography()
    private, key_problem = _read_key(key, serialization)
    problems = [key_problem] if key_problem else []
    try:
        chain = x509.load_pem_x509_certificates(certificate.read_bytes())
    except (OSError, ValueError) as error:
        problems.append(f"{certificate}: no certificate can be read: {_reason(error)}; expected: PEM")
        raise Problems("certificate and key", problems, remedy=_REMEDY) from error
    signer, now = chain[0], now or datetime.datetime.now(datetime.UTC)
    first, last = signer.not_valid_before_utc, signer.not_valid_after_utc
    if not first <= now <= last:
        problems.append(
            f"{certificate}: it is valid from {first:%Y-%m-%d} to {last:%Y-%m-%d}, and today is {now:%Y-%m-%d}"
        )
    algorithm = ""
    if private is not None:
        public = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        if private.public_key().public_bytes(*public) != signer.public_key().public_bytes(*public):
            problems.append(f"{key}: it is not the key of the first certificate in {certificate}")
        algorithm = _algorithm(private)
        if not algorithm:
            problems.append(f"{key}: C2PA has no algorithm for its kind; expected: P-256, P-384, P-521, Ed25519, RSA")
    if problems:
        raise Problems("certificate and key", problems, remedy=_REMEDY)
    assert private is not None
    return Credentials(
        algorithm,
        b"".join(link.public_bytes(serialization.Encoding.PEM) for link in chain),
        _pem(private, serialization),
        signer.subject.rfc4514_string(),
    )


def write_own_certificate(folder: Path, name: str, now: datetime.datetime | None = None) -> tuple[Path, Path]:
    """Writes a self-signed certificate for `name` and its new P-256 key into `folder`; returns the paths of both.

    The certificate is valid for ten years from `now`, for signing C2PA manifests. The key's file can be read by its
    owner alone. Raises NvfairError where one of the files exists already.
    """
    x509, serialization = _cryptography()
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    paths = folder / CERTIFICATE_FILE, folder / KEY_FILE
    for path in paths:
        if path.exists():
            raise NvfairError(
                "it exists already, and a key is never replaced", where=path, remedy="name another folder"
            )
    make_folder(folder)
    check_writable(folder)
    now = (now or datetime.datetime.now(datetime.UTC)).replace(microsecond=0)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
         "encipher_only", "decipher_only"), False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=_VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, **usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    certificate = builder.sign(key, SHA256())
    paths[1].touch(mode=0o600)
    write_bytes(paths[1], _pem(key, serialization))
    paths[1].chmod(0o600)
    write_bytes(paths[0], certificate.public_bytes(serialization.Encoding.PEM))
    return paths


def _read_key(path: Path, serialization: Any) -> tuple[Any, str]:
    """The private key in a file, or None and what is wrong with it."""
    passphrase = os.environ.get(PASSPHRASE, "").encode() or None
    try:
        content = path.read_bytes()
        if b"ENCRYPTED" not in content:
            passphrase = None
        return serialization.load_pem_private_key(content, passphrase), ""
    except TypeError:
        return None, f"{path}: the key is encrypted; {PASSPHRASE} in the environment must open it"
    except Exception as error:  # noqa: BLE001 - the package has errors of its own for every kind of wrong key
        return None, f"{path}: no private key can be read: {_reason(error)}; expected: PEM"


def _algorithm(key: Any) -> str:
    """C2PA's name of the algorithm of a private key, "" where it has none."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _CURVES.get(key.curve.name, "")
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    return "ps256" if isinstance(key, rsa.RSAPrivateKey) else ""


def _pem(key: Any, serialization: Any) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error).splitlines()[0] if str(error) else type(error).__name__


def _cryptography() -> tuple[Any, Any]:
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
    except ImportError as error:
        raise MissingExtra("cryptography", "marks", str(error)) from error
    return x509, serialization
