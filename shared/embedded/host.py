"""The embedded host: the whole box in one process, on SQLite and a folder. What `make run` starts."""

from __future__ import annotations

import asyncio
import gc
import secrets
import sys
from pathlib import Path
from typing import Final, NamedTuple

import uvicorn
from pydantic import SecretStr

from shared.box import Box
from shared.config import Settings
from shared.demo import OFFLINE
from shared.doctor.findings import State
from shared.doctor.sandbox import sandbox_in_words
from shared.doctor.settings import strange_names
from shared.doctor.start import CannotStart, built
from shared.embedded import page_link
from shared.embedded.connections import guarded
from shared.embedded.handed import Handed
from shared.embedded.page_link import Welcome
from shared.embedded.server import GRACE_SECONDS, Say, Server, signals, until_stopped
from shared.home import make_private, passable
from shared.own_address import own_addresses
from shared.program_name import LINK, NAME
from shared.settings.model_aliases import is_pattern

#: The owner of the key that the host makes for itself.
OWNER: Final = "default"

#: Objects made, and not gone, after which the collector looks for cycles. Next to none of a run is left to it; looking
#: after 2,000, as it does by itself, goes again and again through runs that are under way.
YOUNG: Final = 10_000

#: Longer than clients keep an idle connection: a host that closes first may do so under the next request.
IDLE_SECONDS: Final = 120


def key_file(settings: Settings) -> Path:
    """Where the key is kept that the host makes for itself."""
    return settings.box_home / "api_key"


def with_key(settings: Settings) -> Settings:
    """The settings with an API key: the configured ones, else the one made on the first start and kept in the home."""
    if settings.box_api_keys:
        return settings
    key, _ = own_key(settings)
    return settings.model_copy(update={"box_api_keys": {OWNER: SecretStr(key)}})


def own_key(settings: Settings) -> tuple[str, bool]:
    """The key that the host has made for itself, and whether it did so just now."""
    path = key_file(settings)
    try:
        make_private(settings.box_home, passable())
        new = not path.exists()
        if new:
            draft = path.with_suffix(".new")  # whoever dies here leaves no key that is half written
            draft.touch(mode=0o600)
            draft.write_text(f"box-{secrets.token_urlsafe(32)}\n")
            draft.replace(path)
        return path.read_text().strip(), new
    except OSError as error:
        sys.exit(f"BOX_HOME: {settings.box_home} cannot be used: {error.strerror} ({error.filename})")


def base_url(settings: Settings) -> str:
    """Where clients find the API."""
    return (settings.public_base_url or f"http://{settings.box_host}:{settings.box_port}").rstrip("/") + "/v1"


def page(settings: Settings) -> str:
    """Where people find the page."""
    return f"{base_url(settings).removesuffix('/v1')}/playground"


class KeyNote(NamedTuple):
    """What people are told of the key."""

    words: str
    #: How a shell gets it.
    shell: str


def key_note(settings: Settings) -> KeyNote:
    """Whose keys are accepted, and where they are. A key is shown once: now, if it has to be made."""
    if settings.box_api_keys:
        return KeyNote(f"as in BOX_API_KEYS, for {', '.join(settings.box_api_keys)}", "<your key>")
    key, new = own_key(settings)
    path = key_file(settings).resolve()
    words = f"{key}\n             (for {OWNER}; shown this once, kept in {path})" if new else f"in {path}, for {OWNER}"
    return KeyNote(words, f'$(cat "{path}")')


def model_note(settings: Settings, box: Box) -> str:
    """Which settings the model comes from, if programs read them, too; or why they are not used."""
    own = ", ".join(name.upper() for name in own_addresses(settings))
    used = ", ".join(box.deps.settings.model_from_environment())
    if own:
        return f"\n             ({own} is this box's own address: it and its key are not used)"
    return f"\n             (from {used} of your environment)" if used else ""


def example_model(settings: Settings) -> str:
    """A model for the example: one that answers, as far as the settings tell."""
    if not settings.names_model:
        return OFFLINE
    return next((alias for alias in settings.model_aliases if not is_pattern(alias)), "gpt-4o")


