#!/usr/bin/env python3
"""An API server that misbehaves: plain HTTP, one Memcached, and garbage of many kinds.

Usage: fake_api.py             listens on 127.0.0.1, says "listening on PORT"
       fake_api.py --modes     print all modes

For each mode there is a server of its own below http://127.0.0.1:PORT/MODE. Modes are list-WHAT
(lists are garbage), watch-WHAT (lists are good, watches are garbage), watchlist-WHAT (watches that
bring their own list are) and write-WHAT (answers to writes are).
    GET /-/good               from now on all of them are good, and have a second Memcached, "later"
    GET /MODE/-/created       names of the Deployments that were created
    GET /MODE/-/requests      how many requests came, these aside
    GET /MODE/-/climbers      paths that were asked for and lead elsewhere
"""
import functools
import http.server
import json
import re
import sys
import threading
import urllib.parse

MIB = 1 << 20
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
changed = threading.Condition()


class State:
    """What a mode's server knows. Guarded by changed."""

    def __init__(self, mode):
        self.mode = mode
        self.created, self.climbers, self.requests = [], [], 0
        self.version = 10
        self.memcacheds, self.deployments = {"web": GOOD}, {}

    def put(self, objects, new):
        self.version = int(new["metadata"]["resourceVersion"])
        objects[new["metadata"]["name"]] = new

    def become_good(self):
        self.mode = "good"
        self.put(self.memcacheds, memcached("later", self.version + 1))


def memcached(name, version):
    return {"apiVersion": "cache.example.com/v1alpha1", "kind": "Memcached", "spec": {"size": 1},
            "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}",
                         "resourceVersion": str(version), "generation": 1,
                         "creationTimestamp": "2026-01-02T03:04:05Z"}}


def status(code, reason, message):
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "code": code, "reason": reason, "message": message}


def text(value):
    return json.dumps(value).encode()


def event(kind, value):
    return text({"type": kind, "object": value}) + b"\n"


GOOD = memcached("web", 10)
NEWER = memcached("web", 20)  # a version that is known already is not decoded
NESTED = functools.reduce(lambda inner, _: [inner], range(100), [])


def renamed(**meta):
    """A Memcached with other metadata."""
    return event("ADDED", dict(GOOD, metadata=dict(GOOD["metadata"], resourceVersion="20", **meta)))


