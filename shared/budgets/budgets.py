"""Budgets of owners and assistants: asked before a run begins and before each turn, told after each turn.

Only who has a budget pays for it: a commit before a turn and one after. What is used up stands in rows of the owner's,
changed under their versions, so that all processes of a box see one budget. Each process keeps the rows as it wrote
them last; it reads again when somebody else has written, and before it refuses anything.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Final

from shared.backoff import Backoff
from shared.budgets import own
from shared.budgets.answers import headers_of, refused, words_of
from shared.budgets.ledger import Amount, Ledger, Shortage
from shared.config import Settings
from shared.json_types import Json
from shared.llm.base import LlmError
from shared.objects.common import Metadata
from shared.objects.run import RunRecord
from shared.settings.values import Budget, BudgetLimits
from shared.store.base import Conflict, Put, Store, Unavailable
from shared.usage import keys
from shared.usage.prices import cost
from shared.usage.rows import run_data
from shared.wakes import Wakes

logger = logging.getLogger(__name__)

#: Between attempts at rows that other processes write to, too.
BACKOFF: Final = Backoff(first=0.003, longest=1.0, attempts=30, spread=(0.0, 1.0))
#: Tokens that an answer is expected to have, where neither the client nor earlier turns say more.
FIRST_OUTPUT: Final = 2000
#: Assistants with a budget of their owner's whose limits are kept in memory.
REMEMBERED: Final = 1000


class _Held(Exception):
    """The budget does not allow it."""


class _UsedUp(_Held):
    def __init__(self, shortage: Shortage, ledgers: list[Ledger]):
        super().__init__(shortage.limit)
        self.shortage, self.ledgers = shortage, ledgers


class _NotYet(_Held):
    def __init__(self, seconds: float):
        super().__init__("others of the budget are under way")
        self.seconds = seconds


class Budgets:
    """The budgets of a box, as one process uses them."""

    def __init__(self, settings: Settings, store: Store, wakes: Wakes, clock: Callable[[], float]) -> None:
        """Raises ValueError for budgets in money without prices."""
        self._settings, self._store, self._wakes, self._clock = settings, store, wakes, clock
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        #: Owner and assistant -> what its owner has given it, as its latest run had it: for headers of answers.
        self._given: dict[tuple[str, str], BudgetLimits] = {}
        #: Owner -> key -> the row's data and version, as we know them.
        self._known: dict[str, dict[str, tuple[Json | None, str | None]]] = {}
        if not settings.prices and any(each.are_in_money for each in settings.budgets.values()):
            raise ValueError("BUDGETS in money need PRICES")

    def limits(self, owner: str, assistant_id: str, given: BudgetLimits | None = None) -> dict[str, BudgetLimits]:
        """Key of the row -> the limits that bind a run: the operator's, and those that the assistant's owner has given.

        Who has none pays for none.
        """
        budgets = self._settings.budgets
        budget: Budget | None = budgets.get(owner, budgets.get("*"))
        if budget is None and given is None:
            return {}
        found: dict[str, BudgetLimits] = {} if budget is None or budget.are_none else {keys.BUDGET: budget}
        of_assistant = own.smaller(None if budget is None else budget.assistants.get(assistant_id), given)
        if of_assistant is not None:
            digest = hashlib.sha256(assistant_id.encode()).hexdigest()[:32]
            found[f"{keys.BUDGET}-{digest}"] = of_assistant
        return found

    def check(self, owner: str, assistant_id: str, metadata: Metadata) -> None:
        """Refuse an assistant's metadata whose budget is none, or above the operator's. Raises InvalidRequest."""
        allowed = self.limits(owner, assistant_id).values()
        own.check(metadata, allowed, has_prices=bool(self._settings.prices))

    def _limits(self, record: RunRecord) -> dict[str, BudgetLimits]:
        given = None if record.budget is None else BudgetLimits.model_validate(record.budget)
        return self.limits(record.owner, record.run.assistant_id, given)

    async def admit(self, record: RunRecord, *, begins: bool = True) -> None:
        """Count a request that begins a run, or goes on with one. Raises RateLimited."""

        def enter(ledgers: list[Ledger]) -> None:
            for ledger in ledgers:
                shortage = ledger.shortage() or (ledger.crowded(_run(record)) if begins else None)
                if shortage is not None:
                    raise _UsedUp(shortage, ledgers)
            for ledger in ledgers:
                ledger.enter(_run(record), record.run.deadline)

        if record.budget is not None:
            while len(self._given) >= REMEMBERED:
                self._given.pop(next(iter(self._given)))
            given = BudgetLimits.model_validate(record.budget)
            self._given[record.owner, record.run.assistant_id] = given
        try:
            await self._change(record, enter)
        except _UsedUp as found:
            self._log_refusal(record, found.shortage)
            raise refused(found.shortage, found.ledgers) from None

    def begun(self, record: RunRecord) -> Beginning:
        """In the block a run is stored that was admitted; if that fails, its request does not count."""
        return Beginning(self, record)

    async def withdraw(self, record: RunRecord) -> None:
        """A request was admitted and began no run."""

        def leave(ledgers: list[Ledger]) -> None:
            for ledger in ledgers:
                ledger.leave(_run(record))

        await self._change(record, leave)

    async def reserve(self, record: RunRecord, prompt: int, output: int | None) -> None:
        """Wait until a turn may begin, with so many tokens in its prompt and so many at most in its answer.

        Raises LlmError when the budget is used up: there will be no turn.
        """
        if not self._limits(record):
            return
        expected = self._amount(record, prompt, FIRST_OUTPUT if output is None else output)

        def attempt(ledgers: list[Ledger]) -> None:
            for ledger in ledgers:
                found = ledger.reserve(_run(record), expected, record.run.deadline)
                if isinstance(found, Shortage):
                    raise _UsedUp(found, ledgers)
                if found is not None:
                    raise _NotYet(found)

        with self._wakes.listening(_wake(record.owner)) as ear:
            while True:
                try:
                    await self._change(record, attempt)
                    return
                except _NotYet as held:
                    await ear.listen(held.seconds)
                except _UsedUp as found:
                    self._log_refusal(record, found.shortage)
                    raise LlmError("rate_limit_exceeded", words_of(found.shortage)) from None

    async def settle(self, record: RunRecord, *, over: bool) -> None:
        """Tell what a run has used by now; nothing is reserved for it any more."""
        if not self._limits(record):
            return
        total = self._total(record)

        def tell(ledgers: list[Ledger]) -> None:
            for ledger in ledgers:
                ledger.settle(_run(record), total, over=over)

        await self._change(record, tell)
        self._wakes.call(_wake(record.owner))

    def headers(self, owner: str, assistant_id: str) -> dict[str, str]:
        """What an answer says of the budget, as this process knows it; nothing where there is none."""
        given = self._given.get((owner, assistant_id))
        known, limits = self._known.get(owner, {}), self.limits(owner, assistant_id, given)
        ledgers = [Ledger(known.get(key, (None, None))[0], each, self._clock()) for key, each in limits.items()]
        return headers_of(ledgers)

    def _log_refusal(self, record: RunRecord, shortage: Shortage) -> None:
        """Say whose budget is used up, and who has set it.

        One of a day or month is the operator's business, unless the owner has set it; one of a minute is the client's.
        """
        by_operator = self.limits(record.owner, record.run.assistant_id).values()
        is_operators = any(getattr(each, shortage.limit) == shortage.allowed for each in by_operator)
        told = {
            "action": "over_budget",
            "owner": record.owner,
            "limit": shortage.limit,
            "allowed": shortage.allowed,
            "set_by": "operator" if is_operators else "owner",
        }
        logger.log(logging.WARNING if is_operators and shortage.is_quota else logging.INFO, "over budget", extra=told)

    def _total(self, record: RunRecord) -> Amount:
        price = cost(run_data(record), self._settings.prices)
        return Amount(record.spent.total_tokens, float(price or 0))

    def _amount(self, record: RunRecord, prompt: int, answer: int) -> Amount:
        row = {"model": record.booked_model, "input_tokens": prompt, "output_tokens": answer}
        price = cost(row | {"cached_tokens": 0, "cache_write_tokens": 0}, self._settings.prices)
        return Amount(prompt + answer, float(price or 0))

    async def _change(self, record: RunRecord, apply: Callable[[list[Ledger]], None]) -> None:
        """Apply a change to the rows that bind a run and commit it, again after conflicts; nothing if there are none.

        What `apply` raises is only believed of rows that were just read.
        """
        limits = self._limits(record)
        if not limits:
            return
        async with self._locks[record.owner]:
            fresh = False
            for delay in [*BACKOFF.delays(), 0.0]:
                known = await self._rows(record.owner, limits, fresh=fresh)
                ledgers = [Ledger(known[key][0], each, self._clock()) for key, each in limits.items()]
                try:
                    apply(ledgers)
                    await self._commit(record.owner, limits, known, ledgers)
                    return
                except _Held:
                    if fresh:
                        raise
                except Conflict:
                    await asyncio.sleep(delay)
                fresh = True
        raise Unavailable("the budget's rows are written by too many at once")

    async def _rows(
        self, owner: str, limits: dict[str, BudgetLimits], *, fresh: bool
    ) -> dict[str, tuple[Json | None, str | None]]:
        known = self._known.setdefault(owner, {})
        for key in limits:
            if fresh or key not in known:
                row = await self._store.get(keys.budget(owner), key)
                known[key] = (None, None) if row is None else (row.data, row.version)
        return known

    async def _commit(
        self,
        owner: str,
        limits: dict[str, BudgetLimits],
        known: dict[str, tuple[Json | None, str | None]],
        ledgers: list[Ledger],
    ) -> None:
        puts = [Put(key, ledger.data, known[key][1]) for key, ledger in zip(limits, ledgers, strict=True)]
        try:
            versions = await self._store.commit(keys.budget(owner), puts)
        except BaseException:
            self._known.pop(owner, None)
            raise
        known |= {put.key: (put.data, version) for put, version in zip(puts, versions, strict=True)}


class Beginning:
    """The block in which a run is stored. A class, since every run passes one: a generator would cost twice as much."""

    def __init__(self, budgets: Budgets, record: RunRecord) -> None:
        self._budgets, self._record = budgets, record

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            await asyncio.shield(self._budgets.withdraw(self._record))


def _run(record: RunRecord) -> str:
    """A run's name in the rows."""
    return hashlib.sha256(f"{record.run.thread_id} {record.run.id}".encode()).hexdigest()[:24]


def _wake(owner: str) -> str:
    return f"budget {owner}"
