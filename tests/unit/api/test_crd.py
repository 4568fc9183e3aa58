"""The schemas are read back from the files in crds/, as the API server gets them, not from the generator's values."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import Field, create_model

from oomreport.api.crd import SchemaError, drift, main, openapi_schema
from oomreport.api.resource import CustomResource, Model, Quantity, atomic

CRDS = Path(__file__).parents[3] / "crds"
FILES = sorted(CRDS.glob("oomreport.dev_*.yaml"))
BOTH = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
INT64 = {"type": "integer", "format": "int64"}


@cache
def version_of(file: Path) -> dict[str, Any]:
    versions: list[dict[str, Any]] = yaml.safe_load(file.read_text())["spec"]["versions"]
    assert len(versions) == 1
    return versions[0]


def schema_of(file: Path) -> dict[str, Any]:
    schema: dict[str, Any] = version_of(file)["schema"]["openAPIV3Schema"]
    return schema


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema below the root by its path.

    The type's own fields (apiVersion, kind, metadata) are left out.
    """
    for name, field in schema.get("properties", {}).items():
        if path or name in {"spec", "status"}:
            yield f"{path}.{name}", field
            yield from nodes(field, f"{path}.{name}")
    for key, suffix in (("items", "[]"), ("additionalProperties", "{}")):
        if key in schema:
            yield f"{path}{suffix}", schema[key]
            yield from nodes(schema[key], f"{path}{suffix}")


def at(schema: dict[str, Any], json_path: str) -> dict[str, Any]:
    """Return the schema that a simple JSON path leads to."""
    # A filter picks an element of a list: any, for its schema.
    for step in re.sub(r"\[\?\(.*?\)\]", "[0]", json_path).removeprefix(".").split("."):
        name, _, index = step.partition("[")
        schema = schema["properties"][name]
        schema = schema["items"] if index else schema
    return schema


def resource(spec: type[Model]) -> type[CustomResource]:
    return create_model(
        "Made",
        __base__=CustomResource,
        __doc__="Made for a test.",
        spec=(spec, Field(description="The part under test.")),
    )


def spec_schema(spec: type[Model]) -> dict[str, Any]:
    schema: dict[str, Any] = openapi_schema(resource(spec))["properties"]["spec"]["properties"]
    return schema


def test_the_committed_crds_are_what_the_models_say() -> None:
    assert len(FILES) == 4
    assert "".join(drift(CRDS)) == ""


