"""The built-in sky with a survey in it that finds many times more: what NeoWs would list after the Rubin Observatory.

The sky's own asteroids are found as they always were. To them come those of further seeds, as far as they are found
after the survey began: what passes tomorrow, what passed years ago and is only now known to have, what will pass.
"""

import re
from dataclasses import replace
from datetime import date
from typing import Any

from flyby.sandbox.population import DESIGNATIONS, Population

SEED = 2026
SURVEY_BEGAN = date(2026, 1, 1)
#: Names, ids and numbers of the survey's own begin where the sky's own never come.
LETTERS_ROUNDS, MOST_TIMES = 66, 20
OWN_IDS_FROM, IDS_FROM, NUMBERS_FROM, NUMBERS_APART = 54_000_000, 55_000_000, 70_000_000, 2_000_000


class Survey(Population):
    """`times` as many discoveries as in the sky of SEED, from SURVEY_BEGAN on."""

    def __init__(self, *, times: int, began: date = SURVEY_BEGAN) -> None:
        super().__init__(SEED)
        self._further = [Further(n, began=began) for n in range(1, times)]

    def _make_day(self, ordinal: int) -> tuple[Any, ...]:
        own = super()._make_day(ordinal)
        return own + tuple(flyby for further in self._further for flyby in further._make_day(ordinal))


class Further(Population):
    """What a survey finds `n` times over beside the sky's own."""

    def __init__(self, n: int, *, began: date = SURVEY_BEGAN) -> None:
        super().__init__(SEED + n)
        self._n = n
        self._began = began.toordinal()

    def _make_day(self, ordinal: int) -> tuple[Any, ...]:
        return tuple(self._named(each) for each in super()._make_day(ordinal) if each.discovered >= self._began)

    def _named(self, flyby: Any) -> Any:
        """`flyby` under a name and an id that nothing else has."""
        begins, rounds = re.fullmatch(r"(\d+ [A-Z]{2})(\d*)", flyby.designation).groups()  # type: ignore[union-attr]
        half_month, slot = divmod(int(flyby.neo_id) - OWN_IDS_FROM, DESIGNATIONS)
        return replace(
            flyby,
            designation=f"{begins}{int(rounds or 0) + self._n * LETTERS_ROUNDS}",
            neo_id=str(IDS_FROM + (half_month * MOST_TIMES + self._n) * DESIGNATIONS + slot),
            number=None if flyby.number is None else flyby.number + NUMBERS_FROM + self._n * NUMBERS_APART,
        )
