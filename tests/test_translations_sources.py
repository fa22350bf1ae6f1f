"""Each text stands once, and a source that would make a wrong file is refused."""

from collections.abc import Callable
import json
from pathlib import Path
from typing import Any

import pytest

from scripts.lib import texts

ENGLISH: dict[str, Any] = {
    "entity": {"button": {"check": {"name": "Check now"}}},
    "error": {
        "a": "Ask {who} to look at [the page]({url}) of the cloud.",
        "b": "[%key:component::growatt_onboarding::error::c%]",
        "c": "Press the *Check now* button.",
        "d": "Home Assistant",
    },
}
GERMAN: dict[str, Any] = {
    "error": {
        "d": "Home Assistant",
        "c": "Drücke die Taste *Jetzt prüfen*.",
        "a": "Bitte {who}, [die Seite]({url}) der Cloud anzusehen.",
    },
    "entity": {"button": {"check": {"name": "Jetzt prüfen"}}},
}
WRITTEN = """{
  "entity": {
    "button": {
      "check": {
        "name": "Jetzt prüfen"
      }
    }
  },
  "error": {
    "a": "Bitte {who}, [die Seite]({url}) der Cloud anzusehen.",
    "b": "Drücke die Taste *Jetzt prüfen*.",
    "c": "Drücke die Taste *Jetzt prüfen*.",
    "d": "Home Assistant"
  }
}
"""

type Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return the script on two languages: what it says, which is nothing when all is well."""
    monkeypatch.setattr(texts, "SOURCES", tmp_path)
    monkeypatch.setattr(texts, "TRANSLATIONS", tmp_path / "translations")
    texts.TRANSLATIONS.mkdir()

    def script(*arguments: str, english: Any = ENGLISH, german: Any = GERMAN) -> str:
        (tmp_path / "en.json").write_text(json.dumps(english))
        (tmp_path / "de.json").write_text(german if isinstance(german, str) else json.dumps(german))
        monkeypatch.setattr("sys.argv", ["scripts/texts", *arguments])
        failed = texts.main()
        said = capsys.readouterr().out
        assert failed == bool(said)
        return said

    return script


def with_error(source: dict[str, Any], key: str, text: Any) -> dict[str, Any]:
    """Return a source with one error's text changed, or without it."""
    errors = {**source["error"], key: text}
    if text is None:
        del errors[key]
    return {**source, "error": errors}


def test_all_keys_are_written_in_the_order_of_the_english_ones(run: Run) -> None:
    assert run() == ""
    assert (texts.TRANSLATIONS / "de.json").read_text(encoding="utf-8") == WRITTEN


def test_a_file_that_differs_from_its_source_is_found(run: Run) -> None:
    assert "translations/de.json: differs" in run("--check")
    assert list(texts.TRANSLATIONS.iterdir()) == []
    run()
    assert run("--check") == ""
    changed = with_error(GERMAN, "d", "Home Assistant OS")
    said = run("--check", german=changed)
    assert said == "translations/de.json: differs from its source: run scripts/texts\n"
    assert (texts.TRANSLATIONS / "de.json").read_text(encoding="utf-8") == WRITTEN


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[%key:component::growatt_onboarding::error::e%]", "refers to error.e, which is not"),
        ("[%key:component::growatt_onboarding::error%]", "refers to error, which is not there"),
        ("[%key:component::growatt_onboarding::error::b%]", "error.b, which is a reference itself"),
        ("[%key:component::growatt_onboarding::error::d%]", "error.d, which is a reference itself"),
        ("[%key:component::growatt_server::error::c%]", "is no reference"),
        ("[%key:common::state::on%]", "is no reference"),
        ("See [%key:component::growatt_onboarding::error::c%]", "is no reference"),
        ("Press the *Check now* button.", "says what error.c says"),
        ("", "is empty"),
    ],
)
def test_faults_of_the_english_source_are_found(run: Run, text: str, said: str) -> None:
    found = run(english=with_error(ENGLISH, "d", text))
    assert found.startswith("texts/en.json: error.d: ")
    assert said in found
    assert list(texts.TRANSLATIONS.iterdir()) == []


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("a", None, "is missing"),
        ("b", "Drücke die Taste *Jetzt prüfen*.", "is filled in from error.c: leave it out"),
        ("e", "Zu viel.", "is not in the English"),
        ("a", {"b": "Ein Zweig."}, "is missing"),
        ("a", 5, "is not a text"),
        ("a", "", "is empty"),
        ("d", "Home Assistant ", "space"),
        ("d", "Home  Assistant", "two spaces"),
        ("d", "<b>Home Assistant</b>", "HTML"),
        ("d", "https://example.com", "address"),
        ("d", "[%key:component::growatt_onboarding::error::c%]", "is no reference"),
        ("a", "Frage '{who}', [die Seite]({url}) anzusehen.", "apostrophe"),
        ("a", "Bitte { who }, [die Seite]({url}) der Cloud anzusehen.", "brace"),
        ("a", "Bitte {whom}, [die Seite]({url}) der Cloud anzusehen.", "whom"),
        ("a", "Bitte, [die Seite]({url}) der Cloud anzusehen.", "takes ['url']"),
        ("a", "Bitte {who}, [die Seite](/{url}) der Cloud anzusehen.", "leads to"),
        ("a", "Bitte {who}, [die Seite]({url}) der Cloud anzusehen", "full stop"),
        ("a", "Ask {who} to look at [the page]({url}) of the cloud.", "English still"),
        ("a", "Frage {who}. To look at [the page]({url}) bitte.", "English still"),
        ("c", "Drücke die\nTaste *Jetzt prüfen*.", "line breaks"),
        ("c", "Drücke die Taste Jetzt prüfen.", "asterisks"),
        ("c", "Drücke die Taste *Nun prüfen*.", "should name 'Jetzt prüfen'"),
    ],
)
def test_faults_of_a_translation_are_found(run: Run, key: str, text: Any, said: str) -> None:
    found = run(german=with_error(GERMAN, key, text))
    assert f"texts/de.json: error.{key}" in found
    assert said in found
    assert list(texts.TRANSLATIONS.iterdir()) == []


@pytest.mark.parametrize(
    ("german", "said"),
    [
        ('{"error": {"a": "Eins.", "b": "Zwei.", "a": "Drei."}}', "twice in one place: ['a']"),
        ("[]", "is not a JSON object"),
        ("{", "line 1"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(run: Run, german: str, said: str) -> None:
    found = run(german=german)
    assert found.startswith("texts/de.json: ")
    assert said in found
