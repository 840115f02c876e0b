"""What every queue does: messages come at least once, after their delay, with their attempts counted."""

from __future__ import annotations

import asyncio
import base64
import time
from contextlib import suppress

import pytest

from shared.queue.azure import AzureQueue
from shared.queue.base import MAX_BODY, QueueUnavailable, Received


async def test_a_message_comes_back_as_it_was_sent(queue):
    body = {"run": "run_1", "text": "Grüße 🎉 <&>", "n": 0, "none": None}
    await queue.send(body)
    [message] = await queue.receive(1, 30, 5)
    assert (message.body, message.attempt) == (body, 1)


async def test_an_empty_queue_answers_nothing(queue):
    assert await queue.receive(5, 30, 0) == []
    began = time.monotonic()
    assert await queue.receive(5, 30, 0.3) == []
    assert time.monotonic() - began >= 0.29


async def test_a_receiver_takes_no_more_than_it_asked_for(queue):
    for n in range(5):
        await queue.send({"n": n})
    first = await queue.receive(3, 30, 0)
    second = await queue.receive(3, 30, 0)
    assert (len(first), len(second)) == (3, 2)
    assert {message.body["n"] for message in first + second} == set(range(5))


async def test_a_taken_message_is_hidden_then_comes_again(queue):
    await queue.send({"n": 1})
    [first] = await queue.receive(1, 1, 0)
    assert await queue.receive(1, 1, 0) == []
    [second] = await queue.receive(1, 30, 5)
    assert (first.attempt, second.attempt, second.body) == (1, 2, {"n": 1})


async def test_a_deleted_message_never_comes_again(queue):
    await queue.send({"n": 1})
    [message] = await queue.receive(1, 1, 0)
    await queue.delete(message)
    assert await queue.receive(1, 1, 1.2) == []


async def test_deleting_twice_is_no_error(queue):
    await queue.send({"n": 1})
    [message] = await queue.receive(1, 30, 0)
    await queue.delete(message)
    await queue.delete(message)


async def test_who_lost_a_message_cannot_delete_it(queue, home):
    await queue.send({"n": 1})
    [lost] = await queue.receive(1, 1, 0)
    [taken] = await home.queue().receive(1, 1, 5)
    await queue.delete(lost)
    [again] = await queue.receive(1, 30, 5)
    assert (taken.attempt, again.attempt) == (2, 3)


async def test_who_lost_a_message_cannot_give_it_back(queue, home):
    await queue.send({"n": 1})
    [lost] = await queue.receive(1, 1, 0)
    [taken] = await home.queue().receive(1, 30, 5)
    await queue.retry(lost, 0)
    assert await queue.receive(1, 30, 0) == []
    await home.queue().delete(taken)


async def test_a_delayed_message_waits(queue):
    await queue.send({"n": 1}, delay=1)
    assert await queue.receive(1, 30, 0) == []
    began = time.monotonic()
    [message] = await queue.receive(1, 30, 5)
    assert 0.3 < time.monotonic() - began < 4
    assert message.body == {"n": 1}


async def test_a_message_given_back_waits_and_counts(queue):
    await queue.send({"n": 1})
    [message] = await queue.receive(1, 30, 0)
    await queue.retry(message, 1)
    assert await queue.receive(1, 30, 0) == []
    [again] = await queue.receive(1, 30, 5)
    assert again.attempt == 2
    await queue.retry(again, 0)
    [third] = await queue.receive(1, 30, 1)
    assert third.attempt == 3


async def test_a_waiting_receiver_gets_a_message_of_another_host(queue, home):
    waiting = asyncio.create_task(queue.receive(1, 30, 10))
    await asyncio.sleep(0)
    await home.queue().send({"n": 1})
    [message] = await waiting
    assert message.body == {"n": 1}


async def test_a_message_goes_to_one_receiver(home):
    queues = [home.queue() for _ in range(4)]
    for n in range(20):
        await queues[0].send({"n": n})
    taken = await asyncio.gather(*(queue.receive(10, 30, 0) for queue in queues))
    taken.append(await queues[0].receive(32, 30, 0))
    assert sorted(message.body["n"] for messages in taken for message in messages) == list(range(20))


async def test_the_largest_body(queue):
    body = {"text": "x" * (MAX_BODY - 11)}
    await queue.send(body)
    [message] = await queue.receive(1, 30, 5)
    assert message.body == body
    with pytest.raises(ValueError):
        await queue.send({"text": "x" * MAX_BODY})


async def test_queues_do_not_mix(home):
    await home.queue("runs").send({"n": 1})
    assert await home.queue("other").receive(1, 30, 0) == []


#: JSON that has no end and more levels than a reader has.
NESTED = base64.b64encode(b"[" * 20_000).decode()


async def put(queue, content: str) -> None:
    """A message that somebody else has put there."""
    if isinstance(queue, AzureQueue):
        await queue._service.get_queue_client(queue._queue.queue_name).send_message(content)
        return
    with suppress(ValueError):
        content = base64.b64decode(content, validate=True).decode("latin-1")
    row = (7, queue._name, content, time.time())
    insert = "INSERT INTO messages (id, queue, body, visible) VALUES (?, ?, ?, ?)"
    await queue._database.write(lambda file: file.execute(insert, row), QueueUnavailable)


@pytest.mark.parametrize(
    "foreign", ["plain text", "W10=", "/w==", NESTED], ids=["no base64", "no object", "no text", "no end"]
)
async def test_a_message_of_somebody_else_does_not_hold_up_ours(queue, foreign):
    await queue.send({"n": 1})
    await put(queue, foreign)
    await queue.send({"n": 2})

    taken: list[Received] = []
    while len(taken) < 3:
        taken += await queue.receive(10, 30, 1)
    [theirs] = [message for message in taken if message.body not in ({"n": 1}, {"n": 2})]
    assert theirs.body == {}
    await queue.delete(theirs)
    assert await queue.count() == 2


