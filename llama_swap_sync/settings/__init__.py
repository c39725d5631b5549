"""What a person says to llama-swap-sync: options, environment, secret files -> one frozen `Settings`."""

from llama_swap_sync.settings.declaration import DEFAULT_LLAMA_ARGS, Settings
from llama_swap_sync.settings.reading import Reading, SettingsError, read
from llama_swap_sync.settings.values import Secret

__all__ = ["DEFAULT_LLAMA_ARGS", "Reading", "Secret", "Settings", "SettingsError", "read"]
