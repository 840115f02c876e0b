"""Who may drive a run: taken, kept, given back, lost."""

from __future__ import annotations

import pytest

from shared.objects.run import Run, RunRecord
from shared.objects.thread import Counters
from shared.runs import lease


@pytest.fixture
def record() -> RunRecord:
    run = Run(id="run_1", created_at=0, assistant_id="asst_1", thread_id="thread_1", model="m")
    return RunRecord(run=run, owner="me", next=Counters(), first=Counters())


def test_a_run_is_held_until_its_lease_has_run_out(record):
    assert not lease.is_held(record, 1000)

    lease.take(record, 1000, 60)

    assert lease.is_held(record, 1059)
    assert not lease.is_held(record, 1060)


def test_each_drive_is_a_holder_of_its_own(record):
    first = lease.take(record, 1000, 60)
    second = lease.take(record, 1061, 60)

    assert first != second
    assert lease.is_held_by_other(record, first, 1062)
    assert not lease.is_held_by_other(record, second, 1062)


def test_a_lease_that_ran_out_is_still_its_holders_until_somebody_takes_it(record):
    holder = lease.take(record, 1000, 60)

    assert lease.is_held_by(record, holder)
    assert not lease.is_held(record, 2000)
    assert not lease.is_held_by_other(record, "somebody", 2000)


def test_half_of_a_lease_may_pass_before_it_is_renewed(record):
    holder = lease.take(record, 1000, 60)
    assert not lease.is_due(record, 1030, 60)
    assert lease.is_due(record, 1031, 60)

    lease.renew(record, holder, 1091)

    assert not lease.is_due(record, 1031, 60)
    assert lease.is_held_by(record, holder)
    assert lease.is_held(record, 1090)


def test_a_lease_that_was_given_back_is_nobodys(record):
    holder = lease.take(record, 1000, 60)

    lease.release(record)

    assert not lease.is_held(record, 1001)
    assert not lease.is_held_by(record, holder)
    assert not lease.is_due(record, 1059, 60)


def test_a_watchdog_is_under_way_until_it_is_there_or_forgotten(record):
    assert not lease.is_watched(record, 1000)
    lease.watch_until(record, 1060.5)
    assert lease.is_watched(record, 1060)
    assert not lease.is_watched(record, 1060.5)

    lease.watch_until(record, 2000)
    lease.forget_watchdog(record)

    assert not lease.is_watched(record, 1000)
