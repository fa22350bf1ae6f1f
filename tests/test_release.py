"""What a release attaches is what HACS and Home Assistant's Marketplace expect."""

import json
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
from typing import Any
from urllib.parse import quote
import zipfile

from awesomeversion import AwesomeVersion, AwesomeVersionStrategy
from homeassistant.components.logger.helpers import get_integration_loggers
from homeassistant.const import __version__ as ha_version
from homeassistant.core import HomeAssistant
from homeassistant.loader import async_get_integration
import pytest
import yaml

from custom_components.growatt_onboarding.const import LOGGER

PROJECT = Path(__file__).parents[1]
INTEGRATION = PROJECT / "custom_components" / "growatt_onboarding"
FIRST_KEYS = ["domain", "name"]
# What HACS asks of a manifest.
HACS_KEYS = {"codeowners", "documentation", "issue_tracker", "version"}
# GitHub's command-line tool: it answers what is in a file, and notes what it is to do.
FAKE_GITHUB = """#!/usr/bin/env bash
cd "$(dirname "$0")"
if [ "$2" = list ]; then cat listed; else echo "$*" >said; fi
"""


def read_json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))


def build(*arguments: str | Path, project: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    """Build as the release workflow does."""
    command = [sys.executable, project / "scripts" / "lib" / "build-zip", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return the file that a release would attach."""
    version = read_json(INTEGRATION / "manifest.json")["version"]
    output = tmp_path / "release" / "integration.zip"
    built = build("--tag", version, output)
    assert built.returncode == 0, built.stderr
    assert built.stdout == f"{output}\n"
    return output


# The file


def test_unpacked_it_is_the_integration(archive: Path, tmp_path: Path) -> None:
    folder = tmp_path / "growatt_onboarding"
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        opened.extractall(folder)
    unpacked = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    assert {path for path in unpacked if path.suffix == ".py"} == {
        path.relative_to(INTEGRATION) for path in INTEGRATION.rglob("*.py")
    }
    for name in ("manifest.json", "services.yaml", "translations/en.json", "brand/icon.png"):
        assert Path(name) in unpacked
        assert (folder / name).read_bytes() == (INTEGRATION / name).read_bytes()


@pytest.fixture
def other_checkout(tmp_path: Path) -> Path:
    """Return a copy of what the file is built from, written at another time."""
    checkout = tmp_path / "checkout"
    for name in ("custom_components", "scripts"):
        shutil.copytree(PROJECT / name, checkout / name)
    shutil.copy(PROJECT / "hacs.json", checkout)
    for path in checkout.rglob("*.py"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    return checkout


def test_nothing_is_in_it_that_python_or_an_editor_left(
    archive: Path, other_checkout: Path
) -> None:
    integration = other_checkout / "custom_components" / "growatt_onboarding"
    for name in ("cloud/__pycache__/left.cpython-314.pyc", ".left.swp", ".left/left.py"):
        (integration / name).parent.mkdir(exist_ok=True)
        (integration / name).touch()
    assert build(project=other_checkout).returncode == 0
    built = other_checkout / "build" / "growatt_onboarding.zip"
    assert zipfile.ZipFile(built).namelist() == zipfile.ZipFile(archive).namelist()


def test_the_same_files_give_the_same_bytes(
    archive: Path, other_checkout: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again.zip"
    assert build(again, project=other_checkout).returncode == 0
    assert again.read_bytes() == archive.read_bytes()


@pytest.mark.parametrize("tag", ["v{version}", "{version}-beta", "0.0.0", ""])
def test_a_tag_that_is_not_the_version_is_refused(tag: str, tmp_path: Path) -> None:
    version = read_json(INTEGRATION / "manifest.json")["version"]
    output = tmp_path / "refused.zip"
    built = build("--tag", tag.format(version=version), output)
    assert built.returncode == 1
    assert version in built.stderr
    assert not output.exists()


# The manifest


def test_the_manifests_keys_are_in_order() -> None:
    keys = list(read_json(INTEGRATION / "manifest.json"))
    assert keys == FIRST_KEYS + sorted(set(keys) - set(FIRST_KEYS))


async def test_the_manifest_is_what_home_assistant_and_hacs_ask_for(hass: HomeAssistant) -> None:
    integration = await async_get_integration(hass, INTEGRATION.name)
    assert integration.file_path == INTEGRATION
    assert not integration.is_built_in
    assert integration.config_flow
    assert integration.version is not None
    assert integration.version.strategy in (
        AwesomeVersionStrategy.SEMVER,
        AwesomeVersionStrategy.SIMPLEVER,
    )
    assert integration.manifest.keys() >= HACS_KEYS


async def test_debug_logging_is_ours_without_being_named(hass: HomeAssistant) -> None:
    """The manifest names loggers of libraries only, and ours log nothing."""
    assert "loggers" not in read_json(INTEGRATION / "manifest.json")
    assert LOGGER.name in await get_integration_loggers(hass, INTEGRATION.name)


def test_the_package_has_the_manifests_version() -> None:
    version = read_json(INTEGRATION / "manifest.json")["version"]
    assert f'\nversion = "{version}"\n' in (PROJECT / "pyproject.toml").read_text()
    assert f"\n## {version}" in (PROJECT / "CHANGELOG.md").read_text()


# hacs.json


def test_hacs_installs_the_file_that_is_attached(tmp_path: Path) -> None:
    hacs = read_json(PROJECT / "hacs.json")
    assert hacs["zip_release"] is True
    assert hacs["filename"] == f"{INTEGRATION.name}.zip"
    assert hacs["name"] == read_json(INTEGRATION / "manifest.json")["name"]
    # HACS takes the only folder there is.
    folders = [path.name for path in INTEGRATION.parent.iterdir() if path.is_dir()]
    assert [name for name in folders if name[0] not in "._"] == [INTEGRATION.name]


def test_every_place_names_the_same_oldest_home_assistant() -> None:
    floor = read_json(PROJECT / "hacs.json")["homeassistant"]
    assert AwesomeVersion(ha_version) >= AwesomeVersion(floor)
    month = ".".join(floor.split(".")[:2])
    assert f"Home Assistant {month} or newer" in (PROJECT / "README.md").read_text()
    tested = re.search(
        r"oldest Home Assistant this integration supports: (\S+)\.\n",
        (PROJECT / "scripts" / "lib" / "common.sh").read_text(),
    )
    assert tested is not None
    assert tested[1].startswith(f"{month}.")


# The workflows


def workflow_texts() -> list[str]:
    return [path.read_text() for path in sorted((PROJECT / ".github" / "workflows").iterdir())]


def test_workflows_name_actions_by_commit() -> None:
    used = [line for text in workflow_texts() for line in text.splitlines() if "uses:" in line]
    pinned = re.compile(r"^\s*(- )?uses: ([\w.-]+/)+[\w.-]+@[0-9a-f]{40} # (v[\d.]+|main|master)$")
    local = re.compile(r"^\s*(- )?uses: \$/\.github/workflows/[\w-]+\.yml$")
    assert used
    assert [line for line in used if not pinned.match(line) and not local.match(line)] == []


def test_workflows_call_scripts_that_exist() -> None:
    scripts = {name for text in workflow_texts() for name in re.findall(r"\bscripts/[\w/-]+", text)}
    assert {"scripts/lint", "scripts/test", "scripts/lib/build-zip"} <= scripts
    assert [name for name in sorted(scripts) if not (PROJECT / name).is_file()] == []


def workflows() -> dict[str, dict[str, Any]]:
    return {
        path.name: yaml.safe_load(path.read_text())
        for path in sorted((PROJECT / ".github" / "workflows").iterdir())
    }


def jobs() -> dict[str, dict[str, Any]]:
    return {
        f"{name}: {job}": described
        for name, workflow in workflows().items()
        for job, described in workflow["jobs"].items()
    }


def test_workflows_may_do_no_more_than_they_need() -> None:
    assert [name for name, workflow in workflows().items() if workflow["permissions"] != {}] == []
    may_more = {name for name, job in jobs().items() if job["permissions"] != {"contents": "read"}}
    assert may_more == {"release.yml: release", "weekly.yml: report"}
    assert jobs()["release.yml: release"]["permissions"] == {
        "contents": "write",
        "id-token": "write",
        "attestations": "write",
    }
    assert jobs()["weekly.yml: report"]["permissions"] == {"contents": "read", "issues": "write"}
    # Run with our rights on what a stranger sends.
    assert [text for text in workflow_texts() if "pull_request_target" in text] == []
    for name, job in jobs().items():
        for step in job.get("steps", []):
            if "/checkout@" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False, name


def test_workflows_put_nothing_from_outside_into_a_command() -> None:
    commands = [step.get("run", "") for job in jobs().values() for step in job.get("steps", [])]
    assert any(commands)
    assert [command for command in commands if "${{" in command] == []
    # What runs there runs here.
    assert [command for command in commands if not re.match(r'^("?scripts/.+)?$', command)] == []


def test_no_workflow_runs_beside_itself() -> None:
    concurrency = {name: workflow["concurrency"] for name, workflow in workflows().items()}
    assert [name for name, limit in concurrency.items() if "cancel-in-progress" not in limit] == []


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a GitHub that only takes notes."""
    program = tmp_path / "gh"
    program.write_text(FAKE_GITHUB)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def ask_github(github: Path, script: str, *arguments: str) -> str:
    """Run a script and return what GitHub was to do."""
    command = [PROJECT / "scripts" / "lib" / script, *arguments]
    subprocess.run(command, check=True)  # noqa: S603
    return (github / "said").read_text()


def test_the_weekly_run_takes_what_is_newest() -> None:
    weekly = workflows()["weekly.yml"]["jobs"]
    matrix = weekly["newest"]["strategy"]["matrix"]
    assert matrix == {"home-assistant": ["newest", "beta"], "command": ["test", "e2e"]}
    for command in matrix["command"]:
        script = (PROJECT / "scripts" / command).read_text()
        assert [
            version for version in matrix["home-assistant"] if f"--{version}" not in script
        ] == []
    assert weekly["newest"]["continue-on-error"] == "${{ matrix.home-assistant == 'beta' }}"
    assert set(weekly["report"]["needs"]) == weekly.keys() - {"report"}


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ("", "issue create --title The weekly run fails --body"),
        ("7\tThe weekly run fails\n", "issue comment 7 --body"),
        # GitHub finds whatever has the words.
        ("8\tThe weekly run fails too late\n", "issue create --title"),
    ],
)
def test_a_failure_is_said_once(listed: str, expected: str, github: Path) -> None:
    (github / "listed").write_text(listed)
    said = ask_github(github, "report-failure", "https://example.com/run/1")
    assert said.startswith(expected)
    assert "https://example.com/run/1" in said


