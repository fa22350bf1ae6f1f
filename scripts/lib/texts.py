"""Write the texts that Home Assistant reads from their sources, in which each text stands once.

The English source has every key, in order. Where it says what another place says already, it
refers to that one as Home Assistant's own sources do:
[%key:component::growatt_onboarding::config::error::no_answer%]. The other sources leave these keys
out: what is one text in English is one in every language.

Usage: scripts/texts [--check]
Prints every fault with its place, and then writes nothing. With --check nothing is written either:
a file that differs from its source is a fault.
"""

import argparse
from collections.abc import Iterator, Mapping
import json
from pathlib import Path
import re
import sys
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
SOURCES = PROJECT / "texts"
TRANSLATIONS = PROJECT / "custom_components" / "growatt_onboarding" / "translations"
REFERENCE = re.compile(r"\[%key:component::growatt_onboarding::(\w+(?:::\w+)*)%\]")
# As long as this a text says something that every language says in its own words.
WORDS_THAT_SAY_SOMETHING = 4
# So many of the English words in a row were left there by mistake; names are shorter.
WORDS_LEFT_IN_ENGLISH = 5

type Texts = Mapping[str, Any]


def leaves(texts: Texts, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every text with its place."""
    for key, value in texts.items():
        place = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            yield from leaves(value, place)
        else:
            yield place, value


def references(english: Texts) -> dict[str, str]:
    """Return the places that refer to another one, with that one."""
    return {
        place: match[1].replace("::", ".")
        for place, text in leaves(english)
        if isinstance(text, str) and (match := REFERENCE.fullmatch(text))
    }


def expand(source: Texts, english: Texts) -> dict[str, Any]:
    """Return all the texts of a language."""
    own, elsewhere = dict(leaves(source)), references(english)

    def fill(texts: Texts, path: str) -> dict[str, Any]:
        return {
            key: fill(value, f"{path}{key}.")
            if isinstance(value, dict)
            else own[elsewhere.get(f"{path}{key}", f"{path}{key}")]
            for key, value in texts.items()
        }

    return fill(english, "")


def read(path: Path) -> Texts:
    """Return the texts of a file.

    Raises:
        TypeError: it is no JSON object.
        ValueError: it is no JSON, or has a key twice.

    """
    try:
        texts = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_once)
    except ValueError as err:
        raise ValueError(f"{path.name}: {err}") from err
    if not isinstance(texts, dict):
        raise TypeError(f"{path.name}: is not a JSON object")
    return texts


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse what JSON would let pass: of a key that is there twice, only the last counts."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"twice in one place: {sorted({k for k in keys if keys.count(k) > 1})}")
    return found


def placeholders(text: str) -> set[str]:
    """Return the names of the values that a text takes."""
    return set(re.findall(r"{(\w+)}", text))


def faults_of_english(english: Texts) -> list[str]:
    """Return what is wrong with the English source, each with its place."""
    texts, elsewhere = dict(leaves(english)), references(english)
    wrong: list[str] = []
    first: dict[str, str] = {}
    for place, text in texts.items():
        if target := elsewhere.get(place):
            if target not in texts:
                wrong.append(f"{place}: refers to {target}, which is not there")
            elif target in elsewhere:
                wrong.append(f"{place}: refers to {target}, which is a reference itself")
        elif of_text := list(_faults_of_text(text)):
            wrong += [f"{place}: {fault}: {text!r}" for fault in of_text]
        elif len(_words(text)) < WORDS_THAT_SAY_SOMETHING:
            continue  # one short word in English may be two in another language
        elif (earlier := first.setdefault(text, place)) != place:
            wrong.append(f"{place}: says what {earlier} says: refer to that")
    return wrong


def faults(source: Texts, english: Texts) -> list[str]:
    """Return what is wrong with a translation's source, each with its place."""
    found, elsewhere = dict(leaves(source)), references(english)
    needed = {place: text for place, text in leaves(english) if place not in elsewhere}
    wrong = [f"{place}: is missing ({needed[place]!r})" for place in needed.keys() - found.keys()]
    for place in found.keys() - needed.keys():
        if target := elsewhere.get(place):
            wrong.append(f"{place}: is filled in from {target}: leave it out")
        else:
            wrong.append(f"{place}: is not in the English texts")
    for place in needed.keys() & found.keys():
        of_text = list(_faults_of_text(found[place]))
        if not of_text:
            of_text = list(_faults_of_pair(found[place], needed[place]))
        wrong += [f"{place}: {fault}: {found[place]!r}" for fault in of_text]
    if not wrong:
        wrong += _misnamed(found, needed)
    return sorted(wrong)


def _faults_of_text(text: Any) -> Iterator[str]:
    """Yield what is wrong with a text in any language, by itself."""
    if not isinstance(text, str):
        yield "is not a text"
        return
    if not text:
        yield "is empty"
    if text != text.strip():
        yield "begins or ends with a space"
    if "  " in text:
        yield "has two spaces in a row"
    if "<" in text:
        yield "holds HTML"
    if "://" in text or "www." in text:
        yield "holds an address: these come as values"
    if "[%" in text:
        yield "is no reference: in English only, alone, and to a text of this integration"
    if "'{" in text or "'}" in text or "''" in text:
        # The front end's message format takes it for a quotation: the name is shown, not the value.
        yield "has an apostrophe before a brace or another: use a typographic one, or other words"
    if re.sub(r"{\w+}", "", text).count("{") or re.sub(r"{\w+}", "", text).count("}"):
        yield "has a brace that belongs to no value"


def _faults_of_pair(text: str, english: str) -> Iterator[str]:
    """Yield where a text says something else than the English one."""
    if placeholders(text) != placeholders(english):
        yield f"takes {sorted(placeholders(text))} instead of {sorted(placeholders(english))}"
    if _links(text) != _links(english):
        yield f"leads to {_links(text)} instead of {_links(english)}"
    for mark, name in (("\n", "line breaks"), ("*", "asterisks"), ("`", "backticks")):
        if text.count(mark) != english.count(mark):
            yield f"has {text.count(mark)} {name} instead of {english.count(mark)}"
    if (text[-1] in ".。") != (english[-1] == "."):
        yield "ends with a full stop, and the English text without, or the other way round"
    if left := _left_in_english(text, english):
        yield f"is English still ({left!r})"


def _links(text: str) -> list[str]:
    return sorted(re.findall(r"\]\(([^)]*)\)", text))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", re.sub(r"{\w+}", " | ", text).casefold())


def _left_in_english(text: str, english: str) -> str:
    """Return the English words that a text has kept, when they are too many for a name."""
    words = _words(english)
    if text == english and len(words) >= WORDS_THAT_SAY_SOMETHING:
        return text
    here = " ".join(_words(text))
    for start in range(len(words) - WORDS_LEFT_IN_ENGLISH + 1):
        run = " ".join(words[start : start + WORDS_LEFT_IN_ENGLISH])
        if f" {run} " in f" {here} ":
            return run
    return ""


def _misnamed(found: Mapping[str, str], source: Mapping[str, str]) -> Iterator[str]:
    """Yield where a text names an entity or an action otherwise than that one is called."""
    names = [
        place
        for place in source
        if re.fullmatch(r"(entity\.\w+|services)\.\w+\.name", place) and " " in source[place]
    ]
    for place, english in source.items():
        for name in names:
            # In the middle of a sentence a capital letter makes it a name.
            if re.search(rf"[a-z] \*?{re.escape(source[name])}\b", english) and (
                found[name].casefold() not in found[place].casefold()
            ):
                yield f"{place}: should name {found[name]!r} (the text {name}): {found[place]!r}"


def main() -> int:
    """Write all languages, or say what is wrong."""
    parser = argparse.ArgumentParser(
        prog="scripts/texts", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    try:
        sources = {path.name: read(path) for path in sorted(SOURCES.glob("*.json"))}
    except (TypeError, ValueError) as err:
        print(f"texts/{err}")
        return 1
    english = sources["en.json"]
    wrong = [f"texts/en.json: {fault}" for fault in faults_of_english(english)]
    for name, source in sources.items() if not wrong else ():
        if source is not english:
            wrong += [f"texts/{name}: {fault}" for fault in faults(source, english)]
    for name, source in sources.items() if not wrong else ():
        path = TRANSLATIONS / name
        text = json.dumps(expand(source, english), ensure_ascii=False, indent=2) + "\n"
        if not check:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            wrong.append(f"translations/{name}: differs from its source: run scripts/texts")
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
