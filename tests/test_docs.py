"""What the pages for people say is there: links, pictures, actions, entities and words."""

from collections.abc import Iterator
from pathlib import Path
import re
from urllib.parse import unquote

import pytest

from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.trigger import TRIGGERS
from scripts.lib.texts import TRANSLATIONS, leaves, read

from .documents import DOCS, examples

PROJECT = Path(__file__).parents[1]
MANUAL = (PROJECT / "README.md", *sorted(DOCS.glob("*.md")))
PAGES = (*MANUAL, *sorted(PROJECT.glob("[!R]*.md")), PROJECT / "benchmarks" / "README.md")
EN = read(TRANSLATIONS / "en.json")
TEXTS = {re.sub(r"{\w+}", "…", text) for _, text in leaves(EN)}
# What others call their own: Home Assistant's pages, Growatt's app and portal; and examples, such
# as the scripts of the manual.
NAMES_OF_OTHERS = {
    "API Token",
    "API management",
    "Add from link",
    "Add integration",
    "Automations & scenes",
    "Blueprints",
    "Connected",
    "Connectivity",
    "Dashboards",
    "Devices & services",
    "Discovered",
    "Disconnected",
    "Download diagnostics",
    "Edit in YAML",
    "Enable polling for changes",
    "Growatt jansen-solar",
    "Home (12345)",
    "Import blueprint",
    "Integration",
    "Learn more",
    "Marketplace",
    "Me",
    "Move to the plant that has it",
    "Raw configuration editor",
    "Reconfigure",
    "Repairs",
    "Replace a device",
    "Settings",
    "Stop ignoring",
    "System",
    "System Management",
    "System Setting",
    "System information",
    "System options",
    "Use status",
}


def prose(page: Path) -> str:
    """Return a page without its code."""
    without_blocks = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "code", without_blocks)


