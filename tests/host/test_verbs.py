"""Every verb of `box`: where it is tried through the real program, on the box of a folder and on a deployed one."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from shared.cli.program import box
from tests.host.test_command_line import ROOT
from tests.host.test_command_line import box as run_box
from tests.host.test_program import program

HERE = "tests.host.test_"
THERE = "tests.functions.test_commands"
#: Verb -> the test with a box of a folder, and that with the Functions host (or with its storage account beside it);
#: None where no box is elsewhere.
VERBS: dict[str, tuple[str, str | None]] = {
    "run": (f"{HERE}program.test_what_the_host_prints_is_enough_to_call_it", None),
    "worker": (f"{HERE}program.test_a_worker_stops_when_it_is_asked_to", None),
    "link": (f"{HERE}sign_in.test_another_process_makes_a_link_for_any_owner", None),
    "demo": (f"{HERE}verbs.test_demo_and_samples_on_the_box_of_a_folder", f"{THERE}.test_demo"),
    "doctor": (f"{HERE}doctor.test_a_box_that_works_is_told_in_lines_without_a_crack", f"{THERE}.test_doctor"),
    "samples list": (f"{HERE}installed.test_its_samples_are_there", None),
    "samples install": (f"{HERE}verbs.test_demo_and_samples_on_the_box_of_a_folder", f"{THERE}.test_samples"),
    "files upload": (f"{HERE}program.test_a_file_is_sent_to_the_box_of_this_folder", f"{THERE}.test_files_and_stores"),
    "files list": (f"{HERE}command_objects.test_files_and_stores_are_listed", f"{THERE}.test_files_and_stores"),
    "stores reembed": (f"{HERE}verbs.test_demo_and_samples_on_the_box_of_a_folder", f"{THERE}.test_files_and_stores"),
    "stores list": (f"{HERE}command_objects.test_files_and_stores_are_listed", f"{THERE}.test_files_and_stores"),
    "threads list": (f"{HERE}command_objects.test_threads_are_listed_for_people_and_programs", f"{THERE}.test_threads"),
    "threads show": (f"{HERE}command_objects.test_a_thread_is_shown_as_a_conversation", f"{THERE}.test_threads"),
    "threads search": (f"{HERE}command_objects.test_threads_are_found_by_what_was_said", f"{THERE}.test_threads"),
    "threads delete": (f"{HERE}command_objects.test_a_run_is_cancelled_and_a_thread_deleted", f"{THERE}.test_threads"),
    "runs list": (f"{HERE}command_objects.test_runs_are_listed_by_state_and_age", f"{THERE}.test_runs"),
    "runs show": (f"{HERE}command_objects.test_a_run_is_shown_as_a_trace", f"{THERE}.test_runs"),
    "runs cancel": (f"{HERE}command_objects.test_a_run_is_cancelled_and_a_thread_deleted", f"{THERE}.test_runs"),
    "runs retry": (f"{HERE}command_objects.test_a_run_whose_messages_were_lost_is_brought_back", f"{THERE}.test_runs"),
    **dict.fromkeys(
        ("approvals list", "approvals answer"),
        (f"{HERE}command_approvals.test_what_waits_is_listed_and_answered", None),
    ),
    **dict.fromkeys(
        ("poison list", "poison return", "poison drop"),
        (
            f"{HERE}command_objects.test_poison_of_a_storage_account_is_listed_and_settled",
            f"{THERE}.test_poison_beside_a_host_that_runs",
        ),
    ),
    **dict.fromkeys(
        ("webhooks list", "webhooks replay", "webhooks enable"),
        (f"{HERE}command_webhooks.test_what_was_given_up_is_told_listed_and_sent_again", None),
    ),
    **dict.fromkeys(
        ("owners list", "owners add", "owners rotate", "owners remove"),
        (
            f"{HERE}command_owners.test_an_owner_comes_and_goes_while_the_box_runs",
            f"{HERE}command_owners.test_owners_of_a_storage_account_are_managed_without_a_host",
        ),
    ),
    **dict.fromkeys(
        ("import", "export"), ("tests.api.test_moving.test_the_commands_tell_first_and_do_it_when_asked", None)
    ),
    **dict.fromkeys(("backup", "restore"), (f"{HERE}backup.test_a_backup_of_a_busy_box_is_whole", None)),
    **dict.fromkeys(
        ("backups list", "backups fetch"),
        ("tests.functions.test_backups.test_a_box_backs_itself_up_and_another_takes_it_over", None),
    ),
    "erase": (f"{HERE}erase.test_people_are_told_what_goes_and_asked_for_yes", None),
    **dict.fromkeys(
        ("hold add", "hold list", "hold remove"),
        (f"{HERE}erase.test_holds_are_set_listed_and_lifted_by_administrators", None),
    ),
    "usage": (f"{HERE}command_owners.test_what_owners_have_used_is_told_as_a_table_json_and_csv", None),
    "completion": (f"{HERE}verbs.test_bash_completes_verbs_and_options", None),
}
#: These talk to people until they are stopped, or print a program for a shell.
WITHOUT_JSON = {"run", "worker", "completion"}


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every verb with its command."""
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    for name, each in command.commands.items():
        yield from leaves(each, (*path, name))


