"""Pages over HTTPS with verified certificates, from a real server on loopback with and without faults."""

import asyncio
import datetime
import ssl
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from reconciler.compliance.resolver.https import MAX_BODY, HttpsFetcher

HOST = "mta-sts.example.com"
URL = f"https://{HOST}/.well-known/mta-sts.txt"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: Text/Plain; charset=utf-8\r\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A server's TLS context for HOST, and a client's context that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(pem + secret)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "both.pem")
    client = ssl.create_default_context(cadata=pem.decode())
    return SimpleNamespace(server=server, client=client)


def fetch(authority, fake, answer, *, url=URL, trusted=True, timeout=2.0, lines=(f"{HOST} A 127.0.0.1",)):
    """Fetches from a server that always sends `answer`; returns the page and the request."""
    heads = []

    async def serve(reader, writer):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        if answer is not None:
            writer.write(answer)
            await writer.drain()
        else:
            await asyncio.sleep(10)
        writer.close()

    async def quietly(reader, writer):
        try:
            await serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()

    async def main():
        server = await asyncio.start_server(quietly, "127.0.0.1", 0, ssl=authority.server)
        port = server.sockets[0].getsockname()[1]
        context = authority.client if trusted else None
        try:
            return await HttpsFetcher(fake(*lines), timeout, port=port, context=context).fetch(url)
        finally:
            server.close()

    return asyncio.run(main()), heads


def test_a_page_is_fetched_with_its_type_and_the_request_names_the_host(authority, fake):
    page, heads = fetch(authority, fake, OK + b"Content-Length: 5\r\n\r\nhello")
    assert (page.outcome, page.status, page.content_type, page.body) == ("text", 200, "text/plain", "hello")
    assert heads[0].startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.example.com\r\n")


def test_pieces_and_a_body_that_ends_with_the_connection_are_read(authority, fake):
    chunked = OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    assert fetch(authority, fake, chunked)[0].body == "hello"
    assert fetch(authority, fake, OK + b"\r\nhello")[0].body == "hello"


@pytest.mark.parametrize(
    ("answer", "outcome", "words"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "status", "404"),
        (b"HTTP/1.1 301 Moved\r\nLocation: https://x.example/\r\n\r\n", "status", "do not follow"),
        (b"HTTP/1.1 503 Busy\r\n\r\n", "temporary", "503"),
        (b"hello\r\n\r\n", "unusable", "not valid HTTP"),
        (b"", "unusable", "not valid HTTP"),
        (OK + b"Content-Length: 90\r\n\r\nshort", "temporary", "ended before the page was complete"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\nshort", "temporary", "ended before the page was complete"),
        (OK + b"\r\n" + b"x" * (MAX_BODY + 1), "unusable", "longer than 65536 bytes"),
        (OK + b"\r\n" + b"x" * (3 * MAX_BODY), "unusable", "longer than 65536 bytes"),
        (OK + b"X: " + b"y" * 200_000 + b"\r\n\r\n", "unusable", "not valid HTTP"),
        (None, "temporary", "no answer within 0.5 s"),
    ],
)
def test_each_failure_of_a_page_has_its_outcome(authority, fake, answer, outcome, words):
    page, heads = fetch(authority, fake, answer, timeout=2.0 if answer is not None else 0.5)
    assert (page.outcome, page.body) == (outcome, "")
    assert words in page.text
    assert len(heads) == 1


def test_an_untrusted_certificate_and_one_for_another_name_are_rejected(authority, fake):
    untrusted, heads = fetch(authority, fake, OK + b"\r\nhello", trusted=False)
    assert (untrusted.outcome, heads) == ("certificate", [])
    other = "https://other.example.com/"
    foreign, heads = fetch(authority, fake, OK + b"\r\nhello", url=other, lines=("other.example.com A 127.0.0.1",))
    assert (foreign.outcome, heads) == ("certificate", [])
    assert "other.example.com" in foreign.text


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        ((), "unusable"),
        ((f"{HOST} A !temporary",), "temporary"),
        ((f"{HOST} A 127.0.0.2",), "temporary"),
    ],
)
def test_a_nonexistent_host_differs_from_an_unknown_one(authority, fake, lines, outcome):
    page, heads = fetch(authority, fake, OK + b"\r\nhello", lines=lines)
    assert (page.outcome, heads) == (outcome, [])
    assert page.text


def test_a_context_without_verification_is_refused(fake):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with pytest.raises(AssertionError, match="verified"):
        HttpsFetcher(fake(), 1.0, context=context)
