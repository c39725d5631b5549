"""What the documents name is there: paths, commands, variables."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from llama_swap_sync.cli import COMMANDS
from llama_swap_sync.settings.declaration import VARIABLES

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs" / "decisions").glob("*.md")),
]
# Files of the project, not of a user's box: a relative path that ends like one of ours.
PATH = re.compile(r"`([A-Za-z_.][\w.-]*(?:/[\w.-]+)*\.(?:py|md|yml|xml|sh|svg|conf))`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")
WRITTEN_BY_US = {"config.yaml"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_that_a_document_names_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = set(PATH.findall(text)) | {link for link in LINK.findall(text) if " " not in link}
    places = (document.parent, ROOT, ROOT / "llama_swap_sync", *(ROOT / "llama_swap_sync").iterdir())
    missing = {name for name in named - WRITTEN_BY_US if not any((place / name).exists() for place in places)}
    assert missing == set()


def test_the_readme_has_a_row_for_each_command() -> None:
    rows = re.findall(r"^\| `([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(COMMANDS) <= set(rows)


def test_each_variable_of_the_unraid_template_is_one_of_ours() -> None:
    template = ElementTree.parse(ROOT / "unraid" / "llama-swap-sync.xml")
    targets = {config.get("Target") for config in template.iter("Config") if config.get("Type") == "Variable"}
    assert targets <= {variable.name for variable in VARIABLES.values()}
    assert "LLAMA_SWAP_CONTAINER" in targets