def talk_note(settings: Settings, link: str | None) -> str:
    """Where the page is, and how to be let in."""
    if link is None:
        return f"Talk to it at {page(settings)}."
    words = f"the link signs in, once, within two minutes; `{LINK}` prints another"
    return f"Talk to it ({words}):\n  {link}\n"


def welcome(settings: Settings, box: Box, key: KeyNote, sandbox: str, link: str | None) -> str:
    """What a newcomer needs to see, with something to try."""
    example = example_model(box.deps.settings)
    return f"""
API-in-a-Box is running.

  base URL   {base_url(settings)}
  API key    {key.words}
  model      {box.deps.llm.description}{model_note(settings, box)}
  code       {sandbox}
  data       {Path(settings.box_home).resolve()}

Try:
  export BOX_KEY={key.shell}
  curl {base_url(settings)}/assistants -H "Authorization: Bearer $BOX_KEY" -H "Content-Type: application/json" \\
       -d '{{"model": "{example}", "name": "Math Tutor", "instructions": "You help with mathematics."}}'

  import os
  from openai import OpenAI
  client = OpenAI(base_url="{base_url(settings)}", api_key=os.environ["BOX_KEY"])
  print(client.beta.assistants.list())

{talk_note(settings, link)}
The API is described at {base_url(settings)}/docs.
Stop with Ctrl-C.
"""


def made(settings: Settings) -> Box:
    """The box; settings and files that it cannot use end the program with a line."""
    try:
        return built(settings)
    except CannotStart as error:
        sys.exit(str(error))


async def serve(settings: Settings, key: KeyNote, wanted: Welcome, handed: Handed | None) -> None:
    """Serve HTTP and work the queues until interrupted; `key` tells people where theirs is."""
    box = made(settings)
    config = uvicorn.Config(
        box.asgi,
        host=settings.box_host,
        port=settings.box_port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=IDLE_SECONDS,
        lifespan="off",
        proxy_headers=False,  # nobody asks where a client is
        server_header=False,
        http=guarded(max(16, settings.box_max_connections // settings.box_processes)),
    )
    collect_less()
    async with box.at_work():
        link = await page_link.of_greeting(page(settings), box.deps, wanted)
        server = Server(config, welcome(settings, box, key, await sandbox_in_words(box.deps), link), handed)
        beside = [asyncio.create_task(tell_trouble(box, server.greeted, server.say))]
        if wanted.open:
            opening = page_link.open_after(server.greeted, link or page(settings), settings.box_home)
            beside.append(asyncio.create_task(opening))
        try:
            await server.serve()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)


def collect_less() -> None:
    """Let the garbage collector look at what runs under way make, and not at what is loaded by now: that stays.

    Going through it takes a full collection some 50 ms, in which nobody is served.
    """
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
    gc.freeze()


async def tell_trouble(box: Box, greeted: asyncio.Event, say: Say) -> None:
    """Say what is wrong, as the doctor does, if something is; serving does not wait for it."""
    await greeted.wait()
    for finding in strange_names():
        if finding.state is not State.OK:
            say(finding.words if finding.words.endswith("?") else f"{finding.words}.")
    health = await box.deps.llm.health()
    collect_less()  # the model's client has been loaded
    if not health.answers:
        say(f"Until this is mended, runs will fail: {health.words} `{NAME} doctor` looks at everything.")


async def drive(settings: Settings) -> None:
    """Work the queues until interrupted, without serving HTTP."""
    stop = asyncio.Event()
    box = made(settings)
    collect_less()
    with signals(lambda _: stop.set()):
        async with box.at_work():
            print("A worker of API-in-a-Box is running. Stop with Ctrl-C.", flush=True)
            await stop.wait()


def run(settings: Settings, wanted: Welcome | None = None, handed: Handed | None = None) -> int:
    """`python -m shared run`, as the only process or as one of several. Returns the exit code."""
    note = key_note(settings)
    if handed is None:
        return until_stopped(serve(with_key(settings), note, wanted or Welcome(), None))
    wanted = wanted if handed.speaks and wanted is not None else Welcome(link=False)
    return until_stopped(serve(with_key(settings), note, wanted, handed), handed.say)


def work(settings: Settings) -> int:
    """`python -m shared worker`. Returns the exit code."""
    return until_stopped(drive(with_key(settings)))
