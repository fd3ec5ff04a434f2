"""Strangers post little, or nothing: what asks for no sign-in reads no long bodies."""
import socket

CLOSED = '[auth]\nmode = "required"\n'
KIB = 1 << 10


def status(server, path, headers, body=b""):
    with socket.create_connection(("127.0.0.1", server.ports["http"]), timeout=60) as client:
        client.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n\r\n".encode())
        try:
            client.sendall(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has read enough
        return int(client.makefile("rb").readline().split()[1])


def test_long_bodies_of_strangers_are_not_read(bellwether):
    server = bellwether(CLOSED)
    for path, most in [("/api/v1/session", 64), ("/api/v1/invitations/accept", 64), ("/911/x", 64), ("/a/x", 64),
                       ("/status/mail", 64), ("/in/x", 256), ("/v2/enqueue", 512)]:
        assert status(server, path, f"Content-Length: {most * KIB + 1}") == 413, path
    # One that does not say beforehand how long it is.
    chunk = f"{65 * KIB:x}\r\n".encode() + b"a" * (65 * KIB)
    assert status(server, "/api/v1/session", "Transfer-Encoding: chunked", chunk) == 413
    # As long as the originals let it be, it is looked at.
    event = b'{"routing_key": "' + b"a" * (400 * KIB) + b'"}'
    assert status(server, "/v2/enqueue", f"Content-Length: {len(event)}", event) in (400, 401, 403)
    assert status(server, "/in/x", f"Content-Length: {200 * KIB}", b"a" * (200 * KIB)) == 404
