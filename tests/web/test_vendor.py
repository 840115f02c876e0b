"""The page's libraries: what lies in the folder is what one command makes of pinned packages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from shared.api.playground import FOLDER, VENDOR

PACKAGES = FOLDER.parent.parent / "web"


def test_the_folder_holds_what_the_command_makes(tmp_path):
    node = shutil.which("node")
    if node is None or not (PACKAGES / "node_modules").exists():
        reason = "Node or the page's packages are missing: `make test` installs them"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    subprocess.run([node, PACKAGES / "build.js", tmp_path], check=True, timeout=120)
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(
        each.name for each in (FOLDER / "vendor").iterdir()
    )
    for made in tmp_path.iterdir():
        assert made.read_bytes() == (FOLDER / "vendor" / made.name).read_bytes(), made.name


def test_every_package_is_pinned_and_its_licence_is_with_it():
    wanted = json.loads((PACKAGES / "package.json").read_text())["dependencies"]
    licences = (FOLDER / "vendor" / "LICENCES.txt").read_text()
    for name, version in wanted.items():
        assert f"{name} {version} (" in licences


def test_only_what_is_served_lies_there():
    assert {each.name for each in (FOLDER / "vendor").iterdir()} == {*VENDOR, "LICENCES.txt"}
