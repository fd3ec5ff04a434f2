"""People who sign in to a server that asks for it."""

# What a browser says of a request that one of our own pages sends.
OWN = {"Sec-Fetch-Site": "same-origin"}


def sign_in(server, name, password="correct horse"):
    answer = server.post("/api/v1/session", {"name": name, "password": password})
    assert answer.status == 200, answer.text
    return {"Cookie": answer.headers["Set-Cookie"].split(";")[0], **OWN}


def person(server, name, role):
    assert server.cli("user", "set", name, "--role", role, input="correct horse\n").returncode == 0
    return sign_in(server, name)