COMMANDS = dict(leaves(box))


def test_every_verb_is_in_the_table():
    assert COMMANDS.keys() == VERBS.keys()


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_tried_through_the_program(verb: str):
    for test in filter(None, VERBS[verb]):
        module, _, name = test.rpartition(".")
        assert hasattr(importlib.import_module(module), name), test


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_verb_has_examples_and_json(verb: str):
    command = COMMANDS[verb]
    assert "Examples:" in (command.epilog or "")
    assert verb.split()[0] in (command.epilog or "")
    options = {option for parameter in command.params for option in parameter.opts}
    assert ("--json" in options) == (verb not in WITHOUT_JSON)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The settings of a box of a folder that runs, with the offline demo."""
    own = {"BOX_HOME": str(tmp_path_factory.mktemp("home")), "SANDBOX": "auto"}
    with program("run", **own) as host:
        host.greet()
        yield own | {"BOX_PORT": str(host.port)}


@pytest.mark.long
def test_demo_and_samples_on_the_box_of_a_folder(settings: dict[str, str]):
    told = json.loads(run_box("demo", "--json", **settings).stdout)
    assert [each["status"] for each in told] == ["completed", "completed"]
    assert "x = 1" in told[0]["answers"][-1]
    made = json.loads(run_box("samples", "install", "--json", **settings).stdout)
    assert "Math Tutor" in [each["name"] for each in made]
    again = run_box("samples", "install", **settings).stdout
    *lines, advice = again.splitlines()
    assert [line.split()[0] for line in lines] == [each["id"] for each in made]
    assert advice.startswith("Talk to them")
    ended = json.loads(run_box("stores", "reembed", "--all", "--json", **settings).stdout)
    assert {each["status"] for each in ended} == {"completed"}


def shell(tmp_path: Path, *line: str) -> str:
    """What a shell prints that finds the installed program."""
    installed = tmp_path / "bin/box"
    installed.parent.mkdir()
    installed.write_text(f"#!{sys.executable}\nfrom shared.cli.program import entry\nentry()\n")
    installed.chmod(0o700)
    path = f"{installed.parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    return subprocess.run(line, env=environment, check=True, capture_output=True, text=True, timeout=120).stdout


SHELLS = ("bash", "zsh", "fish")
needs = {name: pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is missing") for name in SHELLS}


@needs["bash"]
def test_bash_completes_verbs_and_options(tmp_path: Path):
    def completed(words: str, place: int) -> str:
        return f'COMPREPLY=(); COMP_WORDS=({words}); COMP_CWORD={place}; _box_completion box; echo "${{COMPREPLY[@]}}";'

    tried = completed("box thr", 1) + completed("box runs list --sta", 3) + completed("box runs list --state can", 4)
    tried = f"source <(box completion bash); {tried}"
    assert shell(tmp_path, "bash", "-c", tried).splitlines() == ["threads", "--state", "cancelling cancelled"]


@needs["zsh"]
def test_zsh_takes_what_it_is_given(tmp_path: Path):
    tried = 'autoload -Uz compinit; compinit -u; eval "$(box completion zsh)"; print $_comps[box]'
    assert shell(tmp_path, "zsh", "-f", "-c", tried).strip() == "_box_completion"


@needs["fish"]
def test_fish_completes_verbs(tmp_path: Path):
    said = shell(tmp_path, "fish", "--no-config", "-c", "box completion fish | source; complete -C 'box thr'")
    assert said.split("\t")[0].strip() == "threads"
