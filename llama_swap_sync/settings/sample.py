"""The texts that follow from the declaration: `.env.example`, README's table, and what `config` prints."""

from __future__ import annotations

from llama_swap_sync.settings.declaration import COMPOSE_VARIABLES, VARIABLES
from llama_swap_sync.settings.reading import Reading

_HEAD = """\
# Settings of llama-swap-sync. Copy this file to .env and change what you need: every line shows its default.
# Generated from llama_swap_sync/settings/declaration.py by: python -m llama_swap_sync.settings.sample
"""


def env_example() -> str:
    """The whole of `.env.example`: every variable commented out, with its help and its default."""
    parts = [_HEAD, "\n# --- Read by compose.yml ---\n"]
    parts += [f"\n# {help}\n#{name}={default}\n" for name, (default, help) in COMPOSE_VARIABLES.items()]
    parts.append(
        "\n# Without an NVIDIA GPU, add the overlay:\n#COMPOSE_FILE=compose.yml:compose.cpu.yml\n"
        "\n# --- Read by the sync ---\n"
    )
    for variable in VARIABLES.values():
        secret = f" (or the file that {variable.name}_FILE names)" if variable.is_secret else ""
        parts.append(f"\n# {variable.help}{secret}\n#{variable.name}={variable.default_for(in_image=True)}\n")
    return "".join(parts)


def readme_table() -> str:
    """README's table of settings, in Markdown."""
    lines = ["| variable | default (image) | meaning |", "|---|---|---|"]
    for variable in VARIABLES.values():
        lines.append(f"| `{variable.name}` | {_shown_default(variable.name)} | {variable.help} |")
    lines += ["", "Compose alone reads these:", "", "| variable | default | meaning |", "|---|---|---|"]
    lines += [f"| `{name}` | `{default}` | {help} |" for name, (default, help) in COMPOSE_VARIABLES.items()]
    return "\n".join(lines) + "\n"


def in_force(reading: Reading) -> str:
    """One line a variable: its value as understood, secrets masked, and where it came from."""
    width = max(len(name) for name in reading.texts)
    return "".join(
        f"{name:<{width}}  {text or '(empty)'}  [{reading.sources[name]}]\n"
        for name, text in reading.texts.items()
    )


def _shown_default(name: str) -> str:
    variable = next(variable for variable in VARIABLES.values() if variable.name == name)
    image = variable.default_for(in_image=True)
    outside = variable.default_for(in_image=False)
    if image == outside:
        return f"`{image}`" if image else "empty"
    return f"`{image}` ({f'`{outside}`' if outside else 'empty'} outside)"


def main() -> None:
    """Print `.env.example`, or README's table when asked for `table`."""
    import sys

    sys.stdout.write(readme_table() if sys.argv[1:] == ["table"] else env_example())


if __name__ == "__main__":
    main()
