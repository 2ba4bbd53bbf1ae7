"""The settings: environment variables, or a `.env` file in the working directory (the environment wins)."""

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from flyby.address import Lake
from flyby.errors import SettingsError
from flyby.sources.cad import CAD_URL
from flyby.sources.neows import DEMO_KEY, NEOWS_URL
from flyby.sources.neows.policy import DEMO, NEOWS
from flyby.sources.policy import Policy

if TYPE_CHECKING:
    from flyby.sources.answer import Answer, Client, MakesClient
    from flyby.sources.dataset import Dataset
    from flyby.sources.windowed.api import Api

SBDB_URL = "https://ssd-api.jpl.nasa.gov/sbdb.api"
#: FLYBY_PATIENCE, by default and at most: after that Dagster's own retries go on.
PATIENCE_MIN, MOST_PATIENCE_MIN = 10, 120
#: Of a file or a folder, in bytes.
LONGEST_NAME = 255
#: How FLYBY_SITE is written.
SITE = "https://asteroids.example/flyby"
#: What is worth a notice.
NOTABLE = "1 LD; hazardous 20 LD; 140 m 10 LD"


@dataclass(frozen=True, slots=True)
class NotableRule:
    """One way for a flyby to be worth a notice; `str` of it is how FLYBY_NOTABLE writes it."""

    within_ld: float
    hazardous: bool = False
    #: Of this size or larger, in metres; None is any size.
    diameter_m: float | None = None
    #: `certain`: also at the far end of JPL's range; `possible`: also at its near end alone; None: as it is told.
    how_sure: str | None = None

    def __str__(self) -> str:
        size = "" if self.diameter_m is None else f"{self.diameter_m:g} m "
        sure = f"{self.how_sure} " if self.how_sure else ""
        return f"{'hazardous ' if self.hazardous else ''}{size}{sure}{self.within_ld:g} LD"


class Home(ABC):
    """Where the record of one dataset is kept, who tells it, and by which clock: all that asking, landing, loading and
    publishing need."""

    __slots__ = ()

    home: Path
    api_key: str | None
    lake: Lake | None
    rehearsed_now: datetime | None
    #: For how many minutes a run that nobody waits for asks again while the source is down.
    patience_min: float

    @property
    @abstractmethod
    def dataset(self) -> "Dataset":
        """What the record is of."""

    @property
    @abstractmethod
    def policy(self) -> Policy:
        """How mornings ask the primary source, as long as nothing of its lateness is learned."""

    @property
    @abstractmethod
    def client(self) -> "MakesClient":
        """What asks the primary source."""

    def now(self) -> datetime:
        """This moment in UTC, or the rehearsed one."""
        return self.rehearsed_now or datetime.now(UTC)

    @property
    def raw(self) -> Path:
        """Landed answers."""
        return self.home / "raw"

    @property
    def staging(self) -> Path:
        """What the asset of files writes."""
        return self.home / "staging"

    @property
    def record(self) -> Path:
        """The database that flyby writes where there is no lake; nobody else opens it."""
        return self.home / "record" / "record.duckdb"

    @property
    def published(self) -> Path:
        """The database that people open where there is no lake."""
        return self.home / "flyby.duckdb"

    @property
    def place(self) -> Path | Lake:
        """What flyby writes."""
        return self.lake or self.record

    @property
    def database(self) -> Path | Lake:
        """What people's questions go to."""
        return self.lake or self.published


