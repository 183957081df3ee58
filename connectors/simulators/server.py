"""The socket of the simulated systems: instructions come in, signed webhooks go out."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from uuid import uuid4

import httpx
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from connectors.simulators.state import World

EVENTS_AT_ONCE = 500


class Told:
    """Where events are told, and how they are signed."""

    def __init__(self, url: str, host: str, secret: str) -> None:
        self._client = httpx.Client(timeout=60)
        self._url, self._host, self._secret = url, host, secret

    def tell(self, events: list[dict[str, Any]]) -> None:
        """Deliver a batch, each system's part at its own webhook, beside the one of the ERP.

        Raises httpx.HTTPError when any part was not taken; what was is known again by its ids.
        """
        for source, mine in groupby(
            sorted(events, key=lambda one: str(one.get("source", ""))),
            key=lambda one: str(one.get("source", "")),
        ):
            self._tell(urljoin(self._url, source), list(mine))

    def _tell(self, url: str, events: list[dict[str, Any]]) -> None:
        body = json.dumps({"events": events}, separators=(",", ":"))
        delivery, now = f"msg_{uuid4().hex}", datetime.now(UTC)  # noqa: TID251 - signatures use real time
        signature = Webhook(self._secret).sign(delivery, now, body)
        response = self._client.post(
            url,
            content=body,
            headers={
                "Host": self._host,
                "Content-Type": "application/json",
                "webhook-id": delivery,
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": signature,
            },
        )
        response.raise_for_status()

    def is_genuine(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether a delivery to the sink was signed with the secret both sides hold."""
        lowered = {name.lower(): value for name, value in headers.items()}
        try:
            Webhook(self._secret).verify(body, lowered)
        except (WebhookVerificationError, ValueError):
            return False
        return True


def secret_of(seed: str) -> str:
    """A signing secret in the form webhooks use, from any text."""
    return "whsec_" + base64.b64encode(seed.encode().ljust(32, b"0")[:32]).decode()


class Memory:
    """What the world was instructed and told, a line of JSON each, so that it survives its process.

    Figures shown in channels are not kept: they are published anew. Without a path nothing is.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def relive(self, world: World) -> None:
        """Instruct the world again; what it told before was taken and is not told twice."""
        if self._path is None or not self._path.exists():
            return
        for line in self._path.read_bytes().splitlines():
            try:
                said = json.loads(line)
            except ValueError:
                continue  # a process that was killed leaves half a line
            if said["path"] == "/clock":
                world.move_clock(datetime.fromisoformat(said["body"]["to"]))
            else:
                world.once(said["key"], lambda said=said: _ACTS[said["path"]](world, said["body"]))  # type: ignore[misc]

    def keep(self, path: str, key: str, body: dict[str, Any]) -> None:
        """Write down what was done, before it is answered."""
        if self._path is None or path == "/availability":
            return
        line = json.dumps({"path": path, "key": key, "body": body}, separators=(",", ":"))
        with self._path.open("ab") as file:
            file.write(b"\n" + line.encode() + b"\n")


def serve(
    *, port: int, world: World, told: Told, memory: Path | None = None
) -> ThreadingHTTPServer:
    """The server, bound and ready to `serve_forever`."""
    kept = Memory(memory)
    kept.relive(world)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            """State and single listings."""
            if self.path == "/state":
                self._answer(200, world.summary())
            elif self.path == "/clock":
                following = world.next_due()
                self._answer(200, {"next": following.isoformat() if following else None})
            elif self.path == "/hooks":
                self._answer(200, {"events": world.told})
            elif self.path.startswith("/listings/"):
                _, _, channel, sku = self.path.split("/", 3)
                self._answer(200, {"shown": world.listings.get(channel, {}).get(sku)})
            else:
                self._answer(404, {"error": "unknown path"})

        def do_POST(self) -> None:
            """Instructions, the clock, fault switches."""
            length = int(self.headers.get("Content-Length", "0"))
            content = self.rfile.read(length) or b"{}"
            body = json.loads(content)
            if self.path == "/hooks":
                self._take_told(content, body)
            elif self.path == "/clock":
                self._move_clock(body)
            elif self.path == "/faults":
                world.add_fault(body)
                self._answer(200, {})
            elif (read := _READS.get(self.path)) is not None:
                self._answer(200, read(world, body))
            elif (act := _ACTS.get(self.path)) is None:
                self._answer(404, {"error": "unknown path"})
            elif (status := world.next_fault(str(body.get("channel", "")), self.path)) is not None:
                self._answer(status, {"error": "a fault was switched on"})
            else:
                key = self.headers.get("Idempotency-Key") or uuid4().hex
                answer = world.once(key, lambda: act(world, body))
                kept.keep(self.path, key, body)
                self._answer(200, answer)

        def _take_told(self, content: bytes, body: dict[str, Any]) -> None:
            """What a subscriber is told, once per delivery; nothing of what is not signed."""
            if not told.is_genuine(dict(self.headers), content):
                self._answer(401, {"error": "the signature does not fit"})
            elif (status := world.next_fault()) is not None:
                self._answer(status, {"error": "a fault was switched on"})
            else:
                delivery = self.headers["webhook-id"]
                self._answer(200, world.once(delivery, lambda: world.hear(body["events"])))

        def _move_clock(self, body: dict[str, Any]) -> None:
            events = world.move_clock(datetime.fromisoformat(body["to"]))
            parts = [
                events[start : start + EVENTS_AT_ONCE]
                for start in range(0, len(events), EVENTS_AT_ONCE)
            ]
            for place, part in enumerate(parts):
                try:
                    told.tell(part)
                except httpx.HTTPError as error:
                    world.put_back([event for rest in parts[place:] for event in rest])
                    self._answer(502, {"error": str(error)})
                    return
            kept.keep("/clock", "", body)
            self._answer(200, {"emitted": len(events)})

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            # Headers and body leave as two writes; held back, the second would wait for the first.
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    return server


@contextmanager
def running(world: World) -> Iterator[str]:
    """Simulated systems for as long as a block lasts; their address. They tell nobody anything."""
    server = serve(port=0, world=world, told=Told("", "", secret_of("")))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


_READS: dict[str, Callable[[World, dict[str, Any]], dict[str, Any]]] = {
    "/listings/read": lambda world, body: world.read_listings(body),
    "/listings/spoil": lambda world, body: world.spoil_listing(body),
}
"""What is answered each time anew, and the faults of single listings."""
_ACTS: dict[str, Callable[[World, dict[str, Any]], dict[str, Any]]] = {
    "/purchase-orders": lambda world, body: world.take_purchase(body),
    "/purchase-orders/cancel": lambda world, body: world.cancel_purchase(body),
    "/change-requests": lambda world, body: world.take_change(body),
    "/transfers": lambda world, body: world.take_transfer(body),
    "/documents": lambda world, body: world.take_document(body),
    "/discrepancies": lambda world, body: world.take_discrepancy(body),
    "/positions/correct": lambda world, body: world.correct_position(body),
    "/counts": lambda world, body: world.take_count(body),
    "/markdowns": lambda world, body: world.take_markdown(body),
    "/messages": lambda world, body: world.take_message(body),
    "/availability": lambda world, body: world.list_figures(body),
    "/orders/ready": lambda world, body: world.note_order("ready", body),
    "/orders/promise": lambda world, body: world.note_order("promise", body),
}
