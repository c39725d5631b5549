"""What can go wrong, as exceptions whose text is the one line that the person at the box reads.

Every error of this project is a `SyncError`. It owns its text (what, where, what to do) and the exit code of
the command it ends; `cli.main` alone turns it into a process exit. Errors that belong to one room (the store,
the engine, the Hub) are declared in that room and also subclass the standard library's fitting class.
"""

from __future__ import annotations


class SyncError(Exception):
    """A failure that a person can act on. `str(error)` is one line without a traceback."""

    exit_code = 1


class ConfigError(SyncError, ValueError):
    """llama-swap's config.yaml can't be worked with: nothing was changed.

    `line` and `column` count from 1; None when the problem has no place of its own.
    """

    def __init__(self, path: str, problem: str, line: int | None = None, column: int | None = None) -> None:
        self.path = path
        self.problem = problem
        self.line = line
        self.column = column
        place = ":".join(str(part) for part in (path, line, column) if part is not None)
        super().__init__(f"{place}: {problem}")
