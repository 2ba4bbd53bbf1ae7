"""The built-in sky: asteroids that do not exist, served as NASA serves those that do.

`Population` is the sky (pure: a seed, a day and a moment in, rows out); `Sandbox` and `serve` put it on loopback.
"""

from flyby.sandbox.population import CadRow, Population, Row
from flyby.sandbox.server import Sandbox, serve

__all__ = ["CadRow", "Population", "Row", "Sandbox", "serve"]
