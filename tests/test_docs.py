"""The documentation is what the code says: generated pages are fresh, links lead somewhere, the README is short."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from docs import source
from docs.build import default_text, options, pages
from docs.source import indented_rows, log_events
from shared.api import playground, sign_in
from shared.api.gateway import OPEN
from shared.cli.program import box
from shared.config import Settings, variable
from shared.demo.samples.install import names
from shared.runs import lifecycle

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*.md")])
MADE = pages()
DESCRIBED = dict(source.settings())


def lines_outside_code(text: str) -> list[str]:
    return re.sub(r"(?ms)^```.*?^```", "", text).splitlines()


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = [line.lstrip("#").strip() for line in lines_outside_code(text) if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", MADE, ids=lambda path: path.name)
def test_a_generated_page_is_what_make_docs_writes(path: Path) -> None:
    assert path.read_text() == MADE[path](), "run `make docs`"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_each_setting_is_described_and_in_the_reference(name: str) -> None:
    assert DESCRIBED.get(name), f"{name} needs a docstring in shared/config.py"
    assert f"| `{variable(name)}` |" in (ROOT / "docs/reference/settings.md").read_text()


def test_each_option_of_a_deployment_is_described_and_has_the_default_of_its_setting() -> None:
    parameters = json.loads((ROOT / "infra/main.parameters.json").read_text())["parameters"].values()
    asked = {"AZURE_ENV_NAME", "AZURE_LOCATION", "AZURE_OPENAI_LOCATION", "BOX_KEY_HASHES", "BOX_ADMIN_KEY_HASHES"}
    described = dict(re.findall(r"^\| `(\w+)` \| `?(.*?)`? \|", options(), re.MULTILINE))
    assert set(described) == {each["value"].strip("${}") for each in parameters} - asked
    settings = {variable(name): default_text(name) for name in Settings.model_fields}
    # An empty one leaves the setting at its default.
    shared = {name for name in set(described) & set(settings) if described[name]}
    assert "ENTRA_AUDIENCE" in shared
    assert {name: described[name] for name in shared} == {name: settings[name] for name in shared}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    for target in re.findall(r"\]\(([^)\s]+)\)", "\n".join(lines_outside_code(text))):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        assert path.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(path.read_text()), f"{page.name}: {target}"


def test_each_page_is_reached_from_the_readme() -> None:
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        targets = re.findall(r"\]\(([^)#\s]+)", page.read_text())
        waiting += [(page.parent / target).resolve() for target in targets if "://" not in target]
    assert set(PAGES) - seen == set()


@pytest.mark.parametrize("path", sorted((ROOT / "shared").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_docstrings_cite_pages_that_are_here(path: Path) -> None:
    text = path.read_text()
    assert "CONTRACT" not in text, "the contract is docs/contract.md"
    for page in re.findall(r"docs/[\w/-]+\.md", text):
        assert (ROOT / page).exists(), page


def test_the_promise_names_each_route_that_needs_no_key() -> None:
    promise = re.search(r"- Every route needs an API key(.*?)\n- ", (ROOT / "SECURITY.md").read_text(), re.DOTALL)
    assert promise is not None
    assert set(re.findall(r"`(/.*?)`", promise[1])) == OPEN - set(playground.FILES) - {sign_in.PATH}


def test_the_contract_names_every_status() -> None:
    contract = (ROOT / "docs/contract.md").read_text()
    assert [status for status in lifecycle.NEXT if status not in contract] == []


def test_what_operators_look_for_is_logged() -> None:
    rows = re.findall(r"^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \|", (ROOT / "docs/operate.md").read_text(), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named
    assert named - set(re.findall(r"^\| `(\w+)` \|", log_events(), re.MULTILINE)) == set()


def test_each_log_event_is_written_at_levels_that_are_known() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([a-z, ]*) \|", log_events(), re.MULTILINE)
    levels = {"debug", "info", "warning", "error"}
    assert [(name, level) for name, level in rows if not set(level.split(", ")) <= levels] == []


def test_a_meaning_that_takes_several_lines_is_one_row() -> None:
    text = "Where things are:\n\n    a_b     one thing, and\n            how far\n    c       another\n\nMore."
    assert [*indented_rows(text)] == [("a_b", "one thing, and how far"), ("c", "another")]


def test_the_emulator_is_started_by_the_guide_as_by_the_tests() -> None:
    """It refuses versions of the service that it does not know, and Azure's libraries are ahead of it."""
    needed = "--skipApiVersionCheck"
    assert needed in (ROOT / "tests/azurite.py").read_text()
    assert needed in (ROOT / "docs/guides/core-tools.md").read_text()


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


