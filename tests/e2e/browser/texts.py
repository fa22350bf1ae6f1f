"""What stands on the screen, by its key: the integration's texts and Home Assistant's own."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
import json
import os
import re
from typing import Any, NamedTuple

from tests.server.homeassistant_server import PROJECT

LANGUAGE = os.environ.get("E2E_LANGUAGE", "en")
"""What the scenarios speak, set by `scripts/e2e --language`."""

INTEGRATION = "Growatt Onboarding"
"""What the integration is called, in every language."""

FOLDER = PROJECT / "custom_components/growatt_onboarding/translations"
# What parts a text on the screen: gaps, line ends with the bullets or numbers after them, emphasis,
# and links.
_BETWEEN = re.compile(r"\{\w+\}|\n(?:[\s*-]|\d+\. )*|\*+|\]\([^)]*\)|\[")


def languages() -> list[str]:
    """Return the languages."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


class Texts:
    """Everything the integration says in one language; in English if it does not speak that."""

    def __init__(self, language: str) -> None:
        """Read a language."""
        self.language = language
        known = language if language in languages() else "en"
        self._flat = dict(_flat(_json(FOLDER / f"{known}.json")))

    def __call__(self, key: str, **values: str) -> str:
        """Return a text by its path, such as `config.step.user.title`."""
        return self._flat[key].format(**_with_plain(values))

    def __contains__(self, key: str) -> bool:
        """Tell whether there is a text of this path."""
        return key in self._flat

    def pieces(self, key: str, **values: str) -> list[str]:
        """Return what stands together on the screen of a text, without gaps and marks.

        Of the gaps only those are filled whose values are given.
        """
        text = self._flat[key]
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", value)
        return [piece for part in _BETWEEN.split(text) if len(piece := part.strip(" .:")) > 1]

    def repair_titles(self, **values: str) -> list[str]:
        """Return the titles of the repairs' dialogs."""
        return [
            text.format(**_with_plain(values))
            for key, text in self._flat.items()
            if key.startswith("issues.") and ".fix_flow." in key and key.endswith(".title")
        ]


def _with_plain(values: dict[str, str]) -> dict[str, str]:
    """Return values of placeholders, also by the names that the titles of repairs have for them."""
    return {**{f"plain_{name}": value for name, value in values.items()}, **values}


class HomeAssistantTexts:
    """What Home Assistant itself says in one language; in English where it lacks a text."""

    def __init__(self, language: str) -> None:
        """Look texts up in this language."""
        self._language = language

    def __call__(self, key: str, **values: str) -> str:
        """Return a text of the front end or of an integration by its path.

        Such as `ui.common.close` or `component.sun.title`.
        """
        read = _component if key.startswith("component.") else _front_end
        for language in (self._language, "en"):
            if (text := read(language, key)) is not None:
                return text.format(**values)
        raise KeyError(key)

    @property
    def cut_off(self) -> list[str]:
        """What it cuts off on a phone, in some languages.

        A heading, how many entities there are of a device, and whose a repair is.
        """
        entry = "ui.panel.config.integrations.config_entry"
        reported = self("ui.panel.config.repairs.reported_by", integration=INTEGRATION)
        entities = self._forms(f"{entry}.entities")
        return [self(f"{entry}.devices_without_subentry"), f"· {reported}", *entities]

    def _forms(self, key: str) -> list[str]:
        """Return what follows a number in each of a text's plural forms."""
        text = _front_end(self._language, key) or ""
        return re.findall(r"\w+ \{([^{}]+)\}", text)


class Words(NamedTuple):
    """What a person may read.

    Attributes:
        say: the integration's texts in the person's language.
        house: the same in the language of the house, which names entities and states of inverters.
        own: Home Assistant's own texts.

    """

    say: Texts
    house: Texts
    own: HomeAssistantTexts


def _component(language: str, key: str) -> str | None:
    _, domain, path = key.split(".", 2)
    return _component_texts(language, domain).get(path)


@cache
def _component_texts(language: str, domain: str) -> dict[str, str]:
    path = files("homeassistant.components") / domain / "translations" / f"{language}.json"
    return dict(_flat(_json(path))) if path.is_file() else {}


def _front_end(language: str, key: str) -> str | None:
    # Each page that needs many texts has a folder of its own.
    panel = re.match(r"ui\.panel\.([\w-]+)\.", key)
    return _front_end_texts(language, panel[1] if panel else "").get(key)


@cache
def _front_end_texts(language: str, panel: str) -> dict[str, str]:
    folder = files("hass_frontend") / "static" / "translations" / panel
    name = re.compile(rf"{language}-[0-9a-f]{{32}}\.json")
    return _json(next(path for path in folder.iterdir() if name.fullmatch(path.name)))


def _json(path: Traversable) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _flat(texts: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for key, value in texts.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value
