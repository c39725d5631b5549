"""What `huggingface_hub` raises -> DownloadFailed: what happened, to what, what to do; no addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from llama_swap_sync.hub.errors import DownloadFailed
from llama_swap_sync.hub.stall import Stalled

_ADDRESS = re.compile(r"https?://\S+")
# What the storage behind the Hub answers when a signed address has run out: the next attempt gets a new one.
_RUN_OUT = frozenset({400, 401, 403, 404, 410, 416})


@dataclass(frozen=True, slots=True)
class Place:
    """What was asked for; `stored` is the origin of the storage host when a body was."""

    endpoint: str
    repo: str
    revision: str = ""
    path: str = ""
    stored: tuple[str, str, int] | None = None

    @property
    def host(self) -> str:
        return self.stored[1] if self.stored else (urlsplit(self.endpoint).hostname or self.endpoint)

    def __str__(self) -> str:
        return f"{self.repo}/{self.path}" if self.path else self.repo


@contextmanager
def explained(place: Place, *, has_token: bool) -> Iterator[None]:
    """Turns every error of the library, of the network and of a stalled body into a DownloadFailed."""
    from huggingface_hub import errors

    network = _base_of_network_errors()
    try:
        yield
    except errors.HfHubHTTPError as error:
        raise _answered(error, place, has_token) from None
    except errors.OfflineModeIsEnabled:
        raise DownloadFailed(f"{place} was not asked: HF_HUB_OFFLINE is set") from None
    except Stalled:
        raise DownloadFailed(f"{place}: the connection to {place.host} stalled", passing=True) from None
    except errors.FileMetadataError as error:
        raise DownloadFailed(f"{place}: {_plain(error)}") from None
    except network as error:
        raise DownloadFailed(f"{place}: {_reason(error, place)}", passing=True) from None
    except (errors.HFValidationError, errors.XetDownloadError) as error:
        raise DownloadFailed(f"{place}: {_plain(error)}") from None


def _base_of_network_errors() -> type[Exception]:
    """Of the HTTP client that huggingface_hub uses, which has changed between releases."""
    from huggingface_hub import errors

    base: type[Exception] = errors.HTTPError  # type: ignore[attr-defined]
    return base


def _answered(error: Any, place: Place, has_token: bool) -> DownloadFailed:
    from huggingface_hub import errors

    status = int(error.response.status_code)
    if status == 429 or status == 408 or status >= 500:
        wait = _wait(error.response.headers)
        return DownloadFailed(_busy(place, status, wait), passing=True, wait=wait)
    if place.stored and status in _RUN_OUT:
        return DownloadFailed(f"{place}: {place.host} refused its address (HTTP {status})", passing=True)
    if isinstance(error, errors.GatedRepoError):
        return DownloadFailed(_gated(place, has_token))
    if isinstance(error, errors.RevisionNotFoundError):
        return DownloadFailed(f"{place.repo} has no revision {place.revision}; check the @ part")
    if isinstance(error, errors.EntryNotFoundError):
        return DownloadFailed(
            f"{place.repo} has no file {place.path} any more; look at {_page(place)} for its name"
        )
    if isinstance(error, errors.DisabledRepoError):
        return DownloadFailed(f"{place.repo} was disabled by the Hub; look at {_page(place)} for the reason")
    if status == 401 and has_token:
        return DownloadFailed(
            f"{place.host} refused HF_TOKEN for {place} (HTTP 401): it has run out, or {place.repo}"
            " does not exist; make a new token, and check the name"
        )
    if isinstance(error, errors.RepositoryNotFoundError) or status in (401, 404):
        return DownloadFailed(_unknown(place, has_token))
    return DownloadFailed(
        f"{place.host} refused {place} (HTTP {status}); look at {_page(place)} for the reason"
    )


def _gated(place: Place, has_token: bool) -> str:
    then = (
        "the account of HF_TOKEN has no access yet"
        if has_token
        else "set HF_TOKEN to a token of that account"
    )
    return f"{place.repo} is gated: accept its terms at {_page(place)} with your account; {then}"


def _unknown(place: Place, has_token: bool) -> str:
    then = "give HF_TOKEN access to it" if has_token else "set HF_TOKEN"
    return f"{place.host} has no {place.repo}, or it is private: check the name, or {then}"


def _busy(place: Place, status: int, wait: float | None) -> str:
    said = "asks for fewer requests" if status == 429 else "has trouble"
    again = f"; not again before {wait:.0f} s" if wait else ""
    return f"{place}: {place.host} {said} (HTTP {status}){again}"


def _wait(headers: Any) -> float | None:
    try:
        return max(0.0, float(headers.get("Retry-After")))
    except (TypeError, ValueError):
        return None


def _reason(error: BaseException, place: Place) -> str:
    kind = type(error).__name__
    if "Timeout" in kind:
        return f"{place.host} did not answer in time"
    if kind == "ConnectError":
        return f"{place.host} can't be reached ({_plain(error)}); check the network{_or_endpoint(place)}"
    if kind == "ProxyError":
        return f"the proxy on the way to {place.host} refused ({_plain(error)})"
    return f"the connection to {place.host} broke ({_plain(error)})"


def _or_endpoint(place: Place) -> str:
    return "" if place.stored else " and HF_ENDPOINT"


def _plain(error: BaseException) -> str:
    return " ".join(_ADDRESS.sub("its address", str(error)).split()) or type(error).__name__


def _page(place: Place) -> str:
    return f"{place.endpoint}/{place.repo}"
