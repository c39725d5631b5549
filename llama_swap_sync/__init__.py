"""Keeps a folder of GGUF files, llama-swap's config.yaml and the running llama-swap in step."""

__version__ = "0.1.0"