def test_check_shows_a_diff_and_fails_where_a_file_was_edited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--out", str(tmp_path)]) == 0
    assert main(["--check", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out == ""
    edited = tmp_path / "oomreport.dev_oomreports.yaml"
    edited.write_text(edited.read_text().replace("- oomr\n", "- oom\n"))

    assert main(["--check", "--out", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "-    - oom\n" in out
    assert "+    - oomr\n" in out
    assert "- oom\n" in edited.read_text()


def test_check_fails_where_a_file_is_missing_or_left_over(tmp_path: Path) -> None:
    assert main(["--check", "--out", str(tmp_path)]) == 1
    main(["--out", str(tmp_path)])
    (tmp_path / "oomreport.dev_gone.yaml").write_text("kind: CustomResourceDefinition\n")

    assert main(["--check", "--out", str(tmp_path)]) == 1


@BOTH
def test_every_field_is_described_for_kubectl_explain(file: Path) -> None:
    fields = [(path, field) for path, field in nodes(schema_of(file)) if not path.endswith(("[]", "{}"))]

    assert len(fields) > 15
    assert [path for path, field in fields if len(field.get("description", "")) < 10] == []
    assert [path for path, field in fields if not field["description"].endswith(".")] == []


@BOTH
def test_every_list_says_how_it_merges_and_is_bounded(file: Path) -> None:
    lists = [(path, node) for path, node in nodes(schema_of(file)) if node.get("type") == "array"]

    assert lists
    for path, node in lists:
        assert node["maxItems"] > 0, path
        assert node["x-kubernetes-list-type"] in {"map", "set", "atomic"}, path
        for key in node.get("x-kubernetes-list-map-keys", []):
            assert key in node["items"]["required"], path


@BOTH
def test_every_text_and_every_map_is_bounded(file: Path) -> None:
    for path, node in nodes(schema_of(file)):
        if node.get("type") == "string":
            assert "enum" in node or "maxLength" in node or node.get("format") == "date-time", path
        if "additionalProperties" in node:
            assert node["maxProperties"] > 0, path
        if node.get("type") == "integer":
            assert node["format"] == "int64", path


@BOTH
def test_nothing_stands_there_that_a_structural_schema_forbids(file: Path) -> None:
    for path, node in [("", schema_of(file)), *nodes(schema_of(file))]:
        assert not node.keys() & {"$ref", "$defs", "title", "const", "allOf", "oneOf", "nullable", "definitions"}, path
        assert ("anyOf" in node) == ("x-kubernetes-int-or-string" in node), path
        assert ("type" in node) != ("x-kubernetes-int-or-string" in node), path
        assert node.get("default", 0) is not None, path


@BOTH
def test_columns_and_selectable_fields_lead_to_scalars_that_exist(file: Path) -> None:
    version = version_of(file)
    selectable = [field["jsonPath"] for field in version.get("selectableFields", ())]

    assert len(selectable) <= 8
    for path in selectable:
        assert at(schema_of(file), path)["type"] in {"string", "integer", "boolean"}, path
        assert "[" not in path
    for column in version["additionalPrinterColumns"]:
        if column["jsonPath"] == ".metadata.creationTimestamp":
            continue
        if "[?(" in column["jsonPath"]:
            assert column["type"] == "string", column
            continue
        node = at(schema_of(file), column["jsonPath"])
        if node.get("type") == "array":
            # kubectl shows a list as JSON.
            assert column["type"] == "string", column
            continue
        shown = "date" if node.get("format") == "date-time" else node.get("type", "string")
        assert column["type"] == shown, column


def test_no_category_is_called_like_a_kind_since_kubectl_then_takes_the_kind_for_several() -> None:
    names = [yaml.safe_load(file.read_text())["spec"]["names"] for file in FILES]
    taken = {name for one in names for name in (one["singular"], one["plural"], *one.get("shortNames", []))}

    assert taken.isdisjoint(category for one in names for category in one.get("categories", ()))


def test_reports_are_shown_as_the_api_page_promises() -> None:
    columns = version_of(CRDS / "oomreport.dev_oomreports.yaml")["additionalPrinterColumns"]

    always = [column["name"] for column in columns if "priority" not in column]
    wide = [column["name"] for column in columns if column.get("priority") == 1]
    assert " ".join(always) == "WORKLOAD CONTAINER VICTIM SCORE KILLS CAUSE LIMIT RECOMMENDED LAST"
    assert " ".join(wide) == ("VERDICT POD NODE ACTION CONFIDENCE REVIEW APPLIED RESOLVED MANAGED-BY AGE")


def test_a_records_spec_and_whose_report_it_is_never_change() -> None:
    record, report = (
        schema_of(CRDS / "oomreport.dev_oomrecords.yaml")["properties"]["spec"],
        schema_of(CRDS / "oomreport.dev_oomreports.yaml")["properties"]["spec"]["properties"],
    )
    rules = [node["x-kubernetes-validations"] for node in (record, report["workloadRef"], report["container"])]

    assert [rule["rule"] for (rule,) in rules] == ["self == oldSelf"] * 3
    assert "x-kubernetes-validations" not in report["review"]


def test_conditions_are_those_of_the_api_conventions() -> None:
    conditions = at(schema_of(CRDS / "oomreport.dev_oomreports.yaml"), ".status")["properties"]["conditions"]

    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    assert set(conditions["items"]["required"]) == {"type", "status", "lastTransitionTime", "reason", "message"}
    assert conditions["items"]["properties"]["status"]["enum"] == ["True", "False", "Unknown"]
    assert "phase" not in at(schema_of(CRDS / "oomreport.dev_oomreports.yaml"), ".status")["properties"]


def test_optional_is_left_out_rather_than_null_and_a_constant_is_an_enum_of_one() -> None:
    class Inner(Model):
        """Inner."""

        size: int
        """A size."""

    class Spec(Model):
        """Spec."""

        maybe: int | None = None
        """Maybe a number."""
        inner: Inner | None = None
        """What stands at the field wins."""
        version: Literal["v1"]
        """A constant."""
        share: Annotated[float, Field(gt=0, lt=1)]
        """A share."""

    assert spec_schema(Spec) == {
        "maybe": {"description": "Maybe a number."} | INT64,
        "inner": {
            "description": "What stands at the field wins.",
            "type": "object",
            "required": ["size"],
            "properties": {"size": {"description": "A size."} | INT64},
        },
        "version": {"description": "A constant.", "type": "string", "enum": ["v1"]},
        "share": {
            "description": "A share.",
            "type": "number",
            "minimum": 0,
            "exclusiveMinimum": True,
            "maximum": 1,
            "exclusiveMaximum": True,
        },
    }


def test_a_quantity_is_an_integer_or_a_string() -> None:
    class Spec(Model):
        """Spec."""

        limit: Quantity | None = None
        """A limit."""

    limit = spec_schema(Spec)["limit"]
    assert limit["anyOf"] == [{"type": "integer"}, {"type": "string"}]
    assert limit["x-kubernetes-int-or-string"] is True
    assert "type" not in limit


class Undescribed(Model):
    """Spec."""

    size: int


class Unbounded(Model):
    """Spec."""

    note: str
    """Any text."""


class Untyped(Model):
    """Spec."""

    sizes: tuple[int, ...]
    """Any numbers."""


class OpenMap(Model):
    """Spec."""

    stat: dict[str, int]
    """Any keys."""


class Either(Model):
    """Spec."""

    either: int | Annotated[str, Field(max_length=1)]
    """Two types."""


class Anything(Model):
    """Spec."""

    anything: Any
    """Any type."""


class UnboundedItems(Model):
    """Spec."""

    notes: Annotated[tuple[str, ...], atomic(3)]
    """Any texts."""


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (Undescribed, r"spec\.size: has no description"),
        (Unbounded, r"spec\.note: text needs maxLength"),
        (Untyped, r"spec\.sizes: a list needs maxItems and x-kubernetes-list-type"),
        (OpenMap, r"spec\.stat: a map needs maxProperties"),
        (Either, r"spec\.either: a structural schema has no alternatives"),
        (Anything, r"spec\.anything: has no type"),
        (UnboundedItems, r"spec\.notes\[\]: text needs maxLength"),
    ],
)
def test_the_generator_refuses_what_the_api_server_or_a_reader_would_stumble_over(
    spec: type[Model], message: str
) -> None:
    with pytest.raises(SchemaError, match=message):
        openapi_schema(resource(spec))
