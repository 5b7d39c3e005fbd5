"""TLS, and certificates of callers: who has none does not get as far as a key."""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import grpc
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tfsocial.serving.open_inference import messages as v2

USES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
    *("key_agreement", "encipher_only", "decipher_only"),
)


class Authority:
    """Signs certificates, into files."""

    def __init__(self, folder: Path, name: str):
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.path = folder / f"{name}.pem"
        basics = x509.BasicConstraints(ca=True, path_length=None)
        usage = x509.KeyUsage(**dict.fromkeys(USES, False), key_cert_sign=True, crl_sign=True)
        mine = self._signed(self._name, self._key, (basics, True), (usage, True))
        self.path.write_bytes(_pem(mine))

    def issue(self, name: str) -> tuple[Path, Path]:
        """(certificate, key) of somebody on 127.0.0.1."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        where = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        certificate, secret = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        certificate.write_bytes(_pem(self._signed(subject, key, (where, False))))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate, secret

    def _signed(self, subject: x509.Name, key, *extensions: tuple) -> x509.Certificate:
        """Signs, with extensions and whether each is critical, as Python 3.13 wants them all."""
        now = datetime.now(UTC)
        made = x509.CertificateBuilder(self._name, subject, key.public_key())
        made = made.serial_number(x509.random_serial_number())
        made = made.not_valid_before(now - timedelta(hours=1))
        made = made.not_valid_after(now + timedelta(hours=1))
        public = self._key.public_key()
        whose = x509.AuthorityKeyIdentifier.from_issuer_public_key(public)
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        for extension, critical in ((whose, False), (own, False), *extensions):
            made = made.add_extension(extension, critical)
        return made.sign(self._key, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def test_callers_show_a_certificate_of_the_right_authority(serve, folders, tmp_path):
    ours, others = Authority(tmp_path, "ours"), Authority(tmp_path, "others")
    certificate, key = ours.issue("gateway")
    config = tmp_path / "gateway.yaml"
    tls = {"certificate": str(certificate), "key": str(key), "callers": str(ours.path)}
    values = {
        "models": {"mood": {"folder": str(folders("classify")[1].parent)}},
        "listen": {"port": 0, "grpc_port": 0, "admin_port": 0, "tls": tls},
        "access": {"keys": str(tmp_path / "keys"), "secret": str(tmp_path / "secret")},
    }
    config.write_text(json.dumps(values))
    there = serve(f"--config={config}")
    assert there.http.startswith("https://")

    def ask(*shown: Path) -> int:
        context = ssl.create_default_context(cafile=ours.path)
        if shown:
            context.load_cert_chain(*shown)
        body = {"texts": ["it is late"]}
        url = f"{there.http}/v1/classify"
        return httpx.post(url, json=body, headers=there.headers, verify=context).status_code

    mine = ours.issue("caller")
    assert ask(*mine) == 200
    for shown in ((), others.issue("stranger")):
        with pytest.raises(httpx.TransportError):
            ask(*shown)
    with pytest.raises(httpx.TransportError):
        httpx.get(there.http.replace("https", "http"))

    def ready(*shown: Path) -> bool:
        key, chain = (path.read_bytes() for path in reversed(shown)) if shown else (None, None)
        credentials = grpc.ssl_channel_credentials(ours.path.read_bytes(), key, chain)
        with grpc.secure_channel(there.grpc, credentials) as channel:
            method = channel.unary_unary(
                f"/{v2.SERVICE}/ServerReady",
                request_serializer=v2.CLASSES["Empty"].SerializeToString,
                response_deserializer=v2.CLASSES["ReadyResponse"].FromString,
            )
            return method(v2.CLASSES["Empty"](), timeout=5).ready

    assert ready(*mine)
    with pytest.raises(grpc.RpcError):
        ready()


def test_a_certificate_that_is_none_is_named(tmp_path, folders):
    import subprocess
    import sys

    (tmp_path / "none.pem").write_text("nothing")
    config = tmp_path / "gateway.yaml"
    none = str(tmp_path / "none.pem")
    values = {
        "models": {"mood": {"folder": str(folders("classify")[1].parent)}},
        "listen": {"port": 0, "admin_port": 0, "tls": {"certificate": none, "key": none}},
        "access": {"keys": str(tmp_path / "keys"), "secret": str(tmp_path / "secret")},
    }
    config.write_text(json.dumps(values))
    command = [sys.executable, "-m", "tfsocial", "serve", f"--config={config}"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)
    assert run.returncode == 2
    assert "listen.tls: cannot be used" in run.stderr
    assert "Traceback" not in run.stderr