@dataclass(frozen=True, slots=True)
class Settings(Home):
    """Everything a person can set. The key is kept out of `repr`."""

    home: Path
    api_key: str = field(repr=False)
    neows_url: str
    cad_url: str
    cron: str
    timezone: str
    #: Apprise's addresses, which hold tokens.
    notify: tuple[str, ...] = field(repr=False)
    notable: tuple[NotableRule, ...]
    #: Whether a digest is sent every morning.
    digest: bool
    #: Where several machines keep one record; None is the file in FLYBY_HOME.
    lake: Lake | None = None
    #: The address at which the page's folder is served, for the links in feeds and notices.
    site: str | None = None
    #: For how many minutes the daily run asks again while the source is down.
    patience_min: float = PATIENCE_MIN
    #: FLYBY_NOW, for rehearsals: the moment that flyby is to take for now. None is the computer's clock.
    rehearsed_now: datetime | None = None
    #: Who tells orbits to `flyby orbit`.
    sbdb_url: str = SBDB_URL

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the environment (and `.env`, unless `environ` is given); SettingsError names what is wrong."""
        read = _reader(os.environ if environ is None else environ, dotenv=environ is None)
        home = _folder("FLYBY_HOME", read("FLYBY_HOME") or "data")
        if dagster_home := os.environ.get("DAGSTER_HOME"):
            _folder("DAGSTER_HOME", dagster_home)
        warehouse = read("FLYBY_WAREHOUSE")
        return cls(
            home=home,
            api_key=_key(read("NASA_API_KEY") or DEMO_KEY),
            neows_url=_url("FLYBY_NEOWS_URL", read("FLYBY_NEOWS_URL") or NEOWS_URL),
            cad_url=_url("FLYBY_CAD_URL", read("FLYBY_CAD_URL") or CAD_URL),
            cron=_cron(read("FLYBY_CRON") or "0 6 * * *"),
            timezone=timezone("FLYBY_TIMEZONE", read("FLYBY_TIMEZONE") or "UTC"),
            notify=tuple((read("FLYBY_NOTIFY") or "").split()),
            notable=_notable(read("FLYBY_NOTABLE") or NOTABLE),
            digest=_switch("FLYBY_DIGEST", read("FLYBY_DIGEST") or "0"),
            lake=Lake.named(warehouse, read("FLYBY_WAREHOUSE_DATA") or str(home / "lake")) if warehouse else None,
            site=_site(site) if (site := read("FLYBY_SITE")) else None,
            patience_min=_minutes("FLYBY_PATIENCE", read("FLYBY_PATIENCE")),
            rehearsed_now=moment("FLYBY_NOW", read("FLYBY_NOW")),
            sbdb_url=_url("FLYBY_SBDB_URL", read("FLYBY_SBDB_URL") or SBDB_URL, like=SBDB_URL),
        )

    @property
    def dataset(self) -> "Dataset":
        from flyby.sources.asteroids import ASTEROIDS  # Arrow comes with it: who only reads starts without

        return ASTEROIDS

    @property
    def policy(self) -> Policy:
        return DEMO if self.api_key == DEMO_KEY else NEOWS

    @property
    def client(self) -> "MakesClient":
        from flyby.sources.neows.client import NeoWs  # HTTP comes with it

        return partial(NeoWs, self.neows_url, self.api_key)

    def witness(self, on_answer: "Callable[[Answer], object]") -> "Client":
        """What asks the other source; every complete answer is given to `on_answer` before it is judged."""
        from flyby.sources.cad.client import Cad

        return Cad(self.cad_url, on_answer=on_answer)

    @property
    def report(self) -> Path:
        """The page."""
        return self.home / "report" / "index.html"

    @property
    def dagster_home(self) -> Path:
        """DAGSTER_HOME, unless the environment names another."""
        return Path(os.environ.get("DAGSTER_HOME") or self.home / "dagster").absolute()


@dataclass(frozen=True, slots=True)
class ApiSettings(Home):
    """The record of an API that is declared. The key is kept out of `repr`."""

    api: "Api"
    home: Path
    api_key: str | None = field(repr=False)
    timezone: str
    lake: Lake | None = None
    #: For how many minutes a run that nobody waits for asks again while the source is down.
    patience_min: float = PATIENCE_MIN
    rehearsed_now: datetime | None = None

    @property
    def dataset(self) -> "Dataset":
        return self.api.dataset()

    @property
    def policy(self) -> Policy:
        return self.api.policy()

    @property
    def client(self) -> "MakesClient":
        from flyby.sources.windowed.client import ApiClient

        return partial(ApiClient, self.api, self.api_key)

    @property
    def published(self) -> Path:
        return self.home / f"{self.api.name}.duckdb"


def _reader(environ: Mapping[str, str], *, dotenv: bool) -> Callable[[str], str | None]:
    values: dict[str, str | None] = {}
    file = Path(".env")
    if dotenv and os.access(file, os.F_OK) and file.is_file():
        from dotenv import dotenv_values
        from dotenv.parser import parse_stream  # read only where there is a file: `flyby status` starts faster

        try:
            text = file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            text = "\0"
        except OSError as error:
            raise SettingsError(f".env cannot be read ({error.strerror}): make it readable, or move it away") from None
        if "\0" in text:
            raise SettingsError(".env is not UTF-8 text: save it as UTF-8, or move it away")
        if odd := next((line.original.line for line in parse_stream(StringIO(text)) if line.error), None):
            raise SettingsError(f".env: line {odd} is no NAME=value: mend it, or take it out")
        values = dotenv_values(stream=StringIO(text))
    # A variable that is set to nothing wins too: that is how to do without something that `.env` names.
    return lambda name: (environ.get(name, values.get(name)) or "").strip() or None


def _folder(name: str, text: str) -> Path:
    try:
        folder = Path(text).expanduser().absolute()
    except RuntimeError:  # nobody's home
        raise SettingsError(f"{name} {text!r}: there is no home folder here, so write the path without ~") from None
    except FileNotFoundError:
        raise SettingsError(f"{name} {text!r} lies in the current folder, which is gone: go to another") from None
    if any(len(os.fsencode(part)) > LONGEST_NAME for part in folder.parts):
        raise SettingsError(f"{name} has a name in it that is too long: name another folder")
    # In the addresses of SQLite's files and in the names that DuckDB reads these mean something.
    for path in (str(folder), os.path.realpath(folder)):
        if odd := sorted({char for char in path if char in "?%#*[]" or not char.isprintable()}):
            raise SettingsError(f"{name} {path!r} has {' '.join(map(repr, odd))} in it: name another folder")
    return folder


def _key(key: str) -> str:
    # Short keys would be replaced inside ordinary words when an answer is landed; NASA's have 40 characters.
    if len(key) < 6 or not key.isascii() or not key.isprintable() or any(c.isspace() or c in "\"'\\" for c in key):
        raise SettingsError(
            "NASA_API_KEY does not look like a key (6 or more printable characters, no spaces or quotes): "
            "get one at https://api.nasa.gov, or unset it to use DEMO_KEY"
        )
    return key


def _url(name: str, url: str, *, like: str = NEOWS_URL) -> str:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  reading it is the check
    except ValueError:
        parts = urlsplit("")
    is_address = url.isascii() and url.isprintable() and " " not in url and all((parts.hostname or "").split("."))
    if parts.scheme not in ("http", "https") or not is_address or parts.query or parts.fragment or parts.username:
        raise SettingsError(f"{name} must be an http(s) address without a query or a user, like {like}")
    return url.rstrip("/")


def _site(url: str) -> str:
    if not re.fullmatch(r"[^#\"<>\\^`{|}]+", url) or not url.isascii() or not url.isprintable() or " " in url:
        raise SettingsError(f"FLYBY_SITE must be an http(s) address without spaces, quotes or a #, like {SITE}")
    return _url("FLYBY_SITE", url, like=SITE).removesuffix("/index.html")


def timezone(setting: str, name: str) -> str:
    """The time zone of that name. Raises SettingsError."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise SettingsError(f"{setting} {name!r} is not a time zone: write it like Europe/Berlin") from None
    return name


