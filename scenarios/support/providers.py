"""Stand-ins for the services that pages go to: one HTTP listener, each provider below a path of its own. They keep what they get, show
incidents as the real ones would, say what the real ones would refuse, and fail when they are told to.

    with Providers() as providers:
        providers.url("pagerduty")                  # base address for the configuration
        providers.fail("pagerduty", status=429, retry_after=1)        # or timeout=True, reset=True; times=2
        providers.pagerduty.incidents               # dedup key -> {"status", "count", ...}
        providers.pagerduty.press("acknowledge", key, "Ana")          # what a person does there
"""
import collections
import datetime
import email
import email.policy
import email.utils
import http.server
import json
import re
import threading
import time
import urllib.parse
import urllib.request
import uuid
from xml.etree import ElementTree

from support.server import free_port
from support.slack_app import SlackApp


def iso(at=None):
    at = datetime.datetime.fromtimestamp(time.time() if at is None else at, datetime.timezone.utc)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Call:
    """One request, with what is wrong with it by the provider's own rules."""

    def __init__(self, method, path, query, headers, raw):
        self.method, self.path, self.query, self.headers, self.raw, self.at = method, path, query, headers, raw, time.time()
        self.problems, self.fault = [], None
        is_form = "form-urlencoded" in headers.get("content-type", "")
        self.form = dict(urllib.parse.parse_qsl(raw.decode(), keep_blank_values=True)) if is_form else {}
        try:
            self.json = json.loads(raw) if raw and not is_form else None
        except ValueError:
            self.json = None

    def need(self, condition, what):
        if not condition:
            self.problems.append(what)


def multipart(call):
    """The parts of a form by their names, read as mail is."""
    head = f"Content-Type: {call.headers['content-type']}\r\n\r\n".encode()
    parts = email.message_from_bytes(head + call.raw, policy=email.policy.HTTP).iter_parts()
    return {part.get_param("name", header="content-disposition"): part.get_payload(decode=True) for part in parts}


class Provider:
    def __init__(self):
        self.calls = []

    def problems(self):
        return [problem for call in self.calls for problem in call.problems]


class PagerDuty(Provider):
    """Events API v2, and of the REST API the list of incidents by their key."""

    def __init__(self):
        super().__init__()
        self.incidents, self.changes = {}, []

    def answer(self, call):
        if call.path == "/incidents":
            call.need(call.headers.get("authorization", "").startswith("Token token="), "no REST token")
            incident = self.incidents.get(call.query.get("incident_key"))
            return 200, {"incidents": [incident] if incident else []}
        body = call.json or {}
        if call.path.startswith("/incidents/"):
            call.need(call.method == "PUT" and "@" in call.headers.get("from", ""), "not a PUT in somebody's name")
            incident = next((one for one in self.incidents.values() if one["id"] == call.path.rpartition("/")[2]), None)
            if incident is None or call.problems:
                return 400, {"error": {"errors": call.problems or ["not found"]}}
            if body["incident"].get("escalation_level") == 1:
                incident.update(status="triggered", acknowledgements=[], called=incident["called"] + 1)
            return 200, {"incident": incident}
        call.need(call.method == "POST" and isinstance(call.json, dict), "not a POST of JSON")
        call.need(re.fullmatch("[0-9A-Za-z]{32}", body.get("routing_key", "")), "routing_key")
        if call.path == "/v2/change/enqueue":
            call.need(body.get("payload", {}).get("summary"), "a change without summary")
            self.changes.append(body)
            return 202, {"status": "success", "message": "Change event processed"}
        call.need(call.path == "/v2/enqueue", f"unknown path {call.path}")
        action, key = body.get("event_action"), body.get("dedup_key", "")
        call.need(action in ("trigger", "acknowledge", "resolve"), f"event_action {action}")
        call.need(0 < len(key) <= 255, "dedup_key")
        if action == "trigger":
            payload = body.get("payload", {})
            call.need(0 < len(payload.get("summary", "")) <= 1024, "summary")
            call.need(payload.get("source"), "source")
            call.need(payload.get("severity") in ("critical", "error", "warning", "info"), "severity")
            call.need(all("href" in link for link in body.get("links", [])), "links")
        if call.problems:
            return 400, {"status": "invalid event", "errors": call.problems}
        incident = self.incidents.get(key)
        if incident is None or (incident["status"] == "resolved" and action == "trigger"):
            incident = self.incidents[key] = {"id": f"P{len(self.incidents)}", "status": "triggered", "count": 0, "called": 1, "acknowledgements": [], "incident_key": key}
        incident["count"] += 1
        if action != "trigger":
            self.press(action, key, "an integration", "service_reference")
        return 202, {"status": "success", "message": "Event processed", "dedup_key": key}

    def press(self, action, key, who, kind="user_reference"):
        incident, by = self.incidents[key], {"type": kind, "summary": who}
        if action == "acknowledge" and incident["status"] != "resolved":
            incident["acknowledgements"] = [{"at": iso(), "acknowledger": by}]
            incident["status"] = "acknowledged"
        if action == "resolve":
            incident.update(status="resolved", last_status_change_at=iso(), last_status_change_by=by)

    def standing(self):
        return [incident["status"] for incident in self.incidents.values()]


