"""YAML as Go's yaml.v3 reads it: the first document alone, and no key twice."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml


class Loader(yaml.SafeLoader):
    """PyYAML's safe loader that refuses what yaml.v3 refuses."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            line = key.start_mark.line + 1
            if key.value in seen:
                first = seen[key.value]
                text = f'mapping key "{key.value}" already defined at line {first}'
                raise yaml.MarkedYAMLError(problem=text, problem_mark=key.start_mark)
            seen[key.value] = line
        return super().construct_mapping(node, deep)


def load(data: bytes) -> Any:
    """The plain data of the first document; None of an empty file. Raises ValueError in yaml.v3's manner."""
    try:
        loader = Loader(data)
        return loader.get_data() if loader.check_data() else None  # type: ignore[no-untyped-call]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ValueError(f"yaml: line {line}: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"yaml: {' '.join(str(error).split())}") from error
