"""The OpenAPI document as its readers see it: operations, their bodies, and what a field may be."""

import json
import tempfile
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import jsonschema

from config import Settings
from loyalty import create_app
from loyalty.foundation.web import docs

METHODS = ("get", "put", "post", "patch", "delete")
FORMATS = jsonschema.FormatChecker(["email", "date"])


@cache
def application():
    """Return the service without a database, which neither its document nor its pages need."""
    return create_app(
        Settings(
            database_url=f"sqlite:///{tempfile.gettempdir()}/never-opened.db",
            secret_key="a-secret-that-only-tests-know-of",
            base_url="http://localhost",
        )
    )


@cache
def document():
    """Return the document of the whole service."""
    with application().app_context():
        return json.loads(docs.document())


@dataclass(frozen=True)
class Operation:
    """One operation of the document."""

    method: str
    path: str
    described: dict

    @property
    def id(self):
        return self.described["operationId"]

    @property
    def media(self):
        """Return how a JSON body is described, or None."""
        content = self.described.get("requestBody", {}).get("content", {})
        return content.get("application/json")

    @property
    def example(self):
        return deepcopy(self.media["example"])

    @property
    def parameters(self):
        """Return all parameters by name, those of the path included."""
        shared = document()["paths"][self.path].get("parameters", [])
        found = (resolve(each) for each in [*shared, *self.described.get("parameters", [])])
        return {each["name"]: each for each in found}


@cache
def operations():
    return tuple(
        Operation(method, path, described[method])
        for path, described in document()["paths"].items()
        for method in METHODS
        if method in described
    )


def with_body():
    return [operation for operation in operations() if operation.media]


def resolve(thing):
    while "$ref" in thing:
        found = document()
        for step in thing["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        thing = found
    return thing


def fields(schema, path=()):
    """Yield the path and the schema of every field of a body, the deepest included."""
    schema = resolve(schema)
    for choice in schema.get("anyOf", ()):
        yield from fields(choice, path)
    for name, field in schema.get("properties", {}).items():
        yield (*path, name), field
        yield from fields(field, (*path, name))
    if isinstance(schema.get("items"), dict):
        yield (*path, 0), schema["items"]
        yield from fields(schema["items"], (*path, 0))


def is_valid(value, schema):
    whole = {**schema, "components": document()["components"]}
    checked = jsonschema.Draft202012Validator(whole, format_checker=FORMATS)
    return checked.is_valid(value)


def replaced(body, path, value):
    """Return a body with one field replaced, and what leads to it made where it is missing."""
    body = deepcopy(body)
    place = body
    for step, following in pairwise(path):
        empty = [] if following == 0 else {}
        if isinstance(place, list):
            place[step:] = place[step:] or [empty]
        elif not isinstance(place.get(step), dict | list):
            place[step] = empty
        place = place[step]
    if isinstance(place, list):
        place[path[-1] :] = [value]
    else:
        place[path[-1]] = value
    return body


def pointer(path):
    return "".join(f"/{step}" for step in path)
