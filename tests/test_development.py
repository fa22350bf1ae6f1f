"""What people who change it need: tools of one version, and files that editors and others read."""

import ast
import json
from pathlib import Path
import re
import subprocess
import tomllib
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())
GROUPS: dict[str, list[Any]] = PYPROJECT["dependency-groups"]


def listed() -> list[Path]:
    """Return the files that git knows."""
    command = ["git", "ls-files", "-z"]
    found = subprocess.run(command, cwd=PROJECT, capture_output=True, check=True, text=True)  # noqa: S603
    return [
        path for name in found.stdout.split("\0") if name and (path := PROJECT / name).is_file()
    ]


def constant(path: str, name: str) -> object:
    """Return the value of a module's constant."""
    (value,) = (
        ast.literal_eval(node.value)
        for node in ast.parse((PROJECT / path).read_text()).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
    )
    return value


@pytest.mark.parametrize("group", GROUPS)
def test_every_tool_has_one_version(group: str) -> None:
    """A release of a tool turns no check red before somebody took it."""
    wanted = [one for one in GROUPS[group] if isinstance(one, str)]
    assert [one for one in wanted if not re.fullmatch(r"[\w-]+==[\d.]+", one)] == []


def test_groups_that_need_different_home_assistants_are_never_installed_together() -> None:
    (one_of,) = PYPROJECT["tool"]["uv"]["conflicts"]
    apart = {member["group"] for member in one_of}
    bring = ("homeassistant==", "pytest-homeassistant-custom-component==", "pydantic==")
    for group, wanted in GROUPS.items():
        if any(str(one).startswith(bring) for one in wanted):
            included = {one["include-group"] for one in wanted if isinstance(one, dict)}
            assert apart & {group, *included}, group


def test_the_hook_before_a_commit_is_the_check_of_every_run() -> None:
    config = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())
    (hook,) = (hook for repository in config["repos"] for hook in repository["hooks"])
    assert hook["entry"] == "scripts/lint"
    assert (hook["pass_filenames"], hook["always_run"]) == (False, True)
    assert "zizmor" in (PROJECT / "scripts" / "lint").read_text()


def test_the_container_starts_the_demo() -> None:
    container = json.loads((PROJECT / ".devcontainer" / "devcontainer.json").read_text())
    assert container["postAttachCommand"] == "scripts/demo"
    for command in (container["postCreateCommand"], container["postAttachCommand"]):
        assert (PROJECT / command.split()[0]).is_file()
    port = constant("tests/e2e/demo.py", "PORT")
    assert container["forwardPorts"] == [port]
    assert container["portsAttributes"].keys() == {str(port)}
    newest = PYPROJECT["project"]["requires-python"].removeprefix(">=").rpartition(".")[0]
    assert container["image"].startswith(f"python:{newest}-")


def test_every_file_is_as_editors_are_told() -> None:
    editors = (PROJECT / ".editorconfig").read_text()
    for rule in ("end_of_line = lf", "insert_final_newline = true", "charset = utf-8"):
        assert rule in editors
    for path in listed():
        content = path.read_bytes()
        if path.suffix == ".png" or not content:
            continue
        text = content.decode()
        assert "\r" not in text, path
        assert text.endswith("\n"), path
        assert not re.search(r"[ \t]$", text, re.MULTILINE), path
        if content.startswith(b"#!/usr/bin/env python3"):
            assert str(path.relative_to(PROJECT)) in editors