class Opsgenie(Provider):
    def __init__(self):
        super().__init__()
        self.alerts, self.pictures = {}, []

    def answer(self, call):
        call.need(call.headers.get("authorization", "").startswith("GenieKey "), "no GenieKey")
        found = re.fullmatch(r"/v2/alerts(?:/([^/]+)(?:/(close|acknowledge|unacknowledge|notes|attachments))?)?", call.path)
        named_by = "alertIdentifierType" if found and found[2] == "attachments" else "identifierType"
        if not found or (found[1] and call.query.get(named_by) != "alias"):
            return 404, {"message": "not found"}
        alias, action, body = urllib.parse.unquote(found[1] or ""), found[2], call.json or {}
        if call.method == "GET":
            alert = self.alerts.get(alias)
            return (200, {"data": alert}) if alert else (404, {"message": "Alert not found"})
        if action == "attachments":
            if alias not in self.alerts:
                return 404, {"message": "Alert not found"}
            self.pictures.append(multipart(call)["file"])
            return 201, {"result": "Attachment added", "took": 0.1, "requestId": str(uuid.uuid4())}
        if not alias:
            call.need(0 < len(body.get("message", "")) <= 130, "message")
            call.need(0 < len(body.get("alias", "")) <= 512, "alias")
            call.need(len(body.get("description", "")) <= 15_000, "description")
            call.need(body.get("priority") in ("P1", "P2", "P3", "P4", "P5"), "priority")
            call.need(all(isinstance(value, str) for value in body.get("details", {}).values()), "details")
            if call.problems:
                return 422, {"message": "; ".join(call.problems)}
            alert = self.alerts.get(body["alias"])
            if alert is None or alert["status"] == "closed":
                alert = {"status": "open", "acknowledged": False, "count": 0, "called": 1, "createdAt": iso(), "made": time.time(), "report": {}}
                self.alerts[body["alias"]] = alert
            alert["count"] += 1
        elif action == "unacknowledge" and alias in self.alerts:
            self.alerts[alias].update(acknowledged=False, called=self.alerts[alias]["called"] + 1)
        elif action in ("close", "acknowledge") and alias in self.alerts:
            self.press(action, alias, "system")
        return 202, {"result": "Request will be processed", "took": 0.1, "requestId": str(uuid.uuid4())}

    def press(self, action, alias, who):
        alert = self.alerts[alias]
        after = int((time.time() - alert["made"]) * 1000)
        if action == "acknowledge":
            alert["acknowledged"] = True
            alert["report"].update(ackTime=after, acknowledgedBy=who)
        else:
            alert["status"] = "closed"
            alert["report"].update(closeTime=after, closedBy=who)

    def standing(self):
        return ["closed" if alert["status"] == "closed" else "acknowledged" if alert["acknowledged"] else "open" for alert in self.alerts.values()]


class Slack(Provider):
    """Incoming webhooks."""

    def answer(self, call):
        body = call.json or {}
        call.need(call.path.startswith("/services/"), f"unknown path {call.path}")
        call.need(body.get("text"), "no_text")
        blocks = body.get("blocks", []) + [block for one in body.get("attachments", []) for block in one.get("blocks", [])]
        call.need(len(blocks) <= 50, "over 50 blocks")
        limits = {"section": 3000, "header": 150}
        for block in blocks:
            call.need(len((block.get("text") or {}).get("text", "")) <= limits.get(block["type"], 3000), f"a {block['type']} is too long")
        return (400, "invalid_blocks") if call.problems else (200, "ok")


