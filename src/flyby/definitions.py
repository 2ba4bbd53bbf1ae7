"""flyby's own code location: one instance of the component, filled from the environment."""

from flyby.defs.component import AsteroidsComponent
from flyby.settings import Settings

defs = AsteroidsComponent.of(Settings.load).build_defs()
