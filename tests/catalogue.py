"""A loopback API that is asked by dates and changes its mind: what it lists is a list that a test may change."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from flyby import WindowedApiComponent

#: What the tests' component is, less where it asks and writes.
DECLARED: dict[str, Any] = {
    "name": "sightings",
    "title": "the catalogue",
    "window": {"start": "from", "end": "until", "form": "iso", "end_included": False, "days": 1},
    "rows": "found.rows",
    "key": "id",
    "moment": {"path": "when.at", "form": "iso"},
    "group": "id[:2]",
    "columns": {
        "size_m": {"path": "size", "type": "DOUBLE", "unit": "m", "says": "its size"},
        "place": {"path": "where.0"},
        "count": {"path": "count", "type": "BIGINT", "optional": True},
    },
}


def row(key: str, at: Any, size: Any = 1.5, **more: Any) -> dict[str, Any]:
    return {"id": key, "when": {"at": at}, "size": size, "where": ["here", "there"], **more}


@dataclass
class Catalogue:
    """What the API lists now, and how it answers."""

    server: HTTPServer
    rows: list[dict[str, Any]] = field(default_factory=list)
    #: Answers instead, if it gives something.
    instead: Callable[[Request], Response | None] = lambda _: None
    key: str | None = None
    asked: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server.expect_request("/api").respond_with_handler(self._answer)

    @property
    def url(self) -> str:
        return self.server.url_for("/api")

    def component(self, home: Path, now: str, **more: Any) -> WindowedApiComponent:
        attributes = DECLARED | {"url": self.url, "home": str(home), "now": now} | more
        component: WindowedApiComponent = WindowedApiComponent.resolve_from_dict(attributes)
        return component

    def _answer(self, request: Request) -> Response:
        self.asked.append(request)
        said = self.instead(request)
        return said or self.page(request)

    def page(self, request: Request, **more: Any) -> Response:
        """The rows of the window, or the page of them that is asked for."""
        if self.key is not None and request.headers.get("X-Api-Key") != self.key:
            return Response(json.dumps({"error": {"message": "no such key"}}), 403)
        first, end = (datetime.fromisoformat(request.args[name]) for name in ("from", "until"))
        found = []
        for one in self.rows:
            with suppress(KeyError, TypeError, ValueError):
                if not first <= datetime.fromisoformat(one["when"]["at"]) < end:
                    continue
            found.append(one)
        if "limit" in request.args:
            place = int(request.args["place"])
            found = found[place : place + int(request.args["limit"])]
        return Response(json.dumps({"found": {"rows": found}, **more}), content_type="application/json")
