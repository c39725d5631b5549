"""llama-swap's HTTP API, as far as a rollout needs it: what it serves, what runs, its events, its active
profile."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from llama_swap_sync.errors import SyncError
from llama_swap_sync.settings import Secret

# Connecting is quick on a local network or never; an answer may take as long as a busy NAS needs.
_CONNECT_SECONDS = 3.0
_ANSWER_SECONDS = 10.0


class LlamaSwapError(SyncError, ConnectionError):
    """llama-swap does not answer as it should: not at all, too late, or with an error. `str()` says how."""


class NotListening(LlamaSwapError):  # noqa: N818 - a state of affairs, not a slip
    """Nobody is there at all: the connection is refused, or the name is nobody's."""


class Unauthorised(LlamaSwapError):  # noqa: N818 - a state of affairs, not a slip
    """llama-swap wants an API key that we don't have (401, 403)."""


class LlamaSwap(Protocol):
    """One running llama-swap; every method raises LlamaSwapError."""

    def models(self) -> frozenset[str]:
        """The IDs at `/v1/models`."""

    def running(self) -> tuple[str, ...]:
        """The IDs of the models that are loaded or being loaded."""

    def healthy(self) -> bool:
        """Whether `/health` answers."""

    def active_profile(self) -> str:
        """The profile that is active; "" for none, also where llama-swap is too old to have any."""

    def set_profile(self, name: str) -> None:
        """Makes `name` the active profile."""

    def events(self, quiet: float) -> AbstractContextManager[Iterator[str]]:
        """The lines of `/api/events`, until nothing came for `quiet` seconds or llama-swap closed the
        stream."""

    def log(self) -> list[str]:
        """The lines of its log that it keeps in memory, oldest first."""


class HttpLlamaSwap:
    """See `LlamaSwap`. `url` is its root, such as http://llama-swap:8080.

    A proxy of the environment (HTTP_PROXY, meant for the Hub) is not used: llama-swap is next door.
    """

    def __init__(self, url: str, api_key: Secret | None = None) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key.reveal()}"} if api_key else {}

    def models(self) -> frozenset[str]:
        listed = self._json("GET", "/v1/models")
        data = listed.get("data") if isinstance(listed, dict) else None
        if not isinstance(data, list):
            raise LlamaSwapError(
                f"{self._url}/v1/models is no list of models: does LLAMA_SWAP_URL name llama-swap?"
            )
        return frozenset(str(model["id"]) for model in data if isinstance(model, dict) and "id" in model)

    def running(self) -> tuple[str, ...]:
        answer = self._json("GET", "/running")
        running = answer.get("running") if isinstance(answer, dict) else None
        return tuple(
            str(model.get("model"))
            for model in running or ()
            if isinstance(model, dict) and model.get("state") not in ("stopped", "shutdown")
        )

    def healthy(self) -> bool:
        try:
            self._request("GET", "/health").close()
        except LlamaSwapError:
            return False
        return True

    def active_profile(self) -> str:
        try:
            answer = self._json("GET", "/api/profiles")
        except _NotThere:
            return ""
        return str(answer.get("active") or "") if isinstance(answer, dict) else ""

    def set_profile(self, name: str) -> None:
        self._request("PUT", "/api/profiles/active", json={"name": name}).close()

    @contextmanager
    def events(self, quiet: float) -> Iterator[Iterator[str]]:
        try:
            response = self._request("GET", "/api/events", stream=True, timeout=(_CONNECT_SECONDS, quiet))
        except _NotThere:
            yield iter(())
            return
        try:
            yield _lines(response.raw)
        finally:
            response.close()

    def log(self) -> list[str]:
        return str(self._request("GET", "/logs").text).splitlines()

    def _json(self, method: str, path: str) -> Any:
        try:
            return self._request(method, path).json()
        except ValueError as error:
            raise LlamaSwapError(f"{self._url}{path} answered something that is not JSON.") from error

    def _request(self, method: str, path: str, **options: Any) -> Any:
        import requests

        options = {"timeout": (_CONNECT_SECONDS, _ANSWER_SECONDS), **options}
        try:
            response = requests.request(
                method,
                self._url + path,
                headers=self._headers,
                proxies={"no_proxy": "*"},
                allow_redirects=False,
                **options,
            )
        except requests.Timeout as error:
            raise LlamaSwapError(f"llama-swap at {self._url} does not answer in time.") from error
        except requests.RequestException as error:
            raise self._unreached(_innermost(error)) from error
        return self._checked(path, response)

    def _unreached(self, cause: BaseException) -> LlamaSwapError:
        words = " ".join((getattr(cause, "strerror", None) or str(cause)).split())[:200]
        sentence = f"llama-swap at {self._url} can't be reached ({words})."
        nobody = isinstance(cause, (ConnectionRefusedError, socket.gaierror))
        return NotListening(sentence) if nobody else LlamaSwapError(sentence)

    def _checked(self, path: str, response: Any) -> Any:
        status = response.status_code
        if 200 <= status < 300:
            return response
        response.close()
        if status in (401, 403):
            raise Unauthorised(f"llama-swap at {self._url} answers {status}: set LLAMA_SWAP_API_KEY.")
        if status == 404:
            raise _NotThere(f"llama-swap at {self._url} has no {path}.")
        raise LlamaSwapError(f"llama-swap at {self._url} answers {status} to {path}.")


class _NotThere(LlamaSwapError):  # noqa: N818 - a state of affairs, not a slip
    """This version of llama-swap does not know that address."""


def _lines(raw: Any) -> Iterator[str]:
    """Lines as they arrive; ends when the stream does or falls silent."""
    import urllib3

    rest = b""
    try:
        # `iter_lines` waits for a full chunk where the server does not chunk; read1 gives what is there.
        while piece := raw.read1(65536):
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                yield line.decode("utf-8", "replace")
    except (urllib3.exceptions.HTTPError, OSError):
        return


def _innermost(error: BaseException) -> BaseException:
    while (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    return error
