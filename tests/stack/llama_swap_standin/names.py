"""The names by which models of a config are called, and the sections that may only name existing ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def aliases(models: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Alias, or `setParamsByID` key -> ID. Raises ValueError where one is taken."""
    found: dict[str, str] = {}
    for model_id, entry in models.items():
        by_id = (entry.get("filters") or {}).get("setParamsByID") or {}
        for alias in [*(entry.get("aliases") or ()), *(key for key in by_id if key != model_id)]:
            if alias in found and found[alias] == model_id:
                continue
            if alias in found or alias in models:
                raise ValueError(f"duplicate alias {alias} found in model: {model_id}")
            found[alias] = model_id
    return found


def peer_models(data: Mapping[str, Any]) -> frozenset[str]:
    """The fully qualified names of what peers serve."""
    return frozenset(
        f"{peer}/{model}"
        for peer, settings in (data.get("peers") or {}).items()
        for model in (settings or {}).get("models") or ()
    )


def groups(data: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The groups by name, from either place where they may stand."""
    return {name: group or {} for name, group in (_router(data).get("groups") or {}).items()}


def homes(groups: Mapping[str, Mapping[str, Any]], aliased: Mapping[str, str]) -> dict[str, str]:
    """ID -> the group that it is a member of."""
    return {
        aliased.get(member, member): name
        for name, group in groups.items()
        for member in group.get("members") or ()
    }


def selected(data: Mapping[str, Any]) -> dict[str, str]:
    """Selector -> the first of its targets: what every strategy takes when nothing runs."""
    return {name: each["targets"][0] for name, each in (data.get("selectors") or {}).items()}


def check_references(data: Mapping[str, Any], models: Mapping[str, Any], aliased: Mapping[str, str]) -> None:
    """Raises ValueError when a section names a model that is not there, or a name is taken twice."""
    local = models.keys() | aliased.keys()
    anything = local | peer_models(data) | (data.get("selectors") or {}).keys()
    for taken in (data.get("selectors") or {}).keys() & (local | peer_models(data)):
        raise ValueError(f"selector {taken}: the name is already in use")
    for where, name in _local_references(data):
        if name not in local:
            raise ValueError(f"{where}: unknown model {name}")
    for where, name in _other_references(data):
        if name not in anything:
            raise ValueError(f"{where}: unknown model {name}")
    _check_members(data)


def _check_members(data: Mapping[str, Any]) -> None:
    homes: dict[str, str] = {}
    for group, settings in groups(data).items():
        for member in settings.get("members") or ():
            if member in homes:
                raise ValueError(
                    f"model member {member} is used in multiple groups: {homes[member]} and {group}"
                )
            homes[member] = group


def _router(data: Mapping[str, Any]) -> Mapping[str, Any]:
    legacy = {key: data[key] for key in ("groups", "matrix") if data.get(key)}
    routing = data.get("routing") or {}
    canonical = ((routing.get("router") or {}).get("settings")) or {}
    if legacy and canonical:
        raise ValueError("config must not use both routing and the legacy groups/matrix keys")
    if len(legacy) == 2:
        raise ValueError("config cannot use both groups and matrix")
    return legacy or canonical


def _local_references(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for group, settings in groups(data).items():
        for member in settings.get("members") or ():
            yield f"group {group}", member
    for name, model in ((_router(data).get("matrix") or {}).get("vars") or {}).items():
        yield f"matrix var {name}", model
    scheduler = (data.get("routing") or {}).get("scheduler") or {}
    for model in ((scheduler.get("settings") or {}).get("fifo") or {}).get("priority") or ():
        yield "routing.scheduler.settings.fifo.priority", model


def _other_references(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for selector, settings in (data.get("selectors") or {}).items():
        for target in (settings or {}).get("targets") or ():
            yield f"selector {selector}", target
    for profile, settings in (data.get("profiles") or {}).items():
        for pin, target in ((settings or {}).get("pins") or {}).items():
            if target:
                yield f"profile {profile} pin {pin}", target
