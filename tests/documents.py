"""What the manual's pages hold, as tests read it: their sections, tables and examples.

An example is read out of its page and run, so that page and test cannot differ.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
import re
from typing import Any, NamedTuple

import yaml

DOCS = Path(__file__).parents[1] / "docs"

# The account, and another one of the same token, that the examples name; with their plants.
ACCOUNT, OTHER_ACCOUNT = "01KB3R6N3D8Q4WQZJ5T0N7V2XA", "01KB3R6N3D8Q4WQZJ5T0N7V2XB"
PLANT, OTHER_PLANT = 24765, 24801

type Row = dict[str, str]


class Table(NamedTuple):
    """A table: what its first column is about, and its rows by the names of the columns."""

    about: str
    rows: list[Row]


class Example(NamedTuple):
    """A YAML block.

    Attributes:
        name: the heading above it, with a number where a section has several.
        text: the YAML.

    """

    name: str
    text: str

    @property
    def loaded(self) -> Any:
        """Return what it says."""
        return yaml.safe_load(self.text)


def sections(page: str) -> dict[str, str]:
    """Return the text below each heading of a page, up to the next one."""
    found: dict[str, str] = {}
    heading, in_block = "", False
    for line in (DOCS / page).read_text().splitlines(keepends=True):
        if line.startswith("```"):
            in_block = not in_block
        if not in_block and (title := re.match(r"#+ (.+)", line)):
            heading = title[1]
            assert heading not in found, heading
            found[heading] = ""
        else:
            found[heading] = found.get(heading, "") + line
    return found


def tables(text: str) -> list[Table]:
    """Return the tables in a text."""
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        header, _, *rows = (_cells(line) for line in block.splitlines())
        found.append(Table(header[0], [dict(zip(header, row, strict=True)) for row in rows]))
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def names_in(cell: str) -> list[str]:
    """Return the names in a table's cell."""
    return re.findall(r"`(\w+)`", cell)


def examples(page: str) -> dict[str, Example]:
    """Return the examples of a page by their names."""
    found = {}
    for heading, text in sections(page).items():
        blocks = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        for number, block in enumerate(blocks, 1):
            name = heading if number == 1 else f"{heading} {number}"
            found[name] = Example(name, block)
    return found


def instead(found: Any, values: Mapping[str, Any]) -> Any:
    """Return an example with other values in place of these."""
    if isinstance(found, dict):
        return {key: instead(value, values) for key, value in found.items()}
    if isinstance(found, list):
        return [instead(one, values) for one in found]
    return values.get(found, found) if isinstance(found, str) else found


def actions_in(found: Any, domain: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the actions of an integration in an example, with what they are given."""
    if isinstance(found, dict):
        if str(found.get("action")).startswith(f"{domain}."):
            yield found["action"].partition(".")[2], found.get("data", {})
        found = list(found.values())
    if isinstance(found, list):
        for one in found:
            yield from actions_in(one, domain)
