"""The watch over all tests finds words of others that passed through neither function."""

from collections.abc import Iterator
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.helpers.selector import SelectSelector, SelectSelectorConfig
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.flows.steps import AnsweringFlow
from custom_components.growatt_onboarding.foreign import Markdown, markdown, plain

from . import words_watch


@pytest.fixture
def faults() -> Iterator[list[str]]:
    """Return what the watch has found, and forget it: it was provoked."""
    yield words_watch.faults
    words_watch.start()


def shown(**result: Any) -> None:
    """Have a dialog show something."""
    words_watch._step({"type": FlowResultType.FORM, "step_id": "place", **result}, None, Flow())


class Flow(AnsweringFlow):
    """A dialog of ours."""


def raise_issue(hass: HomeAssistant, **values: str) -> None:
    ir.async_create_issue(
        hass,
        DOMAIN,
        "x",
        is_fixable=False,
        severity=ir.IssueSeverity.ERROR,
        translation_key="overdue",
        translation_placeholders=values,
    )


def test_in_a_dialog(faults: list[str]) -> None:
    shown(description_placeholders={"account": markdown("a.b"), "results": Markdown("- a")})
    shown(errors={"base": "x"}, description_placeholders={"message": plain("a.b")})
    assert faults == []
    for values in ({"account": "a"}, {"account": plain("a")}, {"account": Markdown("*a*")}):
        shown(description_placeholders=values)
    # What an error could bring to the description.
    shown(errors={"base": "x"}, description_placeholders={"account": plain("a")})
    shown(type=FlowResultType.CREATE_ENTRY, title="a")
    assert len(faults) == 5


def test_a_time_of_day(faults: list[str]) -> None:
    for value in ("127.0.0.1:8123", "15", "2026-06-01"):
        shown(description_placeholders={"results": Markdown(value)})
    assert faults == []
    for value in ("9:05", "21:05", "21:05:00", "9:05 PM", "since 2026-06-01T21:05:00+02:00"):
        shown(description_placeholders={"results": Markdown(value)})
    assert len(faults) == 5


def test_in_a_choice(faults: list[str]) -> None:
    def choice(label: str) -> None:
        options = SelectSelectorConfig(options=[{"value": "1", "label": label}])
        shown(data_schema=vol.Schema({"plant": SelectSelector(options)}))

    choice(plain("a"))
    assert faults == []
    choice("a")
    assert len(faults) == 1


def test_in_a_repair(hass: HomeAssistant, faults: list[str]) -> None:
    raise_issue(hass, account=markdown("a.b"), plain_account=plain("a.b"))
    assert faults == []
    raise_issue(hass, account="a", plain_account=markdown("a"))
    assert len(faults) == 2


def test_in_an_error(faults: list[str]) -> None:
    for value in (plain("a"), "a"):
        ServiceValidationError(
            translation_domain=DOMAIN, translation_key="x", translation_placeholders={"x": value}
        )
    assert len(faults) == 1


def test_in_a_device(hass: HomeAssistant, faults: list[str]) -> None:
    entry = MockConfigEntry(domain=DOMAIN)
    entry.add_to_hass(hass)
    devices = dr.async_get(hass)
    for name in (plain("a"), "a"):
        device = devices.async_get_or_create(
            config_entry_id=entry.entry_id, identifiers={(DOMAIN, "1")}, name=name
        )
    devices.async_update_device(device.id, model="a")
    assert len(faults) == 2


def test_in_a_state(hass: HomeAssistant, faults: list[str]) -> None:
    hass.states.async_set("sensor.x", "on", {"datalogger": "A1"})
    assert faults == []
    hass.states.async_set("sensor.x", "on", {"datalogger": "A\n1"})
    assert len(faults) == 1
