"""What can go wrong, said in one line each.

`str(error)` is the whole message for a person: what happened and what to do next. No message holds a key or a URL with
a query in it.
"""

import errno


class FlybyError(Exception):
    """Something flyby cannot get past by itself: final until a person acts."""


class UsageError(FlybyError):
    """What was asked for makes no sense (a day that is no date, FROM after TO). Exit status 2."""


class SettingsError(UsageError):
    """A setting is wrong; the message names it and the form it wants."""


class HomeError(FlybyError):
    """FLYBY_HOME cannot be read or written, or what lies there is not flyby's."""


class BusyError(FlybyError):
    """Another flyby is at work in the same FLYBY_HOME and did not finish in time."""


class SourceError(FlybyError):
    """A source gave no usable answer. Final: asking again at once would change nothing (wrong key, bad request)."""


class QuotaError(SourceError):
    """The key's allowance is used up; `retry_after_s` is how long the source says to wait (None: it did not say)."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class PassingError(SourceError):
    """A source failed in a way that tends to pass (5xx, reset, truncated or empty body): worth asking again."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class FeedError(PassingError):
    """A complete answer that is not a feed; the message says which object and field. Rejected whole."""


#: Why nothing can be written somewhere, in plainer words than the system's.
_IN_WORDS = {
    errno.ENOENT: "nothing can be made there",
    errno.EACCES: "it is not yours to write",
    errno.EPERM: "it is not yours to write",
    errno.EROFS: "the disk is read-only",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your share of the disk is full",
    errno.EEXIST: "a file is in the way",
    errno.ENOTDIR: "a file is in the way",
    errno.ENAMETOOLONG: "the name is too long",
}


def unwritable(home: object, error: OSError) -> HomeError:
    """What to say where FLYBY_HOME cannot be written."""
    why = _IN_WORDS.get(error.errno or 0, error.strerror)
    return HomeError(f"FLYBY_HOME {home} cannot be written ({why}): set it to a folder of yours")


def is_interrupt(error: BaseException) -> bool:
    """Whether `error` is a person's Ctrl-C, or came of one, as DuckDB says it in the middle of a query."""
    seen: BaseException | None = error
    while seen is not None:
        if "Query interrupted" in str(seen) or "INTERRUPT Error" in str(seen):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
