"""The Hub as this project uses it: a repository's listing, and a file's bytes from any position on.

Addresses, tokens, endpoints, proxies and the meaning of its errors are `huggingface_hub`'s, which is imported
only when the Hub is really asked. The token goes to the endpoint alone: a body that lies elsewhere (signed
addresses of a storage host) is asked for without it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from llama_swap_sync.hub.errors import DownloadFailed
from llama_swap_sync.hub.listing import HubFile, Listing
from llama_swap_sync.hub.saying import Place, explained
from llama_swap_sync.hub.stall import watched

if TYPE_CHECKING:
    from huggingface_hub import HfApi, ModelInfo

    from llama_swap_sync.settings import Secret

DEFAULT_ENDPOINT = "https://huggingface.co"
# Seconds without a byte, or with next to none, after which a connection is given up and made anew.
STALL = 30.0
_METADATA_TIMEOUT = 20.0


@dataclass(frozen=True, slots=True)
class Remote:
    """One file as the Hub has it now. `sha256` is None when it keeps none (files outside LFS).

    `etag` names this content: another content has another one. `address` may be signed: it is never shown.
    """

    repo: str
    path: str
    etag: str
    size: int
    sha256: str | None
    address: str = field(repr=False)
    headers: dict[str, str] = field(repr=False, default_factory=dict)
    xet: Any = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of a file from `start` on, which is 0 when the server does not know ranges."""

    start: int
    chunks: Iterator[bytes]


class Hub(Protocol):
    """What the downloads need of the Hub; every method raises DownloadFailed in the user's words."""

    endpoint: str

    def listing(self, repo: str, revision: str) -> Listing: ...
    def remote(self, repo: str, path: str, revision: str) -> Remote: ...
    def body(self, remote: Remote, offset: int) -> AbstractContextManager[Body]: ...
    def fetch_by_xet(self, remote: Remote, target: Path) -> None: ...


class HuggingFace:
    """`Hub` over the network, by the installed `huggingface_hub`."""

    def __init__(self, endpoint: str = "", token: Secret | None = None, *, stall: float = STALL) -> None:
        self.endpoint = endpoint or DEFAULT_ENDPOINT
        self._token = token
        self._stall = stall
        # Measured with 2.4.0: it asks the Hub for a list of coding agents, to tell it who calls.
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        from huggingface_hub.utils import logging

        # Its warnings show signed addresses; what there is to say is said by us.
        logging.set_verbosity(50)  # critical, which it never is

    def listing(self, repo: str, revision: str) -> Listing:
        """All files of `repo` at `revision` (branch, tag or commit) with sizes and hashes: one request."""
        with explained(Place(self.endpoint, repo, revision), has_token=self._token is not None):
            info = self._model_info(repo, revision)
        files = (
            HubFile(file.rfilename, file.size or 0, file.lfs.sha256 if file.lfs else None)
            for file in info.siblings or ()
        )
        return Listing(repo, info.sha or revision, tuple(files), info.last_modified)

    def remote(self, repo: str, path: str, revision: str) -> Remote:
        """Where the bytes of one file lie now, and what they are: one HEAD request."""
        from huggingface_hub import file_download

        url = file_download.hf_hub_url(repo, path, revision=revision, endpoint=self.endpoint)
        with explained(Place(self.endpoint, repo, revision, path), has_token=self._token is not None):
            found = file_download.get_hf_file_metadata(
                url, token=self._token_text(), endpoint=self.endpoint, timeout=_METADATA_TIMEOUT
            )
        if not found.etag or found.size is None:
            raise DownloadFailed(
                f"{self.endpoint} does not say which content {repo}/{path} has: it is no Hub, or a proxy"
                " on the way drops headers; check HF_ENDPOINT and the proxy settings"
            )
        sha256 = found.etag if len(found.etag) == 64 else None
        headers = self._headers(found.location)
        return Remote(
            repo, path, found.etag, found.size, sha256, found.location, headers, found.xet_file_data
        )

    @contextmanager
    def body(self, remote: Remote, offset: int) -> Iterator[Body]:
        """The bytes from `offset` on, as they arrive. A connection that stalls is given up."""
        from huggingface_hub import get_session
        from huggingface_hub.utils._http import hf_raise_for_status

        headers = {**remote.headers, "Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
        place = Place(self.endpoint, remote.repo, "", remote.path, stored=_origin(remote.address))
        with explained(place, has_token=self._token is not None):
            session = get_session()
            with session.stream("GET", remote.address, headers=headers, timeout=self._stall) as answer:
                hf_raise_for_status(answer)
                start = _start(answer.status_code, answer.headers, remote, offset)
                yield Body(start, watched(answer.iter_raw(), self._stall))

    def fetch_by_xet(self, remote: Remote, target: Path) -> None:
        """The whole file into `target` through Xet, which knows no resumption. Needs `hf_xet`."""
        from huggingface_hub import file_download

        with explained(Place(self.endpoint, remote.repo, "", remote.path), has_token=self._token is not None):
            file_download.xet_get(
                incomplete_path=target,
                xet_file_data=remote.xet,
                headers=self._headers(self.endpoint),
                expected_size=remote.size,
                displayed_filename=remote.path,
            )

    def _model_info(self, repo: str, revision: str) -> ModelInfo:
        from huggingface_hub.errors import HFValidationError

        try:
            return self._api().model_info(
                repo, revision=revision, files_metadata=True, timeout=_METADATA_TIMEOUT
            )
        except HFValidationError:
            raise
        except (AttributeError, LookupError, TypeError, ValueError):
            # Measured with 2.4.0: it reads whatever answers 200 as a model, a log-in page too.
            raise DownloadFailed(
                f"{repo}: {self.endpoint} answers, but not as a Hub does: it is none, or a log-in page or a"
                " proxy is on the way; check HF_ENDPOINT and the proxy settings"
            ) from None

    def _api(self) -> HfApi:
        from huggingface_hub import HfApi

        return HfApi(endpoint=self.endpoint, token=self._token_text(), library_name="llama-swap-sync")

    def _token_text(self) -> str | None:
        return self._token.reveal() if self._token else None

    def _headers(self, address: str) -> dict[str, str]:
        from huggingface_hub.utils._headers import build_hf_headers

        headers: dict[str, str] = build_hf_headers(token=self._token_text(), library_name="llama-swap-sync")
        if _origin(address) != _origin(self.endpoint):
            headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        return headers


Connect = Callable[[], Hub]


def _origin(address: str) -> tuple[str, str, int]:
    parts = urlsplit(address)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    return parts.scheme, (parts.hostname or "").lower(), port


def _start(status: int, headers: Any, remote: Remote, offset: int) -> int:
    """Where the body begins. Raises DownloadFailed when it is not the file that was asked for."""
    said = headers.get("Content-Range") or ""
    if status == 206 and said != f"bytes {offset}-{remote.size - 1}/{remote.size}":
        raise DownloadFailed(
            f"{remote.repo}/{remote.path}: the server sent another part ({said})", passing=True
        )
    return offset if status == 206 else 0
