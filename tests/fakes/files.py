"""Layers over the real file system: one records every call, one fails or kills at the n-th.

They wrap `OsFiles` and change nothing else, so what they let through is what the kernel does.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llama_swap_sync.files import OsFiles


@dataclass(frozen=True)
class Call:
    """One system call: its name and the file it went to (for a descriptor, the one it was opened for)."""

    name: str
    path: Path

    def __str__(self) -> str:
        return f"{self.name} {self.path.name}"


class LayeredFiles(OsFiles):
    """Calls `before(call)` ahead of every system call that a write may make; `before` may raise.

    `bite` is the most that one write takes: a small one gives a write many places to be interrupted at.
    `mount` is a path that can't be renamed over, as a bind-mounted file can't.
    """

    bite: int = 1 << 30
    mount: Path | None = None

    def __init__(self) -> None:
        self._opened: dict[int, Path] = {}

    def before(self, call: Call) -> None:
        """What the layer does; nothing here."""

    def _at(self, name: str, target: int | Path) -> None:
        self.before(Call(name, self._opened[target] if isinstance(target, int) else target))

    def stat(self, path: Path) -> os.stat_result:
        self._at("stat", path)
        return super().stat(path)

    def read(self, path: Path) -> bytes:
        self._at("read", path)
        return super().read(path)

    def names(self, folder: Path) -> list[str]:
        self._at("names", folder)
        return super().names(folder)

    def make_folder(self, folder: Path, mode: int) -> None:
        self._at("make_folder", folder)
        super().make_folder(folder, mode)

    def create(self, path: Path, mode: int) -> int:
        self._at("create", path)
        return self._remember(super().create(path, mode), path)

    def open_for_update(self, path: Path) -> int:
        self._at("open_for_update", path)
        return self._remember(super().open_for_update(path), path)

    def write(self, descriptor: int, data: memoryview, offset: int) -> int:
        self._at("write", descriptor)
        return super().write(descriptor, data[: self.bite], offset)

    def truncate(self, descriptor: int, size: int) -> None:
        self._at("truncate", descriptor)
        super().truncate(descriptor, size)

    def change_owner(self, target: int | Path, uid: int, gid: int) -> None:
        self._at("change_owner", target)
        super().change_owner(target, uid, gid)

    def change_mode(self, target: int | Path, mode: int) -> None:
        self._at("change_mode", target)
        super().change_mode(target, mode)

    def sync(self, descriptor: int) -> None:
        self._at("sync", descriptor)
        super().sync(descriptor)

    def close(self, descriptor: int) -> None:
        # A failing close(2) has closed the descriptor all the same, and a killed process keeps none.
        super().close(descriptor)
        self._at("close", descriptor)

    def replace(self, source: Path, target: Path) -> None:
        self._at("replace", target)
        if target == self.mount:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(target))
        super().replace(source, target)

    def sync_folder(self, folder: Path) -> None:
        self._at("sync_folder", folder)
        super().sync_folder(folder)

    def remove(self, path: Path) -> None:
        self._at("remove", path)
        super().remove(path)

    def _remember(self, descriptor: int, path: Path) -> int:
        self._opened[descriptor] = path
        return descriptor


@dataclass
class RecordingFiles(LayeredFiles):
    """Keeps every call in order in `calls`."""

    calls: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def before(self, call: Call) -> None:
        self.calls.append(call)


class Killed(BaseException):
    """The process is gone: no handler may do anything any more, and the layer sees to it."""


def killed(call: Call) -> BaseException:
    """The fault of a process that died ahead of `call`."""
    return Killed(str(call))


def failing_with(code: int) -> Callable[[Call], BaseException]:
    """An OSError as the kernel words it."""
    return lambda call: OSError(code, os.strerror(code), str(call.path))


def any_call(_: Call) -> bool:
    return True


@dataclass
class FaultyFiles(LayeredFiles):
    """Meets `fault` at call `at` (from 1) of those that `hits` takes; `met` is that call, None before it.

    An OSError strikes once, as a full disk may; a Killed strikes at every call from there on, since a dead
    process makes none: what its handlers would tidy up stays.
    """

    at: int
    fault: Callable[[Call], BaseException]
    hits: Callable[[Call], bool] = any_call
    met: Call | None = None

    def __post_init__(self) -> None:
        super().__init__()
        self._count = 0

    def before(self, call: Call) -> None:
        hit = self.hits(call)
        self._count += hit
        dead = self.met is not None and self.fault is killed
        if dead or (hit and self._count == self.at):
            self.met = self.met or call
            raise self.fault(call)


def sigkill(_: Call) -> BaseException:
    """A fault that is no exception: this very process gets SIGKILL, and its parent looks at what is left."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("outlived SIGKILL")


@dataclass
class RefusingFiles(LayeredFiles):
    """Always answers a call in `codes` ("sync", or for one file "sync config.yaml") with that errno."""

    codes: dict[str, int]

    def __post_init__(self) -> None:
        super().__init__()

    def before(self, call: Call) -> None:
        code = self.codes.get(str(call), self.codes.get(call.name))
        if code is not None:
            raise failing_with(code)(call)


class MeddlingFiles(LayeredFiles):
    """Runs `meddle()` once, ahead of the first call that `hits` takes: somebody else at that very moment."""

    def __init__(self, hits: Callable[[Call], bool], meddle: Callable[[], Any]) -> None:
        super().__init__()
        self._hits = hits
        self._meddle: Callable[[], Any] | None = meddle

    def before(self, call: Call) -> None:
        if self._meddle is not None and self._hits(call):
            meddle, self._meddle = self._meddle, None
            meddle()