async def test_messages_are_counted_taken_and_delayed_ones_too(queue):
    assert await queue.count() == 0
    for delay in (0, 0, 60):
        await queue.send({"n": 1}, delay)
    await queue.receive(1, 30, 0)
    assert await queue.count() == 3


async def test_what_nobody_can_read_in_the_poison_queue_is_told(queue):
    assert (await queue.poison()).unreadable == ()
    if not isinstance(queue, AzureQueue):
        return
    poison = queue._service.get_queue_client(f"{queue._queue.queue_name}-poison")
    await poison.create_queue()
    strangers = [await poison.send_message(each) for each in ("plain text", NESTED)]
    await poison.send_message("eyJuIjogMX0=")

    found = await queue.poison()
    assert (found.messages, found.unreadable) == (3, tuple(each.id for each in strangers))
    await poison.delete_queue()


async def test_poison_is_shown_given_back_and_dropped(queue):
    assert await queue.poison_messages() == []
    assert await queue.settle_poison(["none"], give_back=True) == await queue.settle_poison(None, give_back=True) == []
    if not isinstance(queue, AzureQueue):
        return
    poison = queue._service.get_queue_client(f"{queue._queue.queue_name}-poison")
    await poison.create_queue()
    for content in ("eyJuIjogMX0=", "plain text", "eyJuIjogMn0="):
        await poison.send_message(content)
    first, second, third = await queue.poison_messages()
    assert [each.content for each in (first, second, third)] == ["eyJuIjogMX0=", "plain text", "eyJuIjogMn0="]
    assert abs(first.since - time.time()) < 60

    assert await queue.settle_poison([first.id], give_back=True) == [first.id]
    assert await queue.settle_poison([second.id, "none"], give_back=False) == [second.id]
    assert await queue.settle_poison([second.id], give_back=False) == []
    assert [each.id for each in await queue.poison_messages()] == [third.id], "others are not held back"
    assert [message.body for message in await queue.receive(5, 30, 0)] == [{"n": 1}]
    await poison.delete_queue()


async def test_poison_beyond_what_the_service_shows_is_reached_and_all_of_it_settled(queue):
    if not isinstance(queue, AzureQueue):
        return
    poison = queue._service.get_queue_client(f"{queue._queue.queue_name}-poison")
    await poison.create_queue()
    sent = [(await poison.send_message("eyJuIjogMX0=")).id for _ in range(70)]
    assert len(await queue.poison_messages()) == 32
    assert {each.id for each in await queue.poison_messages(1000)} == {*sent}
    assert {each.id for each in await queue.poison_messages(1000)} == {*sent}, "they were let go again"

    assert await queue.settle_poison([sent[-1]], give_back=True) == [sent[-1]]
    assert {*await queue.settle_poison(None, give_back=False)} == {*sent[:-1]}
    assert (await queue.poison()).messages == 0
    assert [message.body for message in await queue.receive(5, 30, 0)] == [{"n": 1}]
    await poison.delete_queue()


@pytest.mark.parametrize("delay", [0, 60])
async def test_a_message_can_be_taken_back_by_its_sender(queue, delay):
    sent = await queue.send({"n": 1}, delay)
    await queue.send({"n": 2})
    await queue.delete(sent)
    await queue.delete(sent)
    assert [message.body["n"] for message in await queue.receive(10, 30, 0)] == [2]


async def test_a_message_that_was_taken_cannot_be_taken_back(queue, home):
    sent = await queue.send({"n": 1})
    [taken] = await home.queue().receive(1, 1, 0)
    await queue.delete(sent)
    [again] = await queue.receive(1, 30, 5)
    assert (taken.attempt, again.attempt) == (1, 2)


async def rewritten(queue, spare, body, delay):
    message = queue.prepare(body, delay, spare)
    await message.make()
    return message.outcome


async def test_a_spare_message_says_something_else_later(queue):
    sent = await queue.send({"n": 1}, 60)
    later = await rewritten(queue, sent, {"n": 2, "text": "Grüße <&>"}, 1)
    assert await queue.receive(1, 30, 0) == []
    [message] = await queue.receive(1, 30, 5)
    assert (message.body, message.attempt) == ({"n": 2, "text": "Grüße <&>"}, 1)
    await rewritten(queue, later, {"n": 3}, 0)
    assert [message.body for message in await queue.receive(10, 30, 5)] == [{"n": 3}]


async def test_a_message_changes_again_and_again_and_is_taken_back(queue):
    sent = await queue.send({"n": 0}, 60)
    for n in range(1, 4):
        sent = await rewritten(queue, sent, {"n": n}, 60)
    sent = await rewritten(queue, sent, {"n": 4}, 0)
    await queue.delete(sent)
    assert await queue.receive(1, 30, 0) == []


@pytest.mark.parametrize("fate", ["taken", "deleted"])
async def test_a_message_that_is_not_spare_any_more_stays_as_it_is(queue, home, fate):
    sent = await queue.send({"n": 1})
    if fate == "taken":
        [taken] = await home.queue().receive(1, 30, 5)
    else:
        await queue.delete(sent)
    instead = await rewritten(queue, sent, {"n": 2}, 0)
    assert [message.body for message in await queue.receive(10, 0, 5)] == [{"n": 2}]
    if fate == "taken":
        await home.queue().retry(taken, 0)
        assert {message.body["n"] for message in await queue.receive(10, 30, 5)} >= {1}
    assert instead != sent
