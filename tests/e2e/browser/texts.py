"""The integration's own texts in the languages it speaks."""

from collections.abc import Iterator
import json
from pathlib import Path
from typing import Any

from tests.server.homeassistant_server import PROJECT

FOLDER = PROJECT / "custom_components/growatt_onboarding/translations"


def languages() -> list[str]:
    """Return the languages."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


class Texts:
    """Everything the integration says in one language."""

    def __init__(self, language: str) -> None:
        """Read a language."""
        self._texts: dict[str, Any] = json.loads(Path(FOLDER / f"{language}.json").read_text())
        self._flat = dict(_flat(self._texts))

    def __call__(self, key: str, **values: str) -> str:
        """Return a text by its path, such as `config.step.user.title`."""
        return self._flat[key].format(**values)

    def repair_titles(self, **values: str) -> list[str]:
        """Return the titles of the repairs' dialogs."""
        return [
            text.format(**values)
            for key, text in self._flat.items()
            if key.startswith("issues.") and ".fix_flow." in key and key.endswith(".title")
        ]


def _flat(texts: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for key, value in texts.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value