class Ntfy(Provider):
    """Topics in memory: published as JSON or as plain text, read by polling."""

    def __init__(self):
        super().__init__()
        self.topics = collections.defaultdict(list)

    def answer(self, call):
        if call.method == "GET":
            topic = call.path.split("/")[1]
            return 200, "".join(json.dumps(one) + "\n" for one in self.since(topic, call.query.get("since", "")))
        if call.method == "PUT":
            call.need(call.query.get("filename") and call.raw.startswith(b"\x89PNG"), "no attachment")
            return 200, self.put(call.path.strip("/"), call.query.get("message", ""), {"attachment": call.query.get("filename"), **call.query})
        if call.path != "/":
            return 200, self.put(call.path.strip("/"), call.raw.decode())
        body = call.json or {}
        call.need(re.fullmatch("[-_A-Za-z0-9]{1,64}", body.get("topic", "")), "topic")
        call.need(len(body.get("message", "").encode()) <= 4096, "the message is too long")
        call.need(len(body.get("actions", [])) <= 3, "over 3 actions")
        if call.problems:
            return 400, {"code": 40001, "error": "; ".join(call.problems)}
        return 200, self.put(body["topic"], body["message"], body)

    def put(self, topic, text, whole=None):
        message = {"id": uuid.uuid4().hex[:12], "time": int(time.time()), "event": "message", "topic": topic, "message": text}
        self.topics[topic].append({**message, "whole": whole or {}})
        return message

    def since(self, topic, since):
        all_of_it = self.topics[topic]
        for index, one in enumerate(all_of_it):
            if one["id"] == since:
                return all_of_it[index + 1:]
        return [one for one in all_of_it if since.isdigit() and one["time"] >= int(since)]

    def press(self, message, label):
        """What a telephone does when the button is touched."""
        action = next(one for one in message["whole"]["actions"] if one["label"].startswith(label))
        assert action["action"] == "http" and action["method"] == "POST"
        self.put(action["url"].rsplit("/", 1)[1], action["body"])


class Telegram(Provider):
    """A bot's messages, and what is pressed below them."""

    def __init__(self):
        super().__init__()
        self.messages, self.updates, self.told, self.photos, self.pressed = [], [], [], [], threading.Condition()

    def answer(self, call):
        method, body = call.path.rsplit("/", 1)[1], call.json or {}
        call.need(re.fullmatch(r"/bot[^/]+/\w+", call.path), f"unknown path {call.path}")
        if method == "sendMessage":
            call.need(0 < len(body.get("text", "")) <= 4096, "text")
            buttons = [one for row in body.get("reply_markup", {}).get("inline_keyboard", []) for one in row]
            call.need(all(len(one.get("callback_data", "").encode()) <= 64 for one in buttons), "callback_data is too long")
            call.need(all("127.0.0.1" not in one.get("url", "") for one in buttons), "a button leads to this machine")
            if call.problems:
                return 400, {"ok": False, "description": call.problems[0]}
            message = {"message_id": len(self.messages) + 1, "chat": {"id": int(body["chat_id"])}, "text": body["text"], "buttons": buttons}
            self.messages.append(message)
            return 200, {"ok": True, "result": message}
        if method == "sendPhoto":
            form = multipart(call)
            call.need(form.get("photo", b"").startswith(b"\x89PNG"), "no photo")
            call.need(len(form.get("caption", b"")) <= 1024, "caption")
            self.photos.append({key: value.decode() for key, value in form.items() if key != "photo"})
            return (400, {"ok": False}) if call.problems else (200, {"ok": True, "result": {"message_id": 900}})
        if method == "getUpdates":
            offset = int(call.query.get("offset", 0))
            return 200, {"ok": True, "result": [one for one in self.updates if one["update_id"] >= offset]}
        self.told.append((method, body))
        return 200, {"ok": True, "result": True}

    def waits(self, call):
        """Long polling: as long as it was asked for, or until a button is pressed."""
        if call.path.endswith("/getUpdates"):
            offset = int(call.query.get("offset", 0))
            with self.pressed:
                self.pressed.wait_for(lambda: any(one["update_id"] >= offset for one in self.updates), min(float(call.query.get("timeout", 0)), 5))

    def press(self, message, who="Ana", chat=None):
        data = next(one["callback_data"] for one in message["buttons"] if "callback_data" in one)
        shown = {"message_id": message["message_id"], "chat": {"id": chat or message["chat"]["id"]}}
        with self.pressed:
            self.updates.append({"update_id": 100 + len(self.updates), "callback_query": {"id": uuid.uuid4().hex, "data": data, "from": {"first_name": who}, "message": shown}})
            self.pressed.notify_all()


