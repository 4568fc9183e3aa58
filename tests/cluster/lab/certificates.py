"""A certificate authority and what it signs, by openssl, and kubeconfigs around them.

Elliptic keys: making one takes a millisecond, an RSA key a hundred.
"""

import base64
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .errors import ClusterError

DAYS = "3650"
# Python 3.13 and newer verify strictly: a key usage in the authority, an authority's key identifier in what it signs.
CA_CONFIGURATION = """\
[req]
distinguished_name = name
x509_extensions = authority
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, digitalSignature, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""
LEAF_EXTENSIONS = """\
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
"""
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate wanted: the subject as openssl takes it, and the names and addresses of a server."""

    name: str
    subject: str
    hosts: tuple[str, ...] = ()


def server(name: str, subject: str, *hosts: str) -> Certificate:
    """A server's certificate; `hosts` as openssl takes them (`DNS:localhost`, `IP:127.0.0.1`)."""
    return Certificate(name=name, subject=subject, hosts=hosts)


def client(name: str, *, user: str, group: str = "") -> Certificate:
    """The certificate by which a client is `user` of `group`."""
    return Certificate(name=name, subject=f"{f'/O={group}' if group else ''}/CN={user}")


def _openssl(folder: Path, *arguments: str) -> None:
    answer = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise ClusterError(f"openssl {' '.join(arguments)} in {folder} failed: {answer.stderr.strip()}")


def create(folder: Path, wanted: list[Certificate]) -> None:
    """Write ca.crt and ca.key, the pair sa.key and sa.pub for service accounts, and NAME.crt and NAME.key of each."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / "ca.cnf").write_text(CA_CONFIGURATION)
    subject = ("-subj", "/CN=oomreport-test-ca", "-config", "ca.cnf")
    _openssl(folder, "req", "-x509", *NEW_KEY, "-days", DAYS, *subject, "-keyout", "ca.key", "-out", "ca.crt")
    _openssl(folder, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out", "sa.key")
    _openssl(folder, "pkey", "-in", "sa.key", "-pubout", "-out", "sa.pub")
    sign(folder, wanted)


def sign(folder: Path, wanted: list[Certificate]) -> None:
    """Write NAME.crt and NAME.key of each, signed by the authority in the folder."""
    for one in wanted:
        role = (
            f"subjectAltName={','.join(one.hosts)}\nextendedKeyUsage=serverAuth"
            if one.hosts
            else "extendedKeyUsage=clientAuth"
        )
        (folder / f"{one.name}.ext").write_text(f"{LEAF_EXTENSIONS}{role}\n")
        _openssl(folder, "req", *NEW_KEY, "-subj", one.subject, "-keyout", f"{one.name}.key", "-out", f"{one.name}.csr")
        request = ("-req", "-in", f"{one.name}.csr", "-out", f"{one.name}.crt", "-extfile", f"{one.name}.ext")
        _openssl(folder, "x509", *request, "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", DAYS)


def write_kubeconfig(folder: Path, name: str, *, url: str) -> Path:
    """Write NAME.kubeconfig for the certificate NAME, everything embedded. JSON, which is YAML."""

    def embedded(file: str) -> str:
        return base64.b64encode((folder / file).read_bytes()).decode()

    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "lab", "cluster": {"server": url, "certificate-authority-data": embedded("ca.crt")}}],
        "users": [
            {
                "name": name,
                "user": {
                    "client-certificate-data": embedded(f"{name}.crt"),
                    "client-key-data": embedded(f"{name}.key"),
                },
            }
        ],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": name}}],
        "current-context": "lab",
    }
    path = folder / f"{name}.kubeconfig"
    path.write_text(json.dumps(config))
    path.chmod(0o600)
    return path
