"""Check a translation against the English texts.

Usage: python -m scripts.lib.texts TRANSLATION.json [--english ENGLISH.json]
Prints every fault with its place, and ends with 1 when there is one. Needs Python only.
"""

import argparse
from collections.abc import Iterator, Mapping
import json
from pathlib import Path
import re
import sys
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
TRANSLATIONS = PROJECT / "custom_components" / "growatt_onboarding" / "translations"
# As long as this a text says something that every language says in its own words.
WORDS_THAT_SAY_SOMETHING = 4
# So many of the English words in a row were left there by mistake; names are shorter.
WORDS_LEFT_IN_ENGLISH = 5

type Texts = Mapping[str, Any]


def leaves(texts: Texts, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text with its place."""
    for key, value in texts.items():
        place = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            yield from leaves(value, place)
        else:
            yield place, value


def read(path: Path) -> Texts:
    """Return the texts of a file.

    Raises:
        TypeError: it is no JSON object.
        ValueError: it is no JSON, or has a key twice.

    """
    texts = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_once)
    if not isinstance(texts, dict):
        raise TypeError(f"{path.name} is not a JSON object")
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


def faults_of_text(text: Any) -> Iterator[str]:
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
        yield "points to another text: only core's own build resolves that"
    if "'{" in text or "'}" in text or "''" in text:
        # The front end's message format takes it for a quotation: the name is shown, not the value.
        yield "has an apostrophe before a brace or another: use a typographic one, or other words"
    if re.sub(r"{\w+}", "", text).count("{") or re.sub(r"{\w+}", "", text).count("}"):
        yield "has a brace that belongs to no value"


def faults(texts: Texts, english: Texts) -> list[str]:
    """Return what is wrong with a translation, each with its place."""
    found = dict(leaves(texts))
    source = dict(leaves(english))
    wrong = [f"{place}: is missing ({source[place]!r})" for place in source.keys() - found.keys()]
    wrong += [f"{place}: is not in the English texts" for place in found.keys() - source.keys()]
    for place in source.keys() & found.keys():
        of_text = list(faults_of_text(found[place]))
        if not of_text:
            of_text = list(_faults_of_pair(found[place], source[place]))
        wrong += [f"{place}: {fault}: {found[place]!r}" for fault in of_text]
    if not wrong:
        wrong += _differing(found, source)
        wrong += _misnamed(found, source)
    return sorted(wrong)


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


def _differing(found: Mapping[str, str], source: Mapping[str, str]) -> Iterator[str]:
    """Yield where the same English sentence was translated in two ways."""
    first: dict[str, str] = {}
    for place, english in source.items():
        if len(_words(english)) < WORDS_THAT_SAY_SOMETHING:
            continue  # one short word in English may be two in another language
        earlier = first.setdefault(english, place)
        if found[place] != found[earlier]:
            yield (
                f"{place}: {found[place]!r} differs from {earlier}: {found[earlier]!r}, "
                f"both are {english!r}"
            )


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
    """Check one file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("translation", type=Path)
    parser.add_argument("--english", type=Path, default=TRANSLATIONS / "en.json")
    arguments = parser.parse_args()
    try:
        wrong = faults(read(arguments.translation), read(arguments.english))
    except (OSError, TypeError, ValueError) as err:
        wrong = [str(err)]
    for fault in wrong:
        print(fault)
    print(f"{arguments.translation}: {len(wrong)} faults" if wrong else "no fault")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
