"""A reference -> the orders that bring its model: its projector first, so that the model appears with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from llama_swap_sync.hub import resolve
from llama_swap_sync.hub.client import Hub
from llama_swap_sync.hub.download import Order
from llama_swap_sync.hub.listing import Listing
from llama_swap_sync.hub.references import Reference
from llama_swap_sync.hub.retrying import Patience, patiently


@dataclass(frozen=True, slots=True)
class Wanted:
    """A model that was asked for, as its repository has it now."""

    reference: Reference
    selection: resolve.Selection
    orders: tuple[Order, ...]

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return self.selection.size

    @property
    def paths(self) -> tuple[str, ...]:
        """All its files, POSIX and relative to the models directory."""
        return tuple(f"{self.reference.repo}/{file.path}" for file in self.selection.files)


def find(hub: Hub, reference: Reference, patience: Patience, sleep: Callable[[float], None]) -> Wanted:
    """Asks the Hub what `reference` stands for. Raises DownloadFailed, or NoSuchFile with what there is."""
    listings: list[Listing] = []
    patiently(
        lambda: listings.append(hub.listing(reference.repo, reference.revision)), lambda: 0, patience, sleep
    )
    selection = resolve.select(reference, listings[0])
    parts = [(selection.projector,)] if selection.projector else []
    orders = tuple(Order(listings[0], reference.revision, files) for files in (*parts, selection.model))
    return Wanted(reference, selection, orders)
