"""JSON and YAML documents from a file.

Reading takes time that grows with the file.

Who wrote the file is not known. YAML lets a short text stand for a very large value: an alias stands for its anchor any
number of times, and a list of two aliases of such lists doubles at each step.
"""

import json
from typing import Any

import yaml

from oomreport.errors import InputUnreadable

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# A scalar, a list or a mapping is a node. 24 MiB of JSON, the largest answer of an API server that is read, have fewer.
_MOST_NODES = 3_000_000


# libyaml's composer calls itself for each level and does not look at the stack: thousands of them end the process. A
# CRD's schema has some 30 levels.
_MOST_LEVELS = 200


class _JsonLike(_Base):  # type: ignore[misc]
    """Reads YAML as JSON would have it: a time stays a text."""

    level = 0

    def descend_resolver(self, _parent: yaml.Node | None, _index: object) -> None:
        self.level += 1
        if self.level > _MOST_LEVELS:
            raise yaml.YAMLError(f"more than {_MOST_LEVELS} levels in each other")

    def ascend_resolver(self) -> None:
        self.level -= 1

    def construct_document(self, node: yaml.Node) -> object:
        if _size(node, {}) > _MOST_NODES:
            raise yaml.YAMLError(f"with its aliases written out it has more than {_MOST_NODES} values")
        return super().construct_document(node)


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Return the number of nodes with all aliases written out. Raises YAMLError where a node holds itself."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    key = id(node)
    if key not in known:
        known[key] = -1
        pairs = isinstance(node, yaml.MappingNode)
        parts = [part for pair in node.value for part in pair] if pairs else node.value
        known[key] = 1 + sum(_size(part, known) for part in parts)
    if known[key] < 0:
        raise yaml.YAMLError("an alias stands within its own anchor")
    return known[key]


_JsonLike.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in _Base.yaml_implicit_resolvers.items()
}


def documents_in(text: str, where: str) -> list[Any]:
    """Return the documents of a JSON or YAML text. Raises InputUnreadable."""
    try:
        try:
            return [json.loads(text)]
        except ValueError:
            return list(yaml.load_all(text, Loader=_JsonLike))
    except RecursionError as error:
        raise InputUnreadable(f"{where}: too deep") from error
    except (yaml.YAMLError, ValueError) as error:
        # A ValueError is of a number or a time that Python cannot hold.
        raise InputUnreadable(f"{where}: neither JSON nor YAML: {' '.join(str(error).split())}") from error
