"""What is generated from the declaration stands in the repository as generated."""

from __future__ import annotations

from pathlib import Path

from llama_swap_sync.settings import read
from llama_swap_sync.settings.declaration import COMPOSE_VARIABLES, VARIABLES
from llama_swap_sync.settings.sample import env_example, in_force, readme_table

TOP = Path(__file__).parents[3]


def test_env_example_is_the_declaration() -> None:
    assert (TOP / ".env.example").read_text(encoding="utf-8") == env_example()


def test_readme_table_is_the_declaration() -> None:
    readme = (TOP / "README.md").read_text(encoding="utf-8")
    between = readme.partition("<!-- settings -->\n")[2].partition("<!-- /settings -->")[0]
    assert between == readme_table()


def test_compose_passes_every_setting_on_to_the_sync() -> None:
    lines = {line.strip() for line in (TOP / "compose.yml").read_text(encoding="utf-8").splitlines()}
    missing = [
        v.name for v in VARIABLES.values() if not any(line.startswith(f"- {v.name}") for line in lines)
    ]
    assert missing == []


def test_compose_variables_have_the_defaults_that_are_documented() -> None:
    compose = (TOP / "compose.yml").read_text(encoding="utf-8")
    missing = [f"{n}:-{d}" for n, (d, _) in COMPOSE_VARIABLES.items() if f"${{{n}:-{d}}}" not in compose]
    assert missing == []


def test_env_example_says_nothing_until_a_line_is_uncommented() -> None:
    assert [line for line in env_example().splitlines() if line and not line.startswith("#")] == []


def test_settings_in_force_are_shown_with_their_source_and_without_secrets() -> None:
    shown = in_force(read({"HF_TOKEN": "hf_verysecret", "SYNC_TTL": "60"}, in_image=False))
    assert "hf_verysecret" not in shown
    assert "HF_TOKEN                   ***  [environment]\n" in shown
    assert "SYNC_TTL                   60  [environment]\n" in shown
    assert "SYNC_INTERVAL              15s  [default]\n" in shown
