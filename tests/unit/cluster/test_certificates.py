"""Certificates that a strict verifier takes (Python verifies strictly since 3.13)."""

import ssl
from pathlib import Path

import pytest

from cluster.lab import certificates
from cluster.lab.places import which

pytestmark = pytest.mark.skipif(which("openssl") is None, reason="needs openssl")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    server = certificates.server("server", "/CN=server", "DNS:localhost", "IP:127.0.0.1")
    certificates.create(folder, [server, certificates.client("admin", user="admin", group="system:masters")])
    return folder


def exchange(folder: Path, *, host: str, client: str | None = "admin") -> dict[str, object]:
    """Shake hands over memory, strictly on both sides; return what the server knows of its client."""
    ours = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.crt"))
    theirs.verify_mode = ssl.CERT_REQUIRED
    for context in (ours, theirs):
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    theirs.load_cert_chain(folder / "server.crt", folder / "server.key")
    if client:
        ours.load_cert_chain(folder / f"{client}.crt", folder / f"{client}.key")
    upward, downward = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = ours.wrap_bio(downward, upward, server_hostname=host)
    far = theirs.wrap_bio(upward, downward, server_side=True)
    for _ in range(4):
        for side in (near, far):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return dict(far.getpeercert() or {})


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_strict_client_and_a_strict_server_trust_each_other(authority: Path, host: str) -> None:
    known = str(exchange(authority, host=host)["subject"])
    assert "('organizationName', 'system:masters')" in known
    assert "('commonName', 'admin')" in known


def test_another_host_name_is_refused(authority: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        exchange(authority, host="example.org")


def test_keys_and_kubeconfigs_are_their_owners_alone(authority: Path) -> None:
    config = certificates.write_kubeconfig(authority, "admin", url="https://127.0.0.1:1")
    assert config.stat().st_mode & 0o077 == 0
    assert authority.stat().st_mode & 0o077 == 0