# What a list answers with 200.
LISTS = {
    "not-json": b"this is not JSON at all",
    "half": text({"kind": "L", "metadata": {"resourceVersion": "10"}, "items": [GOOD]})[:-30],
    "html": HTML,
    "empty": b"",
    "array": b"[1, 2, 3]",
    "items-object": text({"metadata": {"resourceVersion": "10"}, "items": {"web": GOOD}}),
    "item-types": text({"metadata": {"resourceVersion": "10"}, "items": [{"metadata": {"name": 5, "uid": []}}]}),
    "no-version": text({"metadata": {}, "items": []}),
    "nul": text({"metadata": {"resourceVersion": "10"}, "items": []}) + b"\0\0",
    "deep": b'{"metadata": {"resourceVersion": "10"}, "items": [' + b"[" * 200_000,
    "nested": text({"metadata": {"resourceVersion": "10"}, "items": [dict(GOOD, x=NESTED)]}),
    "huge": text({"metadata": {"resourceVersion": "10"}, "items": [dict(GOOD, x="x" * (17 * MIB))]}),
}
# What a watch sends after 200, before it ends.
WATCHES = {
    "not-json": b"this is not JSON at all\n",
    "half": event("ADDED", NEWER)[:-40] + b"\n",
    "html": HTML + b"\n",
    "empty": b"",
    "array": b"[1, 2, 3]\n",
    "type": event("EXPLODED", GOOD),
    "no-object": b'{"type": "ADDED"}\n',
    "object-types": event("ADDED", {"metadata": {"name": {}, "namespace": 7, "resourceVersion": []}}),
    "nested": event("ADDED", dict(NEWER, x=NESTED)),
    "dots": renamed(name=".."),
    "no-name": renamed(name=""),
    "bad-name": renamed(name="../../../../../api/v1/namespaces"),
    "bad-namespace": renamed(namespace="default/memcacheds/../.."),
    "long-name": renamed(name="n" * 100_000),
    "long-namespace": renamed(namespace="n" * 100_000),
    "utf8": event("ADDED", NEWER).replace(b"web", b"w\xff\xfeb"),
    "deep": b'{"type": "ADDED", "object": ' + b"[" * 200_000 + b"\n",
    "long-line": b'{"type": "ADDED", "object": "' + b"x" * (17 * MIB),
    "error-410": event("ERROR", status(410, "Expired", "too old resource version: 1 (2)")),
    "error-500": event("ERROR", status(500, "InternalError", "etcd event received with garbage")),
    "error-text": event("ERROR", "no status"),
}
ANSWERS = {
    "html-500": (500, {}, HTML),
    "html-404": (404, {}, HTML),
    "429": (429, {"Retry-After": "1"}, b"Too many requests, please try again later.\n"),
    "429-forever": (429, {"Retry-After": "99999999999999999999"}, b""),
    "redirect": (302, {"Location": "/MODE//elsewhere"}, b""),
    "204": (204, {}, b""),
    "status-types": (403, {}, text({"kind": "Status", "code": "x", "reason": {}, "message": [1]})),
}
CONNECTIONS = ("cut-head", "cut-body", "cut-chunk", "not-http", "huge-header")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, code, body, headers=None, content_type="application/json"):
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def begin_stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def cut(self, what):
        """Ends of connections that HTTP does not allow."""
        self.close_connection = True
        raw = {"cut-head": b"HTTP/1.1 200 OK\r\nContent-Type: applic",
               "cut-body": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"kind\": ",
               "cut-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n{\"type\": \"ADDED\", \"obj",
               "not-http": b"SSH-2.0-OpenSSH_9.2p1\r\n\0\0\0",
               "huge-header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * (256 << 10) + b"\r\n\r\n"}[what]
        self.wfile.write(raw)

    def misbehave(self, what, bodies):
        if what in CONNECTIONS:
            self.cut(what)
        elif what in ANSWERS:
            code, headers, body = ANSWERS[what]
            headers = {name: value.replace("MODE", self.mode) for name, value in headers.items()}
            self.answer(code, body, headers, "text/html")
        elif bodies is WATCHES:
            self.begin_stream()
            if bodies[what]:
                self.chunk(bodies[what])
            self.chunk(b"")
        else:
            self.answer(200, bodies[what])

    def good_list(self):
        with changed:
            items = list(self.state.memcacheds.values())
            deployments = list(self.state.deployments.values())
            version = self.state.version
        if "/memcacheds" not in self.path:
            items = []
        if "managed-by" in self.path:
            items = deployments
        self.answer(200, text({"metadata": {"resourceVersion": str(version)}, "items": items}))

    def good_memcached(self, name):
        with changed:
            found = self.state.memcacheds.get(name)
        if found:
            self.answer(200, text(found))
        else:
            self.answer(404, text(status(404, "NotFound", f"{name} is not there")))

    def good_watch(self, version):
        """Sends what is newer than version; stays open until the mode changes."""
        self.begin_stream()
        with changed:
            mode = self.state.mode
            objects = self.state.memcacheds if "/memcacheds" in self.path else {}
            for o in objects.values():
                if int(o["metadata"]["resourceVersion"]) > version:
                    self.chunk(event("ADDED", o))
            changed.wait_for(lambda: self.state.mode != mode)
        self.chunk(b"")

    def get_objects(self, mode):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        kind, _, what = mode.partition("-")
        name = re.search(r"/memcacheds/([^/?]+)$", self.path)
        if name:
            self.good_memcached(name[1])
        elif "sendInitialEvents" in query:
            if kind == "watchlist":
                self.misbehave(what, WATCHES)
            else:
                self.answer(422, text(status(422, "Invalid", "sendInitialEvents is forbidden")))
        elif "watch" in query:
            if kind == "watch":
                self.misbehave(what, WATCHES)
            else:
                self.good_watch(int(query["resourceVersion"]))
        elif kind == "list":
            self.misbehave(what, LISTS)
        else:
            self.good_list()

    def control(self, what):
        with changed:
            if what == "good":
                for state in states.values():
                    state.become_good()
                changed.notify_all()
                answer = "good"
            else:
                answer = getattr(self.state, what)
        self.answer(200, text(answer))

    def begin(self):
        """Find the mode's state; the path becomes that behind it. Returns the mode."""
        _, self.mode, path = self.path.split("/", 2)
        self.path = "/" + path
        with changed:
            self.state = states.get(self.mode)
            if self.state is None:
                return None
            if not path.startswith("-/"):
                self.state.requests += 1
            if "/../" in self.path or "//" in self.path:
                self.state.climbers.append(self.path)
            return self.state.mode

    def do_GET(self):
        if self.path.startswith("/-/"):
            self.control(self.path.removeprefix("/-/"))
            return
        mode = self.begin()
        if mode is None:
            self.answer(404, b"")
        elif self.path.startswith("/-/"):
            self.control(self.path.removeprefix("/-/"))
        else:
            self.get_objects(mode)

    def write(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        kind, _, what = (self.begin() or "").partition("-")
        if kind == "write":
            self.misbehave(what, LISTS)
            return
        name = re.search(r"/memcacheds/([^/?]*)", self.path)
        with changed:
            version = self.state.version + 1
            answer = dict(memcached(name[1], version), **body) if name else body
            answer["metadata"] = dict(memcached("x", version)["metadata"], **body.get("metadata", {}))
            answer["metadata"]["resourceVersion"] = str(version)
            if name:
                answer["metadata"].update(memcached(name[1], version)["metadata"])
                self.state.put(self.state.memcacheds, answer)
            elif "/deployments" in self.path:
                self.state.put(self.state.deployments, answer)
            if re.search(r"/deployments\?", self.path):
                self.state.created.append(body["metadata"]["name"])
        self.answer(201 if self.command == "POST" else 200, text(answer))

    do_POST = do_PATCH = do_PUT = write


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_):
        pass  # clients hang up


def all_modes():
    for kind, bodies in ("list", LISTS), ("watch", WATCHES), ("watchlist", WATCHES), ("write", LISTS):
        for what in (*bodies, *ANSWERS, *CONNECTIONS):
            yield f"{kind}-{what}"


states = {mode: State(mode) for mode in all_modes()}
if "--modes" in sys.argv:
    print("\n".join(states))
    sys.exit()
server = Server(("127.0.0.1", 0), Handler)
print("listening on", server.server_address[1], flush=True)
server.serve_forever()
