"""The claims about Home Assistant's quality scale, and whether what they name exists."""

import ast
from pathlib import Path
import re
from typing import Any

import homeassistant
import pytest
import yaml

PROJECT = Path(__file__).parents[1]
CLAIMS = PROJECT / "custom_components" / "growatt_onboarding" / "quality_scale.yaml"
# Core's integrations are judged by all rules, so that any of their files names them all.
CORE = Path(homeassistant.__path__[0]) / "components" / "growatt_server" / "quality_scale.yaml"


def rules(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text())["rules"])


def evidence(comment: str) -> list[str]:
    """Return the paths that a comment names."""
    return re.findall(r"`([^`]*)`", comment)


def sections(comment: str) -> list[str]:
    """Return the sections of the documentation that a comment names."""
    if "Section" not in comment:
        return []
    return re.findall(r'"([^"]*)"', comment)


def headings(pages: list[str]) -> set[str]:
    """Return the sections of these pages."""
    texts = [(PROJECT / page).read_text() for page in pages if page.endswith(".md")]
    return {found for text in texts for found in re.findall(r"^##+ (.+)$", text, re.MULTILINE)}


def is_there(named: str) -> bool:
    """Tell whether a file, or a test in a file, exists."""
    name, _, test = named.partition("::")
    path = PROJECT / name
    if not path.is_file() or not path.resolve().is_relative_to(PROJECT):
        return False
    return not test or test in {
        node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_every_rule_is_answered_and_no_other() -> None:
    assert rules(CLAIMS).keys() == rules(CORE).keys()
    assert len(rules(CLAIMS)) == 54


@pytest.mark.parametrize(("rule", "claim"), rules(CLAIMS).items(), ids=list(rules(CLAIMS)))
def test_each_answer_has_its_reason(rule: str, claim: dict[str, str]) -> None:
    assert claim.keys() == {"status", "comment"}
    assert claim["status"] in ("done", "exempt"), f"{rule} is not done: {claim['comment']}"
    assert claim["comment"].strip()
    named = evidence(claim["comment"])
    assert claim["comment"].count("`") == 2 * len(named)
    assert [path for path in named if not is_there(path)] == []
    found = headings(named)
    assert [section for section in sections(claim["comment"]) if section not in found] == []
    if claim["status"] == "done":
        assert named, f"{rule} is said to be done, but nothing shows it"


@pytest.mark.parametrize(
    ("rule", "module"),
    [
        ("docs-actions", "services"),
        ("docs-triggers", "trigger.py"),
        ("docs-conditions", "condition.py"),
    ],
)
def test_only_what_there_is_not_is_exempt(rule: str, module: str) -> None:
    is_exempt = rules(CLAIMS)[rule]["status"] == "exempt"
    assert is_exempt is not (CLAIMS.parent / module).exists()


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("README.md", True),
        ("tests/test_quality_scale.py::test_every_rule_is_answered_and_no_other", True),
        ("tests/test_quality_scale.py::test_nothing", False),
        ("tests/test_nothing.py", False),
        ("tests", False),
        ("", False),
        ("../README.md", False),
        ("/etc/hostname", False),
    ],
)
def test_evidence_is_looked_for(named: str, *, expected: bool) -> None:
    assert is_there(named) is expected


def test_sections_are_looked_for() -> None:
    assert sections('Sections "Entities" and "No such one" of `docs/reference.md`.') == [
        "Entities",
        "No such one",
    ]
    assert "Entities" in headings(["docs/reference.md", "tests/test_docs.py"])
    assert "Entities" not in headings(["README.md"])
    assert "No such one" not in headings(["docs/reference.md"])
    assert sections('"Connected" is diagnostic.') == []