def test_a_release_is_published_with_its_file(github: Path) -> None:
    said = ask_github(github, "publish-release", "1.2.3", "build/it.zip")
    assert said.startswith("release create 1.2.3 build/it.zip --verify-tag ")


def test_what_is_attested_is_what_is_released() -> None:
    steps = workflows()["release.yml"]["jobs"]["release"]["steps"]
    (attested,) = (step["with"]["subject-path"] for step in steps if "/attest@" in str(step))
    assert steps[-1]["run"].endswith(f" {attested}")
    assert Path(attested).name == read_json(PROJECT / "hacs.json")["filename"]
    security = (PROJECT / "SECURITY.md").read_text()
    owner, name = read_json(INTEGRATION / "manifest.json")["documentation"].rsplit("/", 2)[1:]
    assert f"gh attestation verify {Path(attested).name} --repo {owner}/{name} " in security


def test_nothing_is_released_before_all_checks() -> None:
    release = workflows()["release.yml"]["jobs"]
    called = {job["uses"] for job in release.values() if "uses" in job}
    assert called == {"$/.github/workflows/check.yml", "$/.github/workflows/validate.yml"}
    assert set(release["release"]["needs"]) == {"check", "validate"}
    assert all(release[name]["needs"] == "tag" for name in release["release"]["needs"])
    tests = workflows()["check.yml"]["jobs"]["test"]["strategy"]["matrix"]["include"]
    assert {test["arguments"] for test in tests} == {"", "--floor"}
    assert workflows()["validate.yml"]["jobs"].keys() == {"hassfest", "hacs"}


