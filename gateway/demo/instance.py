"""The plainest JSON value that a JSON Schema allows."""

from typing import Any

Schema = dict[str, Any]
_DEEPEST = 16


def instance(schema: Any, text: str) -> Any:
    """A value with the required members only; free strings repeat the text."""
    return _value(schema, schema, text, _DEEPEST)


def _value(schema: Any, root: Any, text: str, depth: int) -> Any:
    schema = _resolved(schema, root)
    if not schema or depth == 0:
        return None
    for member in ("const", "default"):
        if member in schema:
            return schema[member]
    if schema.get("enum"):
        return schema["enum"][0]
    for member in ("anyOf", "oneOf", "allOf"):
        if schema.get(member):
            return _value(schema[member][0], root, text, depth - 1)
    return _typed(_kind(schema), schema, root, text, depth)


def _typed(kind: str, schema: Schema, root: Any, text: str, depth: int) -> Any:
    if kind == "object":
        properties = schema.get("properties") or {}
        return {name: _value(properties.get(name, {}), root, text, depth - 1) for name in schema.get("required") or ()}
    if kind == "array":
        return [
            _value(schema.get("items") or {}, root, text, depth - 1) for _ in range(min(schema.get("minItems", 0), 64))
        ]
    if kind == "string":
        return text[: schema.get("maxLength", len(text))].ljust(min(schema.get("minLength", 0), 4096), ".")
    if kind in ("integer", "number"):
        return _number(schema)
    return {"boolean": True}.get(kind)


def _number(schema: Schema) -> Any:
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    least = above + 1 if above is not None else schema.get("minimum", 0)
    most = below - 1 if below is not None else schema.get("maximum", least)
    return min(least, most)


def _kind(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), "null")
    if isinstance(kind, str):
        return kind
    return "object" if "properties" in schema else "string"


def _resolved(schema: Any, root: Any) -> Schema:
    for _ in range(_DEEPEST):
        if not isinstance(schema, dict):
            return {}
        path = schema.get("$ref")
        if not isinstance(path, str):
            return schema
        schema = root
        for step in path.lstrip("#/").split("/"):
            schema = schema.get(step) if isinstance(schema, dict) and step else schema
    return {}
