"""Messages of a real server to a real receiver, verified by the library that receivers use."""

import json
import signal
import socket
import sqlite3
import ssl
import subprocess
import time

import pytest
from receiver import Receiver
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

LOOPBACK = ("--allowed-webhook-network", "127.0.0.0/8")
PIPELINE = {
    "steps": [
        {
            "name": "orders",
            "source": {"connection": "shop", "table": "orders"},
            "destination": {"connection": "warehouse", "table": "orders"},
            "strategy": "timestamp", "cursor": "updated_at", "primary_key": ["id"],
            "checks": [{"type": "range", "column": "total", "min": 0}],
        }
    ]
}


@pytest.fixture
def receiver():
    """A receiver that takes everything."""
    with Receiver() as made:
        yield made
        made.shutdown()


def shop(folder, sql):
    with sqlite3.connect(folder / "shop.db") as connection:
        connection.executescript(sql)
    connection.close()


def prepare(server):
    shop(
        server.folder,
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, total REAL, updated_at TEXT NOT NULL);"
        "INSERT INTO orders VALUES (1, 5, '2024-01-01T00:00:00Z')")
    for name in ("shop", "warehouse"):
        server.put(f"/v1/connections/{name}", {"type": "sqlite", "path": f"{name}.db"})
    server.put("/v1/pipelines/orders", PIPELINE)


def delivery(server, path, done=lambda delivery: delivery["attempts"] > 0):
    """The delivery at a path once `done` says so."""
    for _ in range(3_000):
        answer = server.ask(path).json
        if done(answer):
            return answer
    pytest.fail(f"not delivered: {answer}")


def test_a_receiver_can_verify_every_message(serve, receiver):
    server = serve(*LOOPBACK)
    prepare(server)
    secret = server.put("/v1/webhooks/ops", {"url": receiver.url + "/hook?a=b"})["secret"]
    assert server.run("orders")["state"] == "success"
    shop(server.folder, "INSERT INTO orders VALUES (2, -1, '2024-01-02T00:00:00Z'), (3, -2, '2024-01-02T00:00:00Z')")
    for _ in range(2):
        assert server.run("orders")["state"] == "failed"
    shop(server.folder, "UPDATE orders SET total = 1")
    assert server.run("orders")["state"] == "success"
    body = {"pipeline": "orders", "start": "2024-01-01", "end": "2024-01-03"}
    assert server.ask("/v1/backfills", "POST", body, Prefer="wait=30").json["state"] == "success"
    requests = receiver.wait(5)
    webhook = Webhook(secret)
    messages = [webhook.verify(request.body, request.headers) for request in requests]
    kinds = ["backfill.finished", "check.failed", "check.recovered", "run.failed", "run.recovered"]
    assert sorted(message["type"] for message in messages) == kinds
    assert all(set(message) == {"type", "timestamp", "data"} for message in messages)
    assert all(message["data"]["pipeline"] == "orders" for message in messages)
    assert len({request.headers["webhook-id"] for request in requests}) == 5
    # A byte more, another identifier, another time, another secret: none of it passes.
    first = requests[0]
    for data, headers, other in [
        (first.body + b" ", {}, webhook), (first.body, {"webhook-id": "msg_0"}, webhook),
        (first.body, {"webhook-timestamp": str(int(first.headers["webhook-timestamp"]) - 1)}, webhook),
        (first.body, {}, Webhook("whsec_" + "A" * 32)),
    ]:
        with pytest.raises(WebhookVerificationError):
            other.verify(data, {**first.headers, **headers})


def test_both_secrets_sign_during_a_rotation(serve, receiver):
    server = serve(*LOOPBACK)
    old = server.put("/v1/webhooks/ops", {"url": receiver.url})["secret"]
    new = server.ask("/v1/webhooks/ops/rotate", "POST").json["secret"]
    assert server.ask("/v1/webhooks/ops/test", "POST").status == 202
    [request] = receiver.wait(1)
    for secret in (old, new):
        assert Webhook(secret).verify(request.body, request.headers)["type"] == "webhook.test"


def test_what_is_private_is_refused_unless_allowed(serve, receiver):
    server = serve()
    for number, host in enumerate(["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"]):
        name = f"hook-{number}"
        server.put(f"/v1/webhooks/{name}", {"url": f"http://{host}:{receiver.server_port}/"})
        sent = server.ask(f"/v1/webhooks/{name}/test", "POST")
        found = delivery(server, sent.headers["Location"])
        assert found["state"] == "pending" and "is no public address" in found["error"]
    assert receiver.requests == []