def _cron(text: str) -> str:
    def fits(field: str, least: int, most: int) -> bool:
        # Names of months and days are Dagster's to judge.
        part = r"(?:\*|[a-z]{3}|\d+)(?:-(?:[a-z]{3}|\d+))?(?:/[1-9]\d*)?"
        numbers = map(int, re.findall(r"\d+", re.sub(r"/\d+", "", field)))
        return bool(re.fullmatch(rf"{part}(?:,{part})*", field, re.IGNORECASE)) and all(
            least <= number <= most for number in numbers
        )

    fields, bounds = text.split(), ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
    is_one = len(fields) == len(bounds) and all(fits(f, *b) for f, b in zip(fields, bounds, strict=True))
    if not is_one and text not in ("@hourly", "@daily", "@weekly", "@monthly"):
        raise SettingsError(f"FLYBY_CRON {text!r} is no cron schedule: write it like 0 6 * * *")
    return text


def _notable(text: str) -> tuple[NotableRule, ...]:
    rules = []
    for rule in filter(None, map(str.strip, text.split(";"))):
        number = r"\d+(?:\.\d+)?"
        words = rf"(hazardous\s+)?(?:({number})\s*m\s+)?(?:(certain|possible)\s+)?({number})\s*LD"
        read = re.fullmatch(words, rule, re.IGNORECASE)
        if not read:
            raise SettingsError(f"FLYBY_NOTABLE: {rule!r} is no rule: write rules like {NOTABLE}")
        hazardous, diameter_m, how_sure, within_ld = read.groups()
        size_m = float(diameter_m) if diameter_m else None
        rules.append(NotableRule(float(within_ld), bool(hazardous), size_m, how_sure.lower() if how_sure else None))
    return tuple(rules)


def _minutes(name: str, text: str | None) -> float:
    try:
        minutes = PATIENCE_MIN if text is None else float(text)
    except ValueError:
        minutes = -1
    if not 0 <= minutes <= MOST_PATIENCE_MIN:
        raise SettingsError(f"{name} {text!r} is no number of minutes from 0 to {MOST_PATIENCE_MIN}, like 10")
    return minutes


def _switch(name: str, text: str) -> bool:
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off"):
        return False
    raise SettingsError(f"{name} {text!r} is neither 1 nor 0")


def moment(name: str, text: str | None) -> datetime | None:
    """The moment that the setting `name` says, UTC unless it says otherwise. Raises SettingsError."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{name} {text!r} is not a moment: write it like 2026-11-23T06:00:00Z") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not 1900 <= moment.year <= 2200:
        raise SettingsError(f"{name} {text!r} is not a moment of these times: write it like 2026-11-23T06:00:00Z")
    return moment.astimezone(UTC)
