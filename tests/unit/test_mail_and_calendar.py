"""`send_email` and `create_calendar_event` against a local Logic App, and into the outbox."""

from __future__ import annotations

import asyncio
import json

import pytest
from azure.core.exceptions import ClientAuthenticationError

from shared.tools.base import ToolContext
from shared.tools.create_calendar_event import create_calendar_event_tool
from shared.tools.delivery import AllowedDomains
from shared.tools.logic_app import LogicApp
from shared.tools.outbox import Outbox
from shared.tools.send_email import send_email_tool
from tests.fakes.logic_app import FakeIdentity, FakeLogicApp, schema

CONTEXT = ToolContext(call_id="call_7", owner="alice", thread_id="thread_1", run_id="run_1")
MAIL = {"to": "bob@contoso.com", "subject": "Report", "body": "All is well."}
EVENT = {"subject": "Review", "start": "2026-07-01T09:00", "end": "2026-07-01T10:30:00", "time_zone": "Europe/Zurich"}
UNKNOWN = "It is unknown whether it took effect: do not repeat it, tell the user."
CONTOSO = AllowedDomains.parse("contoso.com, @Fabrikam.com")


@pytest.fixture
async def mailer():
    app = FakeLogicApp("send-email")
    await app.start()
    yield app
    await app.stop()


@pytest.fixture
async def calendar():
    app = FakeLogicApp("create-event")
    await app.start()
    yield app
    await app.stop()


async def send(app, mail, *, allowed=CONTOSO, identity=FakeIdentity, context=CONTEXT, **limits) -> str:
    delivery = LogicApp(app.url, identity, done="Handed over.", **limits)
    return await send_email_tool(delivery, allowed).run(json.dumps(mail), context)


async def invite(app, event) -> str:
    delivery = LogicApp(app.url, FakeIdentity, done="Created.")
    return await create_calendar_event_tool(delivery, CONTOSO).run(json.dumps(event), CONTEXT)


async def test_a_mail_goes_out_with_the_identitys_token_and_the_call_id(mailer):
    assert await send(mailer, MAIL) == "Handed over."
    assert mailer.accepted == [MAIL]
    assert mailer.tracking_ids == ["call_7"]


async def test_a_call_id_that_is_no_header_is_made_one(mailer):
    context = ToolContext(call_id="functions.send:0\r\nX-Evil: ü", owner="a", thread_id="t", run_id="r")
    assert await send(mailer, MAIL, context=context) == "Handed over."
    assert mailer.tracking_ids == ["functions.send_0__X-Evil___"]


async def test_several_recipients_are_separated_as_the_connector_wants_it(mailer):
    await send(mailer, MAIL | {"to": " bob@contoso.com, eve@FABRIKAM.com; "})
    assert mailer.accepted[0]["to"] == "bob@contoso.com;eve@FABRIKAM.com"


async def test_markup_in_the_body_is_shown_and_not_obeyed(mailer):
    await send(mailer, MAIL | {"body": "a < b\n<img src=x onerror='alert(1)'>"})
    assert mailer.accepted[0]["body"] == "a &lt; b<br>\n&lt;img src=x onerror=&#x27;alert(1)&#x27;&gt;"


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("eve@evil.com", "eve@evil.com may not be written to; allowed domains: contoso.com, fabrikam.com"),
        ("bob@contoso.com; eve@evil.com", "eve@evil.com may not be written to"),
        ("bob@sub.contoso.com", "may not be written to"),
        ("bob@notcontoso.com", "may not be written to"),
        ("bob@contoso.com.evil.com", "may not be written to"),
        ("bob@contoso.com@evil.com", "is not a plain e-mail address"),
        ('"eve@evil.com"@contoso.com', "is not a plain e-mail address"),
        ("Bob <bob@contoso.com>", "is not a plain e-mail address"),
        ("bob@contoso.com\nBcc: eve@evil.com", "is not a plain e-mail address"),
        ("bob@contoso\u3002com", "is not a plain e-mail address"),
        ("bob@contоso.com", "is not a plain e-mail address"),
        ("bob", "is not a plain e-mail address"),
        ("eve%evil.com@contoso.com", "is not a plain e-mail address"),
        ("evil.com!eve@contoso.com", "is not a plain e-mail address"),
        ("|program@contoso.com", "is not a plain e-mail address"),
        ("/folder/file@contoso.com", "is not a plain e-mail address"),
        (" ; ", "has no recipient"),
        (";".join(["bob@contoso.com"] * 21), "at most 20 recipients"),
    ],
)
async def test_nobody_else_gets_mail(mailer, to, told):
    answer = await send(mailer, MAIL | {"to": to})
    assert answer.startswith("Error: ")
    assert told in answer
    assert UNKNOWN not in answer
    assert mailer.accepted == []