def test_no_proxy_and_no_redirect_leads_elsewhere(serve, monkeypatch):
    with Receiver() as secret, Receiver(307, headers={"Location": secret.url}) as moved:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, secret.url)
        server = serve(*LOOPBACK)
        server.put("/v1/webhooks/ops", {"url": moved.url})
        sent = server.ask("/v1/webhooks/ops/test", "POST")
        found = delivery(server, sent.headers["Location"])
        assert found["status"] == 307 and "redirect" in found["error"]
        assert secret.requests == []
        secret.shutdown()
        moved.shutdown()


def test_a_killed_server_delivers_what_it_had_not(serve, receiver):
    """A delivery that was not recorded when the process died is made again under the same identifier."""
    server = serve(*LOOPBACK)
    secret = server.put("/v1/webhooks/ops", {"url": receiver.url})["secret"]
    for count in range(1, 6):
        assert server.ask("/v1/webhooks/ops/test", "POST").status == 202
        receiver.wait(count)
        server.stop(by=signal.SIGKILL)
        server.start()
    listed = server.ask("/v1/webhooks/ops/deliveries").json["deliveries"]
    for item in listed:
        path = f"/v1/webhooks/ops/deliveries/{item['id']}"
        assert delivery(server, path, lambda found: found["state"] != "pending")["state"] == "delivered"
    for request in receiver.requests:
        Webhook(secret).verify(request.body, request.headers)
    assert {request.headers["webhook-id"] for request in receiver.requests} == {item["id"] for item in listed}


def test_a_receiver_that_never_answers_holds_up_no_stop(serve):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = serve(*LOOPBACK)
        server.put("/v1/webhooks/ops", {"url": f"http://127.0.0.1:{silent.getsockname()[1]}/"})
        assert server.ask("/v1/webhooks/ops/test", "POST").status == 202
        # Held open: a connection that is closed would be an answer.
        held, _ = silent.accept()
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10
        server.start()
        [waiting] = server.ask("/v1/webhooks/ops/deliveries").json["deliveries"]
        assert waiting["state"] == "pending" and waiting["attempts"] == 0
        held.close()


def test_a_certificate_must_be_trusted(serve, tmp_path):
    """A receiver that anybody could be gets nothing."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    with Receiver() as receiver:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
        server = serve(*LOOPBACK)
        server.put("/v1/webhooks/ops", {"url": f"https://127.0.0.1:{receiver.server_port}/"})
        sent = server.ask("/v1/webhooks/ops/test", "POST")
        found = delivery(server, sent.headers["Location"])
        assert found["status"] is None and "certificate" in found["error"]
        assert receiver.requests == []
        receiver.shutdown()


def test_documents_and_commands(serve, receiver, binary, monkeypatch, tmp_path):
    monkeypatch.setenv("OPS_SECRET", "whsec_" + "A" * 40)
    server = serve(*LOOPBACK)
    document = tmp_path / "hooks.yaml"
    document.write_text(
        f"webhooks:\n  ops: {{ url: '{receiver.url}', events: [run.failed], secret: '${{OPS_SECRET}}' }}\n")

    def run(*words):
        done = subprocess.run(
            [str(binary), *words, "--server", server.url], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    assert subprocess.run([str(binary), "validate", str(document)], capture_output=True).stdout == (
        b"0 pipelines, 0 connections and 1 webhook are valid\n")
    assert run("apply", str(document)) == (0, "webhook ops created\n")
    assert run("apply", str(document)) == (0, "webhook ops unchanged\n")
    code, text = run("webhooks", "test", "ops")
    assert code == 0 and "delivered" in text and "answered 200" in text
    [request] = receiver.wait(1)
    assert Webhook("A" * 40).verify(request.body, request.headers)["data"] == {"webhook": "ops"}
    code, text = run("webhooks")
    assert code == 0 and "run.failed" in text and receiver.url in text
    code, text = run("webhooks", "ops")
    assert code == 0 and "webhook.test" in text and "delivered" in text
    code, text = run("webhooks", "ops", "--json")
    assert json.loads(text)["deliveries"][0]["status"] == 200
    assert run("webhooks", "delete", "ops") == (0, "webhook ops deleted\n")
    assert run("webhooks") == (0, "no webhooks\n")
    assert run("webhooks", "test", "ops")[0] == 1
    log = (server.folder / "server.log").read_text()
    assert "A" * 40 not in log and "whsec_" not in log
