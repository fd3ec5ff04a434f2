"""The listener with a certificate: one that is put in its place is shown from the next connection on, without a restart."""
import http.client
import os
import signal
import ssl

from support.agent import certificate
from support.server import Bellwether, wait_for


def shown(server):
    """The certificate that the listener shows now."""
    return ssl.get_server_certificate(("127.0.0.1", server.ports["http"]))


def test_a_renewed_certificate_is_shown_at_once(tmp_path):
    pem, key = certificate(tmp_path)
    server = Bellwether(tmp_path / "server", env={"BELLWETHER_HTTP__TLS_CERTIFICATE": str(pem), "BELLWETHER_HTTP__TLS_KEY": str(key)}, tls=pem)
    server.start()
    try:
        first = pem.read_text()
        assert shown(server) == first and server.get("/healthz").status == 200
        # Whoever is connected goes on.
        open_one = http.client.HTTPSConnection("127.0.0.1", server.ports["http"], timeout=60, context=ssl.create_default_context(cafile=str(pem)))
        open_one.connect()
        new, new_key = certificate(tmp_path, "renewed")
        new_key.replace(key)
        new.replace(pem)
        os.kill(server.process.pid, signal.SIGHUP)
        wait_for(lambda: shown(server) == pem.read_text() != first, what="the renewed certificate")
        open_one.request("GET", "/healthz")
        assert open_one.getresponse().status == 200
        server.tls = ssl.create_default_context(cafile=str(pem))
        assert server.get("/healthz").status == 200
        # One that cannot be read changes nothing, and says so.
        pem.write_text("no certificate")
        os.kill(server.process.pid, signal.SIGHUP)
        wait_for(lambda: "http.tls_certificate" in server.log(), what="the problem in the log")
        assert server.get("/healthz").status == 200
        # Nobody is answered who speaks plainly.
        plain = http.client.HTTPConnection("127.0.0.1", server.ports["http"], timeout=60)
        try:
            plain.request("GET", "/healthz")
            plain.getresponse()
            raise AssertionError("a plain request was answered")
        except (http.client.HTTPException, ConnectionError):
            pass
    finally:
        server.stop()
