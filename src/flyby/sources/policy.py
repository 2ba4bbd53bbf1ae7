"""How a source's mornings ask, and how late its lists are taken to be until that is learned. Pure data."""

from bisect import bisect_right
from dataclasses import dataclass
from math import exp2, log

#: A morning asks this often at most.
MORNING_REQUESTS = 24


@dataclass(frozen=True, slots=True)
class Curve:
    """Shares by age in days after the end of the day, ages ascending."""

    points: tuple[tuple[float, float], ...]
    #: How many rows of a record it counts for; a guess for none.
    rows: float = 0

    @classmethod
    def final_after(cls, days: float) -> "Curve":
        """What is taken for granted of a source of which it is only known after how many days it is final."""
        return cls(((0.1, 0.5), (max(days, 0.2), 1.0)))

    def by(self, age_days: float) -> float:
        """The share at that age; between the points linear in log age."""
        ages = [age for age, _ in self.points]
        n = bisect_right(ages, age_days)
        if n == 0:
            # What is known of days to come, thinning out slowly.
            return self.points[0][1] * exp2(-max(-age_days, 0.0) / 365)
        if n == len(ages):
            return self.points[-1][1]
        (age_0, share_0), (age_1, share_1) = self.points[n - 1 : n + 1]
        return share_0 + (share_1 - share_0) * log(age_days / age_0) / log(age_1 / age_0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How a source's mornings ask: the longest window, how many days from the tick on are asked for, how many requests
    a morning may make, and how late the source is."""

    window_days: int
    ahead_days: int
    requests: int = MORNING_REQUESTS
    #: What the source allows for a day where no header tells.
    a_day: int | None = None
    #: What is left is the key's, whoever asks with it, and told with every answer.
    by_key: bool = False
    curve: Curve
