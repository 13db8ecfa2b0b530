# SPDX-License-Identifier: Apache-2.0
"""An API server that answers with recordings of a real one (fixtures/api, Kubernetes 1.34), for the
command line's way with a cluster. Serves on loopback in this process; counts what is asked."""
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import yaml

FIXTURES = Path(__file__).parent / "fixtures" / "api"
CALICO = "/apis/projectcalico.org/v3/"
RECORDED = {
    "/version": "version",
    "/api/v1/nodes": "nodes",
    "/api/v1/pods": "pods",
    "/api/v1/namespaces/mine/pods": "pods-mine",
    CALICO + "ippools": "ippools",
    CALICO + "bgpconfigurations": "bgpconfigurations",
    CALICO + "bgpconfigurations/default": "bgpconfiguration-default",
    CALICO + "bgppeers": "bgppeers",
    CALICO + "bgpfilters": "bgpfilters",
    CALICO + "ipreservations": "ipreservations",
    "/apis/networking.k8s.io/v1/networkpolicies": "networkpolicies",
}
NOT_FOUND = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
             "message": "the server could not find the requested resource", "reason": "NotFound",
             "details": {}, "code": 404}


class ApiServer:
    """Use as a context; `answers` may be changed: path -> (status, object)."""

    def __init__(self):
        self.answers = {path: (200, json.loads((FIXTURES / f"{name}.json").read_text("utf-8")))
                        for path, name in RECORDED.items()}
        self.asked = []
        self.page = None  # items a page, as the server may choose
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                status, answer = server.answer(self.path)
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def answer(self, path):
        self.asked.append(path)
        parts = urlsplit(path)
        status, answer = self.answers.get(parts.path, (404, NOT_FOUND))
        if self.page and "items" in answer:
            start = int(parse_qs(parts.query).get("continue", ["0"])[0])
            end = start + self.page
            rest = {"continue": str(end)} if end < len(answer["items"]) else {}
            answer = {**answer, "items": answer["items"][start:end], "metadata": rest}
        return status, answer

    def kubeconfig(self, path, context="lab"):
        path.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": context,
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "users": [{"name": "u", "user": {"token": "nobody"}}],
            "contexts": [{"name": context, "context": {"cluster": "c", "user": "u",
                                                       "namespace": "mine"}}]}))
        return path

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()
