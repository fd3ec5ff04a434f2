"""Who is told, of tests that look at what arrives."""
import pytest

from support.receivers import MailServer, WebhookServer


@pytest.fixture
def mail():
    server = MailServer().start()
    yield server
    server.stop()


@pytest.fixture
def hook():
    server = WebhookServer().start()
    yield server
    server.stop()
