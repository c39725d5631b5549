"""What the last runs did and how things stand: one value for `status`, `status --json` and the page."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from llama_swap_sync.service.health import Probe, problems
from llama_swap_sync.service.heartbeat import Heartbeat, Pulse
from llama_swap_sync.service.last_pass import LastPass, LastPasses
from llama_swap_sync.state import State

_UPDATES = "updates"
_DOING = {
    "pass": "bringing config.yaml and llama-swap in step",
    "fetch": "downloading or looking for updates",
}


@dataclass(frozen=True, slots=True)
class Report:
    """How things stand at one moment; times are epoch seconds, `problems` is empty when all is well."""

    healthy: bool
    problems: tuple[str, ...]
    looked_at: float | None
    files: int | None
    working: tuple[str, ...]
    last_pass: LastPass | None
    updates: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """What `status --json` prints: these names and units are an interface."""
        return asdict(self)

    def rows(self) -> list[tuple[str, str]]:
        """Label and sentence, for people."""
        rows = [("health", "healthy" if self.healthy else "unhealthy")]
        rows += [("problem", problem) for problem in self.problems]
        if self.looked_at is not None:
            rows.append(("last look", f"{_local(self.looked_at)}, {self.files} model files"))
        rows += [("at work", _DOING.get(job, job)) for job in self.working]
        rows.append(("last pass", _told(self.last_pass)))
        if self.last_pass and self.last_pass.look_again_at:
            rows.append(("next pass", f"{_local(self.last_pass.look_again_at)}, or when something changes"))
        rows += [("update", update) for update in self.updates]
        return rows


def of(config: Path, pulse: Pulse, now: float, ask_page: Probe | None = None) -> Report:
    """How things stand at `now` (monotonic), from the heartbeat and the state beside the config."""
    state = State.beside(config)
    heartbeat = _of_this_config(pulse.last(), config)
    found = problems(pulse, now, ask_page=ask_page)
    if heartbeat is None and not found:
        found = [f"The loop that runs here keeps another config, not {config}"]
    return Report(
        healthy=not found,
        problems=tuple(found),
        looked_at=heartbeat.wall if heartbeat else None,
        files=heartbeat.files if heartbeat else None,
        working=heartbeat.working if heartbeat else (),
        last_pass=LastPasses(config, pulse.folder).read(),
        updates=_pending(state.read(_UPDATES)),
    )


def _of_this_config(heartbeat: Heartbeat | None, config: Path) -> Heartbeat | None:
    return heartbeat if heartbeat and heartbeat.config == str(config) else None


def _pending(updates: Mapping[str, Any] | None) -> tuple[str, ...]:
    pending = (updates or {}).get("pending", [])
    return tuple(str(update) for update in pending) if isinstance(pending, list) else ()


def _told(last: LastPass | None) -> str:
    if last is None:
        return "none yet"
    return f"{_local(last.at)}: {last.summary or ('done' if last.ok else 'failed')}"


def _local(epoch: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(epoch))