async def test_a_box_without_allowed_domains_says_so(mailer):
    answer = await send(mailer, MAIL, allowed=AllowedDomains.parse(" , "))
    assert answer == (
        "Error: this box may not write to anybody: its operator must list domains in EMAIL_ALLOWED_DOMAINS"
    )
    assert mailer.accepted == []


@pytest.mark.parametrize(
    "change", [{"subject": "a\r\nBcc: eve@evil.com"}, {"subject": ""}, {"subject": "x" * 201}, {"body": "x" * 50_001}]
)
async def test_what_is_no_mail_is_not_sent(mailer, change):
    assert (await send(mailer, MAIL | change)).startswith("Error: invalid arguments for send_email: ")
    assert mailer.accepted == []


@pytest.mark.parametrize(
    ("status", "told"),
    [(400, "fields"), (401, "identity"), (403, "identity"), (404, "no such Logic App"), (429, "no more calls")],
)
async def test_a_refused_mail_was_surely_not_sent(mailer, status, told):
    mailer.broken = status
    answer = await send(mailer, MAIL)
    assert answer.startswith("Error: ")
    assert told in answer
    assert UNKNOWN not in answer


@pytest.mark.parametrize("broken", [500, 502, "hangup", "silent"])
async def test_after_a_lost_answer_nobody_claims_to_know(mailer, broken):
    mailer.broken = broken
    answer = await send(mailer, MAIL, seconds=0.3)
    assert answer.startswith("Error: send_email failed: NoAnswer: ")
    assert answer.endswith(UNKNOWN)


async def test_an_answer_without_end_is_none_that_anybody_reads(mailer):
    mailer.broken = "endless"
    async with asyncio.timeout(5):
        assert await send(mailer, MAIL) == "Handed over."
    assert mailer.accepted == [MAIL]


async def test_an_unreachable_logic_app_sent_nothing(mailer):
    await mailer.stop()
    assert await send(mailer, MAIL) == "Error: the Logic App could not be reached"


async def test_another_identity_is_refused(mailer):
    answer = await send(mailer, MAIL, identity=lambda: FakeIdentity("somebody-else"))
    assert answer == "Error: the Logic App does not accept this box's identity"


async def test_without_a_token_nothing_is_sent(mailer):
    class Nobody(FakeIdentity):
        async def get_token(self, *scopes):
            raise ClientAuthenticationError("no identity")

    assert "got no token" in await send(mailer, MAIL, identity=Nobody)
    assert mailer.accepted == []


@pytest.mark.parametrize("query", ["sig=abc", "SIG=abc", "api-version=2016-10-01&sp=%2Ftriggers&sv=1.0&SIG=x", "sig="])
def test_a_signed_url_is_refused_without_repeating_it(query):
    with pytest.raises(ValueError, match="must not carry a signature") as caught:
        LogicApp(f"https://prod-1.westeurope.logic.azure.com/workflows/w/invoke?{query}", FakeIdentity, done="")
    assert "abc" not in str(caught.value)


def test_an_unencrypted_url_is_refused():
    with pytest.raises(ValueError, match="https"):
        LogicApp("http://logic.example.com/invoke", FakeIdentity, done="")


