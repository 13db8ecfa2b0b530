# SPDX-License-Identifier: Apache-2.0
"""An HTTP server that answers as an API server does, and goes wrong when the test says so.

What a real API server sends when all is well is in tests/unit/kube/fixtures and is asked of a real
one in tests/kube; a real one cannot be made to stall, to cut a stream in the middle of an event or
to answer 503 at a certain moment. Answers are a list of steps for each path: a step is called with
the request's handler, and the last one is repeated.
"""
import json
import queue
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

RECORDINGS = Path(__file__).resolve().parents[1] / "unit/kube/fixtures"
DEADLINE = 20.0


def recorded(name):
    return (RECORDINGS / name).read_bytes()


class Request:
    """What was asked, and when."""

    def __init__(self, handler, body):
        parts = urlsplit(handler.path)
        self.method = handler.command
        self.path = parts.path
        self.query = {key: value[0] for key, value in parse_qs(parts.query).items()}
        self.headers = handler.headers
        self.body = body
        self.time = time.monotonic()

    @property
    def is_watch(self):
        return "watch" in self.query

    @property
    def is_initial(self):
        return "sendInitialEvents" in self.query


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "test"

    def log_message(self, *_):
        pass

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self, body)
        server = self.server.owner
        try:
            server.step_of(request)(self, request)
        except (BrokenPipeError, ConnectionResetError, socket.timeout):
            self.close_connection = True

    do_GET = do_PATCH = do_POST = answer

    def status(self, code, body=b"", **headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def begin(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def event(self, kind, name=None, version="1", **metadata):
        metadata["resourceVersion"] = version
        if name:
            metadata["name"] = name
        self.chunk(json.dumps({"type": kind, "object": {"metadata": metadata}}).encode() + b"\n")

    def end(self):
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def cut(self):
        """The connection is gone, without a last chunk."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def hang(self):
        """Nothing more, until the client gives up or the test ends."""
        self.connection.settimeout(0.2)
        while not self.server.owner.is_over.is_set():
            try:
                if self.connection.recv(1) == b"":
                    break
            except socket.timeout:
                continue
            except OSError:
                break
        self.close_connection = True


class ApiServer:
    """Steps by path; every request is kept."""

    def __init__(self, tls=None, port=0):
        self.is_over = threading.Event()
        self.requests = []
        self.news = queue.Queue()
        self.steps = {}
        self.lock = threading.Lock()
        self.http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.http.owner = self
        self.http.daemon_threads = True
        if tls:
            self.http.socket = tls.wrap_socket(self.http.socket, server_side=True)
        self.port = self.http.server_address[1]
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,))
        self.thread.start()

    def script(self, path, *steps):
        self.steps[path] = list(steps)

    def step_of(self, request):
        with self.lock:
            self.requests.append(request)
            steps = self.steps.get(request.path)
            step = steps.pop(0) if steps and len(steps) > 1 else steps[0] if steps else None
        self.news.put(request)
        return step or (lambda handler, _: handler.status(404, b"404 page not found\n"))

    def next(self, what=lambda request: True, seconds=DEADLINE):
        """The next request that is so; those before it are passed over."""
        deadline = time.monotonic() + seconds
        while True:
            request = self.news.get(timeout=max(0.01, deadline - time.monotonic()))
            if what(request):
                return request

    def kubeconfig(self, folder, user=""):
        path = Path(folder) / "kubeconfig"
        path.write_text(
            f"clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{self.port}'}}}}]\n"
            f"users: [{{name: u, user: {{{user}}}}}]\n"
            "contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n",
            encoding="utf-8")
        return path

    def close(self):
        if self.is_over.is_set():
            return
        self.is_over.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()
