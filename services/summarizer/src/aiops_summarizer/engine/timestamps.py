"""Reads the timestamps that logs start with, as microseconds since 1970 UTC.

A time without a zone is taken as UTC. A date without a year gets the year that makes it the most
recent date that is not after the reference time (RFC 3164 timestamps have no year, section 4.1.2).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

MONTH: Final = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_MONTHS: Final = {name: number for number, name in enumerate(MONTH[3:-1].split("|"), start=1)}
WEEKDAY: Final = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_CLOCK: Final = r"\d{1,2}:\d{2}:\d{2}"
_ZONES: Final = {"CET": 60, "CEST": 120, "EST": -300, "EDT": -240, "CST": -360, "CDT": -300}
_ZONES.update({"MST": -420, "MDT": -360, "PST": -480, "PDT": -420, "Z": 0, "UTC": 0, "GMT": 0})  # RFC 5322, section 4.3
# Possessive: a zone must not be given back to be read as the field that follows.
_ZONE: Final = rf"(\s?(?:(?:{'|'.join(_ZONES)})\b|[+-]\d{{2}}:?\d{{2}}\b))?+"
_DATE: Final = r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}"
_DAY: Final = rf"(?:{WEEKDAY},? )?"
_FRACTION: Final = r"([.,:]\d+)?+"
_MAX_CACHED: Final = 4096
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"\d+")
_MONTH = re.compile(MONTH)


@dataclass(frozen=True, slots=True)
class TimeKind:
    """A way to write a time. ``pattern`` has three groups: the time to the second, its fraction, its zone."""

    name: str
    pattern: str
    fields: Callable[[list[int], int | None], tuple[int | None, int, int, int, int, int] | None]


def _ymd(n: list[int], _: int | None) -> tuple[int | None, int, int, int, int, int]:
    year = n[0] + 2000 if n[0] < 100 else n[0]
    return year, n[1], n[2], n[3], n[4], n[5]


def _mdy(n: list[int], _: int | None) -> tuple[int | None, int, int, int, int, int]:
    month, day = (n[1], n[0]) if n[0] > 12 else (n[0], n[1])
    return n[2], month, day, n[3], n[4], n[5]


def _digits(n: list[int], _: int | None) -> tuple[int | None, int, int, int, int, int]:
    digits = "".join(f"{part:02d}" for part in n)
    digits = digits if len(digits) >= 14 else "20" + digits.zfill(12)
    return (
        int(digits[:4]),
        int(digits[4:6]),
        int(digits[6:8]),
        int(digits[8:10]),
        int(digits[10:12]),
        int(digits[12:14]),
    )


def _six(n: list[int], _: int | None) -> tuple[int | None, int, int, int, int, int]:
    (yy, mm, dd), (h, m, s) = ((v // 10000, v // 100 % 100, v % 100) for v in n[:2])
    return 2000 + yy, mm, dd, h, m, s


def _named(n: list[int], month: int | None) -> tuple[int | None, int, int, int, int, int] | None:
    if month is None:
        return None
    years = [v for v in n if v > 31 and v >= 1970]
    day, hour, minute, second = [v for v in n if v < 1970][:4]
    return (years[0] if years else None), month, day, hour, minute, second


def _month_day(n: list[int], _: int | None) -> tuple[int | None, int, int, int, int, int]:
    return None, n[0], n[1], n[2], n[3], n[4]


def _no_date(_n: list[int], _m: int | None) -> None:
    return None


KINDS: Final = (
    TimeKind("iso", rf"({_DATE}[T _-]\d{{1,2}}[:.]\d{{2}}[:.]\d{{2}}){_FRACTION}{_ZONE}", _ymd),
    TimeKind("named", rf"({_DAY}{MONTH}\s+\d{{1,2}}(?:,? \d{{4}})?,? {_CLOCK})(\.\d+)?( \d{{4}}\b)?", _named),
    TimeKind("day first", rf"({_DAY}\d{{1,2}}[ /-]{MONTH}[ /-]\d{{4}}[ :]{_CLOCK}){_FRACTION}{_ZONE}", _named),
    TimeKind("short year", rf"(\d{{2}}/\d{{2}}/\d{{2}} {_CLOCK}){_FRACTION}{_ZONE}", _ymd),
    TimeKind("long year", rf"(\d{{1,2}}/\d{{1,2}}/\d{{4}},? {_CLOCK}){_FRACTION}{_ZONE}", _mdy),
    TimeKind("month and day", rf"(\d{{2}}[-./]\d{{2}} {_CLOCK}){_FRACTION}{_ZONE}", _month_day),
    TimeKind("compact", rf"(\d{{8}}[-T ]?\d{{2}}:?\d{{2}}:?\d{{2}}){_FRACTION}{_ZONE}", _digits),
    TimeKind("two sixes", r"(\d{6} \d{6})()()", _six),
    TimeKind("epoch", r"(1\d{9})(\.\d+|\d{3})?()", _no_date),
    TimeKind("clock", rf"({_CLOCK}){_FRACTION}()", _no_date),
)
BY_NAME: Final = {kind.name: kind for kind in KINDS}
_ANY = [(kind, re.compile(kind.pattern)) for kind in KINDS if kind.name != "clock"]


class Clock:
    """Turns timestamp texts into microseconds; remembers the seconds it has already read."""

    def __init__(self, reference: datetime | None = None) -> None:
        self._latest = (reference or datetime.now(UTC)) + timedelta(days=1)
        self._seconds: dict[tuple[str, str | None], int | None] = {}

    def micros(self, kind: TimeKind, main: str, fraction: str | None, zone: str | None) -> int | None:
        """Microseconds since 1970 UTC of the three groups of ``kind.pattern``; None if it is no date."""
        key = (main, zone)
        seconds = self._seconds.get(key, -1)
        if seconds == -1:
            if len(self._seconds) >= _MAX_CACHED:
                self._seconds.clear()
            seconds = self._seconds[key] = self._read(kind, main, zone)
        if seconds is None:
            return None
        if not fraction:
            return seconds * 1_000_000
        return seconds * 1_000_000 + int((fraction.lstrip(".,:") + "000000")[:6])

    def parse(self, value: object) -> int | None:
        """Microseconds of a field's value: a text in any known form, or seconds to nanoseconds since 1970."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            number = float(value)
            while number > 1e11:
                number /= 1000
            return round(number * 1_000_000) if number > 1e8 else None
        if isinstance(value, str):
            for kind, pattern in _ANY:
                if found := pattern.match(value):
                    return self.micros(kind, *found.groups())
        return None

    def _read(self, kind: TimeKind, main: str, zone: str | None) -> int | None:
        if kind.name == "epoch":
            return int(main)
        if kind.name == "named" and zone:  # its third group is a year that follows the time
            main, zone = main + zone, None
        numbers = [int(n) for n in _NUMBER.findall(main)]
        named = _MONTH.search(main)
        try:
            fields = kind.fields(numbers, _MONTHS[named[0]] if named else None)
            return None if fields is None else self._seconds_of(fields, _offset(zone))
        except (ValueError, IndexError):
            return None

    def _seconds_of(self, fields: tuple[int | None, int, int, int, int, int], offset: timedelta) -> int:
        year, *rest = fields
        month, day, hour, minute, second = rest
        second = min(second, 59)  # a leap second has no place in datetime
        if year is not None:
            return int((datetime(year, month, day, hour, minute, second, tzinfo=UTC) - offset - _EPOCH).total_seconds())
        for year in range(self._latest.year, self._latest.year - 8, -1):
            if (month, day) == (2, 29) and (year % 4 or (year % 100 == 0 and year % 400)):
                continue
            moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - offset
            if moment <= self._latest:
                return int((moment - _EPOCH).total_seconds())
        raise ValueError(f"no year fits month {month} and day {day}")


def _offset(zone: str | None) -> timedelta:
    if not zone:
        return timedelta()
    zone = zone.strip()
    if zone in _ZONES:
        return timedelta(minutes=_ZONES[zone])
    sign = -1 if zone[0] == "-" else 1
    return sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))


def to_datetime(micros: int | None) -> datetime | None:
    """The UTC datetime of ``micros`` since 1970; None stays None."""
    return None if micros is None else _EPOCH + timedelta(microseconds=micros)