async def test_an_event_is_created_in_utc(calendar):
    event = EVENT | {"location": "Room 1", "body": "Agenda & more", "required_attendees": "bob@contoso.com"}
    assert await invite(calendar, event) == "Created."
    assert calendar.accepted == [
        {
            "subject": "Review",
            "start": "2026-07-01T07:00:00",
            "end": "2026-07-01T08:30:00",
            "time_zone": "(UTC) Coordinated Universal Time",
            "body": "Agenda &amp; more",
            "location": "Room 1",
            "required_attendees": "bob@contoso.com",
        }
    ]


async def test_an_event_needs_no_attendees(calendar):
    assert await invite(calendar, EVENT) == "Created."
    assert calendar.accepted[0]["required_attendees"] == ""


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"start": "tomorrow"}, "'tomorrow' is not a time"),
        ({"start": "2026-07-01T09:00:00+02:00"}, "without an offset"),
        ({"start": "2026-07-01T09:00:00Z"}, "without an offset"),
        ({"end": "2026-07-01T09:00:00"}, "must end after its start"),
        ({"start": "0001-01-01T00:00:00"}, "is not a time"),
        ({"time_zone": "Zurich"}, "there is no time zone 'Zurich'"),
        ({"required_attendees": "eve@evil.com"}, "may not be written to"),
        ({"location": "a\nb"}, "must be one line"),
    ],
)
async def test_what_is_no_event_is_not_created(calendar, change, told):
    answer = await invite(calendar, EVENT | change)
    assert answer.startswith("Error: ")
    assert told in answer
    assert calendar.accepted == []


async def test_the_outbox_keeps_what_would_have_been_sent(tmp_path):
    tool = send_email_tool(Outbox(tmp_path / "outbox", "email"), CONTOSO)
    answer = await tool.run(json.dumps(MAIL), CONTEXT)
    (file,) = (tmp_path / "outbox").iterdir()
    assert json.loads(file.read_text(encoding="utf-8")) == MAIL
    assert f"not sent but written to {file}" in answer


async def test_the_outbox_checks_recipients_too(tmp_path):
    tool = send_email_tool(Outbox(tmp_path / "outbox", "email"), CONTOSO)
    assert "may not be written to" in await tool.run(json.dumps(MAIL | {"to": "eve@evil.com"}), CONTEXT)
    assert not (tmp_path / "outbox").exists()


async def test_no_mail_takes_the_place_of_another_though_their_calls_have_one_id(tmp_path):
    """Some model servers count calls anew in every turn."""
    tool = send_email_tool(Outbox(tmp_path / "outbox", "email"), CONTOSO)
    for subject in ("first", "second", "third"):
        assert "written to" in await tool.run(json.dumps(MAIL | {"subject": subject}), CONTEXT)
    subjects = [json.loads(path.read_text())["subject"] for path in (tmp_path / "outbox").iterdir()]
    assert sorted(subjects) == ["first", "second", "third"]


async def test_a_call_id_cannot_leave_the_outbox(tmp_path):
    context = ToolContext(call_id="../../../etc/x\0y", owner="a", thread_id="t", run_id="run_1")
    await create_calendar_event_tool(Outbox(tmp_path / "outbox", "event"), CONTOSO).run(json.dumps(EVENT), context)
    (file,) = tmp_path.rglob("*.json")
    assert file.name == "event-run_1-.._.._.._etc_x_y.json"


@pytest.mark.parametrize(
    ("make", "workflow"), [(send_email_tool, "send-email"), (create_calendar_event_tool, "create-event")]
)
def test_a_tool_and_its_workflow_speak_of_the_same_fields(make, workflow, tmp_path):
    fields = make(Outbox(tmp_path, "x"), CONTOSO).parameters["properties"]
    deployed = schema(workflow)["properties"]
    assert {name: field["type"] for name, field in fields.items()} == {n: f["type"] for n, f in deployed.items()}


@pytest.mark.parametrize("make", [send_email_tool, create_calendar_event_tool])
def test_what_cannot_be_taken_back_is_never_run_twice(make, tmp_path):
    assert make(Outbox(tmp_path, "x"), CONTOSO).idempotent is False
