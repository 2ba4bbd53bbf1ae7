"""How NeoWs is asked, and how late it was measured to be."""

from dataclasses import replace

from flyby.days import WINDOW_DAYS
from flyby.sources.policy import Curve, Policy

#: Of all flybys that NeoWs ever lists for a day, the share that it lists by then. Measured on the flybys of 2015–2019
#: up to a year; beyond, so that old years are seldom worth a visit.
#: It is worth a hundred rows: what D+1 has of what D+21 has differs from month to month (2015–2018) as if each month's
#: share had been drawn with so many (beta-binomial, method of moments: 109).
LISTED_BY = Curve(
    ((0.1, 0.6), (1, 0.65), (3, 0.68), (7, 0.73), (14, 0.76), (30, 0.79), (365, 0.86), (3650, 0.97), (36500, 1)),
    rows=100,
)

NEOWS = Policy(window_days=WINDOW_DAYS, ahead_days=WINDOW_DAYS, by_key=True, curve=LISTED_BY)

#: DEMO_KEY's daily limit is in no header: 50, of which two remain for a person.
DEMO_KEY_DAILY = 48
DEMO = replace(NEOWS, a_day=DEMO_KEY_DAILY)
