"""What of one budget is used up and reserved, as its row has it, and what may begin. Pure, without a store.

    {"day": {"name": "20261129", "tokens": 90, "cost": 0.1}, "month": {"name": "202611", "tokens": 90, "cost": 0.1},
     "minute": {"since": 1796000000.5, "requests": 2, "tokens": 90},
     "largest": {"tokens": 45, "cost": 0.05},
     "runs": {"9f…": {"tokens": 45, "cost": 0.05, "reserved": {"tokens": 45, "cost": 0.05, "until": 1796…},
                      "active": 1796000600, "seen": 1796000000.5, "is_over": false}}}

A run's entry has what of its use is counted, so that each report is a total and may come twice; what is reserved for
its turn and until when; until when it is one of the runs at once (0: never, as runs that others began); and whether it
is over.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from shared.json_types import Json
from shared.settings.values import BudgetLimits

#: Seconds for which requests and tokens of a minute count.
MINUTE: Final = 60.0
#: Seconds after which a turn that waits for others of its budget looks again, if nobody wakes it.
LOOK_SECONDS: Final = 1.0
#: Seconds after which a run that is over is forgotten: no driver that has missed its end comes later.
KEPT_SECONDS: Final = 900.0
#: How many such runs are kept, the latest: every turn reads and writes the whole row.
MOST_OVER: Final = 500
#: The same for one whose end nobody reported.
LOST_SECONDS: Final = 32 * 86_400.0


@dataclass(frozen=True, slots=True)
class Amount:
    """Tokens, and what they cost."""

    tokens: int = 0
    cost: float = 0.0

    def to_json(self) -> Json:
        """As the row has it."""
        return {"tokens": self.tokens, "cost": self.cost}


@dataclass(frozen=True, slots=True)
class Shortage:
    """What is used up, and when there will be more."""

    #: The limit's name, such as `tokens_per_day`.
    limit: str
    allowed: float
    #: Seconds until something of it is free again; for a limit of a day or month until that is over.
    seconds: float

    @property
    def is_quota(self) -> bool:
        """Whether waiting a moment is no use."""
        return self.limit.endswith(("_day", "_month"))


class Ledger:
    """One budget at one time."""

    def __init__(self, data: Json | None, limits: BudgetLimits, now: float) -> None:
        self.limits, self.now = limits, now
        today = datetime.fromtimestamp(now, UTC)
        zero = Amount().to_json()
        self.data: Json = {"minute": {"since": now, "requests": 0, "tokens": 0}, "largest": zero, "runs": {}}
        self.data |= deepcopy(data or {})
        for period, name in (("day", f"{today:%Y%m%d}"), ("month", f"{today:%Y%m}")):
            if self.data.get(period, {}).get("name") != name:
                self.data[period] = {"name": name, **zero}
        if not 0 <= now - self.data["minute"]["since"] < MINUTE:
            self.data["minute"] = {"since": now, "requests": 0, "tokens": 0}
        runs = {key: each for key, each in self.data["runs"].items() if not self._is_old(each)}
        over = sorted((key for key, each in runs.items() if each.get("is_over")), key=lambda key: runs[key]["seen"])
        forgotten = {*over[:-MOST_OVER]}
        self.data["runs"] = {key: each for key, each in runs.items() if key not in forgotten}

    def shortage(self) -> Shortage | None:
        """Why no run may begin, or go on, at a client's request; None: it may."""
        used_up = self._used_up()
        if used_up is not None:
            return used_up
        minute, left, limits = self.data["minute"], self.minute_left, self.limits
        if limits.requests_per_minute is not None and minute["requests"] >= limits.requests_per_minute:
            return Shortage("requests_per_minute", limits.requests_per_minute, left)
        if limits.tokens_per_minute is not None and minute["tokens"] >= limits.tokens_per_minute:
            return Shortage("tokens_per_minute", limits.tokens_per_minute, left)
        return None

    def crowded(self, run: str) -> Shortage | None:
        """Whether as many other runs are active as may be."""
        active = sum(each["active"] > self.now for key, each in self.data["runs"].items() if key != run)
        most = self.limits.runs_at_once
        return Shortage("runs_at_once", most, 1.0) if most is not None and active >= most else None

    def enter(self, run: str, active_until: float) -> None:
        """Count a request, and a run as active until then at the latest, unless it has ended meanwhile."""
        self.data["minute"]["requests"] += 1
        entry = self._entry(run)
        if not entry.get("is_over"):
            entry["active"] = min(active_until, self.now + LOST_SECONDS)

    def leave(self, run: str) -> None:
        """The request was not carried out after all."""
        self.data["minute"]["requests"] = max(0, self.data["minute"]["requests"] - 1)
        self.data["runs"].pop(run, None)

    def reserve(self, run: str, expected: Amount, until: float) -> Shortage | float | None:
        """Reserve for a turn; None: it may begin. Else what is used up, or the seconds after which to ask again.

        A turn begins while something is neither used nor reserved. Turns that use no more than is expected of them, or
        than the largest before, so overshoot by less than one of them, however many processes take them.
        """
        used_up = self._used_up()
        if used_up is not None:
            return used_up
        others = [each["reserved"] for key, each in self.data["runs"].items() if key != run and each["reserved"]]
        held = [each for each in others if each["until"] > self.now]
        limit, minute = self.limits.tokens_per_minute, self.data["minute"]
        if limit is not None and minute["tokens"] + sum(each["tokens"] for each in held) >= limit:
            return min(LOOK_SECONDS, self.minute_left)
        for period, measure, limit_of_period in self._quotas():
            if self.data[period][measure] + sum(each[measure] for each in held) >= limit_of_period:
                return LOOK_SECONDS
        largest = self.data["largest"]
        most = Amount(max(expected.tokens, largest["tokens"]), max(expected.cost, largest["cost"]))
        self._entry(run)["reserved"] = {**most.to_json(), "until": until}
        return None

    def settle(self, run: str, total: Amount, *, over: bool) -> None:
        """A run has used so much by now, all in all; nothing is reserved for it any more, and it may be over."""
        entry = self._entry(run)
        tokens, cost = max(0, total.tokens - entry["tokens"]), max(0.0, total.cost - entry["cost"])
        for period in ("day", "month"):
            self.data[period]["tokens"] += tokens
            self.data[period]["cost"] += cost
        self.data["minute"]["tokens"] += tokens
        largest = self.data["largest"]
        self.data["largest"] = {"tokens": max(largest["tokens"], tokens), "cost": max(largest["cost"], cost)}
        entry |= {"tokens": entry["tokens"] + tokens, "cost": entry["cost"] + cost, "reserved": None}
        if over:
            entry |= {"active": 0, "is_over": True}

    @property
    def minute_left(self) -> float:
        """Seconds until the present minute is over."""
        since: float = self.data["minute"]["since"]
        return max(0.0, since + MINUTE - self.now)

    def period_left(self, period: str) -> float:
        """Seconds until the day or month is over."""
        today = datetime.fromtimestamp(self.now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        end = (
            today + timedelta(days=1) if period == "day" else (today.replace(day=1) + timedelta(days=32)).replace(day=1)
        )
        return max(0.0, end.timestamp() - self.now)

    def _used_up(self) -> Shortage | None:
        for period, measure, limit in self._quotas():
            if self.data[period][measure] >= limit:
                return Shortage(f"{measure}_per_{period}", limit, self.period_left(period))
        return None

    def _quotas(self) -> list[tuple[str, str, float]]:
        """Period, measure and limit, for those that are set."""
        names = [(period, measure) for period in ("day", "month") for measure in ("tokens", "cost")]
        found = [(period, measure, getattr(self.limits, f"{measure}_per_{period}")) for period, measure in names]
        return [each for each in found if each[2] is not None]

    def _entry(self, run: str) -> dict[str, Any]:
        fresh = {"tokens": 0, "cost": 0.0, "reserved": None, "active": 0, "seen": self.now, "is_over": False}
        entry: dict[str, Any] = self.data["runs"].setdefault(run, fresh)
        entry["seen"] = self.now
        return entry

    def _is_old(self, entry: Json) -> bool:
        kept = KEPT_SECONDS if entry.get("is_over") else LOST_SECONDS
        return bool(self.now - entry["seen"] > kept)
