"""A service in Python, through the bindings that componentize-py makes of wasi:http."""

import json
import time
from datetime import datetime, timezone

from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.imports.streams import StreamError_Closed
from wit_world.imports.types import (
    Fields,
    IncomingRequest,
    Method_Get,
    Method_Post,
    OutgoingBody,
    OutgoingResponse,
    ResponseOutparam,
)

# What one read or write may be at most: the limit that wasi:io sets for a blocking write.
CHUNK = 4096


class IncomingHandler(exports.IncomingHandler):
    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        status, kind, body = respond(request)
        response = OutgoingResponse(Fields.from_list([("content-type", kind.encode())]))
        response.set_status_code(status)
        outgoing = response.body()
        ResponseOutparam.set(response_out, Ok(response))
        with outgoing.write() as stream:
            for start in range(0, len(body), CHUNK):
                stream.blocking_write_and_flush(body[start : start + CHUNK])
        OutgoingBody.finish(outgoing, None)


def respond(request: IncomingRequest) -> tuple[int, str, bytes]:
    """Returns the status, the content type and the body."""
    path = (request.path_with_query() or "/").partition("?")[0]
    match request.method(), path:
        case Method_Get(), "/":
            return text("hello from Python\n")
        case Method_Get(), "/now":
            now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
            return text(now.replace("+00:00", "Z") + "\n")
        case Method_Post(), "/echo":
            given = request.headers().get("content-type")
            kind = given[0].decode() if given else "application/octet-stream"
            return 200, kind, read(request)
        case Method_Post(), "/order":
            return order(read(request))
        case method, _:
            name = type(method).__name__.removeprefix("Method_").upper()
            return text(f"there is nothing at {name} {path}\n", 404)


def order(body: bytes) -> tuple[int, str, bytes]:
    """Adds up an order: what it costs in all, and its dearest line."""
    try:
        lines = json.loads(body)["lines"]
    except (ValueError, KeyError, TypeError):
        return text("the order is not JSON\n", 400)
    if not isinstance(lines, list) or not lines:
        return text("the order has no lines\n", 400)
    costs = [(line["price"] * line["count"], line["name"]) for line in lines]
    answer = {
        "total": sum(cost for cost, _ in costs),
        "lines": len(costs),
        "dearest": max(costs, key=lambda cost: cost[0])[1],
        "at": time.time_ns() // 1_000_000,
    }
    return 200, "application/json", json.dumps(answer).encode()


def text(body: str, status: int = 200) -> tuple[int, str, bytes]:
    return status, "text/plain", body.encode()


def read(request: IncomingRequest) -> bytes:
    parts = []
    with request.consume() as body, body.stream() as stream:
        while True:
            try:
                parts.append(stream.blocking_read(CHUNK))
            except Err as error:
                if isinstance(error.value, StreamError_Closed):
                    return b"".join(parts)
                raise
