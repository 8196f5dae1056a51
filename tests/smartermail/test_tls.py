"""TLS is always verified, against real certificates."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from client_world import settings
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from reconciler.core.errors import RefusedCredentials, Unreachable
from reconciler.core.secret import Secret
from reconciler.smartermail import connect

REFUSAL = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def certificate(folder: Path) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(made.public_bytes(pem) + private)
    return file


async def asked(file: Path, ca_bundle: str | None) -> tuple[BaseException, list[bytes]]:
    """The exception of a client at a TLS server that rejects every login, and the requests that the server received."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(REFUSAL)
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = listener.sockets[0].getsockname()[1]
    there = settings(f"https://127.0.0.1:{port}", ca_bundle=ca_bundle)
    async with connect(there, username="admin", password=Secret("p4ss")) as server:
        with pytest.raises((Unreachable, RefusedCredentials)) as caught:
            await server.list_domains()
    listener.close()
    return caught.value, seen


def test_a_server_with_an_unknown_certificate_gets_no_request(tmp_path: Path) -> None:
    error, seen = asyncio.run(asked(certificate(tmp_path), None))
    assert isinstance(error, Unreachable)
    assert "certificate is not trusted" in error.message
    assert seen == []


def test_a_private_certificate_authority_is_trusted_if_it_is_configured(tmp_path: Path) -> None:
    file = certificate(tmp_path)
    error, seen = asyncio.run(asked(file, str(file)))
    assert isinstance(error, RefusedCredentials)
    assert len(seen) == 1
    assert seen[0].startswith(b"POST /api/v1/auth/authenticate-user")
    assert b"user-agent: reconciler/" in seen[0].lower()


def test_an_unusable_proxy_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://proxy.test:1")
    with pytest.raises(Unreachable, match="the HTTP client could not be created") as caught:
        connect(settings("https://mail1.example.net"), username="admin", password=Secret("p"))
    assert "HTTPS_PROXY" in caught.value.hint
