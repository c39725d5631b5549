"""A request passed on to a model's server, its answer streamed back as it comes."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from .answers import Handler
from .entry import Model

_PIECE = 65536


class BadRequestError(ValueError):
    """The body names no model."""


def requested(body: bytes) -> dict[str, Any]:
    """The body's data. Raises BadRequestError unless it names a model."""
    try:
        data = json.loads(body)
    except ValueError as error:
        raise BadRequestError("could not parse the request body as JSON") from error
    if not isinstance(data, dict) or not isinstance(data.get("model"), str):
        raise BadRequestError("missing or invalid 'model' key")
    return data


def forward(handler: Handler, model: Model, data: dict[str, Any]) -> None:
    """Answers `handler`'s request by `model`. A server that ends meanwhile leaves the answer truncated."""
    address = urlsplit(model.upstream)
    body = json.dumps({**data, "model": model.use_name or data["model"]}).encode()
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    try:
        connection.request("POST", address.path + handler.path, body, {"Content-Type": "application/json"})
        _pass_back(handler, connection.getresponse())
    finally:
        connection.close()


def _pass_back(handler: Handler, response: http.client.HTTPResponse) -> None:
    handler.begin(response.status, response.headers.get_content_type(), chunked=True)
    while piece := _read(response):
        handler.chunk(piece)
    handler.chunk(b"")


def _read(response: http.client.HTTPResponse) -> bytes:
    piece = response.read1(_PIECE)
    # The end of a chunked answer is told, or it was cut: read1 alone gives b"" for both.
    if not piece and response.chunked and response.fp is not None and not response.isclosed():
        raise http.client.IncompleteRead(b"")
    return piece