def test_no_package_index_is_named() -> None:
    hosts = re.compile(r"pypi\.org|pythonhosted\.org|npmjs\.|deb\.debian\.org|snapshot\.debian")
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607
        cwd=PROJECT,
        capture_output=True,
        check=True,
        text=True,
    )
    texts = {".py", ".md", ".yml", ".yaml", ".json", ".toml", ".sh", ""}
    named = [
        name
        for name in listed.stdout.split("\0")
        if name and Path(name).suffix in texts and name != "tests/test_release.py"
        if (PROJECT / name).is_file() and hosts.search((PROJECT / name).read_text())
    ]
    assert named == []


# What people are asked for


def test_the_pages_link_to_what_can_be_installed() -> None:
    readme = (PROJECT / "README.md").read_text()
    actions = (PROJECT / "docs" / "actions.md").read_text()
    repository = read_json(INTEGRATION / "manifest.json")["documentation"]
    owner, name = repository.rsplit("/", 2)[1:]
    assert f"hacs_repository/?owner={owner}&repository={name}&category=integration" in readme
    for blueprint in sorted((PROJECT / "blueprints").rglob("*.yaml")):
        address = f"{repository}/blob/main/{blueprint.relative_to(PROJECT)}"
        assert f"blueprint_import/?blueprint_url={quote(address, safe='')}" in actions


def test_a_bug_report_asks_for_the_diagnostics() -> None:
    form = yaml.safe_load((PROJECT / ".github" / "ISSUE_TEMPLATE" / "bug.yml").read_text())
    fields = {field["id"]: field for field in form["body"] if "id" in field}
    for name in ("happened", "diagnostics", "home-assistant", "version"):
        assert fields[name]["validations"]["required"], name
    (promise,) = fields["no-secrets"]["attributes"]["options"]
    assert promise["required"]
