"""What the models of all custom resources share.

A model's field is snake_case in Python and camelCase in the API, with the initialisms that the Kubernetes API
conventions keep upper case (podUID, containerID, anonRSSBytes). Unknown fields are ignored when an object is read: it
may have been written by a newer version.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo

from oomreport.names import API_VERSION, camel_case
from oomreport.times import rfc3339, rfc3339_seconds

# metav1's resource.Quantity, as controller-gen writes it.
_QUANTITY = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)


class Model(BaseModel):
    """A part of a custom resource. Immutable; docstrings below its fields are their descriptions."""

    model_config = ConfigDict(
        alias_generator=camel_case,
        validate_by_name=True,
        validate_by_alias=True,
        use_attribute_docstrings=True,
        frozen=True,
        extra="ignore",
    )

    def as_json(self) -> dict[str, Any]:
        """Return the API's JSON: camelCase, times as RFC 3339, what is None left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of `kubectl get`; `wide` ones are shown with `-o wide` only. A date is shown as the time since."""

    name: str
    path: str
    description: str
    type: Literal["string", "integer", "boolean", "date"] = "string"
    wide: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What a CRD says besides the schema. The API server takes at most eight `selectable` fields, all scalars.

    A category must not be called like a kind: kubectl would then take `get oomreport NAME` for a list of several kinds.
    """

    plural: str
    scope: Literal["Cluster", "Namespaced"]
    columns: tuple[Column, ...]
    selectable: tuple[str, ...]
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ("oom",)


class CustomResource(Model):
    """An object of the API. Its metadata stays the raw JSON."""

    definition: ClassVar[Definition]

    api_version: str = API_VERSION
    kind: str
    metadata: dict[str, Any] = Field(default_factory=dict)


def atomic(most: int) -> FieldInfo:
    """Bound a list that its writer replaces as a whole."""
    return _extended({"x-kubernetes-list-type": "atomic"}, most)


def unique(most: int) -> FieldInfo:
    """Bound a list of scalars that holds each value once."""
    return _extended({"x-kubernetes-list-type": "set"}, most)


def keyed(most: int, *keys: str) -> FieldInfo:
    """Bound a list of objects in which `keys` (the API's names) tell one from another."""
    return _extended({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}, most)


def immutable(what: str) -> FieldInfo:
    """Forbid every change of a field once it is set; `what` is named in the API server's message."""
    rule: JsonDict = {"rule": "self == oldSelf", "message": f"{what} is immutable"}
    return _extended({"x-kubernetes-validations": [rule]})


def _extended(extra: JsonDict, most: int | None = None) -> FieldInfo:
    field: FieldInfo = Field(max_length=most, json_schema_extra=extra)
    return field


def _quantity_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _is_quantity(value: object) -> object:
    text = _quantity_text(value)
    if isinstance(text, str) and not re.fullmatch(_QUANTITY, text, re.ASCII):
        message = f"{text!r} is no quantity; write a number of bytes or one like 320Mi"
        raise ValueError(message)
    return text


MicroTime = Annotated[AwareDatetime, PlainSerializer(rfc3339, return_type=str, when_used="json")]
"""A time in microseconds, as the kernel's stamps are; UTC."""

Time = Annotated[AwareDatetime, PlainSerializer(rfc3339_seconds, return_type=str, when_used="json")]
"""A time in seconds, as metav1.Time is; UTC."""

Quantity = Annotated[
    str,
    BeforeValidator(_is_quantity),
    Field(
        max_length=64,
        json_schema_extra={
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": _QUANTITY,
            "x-kubernetes-int-or-string": True,
        },
    ),
]
"""An amount as people write it (`320Mi`); a bare number is bytes."""

GivenQuantity = Annotated[
    str,
    BeforeValidator(_is_quantity),
    Field(
        max_length=64,
        json_schema_extra={
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": True,
            "x-kubernetes-validations": [
                {
                    "rule": "isQuantity(string(self))",
                    "message": "is no quantity; write a number of bytes or one like 320Mi",
                }
            ],
        },
    ),
]
"""The same where people write it: the API server refuses another text in words, not by a regular expression."""

Comm = Annotated[str, Field(max_length=256)]
"""A process's name as the kernel has it. The kernel holds 15 bytes of any value but NUL; the bound leaves room for more."""

CgroupPath = Annotated[str, Field(max_length=4096)]
"""A path below the root of the memory cgroup hierarchy."""

Name = Annotated[str, Field(max_length=253)]
"""The name of an object."""

Label = Annotated[str, Field(max_length=63)]
"""The name of a namespace or a container."""

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"

ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=rf"^{_LABEL}(\.{_LABEL})*$")]
"""The name of an object as the API server checks it: a DNS subdomain. It becomes a part of a path."""

LabelName = Annotated[str, Field(min_length=1, max_length=63, pattern=f"^{_LABEL}$")]
"""The name of a namespace, a Service or a container: a DNS label. It becomes a part of a path or of a host's name."""

UID = Annotated[str, Field(max_length=64)]
"""The UID of a pod; the 32-digit hash of its configuration for a static pod, as its cgroup has it."""

Sentence = Annotated[str, Field(max_length=1024)]
"""Words for people."""
