"""A Home Assistant in which the manual's examples run, with the accounts that they name."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from homeassistant.components.script import DOMAIN as SCRIPT
from homeassistant.core import Context, HomeAssistant, ServiceCall
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.script import Script, async_validate_actions_config
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service

from custom_components.growatt_onboarding.const import DOMAIN
from simulator import Simulator

from .common import act, add_account
from .documents import ACCOUNT, OTHER_ACCOUNT, OTHER_PLANT, PLANT, Example, examples, instead

NAMES = {ACCOUNT: "jansen-solar", OTHER_ACCOUNT: "smit-solar"}
PLANTS = {ACCOUNT: (PLANT, "Home"), OTHER_ACCOUNT: (OTHER_PLANT, "Barn")}


@dataclass
class House:
    """Everything that an example may need.

    Attributes:
        messages: what was sent to somebody's phone.

    """

    hass: HomeAssistant
    cloud: Simulator
    page: str
    messages: list[ServiceCall] = field(init=False)

    def __post_init__(self) -> None:
        """Have a phone for messages."""
        self.messages = async_mock_service(self.hass, "notify", "send_message")

    # What there is before

    async def link(self, entry_id: str = ACCOUNT, *, with_plant: bool = True) -> MockConfigEntry:
        """Add an account that the examples name, and list its plants."""
        growatt, name = self.cloud.growatt, NAMES[entry_id]
        user = growatt.add_user(name, f"{name}@example.com")
        if with_plant:
            plant_id, plant = PLANTS[entry_id]
            growatt.number_from(plant_id)
            growatt.add_plant(user.user_id, plant)
        account = {"account_id": str(user.user_id), "name": name, "entry_id": entry_id}
        entry = await add_account(self.hass, self.cloud, **account)
        await act(self.hass, "list_plants", config_entry_id=entry_id)
        return entry

    async def link_both(self) -> None:
        """Add both accounts that the examples name."""
        await self.link()
        await self.link(OTHER_ACCOUNT)

    async def bind(self, *serials: str, entry_id: str = ACCOUNT, **data: Any) -> None:
        """Add inverters to an account's plant."""
        where = {"config_entry_id": entry_id, "plant_id": str(PLANTS[entry_id][0])}
        await act(self.hass, "bind_device", **where, serial_numbers=list(serials), **data)

    def answer(self, *answers: Callable[[], str]) -> None:
        """Have somebody answer the questions on a phone, each a minute after it was asked."""
        coming = list(answers)

        async def asked(call: ServiceCall) -> None:
            [action] = call.data["data"]["actions"]
            self.hass.async_create_background_task(reply(action["action"]), "reply")

        async def reply(action: str) -> None:
            await asyncio.sleep(60)
            said = {"action": action, "reply_text": coming.pop(0)()}
            self.hass.bus.async_fire("mobile_app_notification_action", said)

        self.hass.services.async_register("notify", "mobile_app_phone", asked)

    # The example

    def example(self, name: str) -> Example:
        """Return an example of the page."""
        return examples(self.page)[name]

    async def steps(
        self, name: str, given: Mapping[str, Any] | None = None, **values: Any
    ) -> Mapping[str, Any]:
        """Run the actions of an example; return its variables.

        `given`: its fields. `values`: what stands for words in it.
        """
        loaded = instead(self.example(name).loaded, values)
        steps = cv.SCRIPT_SCHEMA(loaded.get("sequence", loaded.get("actions", [loaded])))
        validated = await async_validate_actions_config(self.hass, steps)
        script = Script(self.hass, validated, name, SCRIPT)
        result = await script.async_run(given, Context())
        assert result is not None
        return result.variables

    async def automation(self, name: str, **values: Any) -> None:
        """Switch the automation of an example on."""
        loaded = {"alias": name, "id": name, **instead(self.example(name).loaded, values)}
        assert await async_setup_component(self.hass, "automation", {"automation": [loaded]})
        await self.hass.async_block_till_done()
        [state] = self.hass.states.async_all("automation")
        # A faulty one is there too, but unavailable.
        assert state.state == "on"

    async def scripts(self, *names: str, **values: Any) -> None:
        """Add the scripts of some examples, each under its own title."""
        added = {}
        for name in names:
            loaded = instead(self.example(name).loaded, values)
            added[loaded["alias"].lower().replace(" ", "_")] = loaded
        assert await async_setup_component(self.hass, SCRIPT, {SCRIPT: added})
        states = {state.state for state in self.hass.states.async_all(SCRIPT)}
        assert states == {"off"}

    async def call(self, script: str, **data: Any) -> Any:
        """Call one of the scripts; return its response."""
        return await self.hass.services.async_call(
            SCRIPT, script, data, blocking=True, return_response=True
        )

    def devices(self, entry_id: str = ACCOUNT) -> dict[str, str]:
        """Return the state of each device of an account by its serial number."""
        entry = self.hass.config_entries.async_get_entry(entry_id)
        assert entry is not None
        assert entry.domain == DOMAIN
        data = entry.runtime_data.coordinator.data
        return {serial: binding.state.value for serial, binding in data.items()}
