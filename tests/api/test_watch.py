# SPDX-License-Identifier: Apache-2.0
"""How a watch takes what an API server, or the network in front of it, can do to it.

The program is tests/tools/kube_watch.c, kube/watch.c with all waits divided by SPEED.
"""
import os
import queue
import subprocess
import threading
import time
from pathlib import Path

import pytest

from api_server import DEADLINE, ApiServer, recorded

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TORTIE_BUILD", ROOT / "build"))
PATH = "/api/v1/things"
SPEED = 20
BUSY = 5.0 / SPEED  # seconds, at least, after 429 and 5xx
APART = 5.0 / SPEED  # between two lists
RARELY = 120.0 / SPEED
IDLE = 180.0 / SPEED


class Watch:
    """The program, its lines as they come."""

    def __init__(self, kubeconfig):
        self.process = subprocess.Popen(
            [BUILD / "tests/tools/kube_watch", kubeconfig, PATH, str(SPEED)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip())
                self.changed.notify_all()

    def wait(self, text, count=1, seconds=DEADLINE):
        with self.changed:
            if self.changed.wait_for(
                    lambda: sum(text in line for line in self.lines) >= count, seconds):
                return
        raise AssertionError(f"not {count} times {text!r} in {self.lines}")

    def close(self):
        self.process.stdin.close()
        self.process.wait(DEADLINE)
        self.reader.join()
        assert self.process.returncode == 0, self.lines


@pytest.fixture
def server():
    it = ApiServer()
    yield it
    it.close()


@pytest.fixture
def start(server, tmp_path):
    """Start the program against the server with these steps."""
    started = []

    def run(*steps, user=""):
        server.script(PATH, *steps)
        started.append(Watch(server.kubeconfig(tmp_path, user)))
        return started[-1]
    yield run
    for watch in started:
        watch.close()


def initial(handler, _, names=("a", "b"), version="10"):
    """All objects first, then the mark; the stream stays open."""
    handler.begin()
    for name in names:
        handler.event("ADDED", name, "5")
    handler.event("BOOKMARK", None, version,
                  annotations={"k8s.io/initial-events-end": "true"})


def initial_and_hang(handler, request):
    initial(handler, request)
    handler.hang()


def watching(handler, _):
    handler.begin()
    handler.hang()


def refuse_initial(handler, _):
    handler.status(422, b'{"kind":"Status","message":"sendInitialEvents is forbidden"}')


def list_of(*names, version="20", more=None):
    items = ",".join('{"metadata":{"name":"%s"}}' % name for name in names)
    text = '{"kind":"List","metadata":{"resourceVersion":"%s"%s},"items":[%s]}' % (
        version, ',"continue":"%s"' % more if more else "", items)
    return lambda handler, _: handler.status(200, text.encode())


def test_all_objects_come_first_and_then_changes(start, server):
    def steps(handler, request):
        initial(handler, request)
        handler.event("MODIFIED", "a", "11")
        handler.event("DELETED", "b", "12")
        handler.hang()
    watch = start(steps)
    watch.wait("gone b")
    assert [line for line in watch.lines if not line.startswith("kube_watch")] == [
        "begin", "set a 5", "set b 5", "synced", "state 1", "set a 11", "gone b"]
    assert len(server.requests) == 1
    assert server.requests[0].query["allowWatchBookmarks"] == "true"
    assert server.requests[0].query["resourceVersionMatch"] == "NotOlderThan"


def test_a_recorded_answer_of_a_real_server_is_understood(start):
    text = recorded("watch-networkpolicies-initial-events.jsonl")

    def steps(handler, _):
        handler.begin()
        for at in range(0, len(text), 97):  # chunks are not events
            handler.chunk(text[at:at + 97])
        handler.hang()
    watch = start(steps)
    watch.wait("synced")
    watch.wait("set front-egress 773")


def test_a_cut_watch_goes_on_where_it_was(start, server):
    def cut_in_an_event(handler, request):
        initial(handler, request)
        handler.event("MODIFIED", "a", "11")
        handler.chunk(b'{"type":"MODIFIED","object":{"metadata":{"na')
        handler.cut()
    watch = start(cut_in_an_event, watching)
    request = server.next(lambda request: request.is_watch and not request.is_initial)
    assert request.query["resourceVersion"] == "11"
    assert "begin" not in watch.lines[1:]


def test_a_bookmark_moves_the_version_on(start, server):
    def steps(handler, request):
        initial(handler, request)
        handler.event("BOOKMARK", None, "99")
        handler.end()
    start(steps, watching)
    request = server.next(lambda request: not request.is_initial)
    assert request.query["resourceVersion"] == "99"


def test_without_initial_events_it_lists_page_by_page(start, server):
    watch = start(refuse_initial, list_of("a", more="n+/=1"), list_of("b"), watching)
    watch.wait("synced")
    request = server.next(lambda request: request.is_watch and not request.is_initial)
    assert request.query["resourceVersion"] == "20"
    first, second = [r for r in server.requests if not r.is_watch]
    assert first.query["limit"] == "500" and "continue" not in first.query
    assert second.query["continue"] == "n+/=1"
    assert [line for line in watch.lines if line.startswith("set")] == ["set a", "set b"]


def test_an_expired_page_makes_it_ask_for_all_in_one(start, server):
    def expired(handler, _):
        handler.status(410, b'{"kind":"Status","code":410,"message":"too old"}')
    watch = start(refuse_initial, list_of("a", more="x"), expired, list_of("a", "b"), watching)
    watch.wait("synced")
    lists = [r for r in server.requests if not r.is_watch]
    assert "limit" not in lists[2].query
    assert lists[2].time - lists[0].time >= APART


def test_an_expired_watch_is_a_200_and_leads_to_one_list(start, server):
    def expired(handler, _):
        handler.begin()
        handler.chunk(recorded("expired-410-watch-rv1.jsonl"))
        handler.end()

    def cut(handler, request):
        initial(handler, request)
        handler.cut()
    watch = start(cut, expired, initial_and_hang)
    watch.wait("synced", 2)
    first, again = [r for r in server.requests if r.is_initial]
    assert again.time - first.time >= APART
    assert any("too old resource version" in line for line in watch.lines)


def test_endless_410_makes_few_lists(start, server):
    def expired(handler, _):
        handler.begin()
        handler.chunk(recorded("expired-410-watch-rv1.jsonl"))
        handler.end()
    start(expired)
    first = server.next(lambda request: request.is_initial)
    times = [first.time] + [server.next(lambda r: r.is_initial).time for _ in range(4)]
    assert min(b - a for a, b in zip(times, times[1:])) >= APART


@pytest.mark.parametrize("status", [429, 500, 503, 504])
def test_a_server_that_is_busy_is_left_in_peace(start, server, status):
    start(lambda handler, _: handler.status(status, b"{}"))
    times = [server.next().time for _ in range(4)]
    assert min(b - a for a, b in zip(times, times[1:])) >= BUSY


def test_retry_after_is_obeyed(start, server):
    start(lambda handler, _: handler.status(429, b"{}", Retry_After=2), initial_and_hang)
    first = server.next()
    assert server.next().time - first.time >= 2.0


def test_a_busy_watch_keeps_what_is_known(start, server):
    def cut(handler, request):
        initial(handler, request)
        handler.cut()
    watch = start(cut, lambda handler, _: handler.status(503, b"busy"), watching)
    server.next(lambda request: not request.is_initial)
    server.next(lambda request: not request.is_initial)
    watch.wait("state 1", 2)
    assert not any(line.startswith("gone") for line in watch.lines)
    assert sum(line == "begin" for line in watch.lines) == 1


def test_a_silent_watch_is_replaced(start, server):
    start(initial_and_hang, watching)
    first = server.next()
    again = server.next(lambda request: not request.is_initial, seconds=3 * IDLE)
    assert again.query["resourceVersion"] == "10"
    assert again.time - first.time >= IDLE


def test_watches_without_a_word_lead_to_a_list(start, server):
    """A store that was restored answers a version of its future with silence."""
    def quiet(handler, _):
        handler.begin()
        handler.end()

    def first(handler, request):
        initial(handler, request)
        handler.end()
    watch = start(first, quiet, quiet, quiet, initial_and_hang)
    watch.wait("synced", 2)
    assert len(server.requests) == 5


def test_watches_that_end_at_once_are_no_storm(start, server):
    def quiet(handler, _):
        handler.begin()
        handler.end()
    start(quiet)
    for _ in range(3):
        server.next()
    before = len(server.requests)
    deadline = time.monotonic() + 2.0
    while time.monotonic() < deadline:
        try:
            server.next(seconds=deadline - time.monotonic())
        except queue.Empty:
            break
    assert len(server.requests) - before < 15


def test_after_401_the_token_is_read_again(start, server, tmp_path):
    token = tmp_path / "token"
    token.write_text("old\n", encoding="utf-8")

    def by_token(handler, request):
        if request.headers["Authorization"] == "Bearer new":
            initial_and_hang(handler, request)
        token.write_text("new", encoding="utf-8")
        handler.status(401, b'{"kind":"Status","message":"Unauthorized"}')
    watch = start(by_token, user=f"tokenFile: {token}")
    watch.wait("synced")
    assert server.requests[0].headers["Authorization"] == "Bearer old"
    assert not any("old" in line.split() or "new" in line.split() for line in watch.lines)


def denied(status):
    return lambda handler, _: handler.status(status, b'{"message":"why it is so"}')


def test_a_kind_that_is_not_there_is_asked_for_rarely(start, server):
    watch = start(denied(404), initial_and_hang)
    watch.wait("state 4")
    assert any("why it is so" in line for line in watch.lines)
    first = server.next()
    assert server.next(seconds=3 * RARELY).time - first.time >= RARELY
    watch.wait("synced")


def test_a_kind_that_may_not_be_read_is_asked_for_soon_and_then_ever_more_rarely(start, server):
    """A server that has just started denies everything, until it has read the roles."""
    watch = start(denied(403), denied(403), denied(403), initial_and_hang)
    watch.wait("state 3")
    assert any("why it is so" in line for line in watch.lines)
    times = [server.next(seconds=3 * RARELY).time for _ in range(4)]
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert all(gap >= BUSY * 2 ** number for number, gap in enumerate(gaps)), gaps
    assert times[-1] - times[0] < RARELY
    watch.wait("synced")


@pytest.mark.parametrize("body", [b"<html>", b'{"type":"ADDED"}', b"\x00\xff", b"[1]", b'{"a":}'])
def test_what_is_no_watch_is_not_taken_for_one(start, server, body):
    def garbage(handler, _):
        handler.begin()
        handler.chunk(body)
        handler.hang()
    watch = start(garbage, initial_and_hang)
    watch.wait("synced")
    assert any("no JSON" in line for line in watch.lines)


def test_a_huge_object_is_named_and_the_rest_goes_on(start):
    def steps(handler, request):
        handler.begin()
        handler.chunk(b'{"type":"ADDED","object":{"metadata":{"name":"big","annotations":{"a":"')
        for _ in range(3 * 16):
            handler.chunk(b"x" * 65536)
        handler.chunk(b'"}}}}\n')
        handler.event("ADDED", "small", "6")
        handler.event("BOOKMARK", None, "10",
                      annotations={"k8s.io/initial-events-end": "true"})
        handler.hang()
    watch = start(steps)
    watch.wait("synced")
    assert "large big" in watch.lines and "set small 6" in watch.lines


def test_a_redirect_is_not_followed(start, server):
    watch = start(lambda handler, _: handler.status(302, b"", Location="/elsewhere"),
                  initial_and_hang)
    watch.wait("synced")
    assert {request.path for request in server.requests} == {PATH}


def test_nothing_is_asked_for_in_compressed_form(start, server):
    start(initial_and_hang).wait("synced")
    assert server.requests[0].headers["Accept-Encoding"] is None
    assert server.requests[0].headers["User-Agent"].startswith("tortie/")


def test_a_server_that_is_started_again_is_found(start, server):
    watch = start(initial_and_hang)
    watch.wait("synced")
    server.close()
    watch.wait("state 2")
    again = ApiServer(port=server.port)
    try:
        again.script(PATH, watching)
        request = again.next()
        assert request.query["resourceVersion"] == "10"
        watch.wait("state 1", 2)
    finally:
        again.close()