def anchors(page: Path) -> set[str]:
    """Return what a link to a part of a page can name, as GitHub does."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in found}


def links(page: Path) -> Iterator[str]:
    """Yield where the links and pictures of a page lead."""
    yield from re.findall(r"\]\(([^)\s]+)\)", prose(page))
    yield from re.findall(r"^\[[^\]]+\]: (\S+)$", prose(page), re.MULTILINE)


def is_there(link: str, page: Path) -> bool:
    """Tell whether what a relative link of a page leads to exists."""
    path, _, part = unquote(link).partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists() or not target.is_relative_to(PROJECT):
        return False
    return not part or (target.suffix == ".md" and part in anchors(target))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_lead_somewhere(page: Path) -> None:
    inside = [link for link in links(page) if "://" not in link]
    assert [link for link in inside if not is_there(link, page)] == []


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("docs/reference.md", True),
        ("docs/reference.md#entities", True),
        ("#it-stays-pending-what-now", True),
        ("docs", True),
        ("docs/nothing.md", False),
        ("docs/reference.md#nothing", False),
        ("#nothing", False),
        ("../somewhere", False),
        ("LICENSE#nothing", False),
    ],
)
def test_links_are_looked_for(link: str, *, expected: bool) -> None:
    assert is_there(link, PROJECT / "README.md") is expected


@pytest.mark.parametrize("page", MANUAL, ids=lambda page: str(page.relative_to(PROJECT)))
def test_a_page_of_the_manual_is_called_by_its_title(page: Path) -> None:
    called = re.findall(r"\[([^]]+)\]\(((?:docs/|\.\./docs/)?[\w-]+\.md)\)", page.read_text())
    targets = [(name, (page.parent / link).resolve()) for name, link in called]
    titles = [
        (name, target.read_text().partition("\n")[0].removeprefix("# "))
        for name, target in targets
        if target.parent == DOCS
    ]
    # A sentence may name one in passing.
    assert [(name, title) for name, title in titles if name not in (title, title.lower())] == []


def test_links_from_elsewhere_to_the_first_page() -> None:
    issues = (PROJECT / ".github" / "ISSUE_TEMPLATE" / "config.yml").read_text()
    named = re.findall(r"/growatt-onboarding/growatt-onboarding#([\w-]+)", issues)
    assert named
    assert [part for part in named if part not in anchors(PROJECT / "README.md")] == []


@pytest.mark.parametrize(
    "about",
    [
        "en.growatt.com/",
        "en.growatt.com/products",
        "play.google.com/store/apps/details?id=com.growatt.shinephones",
        "www.quectel.com/",
        "www.acceleronix.io/",
        "www.acceleronix.io/products/app",
        "shopxo.net/",
        "en.anqicms.com/",
    ],
)
def test_the_first_page_links_to_what_it_is_about(about: str) -> None:
    beginning, _, rest = (PROJECT / "README.md").read_text().partition("\n## ")
    _, _, clouds = rest.partition("## Supported clouds and inverters\n")
    # An owner's path comes first; who makes the other clouds stands where these are listed.
    where = beginning if "growatt" in about else clouds.partition("\n## ")[0]
    assert f"](https://{about})" in where


def test_every_page_of_the_manual_is_linked_from_the_first() -> None:
    linked = {link.partition("#")[0] for link in links(PROJECT / "README.md")}
    assert {f"docs/{page.name}" for page in DOCS.glob("*.md")} <= linked


def test_every_picture_is_shown() -> None:
    shown = {(page.parent / link).resolve() for page in MANUAL for link in links(page)}
    assert set((DOCS / "screenshots").iterdir()) <= shown


# Words


@pytest.mark.parametrize("page", MANUAL, ids=lambda page: page.name)
def test_names_are_those_that_are_shown(page: Path) -> None:
    without_bold = re.sub(r"\*\*[^*]+\*\*", "", prose(page))
    named = {" ".join(name.split()) for name in re.findall(r"\*([^*]+)\*", without_bold)}
    assert named - TEXTS - NAMES_OF_OTHERS == set()


def test_messages_are_those_that_are_shown() -> None:
    quoted = re.findall(r'^\| "([^"]+)"', (DOCS / "troubleshooting.md").read_text(), re.MULTILINE)
    assert quoted
    assert [words for words in quoted if not any(words in text for text in TEXTS)] == []


def test_every_repair_is_explained() -> None:
    page = (DOCS / "troubleshooting.md").read_text()
    titles = [re.sub(r"{\w+}", "…", issue["title"]) for issue in EN["issues"].values()]
    assert [title for title in titles if f"\n| *{title}* |" not in page] == []


def test_every_entity_and_state_is_explained() -> None:
    page = (DOCS / "reference.md").read_text()
    entities = [entity for platform in EN["entity"].values() for entity in platform.values()]
    assert [entity["name"] for entity in entities if f"| *{entity['name']}* |" not in page] == []
    sensors = EN["entity"]["sensor"]
    states = {
        (key, name)
        for sensor in ("association_status", "datalogger_status")
        for key, name in sensors[sensor]["state"].items()
    }
    assert [key for key, name in states if f"\n| {name} | `{key}` |" not in page] == []
    first_help = (DOCS / "troubleshooting.md").read_text()
    assert [
        name for key, name in states if f"*{name}*" not in first_help and key != "associated"
    ] == []


# What the page for who changes it names


def named_in_architecture() -> set[str]:
    names = re.findall(r"`([^`\n]+)`", (DOCS / "architecture.md").read_text())
    return {name.replace("<cloud>", "growatt") for name in names}


def is_named_rightly(name: str, words: set[str]) -> bool:
    """Tell whether a file is in the repository, the package or a wing of it, or a word in these."""
    if "/" in name or re.search(r"\.(py|json|yaml|md)$", name):
        package = TRANSLATIONS.parent
        folders = (PROJECT, package, *(path for path in package.rglob("*") if path.is_dir()))
        return any((folder / name).exists() for folder in folders)
    return set(re.findall(r"[^\W\d]\w*", name)) <= words


def test_the_architecture_names_what_there_is() -> None:
    sources = [*TRANSLATIONS.parent.rglob("*.py"), TRANSLATIONS / "en.json"]
    words = {word for path in sources for word in re.findall(r"\w+", path.read_text())}
    words |= {path.name for path in PROJECT.iterdir()}
    named = named_in_architecture()
    assert [name for name in sorted(named) if not is_named_rightly(name, words)] == []
    assert not is_named_rightly("cloud/nothing.py", words)
    assert not is_named_rightly("no_such_function", words)


def test_every_trigger_is_explained() -> None:
    page = (DOCS / "actions.md").read_text()
    rows = re.findall(rf"^\| `{DOMAIN}\.(\w+)` \|", page, re.MULTILINE)
    assert sorted(rows) == sorted(TRIGGERS)


# Examples


def test_every_page_with_examples_has_them_run() -> None:
    pages = {page.stem for page in DOCS.glob("*.md") if examples(page.name)}
    assert pages
    assert [
        page for page in pages if not Path(__file__).with_stem(f"test_docs_{page}").exists()
    ] == []
