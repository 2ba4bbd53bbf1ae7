"""flyby keeps the record of every asteroid that passes the Earth."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flyby.defs.component import AsteroidsComponent, build_defs
    from flyby.defs.windowed import WindowedApiComponent

__version__ = "0.1.0"
__all__ = ["AsteroidsComponent", "WindowedApiComponent", "__version__", "build_defs"]


def __getattr__(name: str) -> Any:
    """What needs Dagster is imported when it is asked for: `flyby status` does without."""
    if name in ("AsteroidsComponent", "build_defs"):
        return getattr(import_module("flyby.defs.component"), name)
    if name == "WindowedApiComponent":
        return getattr(import_module("flyby.defs.windowed"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
