"""From the files on disk to the models that llama-server can load."""

from __future__ import annotations

from llama_swap_sync.library.model import Kind, LeftOut, Library, Model, Projector

__all__ = ["Kind", "LeftOut", "Library", "Model", "Projector"]
