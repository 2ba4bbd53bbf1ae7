"""A campaign of kills and faults against real commands, checked after every step: `python -m torture --help`.

source    a NeoWs on loopback that breaks in every known way, and remembers what it said
child     flyby's commands as processes that can be killed
reader    somebody who keeps flyby.duckdb open, also for writing, all the time
truth     what must hold after a step, and after a clean run
up        `flyby up` with one of its processes killed
campaign  the steps, drawn from a seed
year      365 mornings through Dagster's own schedule
zones     a year of mornings in each of several time zones
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: The model of the record and the acts of a broken server are the tests' own.
_NEEDED = [str(ROOT), str(ROOT / "tests")]
sys.path += [folder for folder in _NEEDED if folder not in sys.path]
os.environ["PYTHONPATH"] = os.pathsep.join([*_NEEDED, *filter(None, [os.environ.get("PYTHONPATH")])])
