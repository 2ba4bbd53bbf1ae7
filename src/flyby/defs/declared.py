"""What both components share: their YAML is judged by `dg check yaml`, attribute by attribute."""

from typing import Any

import dagster as dg
from pydantic import BaseModel

#: An attribute may be a template, whose form is judged again when it is filled in.
TEMPLATE = r"\{\{"


class Declared(dg.Component, dg.Model, dg.Resolvable):
    """A component that is declared in YAML. Dagster lets every attribute be any text, as it may be a template, so that
    `dg check yaml` would take everything for right; here a text is what the attribute wants, or a template."""

    @classmethod
    def get_model_cls(cls) -> type[BaseModel] | None:
        """The model of the YAML, whose schema says what each attribute takes."""
        derived = super().get_model_cls()
        return type(derived.__name__, (_Strict, derived), {}) if derived else None


class _Strict(BaseModel):
    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
        schema = super().model_json_schema(*args, **options)
        for one in (schema, *schema.get("$defs", {}).values()):
            for attribute in one.get("properties", {}).values():
                _tighten(attribute)
        return schema


def _tighten(attribute: dict[str, Any]) -> None:
    """Have the attribute take no text that is neither what it wants nor a template."""
    forms = attribute.get("anyOf", [])
    if len(forms) < 2 or forms[-1] != {"type": "string"} or forms[0] == {"type": "null"}:
        return
    wanted, *others = forms[:-1]
    if "pattern" in wanted:
        wanted = {**wanted, "pattern": f"{wanted['pattern']}|{TEMPLATE}"}
    del attribute["anyOf"]
    said = {"anyOf": [wanted, *others]} if others else wanted
    if wanted.get("type") in ("integer", "number", "boolean"):  # so that a wrong one is told what is wanted
        said = {"if": {"type": "string", "pattern": TEMPLATE}, "else": said}
    attribute.update(said)
