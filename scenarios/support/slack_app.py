"""A stand-in of Slack for an app of one's own: the methods of its Web API that Bellwether calls, and Socket Mode beside them.

    providers.slack_app.messages            # as they stand in rooms, with their threads
    providers.slack_app.press(message, "acknowledge", user="U11", name="ana")     # waits until it is acknowledged
    providers.slack_app.drop()              # the connection ends, without a word
"""
import json
import queue
import re
import threading
import time
import uuid

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from support.server import free_port, wait_for

BOT, APP = "xoxb-1", "xapp-1"
LIMITS = {"section": 3000, "header": 150}


class SlackApp:
    def __init__(self, providers):
        self.providers, self.calls = providers, []
        self.messages, self.whispers, self.uploads, self.files = [], [], {}, []
        self.port, self.server, self.links, self.tickets = free_port(), None, [], set()
        self.acknowledged, self.opened = queue.Queue(), 0

    def problems(self):
        return [problem for call in self.calls for problem in call.problems]

    # The Web API

    def answer(self, call):
        method = call.path.strip("/")
        if method.startswith("upload/"):
            self.uploads[method.split("/")[1]] = call.raw
            return 200, "OK"
        token = APP if method == "apps.connections.open" else BOT
        if call.headers.get("authorization") != f"Bearer {token}":
            return 200, {"ok": False, "error": "invalid_auth"}
        name = re.sub(r"\W", "_", method)
        if not hasattr(self, name):
            return 200, {"ok": False, "error": "unknown_method"}
        answer = getattr(self, name)(call, call.form or call.json or {})
        return 200, {"ok": "error" not in answer, **answer}

    def apps_connections_open(self, call, _):
        call.need(call.method == "POST", "not a POST")
        ticket = uuid.uuid4().hex
        self.tickets.add(ticket)
        self.listen()
        return {"url": f"ws://127.0.0.1:{self.port}/link/?ticket={ticket}&app_id=A1"}

    def check(self, call, body):
        call.need(body.get("text"), "no_text")
        blocks = body.get("blocks", []) + [block for one in body.get("attachments", []) for block in one.get("blocks", [])]
        call.need(len(blocks) <= 50, "over 50 blocks")
        for block in blocks:
            call.need(len((block.get("text") or {}).get("text", "")) <= LIMITS.get(block["type"], 3000), f"a {block['type']} is too long")
            for button in block.get("elements", []) + [block.get("accessory")]:
                call.need(button is None or (button["action_id"] and len(button["value"]) <= 2000 and len(button["text"]["text"]) <= 75), "a button")
        return not call.problems

    def chat_postMessage(self, call, body):
        if not self.check(call, body):
            return {"error": "invalid_blocks"}
        if not re.fullmatch(r"[CGDUW]\w+", body.get("channel", "")):
            return {"error": "channel_not_found"}
        room = body["channel"].replace("U", "D", 1) if body["channel"].startswith("U") else body["channel"]
        message = {**body, "channel": room, "ts": f"{time.time():.6f}", "thread": [], "edits": 0}
        if body.get("thread_ts"):
            parent = self.find(room, body["thread_ts"])
            if parent is None:
                return {"error": "thread_not_found"}
            parent["thread"].append(message)
        else:
            self.messages.append(message)
        return {"channel": room, "ts": message["ts"]}

    def chat_update(self, call, body):
        message = self.find(body.get("channel"), body.get("ts"))
        if message is None:
            return {"error": "message_not_found"}
        if not self.check(call, body):
            return {"error": "invalid_blocks"}
        message.update(text=body["text"], attachments=body.get("attachments", []), edits=message["edits"] + 1)
        return {"channel": body["channel"], "ts": body["ts"]}

    def chat_postEphemeral(self, call, body):
        call.need(body.get("text") and body.get("user"), "no text, or no user")
        self.whispers.append((body["user"], body["text"]))
        return {"message_ts": f"{time.time():.6f}"}

    def conversations_open(self, _, body):
        return {"channel": {"id": body["users"].replace("U", "D", 1)}}

    def conversations_history(self, call, body):
        call.need(body.get("include_all_metadata") == "true", "without metadata")
        there = [one for one in self.messages if one["channel"] == body["channel"] and float(one["ts"]) >= float(body.get("oldest", 0))]
        return {"messages": [{key: one.get(key) for key in ("ts", "text", "metadata")} for one in reversed(there)], "has_more": False}

    def conversations_replies(self, call, body):
        call.need(body.get("include_all_metadata") == "true", "without metadata")
        parent = self.find(body["channel"], body.get("ts"))
        if parent is None:
            return {"error": "thread_not_found"}
        return {"messages": [{key: one.get(key) for key in ("ts", "text", "metadata")} for one in (parent, *parent["thread"])], "has_more": False}

    def files_getUploadURLExternal(self, call, body):
        call.need(int(body.get("length", 0)) > 0 and body.get("filename"), "length and filename")
        file = "F" + uuid.uuid4().hex[:8].upper()
        return {"upload_url": f"{call.url}/upload/{file}", "file_id": file}

    def files_completeUploadExternal(self, call, body):
        for file in body.get("files", []):
            call.need(file["id"] in self.uploads, "nothing was uploaded")
            self.files.append({"channel": body.get("channel_id"), "thread_ts": body.get("thread_ts"), "raw": self.uploads.get(file["id"]), **file})
        return {"files": body.get("files", [])}

    def find(self, room, ts):
        return next((one for one in self.messages if (one["channel"], one["ts"]) == (room, ts)), None)

    # Socket Mode

    def listen(self):
        if self.server is None:
            self.server = serve(self.talk, "127.0.0.1", self.port)
            threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def talk(self, link):
        ticket = re.search(r"ticket=(\w+)", link.request.path)
        if ticket is None or ticket[1] not in self.tickets:
            link.close(1008, "no ticket")
            return
        self.tickets.discard(ticket[1])
        link.send(json.dumps({"type": "hello", "connection_info": {"app_id": "A1"}, "num_connections": 1}))
        self.links.append(link)
        self.opened += 1
        try:
            for text in link:
                self.acknowledged.put(json.loads(text)["envelope_id"])
        except ConnectionClosed:
            pass
        finally:
            self.links.remove(link)

    def press(self, message, action, user="U11", name="ana", wait=True):
        buttons = [one for attachment in message["attachments"] for block in attachment["blocks"]
                   for one in block.get("elements", []) + [block.get("accessory", {})]]
        button = next(one for one in buttons if one.get("action_id") == action)
        envelope = uuid.uuid4().hex
        where = {"message_ts": message["ts"], "channel_id": message["channel"]}
        link = wait_for(lambda: self.links, what="a connection of Socket Mode")[-1]
        link.send(json.dumps({"envelope_id": envelope, "type": "interactive", "accepts_response_payload": False, "payload": {
            "type": "block_actions", "user": {"id": user, "username": name, "name": name, "team_id": "T1"}, "api_app_id": "A1",
            "container": {"type": "message_attachment", **where, "attachment_id": 1, "is_ephemeral": False},
            "trigger_id": "1.2", "channel": {"id": message["channel"], "name": "ops"},
            "actions": [{"action_id": action, "block_id": "b", "value": button["value"], "type": "button", "action_ts": "1.2"}]}}))
        if wait:
            assert self.acknowledged.get(timeout=60) == envelope

    def send(self, frame):
        wait_for(lambda: self.links, what="a connection of Socket Mode")[-1].send(json.dumps(frame))

    def drop(self):
        """As when a machine between us goes away."""
        for link in list(self.links):
            link.socket.shutdown(2)

    def stop(self):
        if self.server is not None:
            self.server.shutdown()