class Pushover(Provider):
    """Emergencies ring until their receipt is acknowledged or cancelled."""

    def __init__(self):
        super().__init__()
        self.messages, self.receipts, self.pictures = [], {}, []

    def answer(self, call):
        if call.path.startswith("/1/receipts/cancel_by_tag/"):
            tag = call.path.rsplit("/", 1)[1].removesuffix(".json")
            call.need(call.form.get("token"), "token")
            hit = [one for one in self.receipts.values() if tag in one["tags"] and not one["cancelled"]]
            for one in hit:
                one["cancelled"] = True
            return 200, {"status": 1, "canceled": len(hit)}
        if call.path.startswith("/1/receipts/"):
            receipt = self.receipts.get(call.path.split("/")[3].removesuffix(".json"))
            return (200, {"status": 1, **receipt}) if receipt else (404, {"status": 0})
        form = call.form
        if not form:
            parts = multipart(call)
            call.need(parts.get("attachment", b"").startswith(b"\x89PNG"), "no attachment")
            form = {key: value.decode() for key, value in parts.items() if key != "attachment"}
            self.pictures.append(form)
            return (400, {"status": 0}) if call.problems else (200, {"status": 1})
        call.need(call.path == "/1/messages.json", f"unknown path {call.path}")
        call.need(len(form.get("message", "")) in range(1, 1025), "message")
        call.need(len(form.get("title", "")) <= 250, "title")
        if form.get("priority") == "2":
            call.need(int(form.get("retry", 0)) >= 30 and 0 < int(form.get("expire", 0)) <= 10_800, "retry and expire")
        if call.problems:
            return 400, {"status": 0, "errors": call.problems}
        self.messages.append(form)
        answer = {"status": 1, "request": str(uuid.uuid4())}
        if form.get("priority") == "2":
            answer["receipt"] = uuid.uuid4().hex[:30]
            self.receipts[answer["receipt"]] = {"acknowledged": 0, "acknowledged_by_device": "", "cancelled": False, "tags": form.get("tags", "").split(",")}
        return 200, answer

    def press(self, device="ana-phone"):
        for receipt in self.receipts.values():
            receipt.update(acknowledged=1, acknowledged_by_device=device)

    def ringing(self):
        return [one for one in self.receipts.values() if not one["acknowledged"] and not one["cancelled"]]


class Twilio(Provider):
    """Texts and calls. A call plays its script; keys go to where the script says. Numbers in `gone` are nobody's."""

    def __init__(self):
        super().__init__()
        self.messages, self.rung, self.account, self.gone = [], [], "AC" + "0" * 32, set()

    def answer(self, call):
        call.need(call.headers.get("authorization", "").startswith("Basic "), "no Basic authorization")
        found = re.fullmatch(r"/2010-04-01/Accounts/(AC\w{32})/(Messages|Calls)\.json", call.path)
        if not found:
            return 404, {"code": 20404, "message": "not found"}
        if call.method == "GET":
            call.need(call.query.get("To"), "To")
            return 200, {"messages": [one for one in reversed(self.messages) if one["to"] == call.query["To"]]}
        form = call.form
        for key in ("To", "From"):
            call.need(re.fullmatch(r"\+[1-9]\d{6,14}", form.get(key, "")), f"{key} is no number")
        if found[2] == "Messages":
            call.need(0 < len(form.get("Body", "")) <= 1600, "Body")
        else:
            ElementTree.fromstring(form.get("Twiml", ""))
        if call.problems:
            return 400, {"code": 21211, "message": call.problems[0]}
        if form["To"] in self.gone:
            return 400, {"code": 21211, "message": f"Invalid 'To' Phone Number: {form['To']}", "status": 400}
        sid = ("SM" if found[2] == "Messages" else "CA") + uuid.uuid4().hex
        if found[2] == "Messages":
            self.message(form["From"], form["To"], form["Body"], "outbound-api", sid)
        else:
            self.rung.append({"sid": sid, "to": form["To"], "script": form["Twiml"]})
        return 201, {"sid": sid, "status": "queued"}

    def message(self, of, to, body, direction="inbound", sid=None):
        self.messages.append({"sid": sid or "SM" + uuid.uuid4().hex, "from": of, "to": to, "body": body, "direction": direction,
                              "date_created": email.utils.format_datetime(datetime.datetime.now(datetime.timezone.utc))})

    def texts(self):
        return [one for one in self.messages if one["direction"] != "inbound"]

    @staticmethod
    def press(call, digits):
        """What a finger does that has no key of ours to sign with: the digits go to where the script says. What is said to it."""
        gather = ElementTree.fromstring(call["script"]).find("Gather")
        assert gather is not None, f"no key is heard: {call['script']}"
        form = urllib.parse.urlencode({"CallSid": call["sid"], "To": call["to"], "CallStatus": "in-progress", "Digits": digits}).encode()
        with urllib.request.urlopen(gather.get("action"), form, timeout=30) as answer:
            return ElementTree.fromstring(answer.read()).findtext("Say")


