# SPDX-License-Identifier: Apache-2.0
"""The API client (lib/kube_client.h) over TLS: whom it trusts, who it is, what it refuses.

The program is tests/tools/kube_get.c. Certificates are made by openssl for each run.
"""
import base64
import os
import ssl
import subprocess
from pathlib import Path

import pytest

from api_server import ApiServer

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TORTIE_BUILD", ROOT / "build"))
SECRET = "s3cret-t0ken"


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """ca.crt, other.crt; server.{crt,key} for localhost.test; client.{crt,key} of user "me"."""
    folder = tmp_path_factory.mktemp("pki")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for name in ("ca", "other"):
        openssl(folder, "req", "-x509", *key, "-keyout", f"{name}.key", "-out", f"{name}.crt",
                "-days", "2", "-subj", f"/CN={name}")
    for name, usage in (("server", "serverAuth"), ("client", "clientAuth")):
        (folder / "ext").write_text(f"subjectAltName=DNS:localhost.test\n"
                                    f"extendedKeyUsage={usage}\n", encoding="utf-8")
        openssl(folder, "req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr",
                "-subj", f"/CN={name}")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "2", "-extfile", "ext", "-out", f"{name}.crt")
    return folder


@pytest.fixture
def server(pki):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pki / "server.crt", pki / "server.key")
    tls.load_verify_locations(pki / "ca.crt")
    tls.verify_mode = ssl.CERT_OPTIONAL
    it = ApiServer(tls)
    it.script("/version", lambda handler, _: handler.status(200, b'{"major":"1"}'))
    it.script("/who", lambda handler, _: handler.status(
        200, str(handler.connection.getpeercert().get("subject")).encode()))
    yield it
    it.close()


@pytest.fixture(params=["waiting", "loop"])
def ask(request, pki, server, tmp_path):
    """(exit status, body, words) of one request."""
    def run(cluster, user="", path="/version"):
        config = tmp_path / "config"
        config.write_text(
            f"clusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:{server.port}', "
            f"{cluster}}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n"
            "contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n",
            encoding="utf-8")
        loop = ["--loop"] if request.param == "loop" else []
        done = subprocess.run([BUILD / "tests/tools/kube_get", *loop, config, "GET", path],
                              capture_output=True, text=True, timeout=30)
        assert SECRET not in done.stderr
        return done.returncode, done.stdout, done.stderr
    return run


def test_a_server_of_the_right_ca_and_name_is_trusted(ask, pki):
    status, body, words = ask(f"certificate-authority: {pki}/ca.crt, "
                              "tls-server-name: localhost.test")
    assert (status, body) == (0, '{"major":"1"}'), words


def test_the_wrong_name_is_refused(ask, pki):
    status, body, words = ask(f"certificate-authority: {pki}/ca.crt")
    assert status == 1 and body == "" and "127.0.0.1" in words


def test_the_wrong_ca_is_refused(ask, pki, server):
    status, _, words = ask(f"certificate-authority: {pki}/other.crt, "
                           "tls-server-name: localhost.test", f"token: {SECRET}")
    assert status == 1 and "certificate" in words
    assert server.requests == []


def test_without_a_ca_the_machines_own_are_asked(ask):
    status, _, words = ask("tls-server-name: localhost.test")
    assert status == 1 and "certificate" in words


def test_a_ca_that_is_not_there_trusts_nobody(ask):
    status, _, words = ask("certificate-authority: /nonexistent/ca.crt, "
                           "tls-server-name: localhost.test")
    assert status == 1 and "/nonexistent/ca.crt" in words


def test_insecure_is_insecure_only_when_the_kubeconfig_says_so(ask):
    assert ask("insecure-skip-tls-verify: true")[0] == 0
    assert ask("insecure-skip-tls-verify: false")[0] == 1


def test_a_client_certificate_says_who_we_are(ask, pki):
    status, body, words = ask(f"certificate-authority: {pki}/ca.crt, "
                              "tls-server-name: localhost.test",
                              f"client-certificate: {pki}/client.crt, "
                              f"client-key: {pki}/client.key", "/who")
    assert status == 0 and "client" in body, words


def test_certificates_may_stand_in_the_kubeconfig(ask, pki):
    def data(name):
        return base64.b64encode((pki / name).read_bytes()).decode()
    status, body, words = ask(f"certificate-authority-data: {data('ca.crt')}, "
                              "tls-server-name: localhost.test",
                              f"client-certificate-data: {data('client.crt')}, "
                              f"client-key-data: {data('client.key')}", "/who")
    assert status == 0 and "client" in body, words


def test_the_token_goes_along(ask, pki, server):
    status, _, words = ask(f"certificate-authority: {pki}/ca.crt, "
                           "tls-server-name: localhost.test", f"token: {SECRET}")
    assert status == 0, words
    assert server.requests[-1].headers["Authorization"] == f"Bearer {SECRET}"


def test_a_refusal_has_the_servers_words(ask, pki, server):
    server.script("/version", lambda handler, _: handler.status(
        403, b'{"kind":"Status","message":"not for you"}'))
    status, body, words = ask("insecure-skip-tls-verify: true")
    assert status == 1 and body == "" and "403: not for you" in words


def test_a_server_that_says_nothing_is_given_up(ask, server):
    server.script("/version", lambda handler, _: handler.hang())
    status, _, words = ask("insecure-skip-tls-verify: true")
    assert status == 1 and "timed out" in words