COMMANDS = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_explained(command: str) -> None:
    assert any(f"make {command}" in page.read_text() for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md"))


def commands_of(page: Path) -> Iterator[str]:
    """What a page tells people to type behind the name of the program, without what the shell does around it."""
    text = page.read_text()
    blocks = re.findall(r"(?ms)^```bash\n(.*?)^```", text)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += [" ".join(each.split()) for each in re.findall(r"`([^`]+)`", re.sub(r"(?ms)^```.*?^```", "", text))]
    for line in lines:
        found = re.match(r"(?:\w+=\S+ )*(?:box|(?:\.venv/bin/)?python -m shared) ([^|;&>]+)", line)
        if found and not re.search(r"\[OPTIONS\]|…", line):
            yield found[1]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda path: str(path.relative_to(ROOT))
)
def test_commands_of_a_page_are_taken_by_the_program(page: Path) -> None:
    for line in commands_of(page):
        command: click.Command | None = box
        words = shlex.split(line, comments=True)
        try:
            with click.Context(box) as context:
                while words and isinstance(command, click.Group):
                    _, command, words = command.resolve_command(context, words)
            if command is not None and not isinstance(command, click.Group):
                command.make_context("box", words)
        except click.MissingParameter:
            pass  # spoken of without its arguments
        except click.ClickException as error:
            pytest.fail(f"{line}: {error.format_message()}")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_name_a_program_that_is_there(page: Path) -> None:
    # The Python of the system knows nothing of the box: it is `box`, or the module by the environment's own Python.
    text = re.sub(r"(?s)\nWithout make: a virtual environment.*?\n\n", "\n", page.read_text())
    assert re.findall(r"^.*(?<!\.venv/bin/)python -m shared .*$", text, re.MULTILINE) == []


@pytest.mark.parametrize("name", names())
def test_each_sample_is_listed_and_has_a_program(name: str) -> None:
    assert name.replace("_", " ").title() in README
    assert (ROOT / f"examples/{name}.py").exists()


def test_the_tree_of_the_architecture_is_the_tree() -> None:
    architecture = (ROOT / "docs/architecture.md").read_text()
    for folder in (path.name for path in (ROOT / "shared").iterdir() if path.is_dir() and path.name != "__pycache__"):
        assert f"{folder}/" in architecture, folder


def test_contributors_are_told_of_each_folder_of_tests() -> None:
    told = (ROOT / "CONTRIBUTING.md").read_text()
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert [folder for folder in sorted(folders) if f"`tests/{folder}`" not in told] == []


def test_the_glossary_is_short() -> None:
    glossary = (ROOT / "CONTRIBUTING.md").read_text().split("## Glossary\n\n")[1]
    assert len(glossary.splitlines()) <= 20


def test_the_dev_container_is_made_for_this_project() -> None:
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    assert f":{(ROOT / '.python-version').read_text().strip()}-" in container["image"]
    assert (ROOT / container["onCreateCommand"]).exists()
    assert container["postCreateCommand"] == "make install"
    features = {name.rpartition("/")[2].partition(":")[0]: given for name, given in container["features"].items()}
    assert {"azd", "azure-cli", "node"} <= features.keys()
    assert features["azure-cli"]["installBicep"] is True
