"""What both components share: how a record is run, and YAML that `dg check yaml` judges attribute by attribute."""

from collections.abc import Iterator
from typing import Any, get_args

import dagster as dg
from pydantic import BaseModel, Field

from flyby.settings import MOST_PATIENCE_MIN, PATIENCE_MIN

#: An attribute may be a template, whose form is judged again when it is filled in.
TEMPLATE = r"\{\{"


class Declared(dg.Component, dg.Model, dg.Resolvable):
    """A component that is declared in YAML. Dagster lets every attribute be any text, as it may be a template, so that
    `dg check yaml` would take everything for right; here a text is what the attribute wants, or a template."""

    cron: str = Field(
        default="0 6 * * *",
        pattern=r"^\s*(\S+(\s+\S+){4}|@\w+)\s*$",
        description="When the morning run starts.",
        examples=["0 6 * * *"],
    )
    timezone: str = Field(
        default="UTC", description="The time zone of the schedules and of the day of a run.", examples=["Europe/Berlin"]
    )
    patience: float = Field(
        default=PATIENCE_MIN,
        ge=0,
        le=MOST_PATIENCE_MIN,
        description="For how many minutes a run that nobody waits for asks again while the source is down, before it "
        "fails and is retried.",
    )
    warehouse: str | None = Field(
        default=None,
        description="The record as a DuckLake for several machines; by default it is a file in `home`.",
        examples=["ducklake:postgres:dbname=flyby"],
    )
    warehouse_data: str | None = Field(default=None, description="Where the lake's files lie; lake/ in `home`.")
    key_prefix: str | list[str] | None = Field(
        default=None,
        description="Comes before the keys of the assets, and before the names of jobs and schedules.",
        examples=["nasa"],
    )
    owners: list[str] = Field(default=[], description="Who owns the assets.", examples=[["team:sky"]])
    tags: dict[str, str] = Field(default={}, description="Of the assets and of the runs.", examples=[{"domain": "sky"}])
    schedules: bool = Field(
        default=False, description="Whether the schedules run. By default they wait to be turned on in the UI."
    )
    retries: int = Field(
        default=2,
        ge=0,
        description="So often a run that nobody waits for (a schedule, a sensor or a condition started it) asks again "
        "for what tends to pass, later the same morning.",
    )
    retry_after_minutes: float = Field(default=20, ge=0, description="How long it waits before it does.")
    now: str | None = Field(default=None, description="For rehearsals: the moment to take for now.")

    @classmethod
    def get_model_cls(cls) -> type[BaseModel] | None:
        """The model of the YAML, whose schema says what each attribute takes, and what it is."""
        derived = super().get_model_cls()
        if derived is None:
            return None

        class Strict(derived):  # type: ignore[misc, valid-type]
            @classmethod
            def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
                schema: dict[str, Any] = super().model_json_schema(*args, **options)
                _complete(schema, component)
                for model in _within(component):
                    _complete(schema["$defs"][f"{model.__name__}Model"], model)
                return schema

        component = cls
        return Strict


def _within(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The models of which attributes consist."""
    for field in model.model_fields.values():
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, dg.Model):
                yield part


def _complete(schema: dict[str, Any], model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        attribute = schema["properties"][name]
        _tighten(attribute)
        # Dagster forgets them where there is a default.
        attribute.update({"description": field.description} if field.description else {})
        attribute.update({"examples": field.examples} if field.examples else {})


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
