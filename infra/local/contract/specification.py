"""OpenRouter's OpenAPI document, and what in this project departs from it."""

import json
import os
from functools import cache
from pathlib import Path
from urllib.parse import quote

import jsonschema_rs

HERE = Path(__file__).resolve().parent
DEPARTURES = json.loads((HERE / "departures.json").read_text())


@cache
def document():
    return json.loads((Path(os.environ["CONTRACT_DIR"]) / "openapi.json").read_text())


@cache
def validator(pointer):
    """A validator of the schema at this place in the document, such as `/components/schemas/ChatRequest`."""
    # A pointer in a reference is part of an address.
    schema = {"$ref": f"#{quote(pointer)}", "components": document()["components"], "paths": document()["paths"]}
    return jsonschema_rs.Draft202012Validator(schema)


def faults(pointer, value):
    """Where the value does not fit the schema: the path in it and what is wrong there."""
    return [
        (fault.instance_path, f"{'/'.join(map(str, fault.instance_path))}: {fault.message}"[:500])
        for fault in validator(pointer).iter_errors(value)
    ]


def component(name):
    return f"/components/schemas/{name}"


def answer_of(path, status="200", method="get", kind="application/json"):
    """The place of the schema of an answer in the document."""
    escaped = path.replace("~", "~0").replace("/", "~1")
    kind = kind.replace("/", "~1")
    return f"/paths/{escaped}/{method}/responses/{status}/content/{kind}/schema"


def request_faults(body):
    """What in the body of a chat request is neither in the document nor a departure that is written down."""
    known = document()["components"]["schemas"]["ChatRequest"]["properties"]
    strange = [
        f"{name}: no field of ChatRequest, and not in departures.json"
        for name in body
        if name not in known and name not in DEPARTURES["requestFields"]
    ]
    return strange + [text for _, text in faults(component("ChatRequest"), as_documented(body))]


def as_documented(body):
    """The body with its prices as texts: the document has them so, the service takes numbers too."""
    price = (body.get("provider") or {}).get("max_price")
    if not isinstance(price, dict):
        return body
    as_texts = {name: str(value) if isinstance(value, (int, float)) else value for name, value in price.items()}
    return body | {"provider": body["provider"] | {"max_price": as_texts}}
