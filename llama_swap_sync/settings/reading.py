"""Options, environment and secret files -> `Settings`, or every wrong variable named at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llama_swap_sync.errors import SyncError
from llama_swap_sync.settings.declaration import COMPOSE_VARIABLES, VARIABLES, Settings, Variable


class SettingsError(SyncError, ValueError):
    """One or more variables can't be used: `problems` holds one sentence for each, nothing was done."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


@dataclass(frozen=True)
class Reading:
    """What was understood: the settings, where each value came from, and what looks like a slip of the pen.

    `sources` maps a variable's name to `option`, `environment`, `file PATH` or `default`; `texts` maps it to
    its text, secrets as `***`.
    """

    settings: Settings
    sources: Mapping[str, str]
    texts: Mapping[str, str]
    warnings: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class _Said:
    text: str
    source: str


def read(environ: Mapping[str, str], options: Mapping[str, str] | None = None, *, in_image: bool) -> Reading:
    """Settings from `options` (by variable name) over `environ` over `NAME_FILE` over the defaults.

    An empty variable counts as not set, except where empty is a value of its own (LLAMA_SWAP_URL,
    SYNC_LLAMA_ARGS). Raises SettingsError with all problems of the run.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    texts: dict[str, str] = {}
    for attribute, variable in VARIABLES.items():
        try:
            said = _find(variable, environ, options or {}, in_image)
            values[attribute] = _parse(variable, said)
        except ValueError as error:
            problems.append(str(error))
            continue
        sources[variable.name] = said.source
        texts[variable.name] = "***" if variable.is_secret and said.text else said.text
    if problems:
        raise SettingsError(tuple(problems))
    return Reading(Settings(**values), sources, texts, _unknown_names(environ))


def _find(
    variable: Variable, environ: Mapping[str, str], options: Mapping[str, str], in_image: bool
) -> _Said:
    if variable.name in options:
        return _Said(options[variable.name], "option")
    text = environ.get(variable.name)
    if text is not None and (text.strip() or variable.empty_is_a_value):
        return _Said(text, "environment")
    file = environ.get(f"{variable.name}_FILE", "").strip() if variable.is_secret else ""
    if file:
        return _Said(_secret_from(variable, file), f"file {file}")
    return _Said(variable.default_for(in_image), "default")


def _secret_from(variable: Variable, file: str) -> str:
    try:
        text = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ValueError(
            f"{variable.name}_FILE={file} can't be read ({reason}); mount the file or remove the variable."
        ) from None
    if not text:
        raise ValueError(
            f"{variable.name}_FILE={file} is empty; write the secret into it or remove the variable."
        )
    return text


def _parse(variable: Variable, said: _Said) -> Any:
    try:
        return variable.parse(said.text)
    except ValueError as error:
        shown = "***" if variable.is_secret else " ".join(said.text.split())
        raise ValueError(f"{variable.name}={shown} {str(error).rstrip('.')}.") from None


def _unknown_names(environ: Mapping[str, str]) -> tuple[str, ...]:
    known = {variable.name for variable in VARIABLES.values()} | set(COMPOSE_VARIABLES)
    known |= {f"{variable.name}_FILE" for variable in VARIABLES.values() if variable.is_secret}
    unknown = [
        name for name in sorted(environ) if name.startswith(("SYNC_", "LLAMA_SWAP_")) and name not in known
    ]
    return tuple(_unknown_name(name, sorted(known)) for name in unknown)


def _unknown_name(name: str, known: list[str]) -> str:
    import difflib

    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f"did you mean {nearest[0]}?" if nearest else "see .env.example for the names there are."
    return f"{name} is set, but no setting has that name; {hint}"
