"""Constants that Home Assistant has are Home Assistant's."""

import ast

from homeassistant import const

from .used_texts import ROOT

# What an action's field is called in Home Assistant's own.
OF_HOME_ASSISTANT = {"ATTR_": ("ATTR_", "CONF_"), "CONF_": ("CONF_",)}


def values(*prefixes: str) -> set[object]:
    """Return the values of Home Assistant's constants with these prefixes."""
    return {getattr(const, name) for name in dir(const) if name.startswith(prefixes)}


def test_no_key_is_named_twice() -> None:
    ours = {
        f"{path.relative_to(ROOT)}: {node.target.id}": (node.target.id[:5], node.value.value)
        for path in ROOT.rglob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.AnnAssign)
        if isinstance(node.target, ast.Name) and isinstance(node.value, ast.Constant)
    }
    assert "const.py: CONF_SERVER" in ours
    named_twice = [
        name
        for name, (prefix, value) in ours.items()
        if prefix in OF_HOME_ASSISTANT and value in values(*OF_HOME_ASSISTANT[prefix])
    ]
    assert named_twice == []