class Hook(Provider):
    """Takes anything."""

    def answer(self, call):
        return 200, {"ok": True}


class Providers:
    def __init__(self):
        self.port = free_port()
        self.pagerduty, self.opsgenie, self.slack, self.ntfy = PagerDuty(), Opsgenie(), Slack(), Ntfy()
        self.telegram, self.pushover, self.twilio, self.voice = Telegram(), Pushover(), Twilio(), Twilio()
        self.hook, self.slack_app = Hook(), SlackApp(self)
        self.faults, self.lock, self.server = collections.defaultdict(collections.deque), threading.RLock(), None
        self.stopping = threading.Event()

    def url(self, provider, rest=""):
        return f"http://127.0.0.1:{self.port}/{provider}{rest}"

    def fail(self, provider, times=1, **fault):
        """The next requests that send something fail: `status` (with `retry_after`), `timeout` or `reset`; -1 times: until it is mended.
        `garbage`: what stands between says 200 and a page of its own, as a proxy does that wants a sign-in.
        With `taken` it is done all the same, and only the answer is lost. `of`: only what is asked for by this end of a path."""
        with self.lock:
            self.faults[provider].append({"times": times, **fault})

    def mend(self, provider):
        with self.lock:
            self.faults[provider].clear()

    def _fault(self, provider, call):
        waiting = self.faults[provider]
        if call.method == "GET" or not waiting or not call.path.endswith(waiting[0].get("of", "")):
            return None
        fault = waiting[0]
        fault["times"] -= 1
        if fault["times"] == 0:
            waiting.popleft()
        return fault

    def handle(self, handler):
        parts = urllib.parse.urlsplit(handler.path)
        provider, _, rest = parts.path.lstrip("/").partition("/")
        length = int(handler.headers.get("Content-Length", 0))
        headers = {key.lower(): value for key, value in handler.headers.items()}
        call = Call(handler.command, "/" + rest, dict(urllib.parse.parse_qsl(parts.query)), headers, handler.rfile.read(length))
        stand_in = getattr(self, provider)
        call.url = self.url(provider)
        if hasattr(stand_in, "waits"):
            stand_in.waits(call)
        with self.lock:
            call.fault = self._fault(provider, call)
            taken = call.fault is None or call.fault.get("taken")
            status, body = stand_in.answer(call) if taken else (call.fault.get("status", 0), {"error": "told to fail"})
            stand_in.calls.append(call)
            if call.fault and taken:
                status = call.fault.get("status", 0)
        if call.fault and call.fault.get("timeout"):
            self.stopping.wait(60)
        if call.fault and call.fault.get("garbage"):
            status, body = 200, "<html>Please sign in</html>"
        if not status:
            handler.close_connection = True
            return
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        handler.send_response(status)
        if call.fault and "retry_after" in call.fault:
            handler.send_header("Retry-After", str(call.fault["retry_after"]))
        handler.send_header("Content-Length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)

    def __enter__(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                try:
                    outer.handle(self)
                except (ConnectionError, BrokenPipeError):
                    pass  # Whoever asked has given up waiting.

            do_GET = do_POST = do_PUT = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.slack_app.stop()
        self.server.shutdown()
        self.server.server_close()
