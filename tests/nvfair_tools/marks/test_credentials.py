"""Keys and certificates of all kinds that C2PA knows, and what is said of wrong ones."""

import datetime
import stat

import pytest

from nvfair_tools.errors import NvfairError, Problems

x509 = pytest.importorskip("cryptography.x509", reason="the extra `marks` is not installed")
pytest.importorskip("c2pa", reason="the extra `marks` is not installed")

from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402 - after the skip
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: E402

from nvfair_tools.marks.credentials import read_credentials, write_own_certificate  # noqa: E402
from nvfair_tools.marks.manifest import VideoSigner, read_manifest  # noqa: E402

UTC = datetime.UTC


def issued(folder, key, encryption=None):
    """A certificate for `key` under a root of its own; the paths of the chain and of the key."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(UTC)

    def certificate(name, public, *, ca):
        usage = x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name.from_rfc4514_string(f"O=Lab,CN={name}"))
            .issuer_name(x509.Name.from_rfc4514_string("O=Lab,CN=root"))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca, None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        )
        if not ca:
            purposes = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.EMAIL_PROTECTION])
            builder = builder.add_extension(purposes, critical=False)
        return builder.sign(root_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    folder.mkdir(exist_ok=True)
    (folder / "chain.pem").write_bytes(
        certificate("signer", key.public_key(), ca=False) + certificate("root", root_key.public_key(), ca=True)
    )
    form = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(serialization.Encoding.PEM, form, encryption or serialization.NoEncryption())
    (folder / "key.pem").write_bytes(secret)
    return folder / "chain.pem", folder / "key.pem"


@pytest.mark.parametrize(
    ("algorithm", "make_key"),
    [
        ("es256", lambda: ec.generate_private_key(ec.SECP256R1())),
        ("es384", lambda: ec.generate_private_key(ec.SECP384R1())),
        ("es512", lambda: ec.generate_private_key(ec.SECP521R1())),
        ("ed25519", ed25519.Ed25519PrivateKey.generate),
        ("ps256", lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)),
    ],
)
def test_every_kind_of_key_signs(rendered, tmp_path, algorithm, make_key):
    credentials = read_credentials(*issued(tmp_path / "keys", make_key()))
    assert credentials.algorithm == algorithm
    assert "BEGIN" not in repr(credentials)
    VideoSigner(credentials).sign(rendered / "warp" / "0.mp4", tmp_path / "signed.mp4", {"video": "v0"})
    reading = read_manifest(tmp_path / "signed.mp4")
    assert (reading.state, reading.signer, reading.tags) == ("valid, untrusted", "signer", {"video": "v0"})


def test_an_encrypted_key_needs_its_passphrase_in_the_environment(tmp_path, monkeypatch):
    key = ec.generate_private_key(ec.SECP256R1())
    paths = issued(tmp_path, key, serialization.BestAvailableEncryption(b"open sesame"))
    monkeypatch.delenv("NVFAIR_KEY_PASSPHRASE", raising=False)
    with pytest.raises(Problems, match="the key is encrypted; NVFAIR_KEY_PASSPHRASE"):
        read_credentials(*paths)
    monkeypatch.setenv("NVFAIR_KEY_PASSPHRASE", "wrong")
    with pytest.raises(Problems, match="no private key can be read"):
        read_credentials(*paths)
    monkeypatch.setenv("NVFAIR_KEY_PASSPHRASE", "open sesame")
    assert read_credentials(*paths).algorithm == "es256"


def test_all_that_is_wrong_with_the_two_files_is_said_at_once(tmp_path):
    ours = write_own_certificate(tmp_path / "a", "A", now=datetime.datetime(2020, 1, 1, tzinfo=UTC))
    _, other = write_own_certificate(tmp_path / "b", "B")
    with pytest.raises(Problems) as raised:
        read_credentials(ours[0], other, now=datetime.datetime(2031, 1, 1, tzinfo=UTC))
    text = str(raised.value)
    assert "it is valid from 2020-01-01 to 2029-12-29, and today is 2031-01-01" in text
    assert "it is not the key of the first certificate" in text
    with pytest.raises(Problems) as raised:
        read_credentials(other, ours[0])
    assert len(raised.value.problems) == 2
    curve = issued(tmp_path / "c", ec.generate_private_key(ec.SECP256K1()))
    with pytest.raises(Problems, match="C2PA has no algorithm for its kind"):
        read_credentials(*curve)
    with pytest.raises(Problems, match="No such file"):
        read_credentials(tmp_path / "none.pem", ours[1])


def test_a_new_key_is_for_its_owner_alone_and_replaces_none(tmp_path):
    certificate, key = write_own_certificate(tmp_path / "keys", "A Lab")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    with pytest.raises(NvfairError, match="a key is never replaced"):
        write_own_certificate(tmp_path / "keys", "A Lab")
    assert "A Lab" in read_credentials(certificate, key).subject
