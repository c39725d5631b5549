"""`python -m llama_swap_sync` is the command `llama-swap-sync`."""

from llama_swap_sync.cli import main

main()
