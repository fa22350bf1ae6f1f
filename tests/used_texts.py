"""Which texts the code can ask for, and with which values, read from the code itself."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
import importlib
from pathlib import Path
from typing import Any

from homeassistant.helpers.entity import EntityDescription

import custom_components.growatt_onboarding as package
from custom_components.growatt_onboarding.cloud.errors import CloudError

ROOT = Path(package.__path__[0])
# What every result code of a cloud brings along.
_OF_A_CODE = frozenset({"code", "message"})
# The cloud's own words, where it said any: empty otherwise.
_OF_ALL = frozenset({"said"})
# How long to wait, which forms and actions tell in both.
_OF_A_PAUSE = frozenset({"seconds", "minutes"})


@dataclass
class Use:
    """An error that the code can raise: where, and which values its text may use."""

    module: str
    key: str
    values: frozenset[str]


@dataclass
class Code:
    """The integration's modules, parsed."""

    trees: dict[str, ast.Module] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in sorted(ROOT.rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            self.trees[name] = ast.parse(path.read_text(encoding="utf-8"))
        self.errors = {cls.__name__: cls for cls in _subclasses(CloudError)}

    def module(self, name: str) -> Any:
        """Return a module by its name below the package."""
        return importlib.import_module(f"{package.__name__}.{name}".removesuffix(".__init__"))

    def calls(self, *names: str) -> Iterator[tuple[str, ast.Call]]:
        """Yield the calls of functions or classes of these names, with their module."""
        for module, tree in self.trees.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and _name(node.func) in names:
                    yield module, node

    def texts(self, module: str, node: ast.expr | None) -> set[str]:
        """Return the texts that an expression can be: constants, by name or in a condition."""
        match node:
            case ast.Constant(value=str() as text):
                return {text}
            case ast.IfExp(body=body, orelse=orelse):
                return self.texts(module, body) | self.texts(module, orelse)
            case ast.Name(id=name):
                value = getattr(self.module(module), name, None)
                return {value} if isinstance(value, str) else set()
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                value = getattr(getattr(self.module(module), name, None), attribute, None)
                return {value} if isinstance(value, str) else set()
        return set()

    def cloud_errors(self) -> list[Use]:
        """Return every use of an error of a cloud, or of one like it."""
        uses: list[Use] = []
        for module, call in self.calls(*self.errors):
            uses += self._of_call(module, call)
        for module, call in self.calls("Meaning"):
            cls = self.errors[_name(call.args[0])]
            keys = self.texts(module, call.args[1]) if len(call.args) > 1 else {cls.default_key}
            values = _OF_A_CODE | _placeholders(call) | self._pause(cls.__name__)
            if len(call.args) > 3 or any(given.arg == "retry_after" for given in call.keywords):
                values |= _OF_A_PAUSE
            uses += [Use(module, key, values | _OF_ALL) for key in keys]
        for module, tree in self.trees.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name | ast.Attribute):
                    raised = self.errors.get(_name(node.exc))
                    if raised is not None:
                        uses.append(Use(module, raised.default_key, _OF_ALL))
        return uses

    def _of_call(self, module: str, call: ast.Call) -> list[Use]:
        name = _name(call.func)
        keys = self.texts(module, call.args[0]) if call.args else {self.errors[name].default_key}
        values = _placeholders(call) | self._pause(name)
        if name == "SerialError":
            values |= {"serials"} | {given.arg for given in call.keywords if given.arg is not None}
        return [Use(module, key, values | _OF_ALL) for key in keys]

    @staticmethod
    def _pause(error: str) -> frozenset[str]:
        """Return the values for its text that the gateway gives an error."""
        return _OF_A_PAUSE if error == "RateLimitedError" else frozenset()

    def keywords(self, keyword: str, *names: str) -> dict[str, set[str]]:
        """Return the texts given as a keyword to calls of these names, by module."""
        found: dict[str, set[str]] = {}
        for module, call in self.calls(*names):
            for given in call.keywords:
                if given.arg == keyword and (texts := self.texts(module, given.value)):
                    found.setdefault(module, set()).update(texts)
        return found

    def entity_keys(self) -> dict[str, set[str]]:
        """Return the translation keys of the entities' descriptions, by platform."""
        found: dict[str, set[str]] = {}
        for module, tree in self.trees.items():
            for call in ast.walk(tree):
                if not (isinstance(call, ast.Call) and _name(call.func).endswith("Description")):
                    continue
                if issubclass(getattr(self.module(module), _name(call.func)), EntityDescription):
                    # What has none is named by its class.
                    for key in (one for one in call.keywords if one.arg == "translation_key"):
                        found.setdefault(module, set()).update(self.texts(module, key.value))
        return found

    def filled(self, module: str) -> set[str]:
        """Return the keys of all the dictionaries that a module fills."""
        keys: set[ast.expr | None] = set()
        for node in ast.walk(self.trees[module]):
            if isinstance(node, ast.Dict):
                keys.update(node.keys)
            elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
                keys.add(node.slice)
        return set().union(*(self.texts(module, key) for key in keys))

    def form_keys(self) -> set[str]:
        """Return the keys of the providers' forms; an enum's value stands for all its members."""
        keys: set[str] = set()
        for module, tree in self.trees.items():
            for function in ast.walk(tree):
                if not isinstance(function, ast.FunctionDef | ast.Module):
                    continue
                for call in ast.walk(function):
                    if not (isinstance(call, ast.Call) and _name(call.func) == "Form"):
                        continue
                    (node,) = [given.value for given in call.keywords if given.arg == "key"]
                    keys |= self.texts(module, node) or self._members(module, function, node)
        return keys

    def _members(self, module: str, function: ast.AST, node: ast.expr) -> set[str]:
        if not (isinstance(function, ast.FunctionDef) and isinstance(node, ast.Attribute)):
            return set()
        for argument in function.args.args:
            if argument.arg == _name(node.value) and argument.annotation is not None:
                kind = getattr(self.module(module), _name(argument.annotation))
                assert issubclass(kind, StrEnum)
                return {member.value for member in kind}
        return set()


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _placeholders(call: ast.Call) -> frozenset[str]:
    """Return the values for its text that the call of an error or a meaning gives."""
    return frozenset(
        key.value
        for given in call.keywords
        if given.arg == "placeholders" and isinstance(given.value, ast.Dict)
        for key in given.value.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    )


def _subclasses(cls: type[CloudError]) -> Iterator[type[CloudError]]:
    yield cls
    for sub in cls.__subclasses__():
        if sub.__module__.startswith(package.__name__):
            yield from _subclasses(sub)
