"""What can be done about a repair: check again, submit again, another plant, stop tracking."""

from typing import Final

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    FlowType,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
)
import voluptuous as vol

from .binding.problem import Problem, problem
from .cloud.errors import CloudError
from .cloud.provider import Capability
from .const import CONF_ACCOUNT_ID, CONF_PLANT_ID, DOMAIN
from .coordinator import AccountConfigEntry, AccountData
from .gateway import minutes_until, now
from .gateway.store import NotStoredError
from .texts import async_reasons, in_words

# How long a repair's form waits for the cloud before it says what is known so far.
_PATIENCE: Final = 15

_WAYS: Final = {
    Problem.OVERDUE: ["check_again", "submit_again", "stop_tracking"],
    Problem.CONFLICT: ["check_again", "submit_again", "choose_plant", "stop_tracking"],
    Problem.REJECTED: ["check_again", "submit_again", "choose_plant", "stop_tracking"],
}


async def async_create_fix_flow(
    hass: HomeAssistant,
    issue_id: str,
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow:
    """Return the dialog of a repair."""
    if data is None or "entry_id" not in data:
        return ConfirmRepairFlow()
    entry = hass.config_entries.async_get_entry(str(data["entry_id"]))
    if "serial" not in data:
        return ActivationRepairFlow(entry)
    return InverterRepairFlow(entry, str(data["serial"]), Problem(str(data["problem"])))


class ActivationRepairFlow(RepairsFlow):
    """Leads into the sign-in dialog of an account that waited to be let in."""

    def __init__(self, entry: AccountConfigEntry | None) -> None:
        """Remember whose repair it is."""
        self._entry = entry

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Begin; what Home Assistant begins with is no answer of a person's."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Ask whether the account can be signed in to by now."""
        entry = self._entry
        if entry is None or self.hass.config_entries.async_get_entry(entry.entry_id) is None:
            # It was removed, perhaps while this was open.
            return self.async_create_entry(data={})
        if user_input is None:
            return self.async_show_form(
                step_id="confirm",
                data_schema=vol.Schema({}),
                description_placeholders={"account": entry.title},
            )
        # The dialog may be open already, perhaps left half-way.
        open_already = next(entry.async_get_active_flows(self.hass, {SOURCE_REAUTH}), None)
        dialog = open_already or await self.hass.config_entries.flow.async_init(
            DOMAIN,
            context={"source": SOURCE_REAUTH, "entry_id": entry.entry_id},
            data=dict(entry.data),
        )
        # The repair stays until the account is signed in.
        return self.async_abort(
            reason="sign_in", next_flow=(FlowType.CONFIG_FLOW, dialog["flow_id"])
        )


class InverterRepairFlow(RepairsFlow):
    """The dialog of an inverter's repair."""

    def __init__(self, entry: AccountConfigEntry | None, serial: str, found: Problem) -> None:
        """Remember whose repair it is."""
        self._entry = entry
        self._serial = serial
        self._problem = found
        # Where it was to be sent last, None for where it belongs so far.
        self._plant_id: str | None = None

    @property
    def _account(self) -> AccountData | None:
        """What the account runs on, None while it is not set up or somebody has to sign in."""
        if self._entry is None or self._entry.state is not ConfigEntryState.LOADED:
            return None
        account = self._entry.runtime_data
        return account if account.coordinator.signed_in else None

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Offer what can be done."""
        if (account := self._account) is None or self._solved(account):
            return self._end(account)
        ways = _WAYS[self._problem]
        if Capability.PLANTS not in account.client.capabilities:
            ways = [way for way in ways if way != "choose_plant"]
        return self.async_show_menu(
            menu_options=ways, description_placeholders=self._placeholders(account)
        )

    async def async_step_check_again(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Look for the inverter now, and keep the form open while the problem is there."""
        if (account := self._account) is None or self._solved(account):
            return self._end(account)
        account.coordinator.async_check([self._serial])
        await account.coordinator.async_wait_for_checks([self._serial], _PATIENCE)
        return self._result("check_again")

    async def async_step_submit_again(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Send the binding anew."""
        return await self._submit()

    async def async_step_choose_plant(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Send the binding anew, to another plant."""
        if user_input is not None:
            self._plant_id = user_input[CONF_PLANT_ID]
            return await self._submit()
        if (account := self._account) is None or self._solved(account):
            return self._end(account)
        try:
            with account.coordinator.noticing_denial():
                plants = await account.client.plants(self._account_id)
        except CloudError as err:
            reasons = await async_reasons(self.hass)
            return self.async_abort(
                reason="plants_unknown",
                description_placeholders={"problem": in_words(reasons, err.key, err.placeholders)},
            )
        if not plants:
            return self.async_abort(
                reason="no_plants", description_placeholders=self._placeholders(account)
            )
        options = [SelectOptionDict(value=plant.id, label=plant.name) for plant in plants]
        selector = SelectSelector(SelectSelectorConfig(options=options))
        binding = account.coordinator.data.get(self._serial)
        holder = None if binding is None else binding.holder_plant
        # Most likely it belongs where it is.
        shown = next((one.id for one in plants if holder in (one.id, one.name)), vol.UNDEFINED)
        return self.async_show_form(
            step_id="choose_plant",
            data_schema=vol.Schema({vol.Required(CONF_PLANT_ID, default=shown): selector}),
            description_placeholders=self._placeholders(account),
        )

    async def async_step_stop_tracking(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Remove the inverter from Home Assistant; at the cloud everything stays."""
        if self._entry is None or (account := self._account) is None:
            return self._end(None)
        if user_input is None:
            return self.async_show_form(
                step_id="stop_tracking",
                data_schema=vol.Schema({}),
                description_placeholders=self._placeholders(account),
            )
        for subentry in list(self._entry.subentries.values()):
            if subentry.unique_id == self._serial:
                self.hass.config_entries.async_remove_subentry(self._entry, subentry.subentry_id)
        return self.async_create_entry(data={})

    @property
    def _account_id(self) -> str:
        return (self._entry and self._entry.data[CONF_ACCOUNT_ID]) or ""

    async def _submit(self) -> RepairsFlowResult:
        if (account := self._account) is None or self._solved(account):
            return self._end(account)
        try:
            await account.coordinator.async_submit_again(self._serial, self._plant_id)
        except NotStoredError:
            return self._again(account, "submit_again", "not_stored")
        await account.coordinator.async_wait_for_answers([self._serial], _PATIENCE)
        return self._result("submit_again")

    def _solved(self, account: AccountData) -> bool:
        """Tell whether the problem this repair is about is gone."""
        binding = account.coordinator.data.get(self._serial)
        timing = account.coordinator.timing
        return binding is None or problem(binding, timing, now()) is not self._problem

    def _end(self, account: AccountData | None) -> RepairsFlowResult:
        """Close the repair as solved, or leave it where the account is not set up."""
        if account is None:
            return self.async_abort(reason="not_loaded")
        return self.async_create_entry(data={})

    def _result(self, step_id: str) -> RepairsFlowResult:
        """Close the repair when its cause is gone, else keep the form open with the reason."""
        if (account := self._account) is None or self._solved(account):
            return self._end(account)
        if not account.coordinator.last_update_success:
            return self._again(account, step_id, "cannot_connect")
        if account.coordinator.check_wanted(self._serial):
            return self._again(account, step_id, "not_now")
        return self._again(account, step_id, "still_there")

    def _again(self, account: AccountData, step_id: str, error: str) -> RepairsFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=vol.Schema({}),
            errors={"base": error},
            description_placeholders=self._placeholders(account),
        )

    def _placeholders(self, account: AccountData) -> dict[str, str]:
        """Return what the repair's own texts say, and when the cloud is asked next."""
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
        known = (issue.translation_placeholders if issue is not None else None) or {}
        next_check = account.coordinator.next_check(self._serial)
        minutes = minutes_until(next_check) if next_check is not None else 0
        return {**known, "serial": self._serial, "minutes": str(minutes)}
