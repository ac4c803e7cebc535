"""The JSON schema that editors complete by is that of the code, and says what the code says."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.conftest import command, done

COMMITTED = Path("configs/train.schema.json")
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def fits(value, schema) -> bool:
    """The part of JSON schema, draft 7, that ours uses."""
    kind = schema.get("type")
    if kind in TYPES and not isinstance(value, TYPES[kind]):
        return False
    if kind in ("integer", "number"):
        allowed = int if kind == "integer" else (int, float)
        if isinstance(value, bool) or not isinstance(value, allowed):
            return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if "pattern" in schema and not (isinstance(value, str) and re.search(schema["pattern"], value)):
        return False
    if "anyOf" in schema and not any(fits(value, one) for one in schema["anyOf"]):
        return False
    if not all(fits(value, one) for one in schema.get("allOf", [])):
        return False
    if "if" in schema and fits(value, schema["if"]) and not fits(value, schema["then"]):
        return False
    if isinstance(value, list):
        return all(fits(one, schema.get("items", {})) for one in value)
    if isinstance(value, dict):
        known = schema.get("properties", {})
        if schema.get("additionalProperties") is False and not known.keys() >= value.keys():
            return False
        if not value.keys() >= set(schema.get("required", [])):
            return False
        return all(fits(inner, known[key]) for key, inner in value.items() if key in known)
    return True


@pytest.fixture(scope="module")
def schema():
    return json.loads(COMMITTED.read_text())


def test_the_committed_schema_is_up_to_date():
    made = done(command("train", "--config-schema")).stdout
    assert made == COMMITTED.read_text(), (
        "python -m train --config-schema > configs/train.schema.json"
    )


def test_presets_fit(schema):
    presets = sorted(Path("configs/presets").glob("*.yaml"))
    assert len(presets) > 10
    for preset in presets:
        assert fits(yaml.safe_load(preset.read_text()), schema), preset


@pytest.mark.parametrize(
    "text, right",
    [
        ("epochs: 3", True),
        ("epochs: three", False),
        ("batch: 1.5", False),
        ("batch: true", False),
        ("bacth: 3", False),
        ("optim: {decay: step}", True),
        ("optim: {decay: cosine}", False),
        ("loss: {name: sv_am, args: {t: 1.1}}", True),
        ("loss: {name: sv_amm}", False),
        ("loss: {name: am, args: {t: 1.1}}", False),
        ("loss: {name: coco, args: {alpha: paper}}", True),
        ("loss: {args: {t: 1.1}}", True),
        ("backbone: {name: 'timm:resnet18'}", True),
        ("backbone: {name: resnet18}", False),
        ("validation: {protocol: [lfw, sllfw]}", True),
        ("validation: {protocol: [lfw, slfw]}", False),
        ("data: {records: [a, b]}", True),
        ("data: {records: a}", False),
        ("extends: base.yaml", True),
    ],
)
def test_what_it_lets_through(schema, text, right):
    assert fits(yaml.safe_load(text), schema) == right
