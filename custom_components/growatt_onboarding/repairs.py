"""Issues of devices (inverters and dataloggers) and of accounts, and their repair flows.

An issue exists as long as its problem does. Issues are deleted while their account is not loaded,
because nobody could fix them then. An ignored issue stays: deleting it would forget that a person
chose to ignore it.
"""

import asyncio
from collections.abc import Container, Iterable, Set as AbstractSet
from typing import Final, NamedTuple

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    FlowType,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.data_entry_flow import AbortFlow, FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.selector import SelectSelector, SelectSelectorConfig
import voluptuous as vol

from .account import reauth_flows
from .account.plants import async_list_plants
from .account.records import ISSUE_ACCOUNT_MISSING, async_get_records
from .binding.model import Binding, Problem, problem
from .clock import minutes_until
from .cloud.errors import (
    DATALOGGER_MISSING,
    DATALOGGER_SERIAL,
    DATALOGGER_UNLINKED,
    INVERTER_SERIAL,
    AccessDeniedError,
    CloudError,
)
from .cloud.model import DeviceKind
from .cloud.provider import Capability
from .const import (
    CONF_ACTIVATION_PENDING,
    CONF_PLANT_ID,
    DOMAIN,
    LOGGER,
    SIGNAL_WORDS_CHANGED,
)
from .coordinator import AccountConfigEntry, AccountCoordinator, AccountData
from .flows.datalogger import async_open_datalogger
from .flows.forms import error_placeholders, select_options
from .flows.steps import AnsweringFlow
from .foreign import async_raise_issue
from .gateway.store import NotStoredError
from .texts import (
    HELD_IN_PLANT,
    async_reasons,
    explanation,
    house_reasons,
    reason_key,
    reason_text,
)

# How long a repair flow waits for the cloud before it shows what is known so far.
_WAIT_SECONDS: Final = 15
# How often it looks for another dialog that is opening.
_OPENING_SECONDS: Final = 0.1

ISSUE_RETURNED: Final = "inverters_returned"

_MENU_OPTIONS: Final = {
    Problem.OVERDUE: ["check_again", "submit_again", "stop_tracking"],
    Problem.CONFLICT: ["submit_again", "check_again", "choose_plant", "stop_tracking"],
    Problem.REJECTED: ["submit_again", "check_again", "choose_plant", "stop_tracking"],
}
# What helps against a reason, where that is not just to submit again; it is offered first.
_REMEDIES: Final = {
    DATALOGGER_SERIAL: ("as_datalogger",),
    INVERTER_SERIAL: ("as_inverter",),
    # What the cloud takes for an inverter may be a datalogger all the same.
    DATALOGGER_MISSING: ("add_datalogger", "as_datalogger"),
    # It may have a datalogger of its own.
    DATALOGGER_UNLINKED: ("submit_again", "add_datalogger", "as_datalogger"),
    HELD_IN_PLANT: ("choose_plant",),
    "plant_missing": ("choose_plant",),
    # The device is to be added in the cloud's app.
    "homes_unsupported": ("check_again",),
    "not_allowed_bind": ("check_again",),
}
# What only some clouds can.
_NEEDS: Final = {
    "choose_plant": Capability.PLANTS,
    "as_datalogger": Capability.DATALOGGER,
    "as_inverter": Capability.DATALOGGER,
    "add_datalogger": Capability.DATALOGGER,
}


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return the repair flow of an issue."""
    if data is None or "entry_id" not in data:
        return ConfirmRepairFlow()
    if data["problem"] == ISSUE_ACCOUNT_MISSING:
        return MissingAccountRepairFlow(str(data["entry_id"]))
    entry = hass.config_entries.async_get_entry(str(data["entry_id"]))
    if data["problem"] == ISSUE_RETURNED:
        return ReturnedRepairFlow(entry)
    if "serial" not in data:
        return ActivationRepairFlow(entry)
    return DeviceRepairFlow(
        entry,
        str(data["serial"]),
        Problem(str(data["problem"])),
        DeviceKind(str(data["kind"])),
    )


class MissingAccountRepairFlow(ConfirmRepairFlow, AnsweringFlow):
    """The repair flow of an account that is missing; whoever wants it back links it again."""

    def __init__(self, entry_id: str) -> None:
        """Remember the lost entry."""
        self._entry_id = entry_id

    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Ask whether to forget the account."""
        if user_input is not None:
            await (await async_get_records(self.hass)).async_forget_account(self._entry_id)
        return await super().async_step_confirm(user_input)


class ReturnedRepairFlow(RepairsFlow, AnsweringFlow):
    """The repair flow of inverters that were added again: keep them, or remove them."""

    def __init__(self, entry: AccountConfigEntry | None) -> None:
        """Remember the account's entry."""
        self._entry = entry

    @property
    def _coordinator(self) -> AccountCoordinator:
        """Return the account's coordinator; abort if it is not loaded."""
        if self._entry is None or self._entry.state is not ConfigEntryState.LOADED:
            raise AbortFlow("not_loaded")
        return self._entry.runtime_data.coordinator

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Show which inverters it is about."""
        return self.async_show_menu(
            menu_options=["keep", "drop"],
            description_placeholders=returned_placeholders(self._coordinator),
        )

    async def async_step_keep(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Keep them."""
        await self._coordinator.async_keep_returned()
        return self.async_create_entry(data={})

    async def async_step_drop(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Remove them from Home Assistant; nothing changes in the cloud."""
        coordinator = self._coordinator
        remove_inverters(self.hass, coordinator.config_entry, coordinator.returned)
        return self.async_create_entry(data={})


def returned_placeholders(coordinator: AccountCoordinator) -> dict[str, str]:
    """Return the placeholders of the issue of inverters that were added again."""
    serials = sorted(coordinator.returned)
    return {
        "account": coordinator.config_entry.title,
        "count": str(len(serials)),
        "serials": ", ".join(serials),
    }


@callback
def remove_inverters(
    hass: HomeAssistant, entry: AccountConfigEntry, serials: Container[str]
) -> None:
    """Remove inverters from Home Assistant."""
    for subentry in list(entry.subentries.values()):
        if subentry.unique_id in serials:
            hass.config_entries.async_remove_subentry(entry, subentry.subentry_id)


class ActivationRepairFlow(RepairsFlow, AnsweringFlow):
    """The repair flow of an account that waits for its activation.

    It asks the portal with the session there is, and leads to signing in where there is none.
    """

    def __init__(self, entry: AccountConfigEntry | None) -> None:
        """Remember the account's entry."""
        self._entry = entry

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Show the form; the input of this step is Home Assistant's and not a person's."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Say what it waits for, then ask the portal or continue with reauthentication."""
        entry = self._entry
        if entry is None or self.hass.config_entries.async_get_entry(entry.entry_id) is None:
            # The entry was removed, perhaps while this flow was open.
            return self.async_create_entry(data={})
        if user_input is None:
            return self._show(entry)
        if entry.state is ConfigEntryState.LOADED and entry.runtime_data.activation.possible:
            try:
                pending = await entry.runtime_data.activation.async_ask()
            except AccessDeniedError:
                # Somebody has to sign in after all.
                LOGGER.debug("The session of an account that waits has ended")
            except CloudError:
                return self._show(entry, "cannot_connect")
            else:
                return (
                    self._show(entry, "still_pending")
                    if pending
                    else self.async_create_entry(data={})
                )
        # The issue stays until the account is signed in.
        return self.async_abort(
            reason="sign_in", next_flow=(FlowType.CONFIG_FLOW, await self._reauth_flow_id(entry))
        )

    async def _reauth_flow_id(self, entry: AccountConfigEntry) -> str:
        """Return the flow to sign in, which may be open already, or be opening at the moment."""
        while flow := next(iter(reauth_flows(self.hass, entry)), None):
            if flow.get("step_id") is not None:
                return flow["flow_id"]
            # Home Assistant tells nobody when it is there.
            await asyncio.sleep(_OPENING_SECONDS)
        flow = await self.hass.config_entries.flow.async_init(
            DOMAIN,
            context={"source": SOURCE_REAUTH, "entry_id": entry.entry_id},
            data=dict(entry.data),
        )
        return flow["flow_id"]

    def _show(self, entry: AccountConfigEntry, error: str | None = None) -> RepairsFlowResult:
        """Show what the account waits for, and why it still does."""
        return self.async_show_form(
            step_id="confirm",
            data_schema=vol.Schema({}),
            errors=None if error is None else {"base": error},
            description_placeholders={"account": entry.title},
        )


class DeviceRepairFlow(RepairsFlow, AnsweringFlow):
    """The repair flow of an inverter or a datalogger."""

    def __init__(
        self, entry: AccountConfigEntry | None, serial: str, found: Problem, kind: DeviceKind
    ) -> None:
        """Remember the device and its problem."""
        self._entry = entry
        self._serial = serial
        self._problem = found
        self._kind = kind
        # The plant that was chosen last, None for the binding's own.
        self._plant_id: str | None = None

    @property
    def _account(self) -> AccountData:
        """Return the account's runtime data; abort if it is not loaded or not signed in."""
        if (
            self._entry is None
            or self._entry.state is not ConfigEntryState.LOADED
            or not self._entry.runtime_data.coordinator.signed_in
        ):
            raise AbortFlow("not_loaded")
        return self._entry.runtime_data

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Show what can be done about the problem."""
        if self._solved:
            return self.async_create_entry(data={})
        account = self._account
        coordinator = account.coordinator
        options = _MENU_OPTIONS[self._problem]
        binding = coordinator.data[self._serial]
        reason = reason_key(coordinator.config_entry, binding, overdue=binding.overdue)
        options = list(dict.fromkeys((*_REMEDIES.get(reason or "", ()), *options)))
        capabilities = account.client.capabilities
        return self.async_show_menu(
            menu_options=[
                option for option in options if _NEEDS.get(option) in {None, *capabilities}
            ],
            description_placeholders=self._placeholders(),
        )

    async def async_step_check_again(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Check the device now, and show a form to do so again if the problem persists."""
        if self._solved:
            return self.async_create_entry(data={})
        coordinator = self._account.coordinator
        coordinator.async_check([self._serial])
        await coordinator.async_wait_for_checks([self._serial], _WAIT_SECONDS)
        return self._result("check_again")

    async def async_step_submit_again(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Submit the binding again, and show a form to do so again if the problem persists."""
        if self._solved:
            return self.async_create_entry(data={})
        coordinator = self._account.coordinator
        try:
            await coordinator.async_submit_again(self._serial, self._plant_id)
        except NotStoredError:
            return self._show("submit_again", "not_stored")
        await coordinator.async_wait_for_answers([self._serial], _WAIT_SECONDS)
        return self._result("submit_again")

    async def async_step_choose_plant(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Choose another plant and submit the binding again."""
        if user_input is not None:
            self._plant_id = user_input[CONF_PLANT_ID]
            return await self.async_step_submit_again()
        if self._solved:
            return self.async_create_entry(data={})
        account = self._account
        try:
            with account.coordinator.reauth_on_denial():
                plants = await async_list_plants(account.coordinator.config_entry)
        except CloudError as err:
            reasons = await async_reasons(self.hass)
            return self.async_abort(
                reason="plants_unknown",
                description_placeholders={
                    "problem": reason_text(reasons, err.key, error_placeholders(err))
                },
            )
        if not plants:
            return self.async_abort(
                reason="no_plants", description_placeholders=self._placeholders()
            )
        options = select_options(account.plants.labels(plant.id for plant in plants))
        selector = SelectSelector(SelectSelectorConfig(options=options))
        binding = account.coordinator.data.get(self._serial)
        holder = None if binding is None else binding.holder_plant
        # The plant that already holds the device is most likely the right one.
        default = holder if holder in {plant.id for plant in plants} else vol.UNDEFINED
        return self.async_show_form(
            step_id="choose_plant",
            data_schema=vol.Schema({vol.Required(CONF_PLANT_ID, default=default): selector}),
            description_placeholders=self._placeholders(),
        )

    async def async_step_as_datalogger(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Track as a datalogger what turned out to be one."""
        return await self._track_as("as_datalogger", DeviceKind.DATALOGGER)

    async def async_step_as_inverter(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Track as an inverter what turned out to be one."""
        return await self._track_as("as_inverter", DeviceKind.INVERTER)

    async def _track_as(self, step_id: str, kind: DeviceKind) -> RepairsFlowResult:
        """Submit the device as the other kind; another repair tells if the cloud refuses that."""
        if self._solved:
            return self.async_create_entry(data={})
        coordinator = self._account.coordinator
        try:
            await coordinator.async_track_as(self._serial, kind)
        except NotStoredError:
            return self._show(step_id, "not_stored")
        await coordinator.async_wait_for_answers([self._serial], _WAIT_SECONDS)
        binding = coordinator.data.get(self._serial)
        if binding is None or problem(binding) is None:
            return self.async_create_entry(data={})
        reasons = await async_reasons(self.hass)
        reason = explanation(self.hass, coordinator.config_entry, reasons, binding)
        return self.async_abort(
            reason="refused_again",
            description_placeholders={"serial": self._serial, "reason": reason},
        )

    async def async_step_add_datalogger(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Continue with adding the datalogger that the inverter's plant lacks.

        The issue stays until that datalogger is associated: then the inverter is sent again.
        """
        if self._solved:
            return self.async_create_entry(data={})
        coordinator = self._account.coordinator
        plant_id = coordinator.data[self._serial].plant_id
        flow = await async_open_datalogger(self.hass, coordinator.config_entry, plant_id=plant_id)
        if flow["type"] is FlowResultType.ABORT:
            return self.async_abort(reason="not_loaded")
        return self.async_abort(
            reason="add_datalogger",
            description_placeholders=self._placeholders(),
            next_flow=(FlowType.CONFIG_SUBENTRIES_FLOW, flow["flow_id"]),
        )

    async def async_step_stop_tracking(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Remove the device from Home Assistant; nothing changes in the cloud."""
        entry = self._account.coordinator.config_entry
        if user_input is None:
            return self._show("stop_tracking")
        remove_inverters(self.hass, entry, {self._serial})
        return self.async_create_entry(data={})

    @property
    def _solved(self) -> bool:
        """Return whether the problem that this flow is about is gone."""
        coordinator = self._account.coordinator
        binding = coordinator.data.get(self._serial)
        return (
            binding is None
            or binding.kind is not self._kind
            or problem(binding) is not self._problem
        )

    def _result(self, step_id: str) -> RepairsFlowResult:
        """Finish if the problem is solved, else show the step's form with the reason."""
        if self._solved:
            return self.async_create_entry(data={})
        coordinator = self._account.coordinator
        if not coordinator.last_update_success:
            return self._show(step_id, "cannot_connect")
        if coordinator.check_requested(self._serial):
            return self._show(step_id, "not_now")
        return self._show(step_id, "still_there")

    def _show(self, step_id: str, error: str | None = None) -> RepairsFlowResult:
        """Show a form without fields."""
        return self.async_show_form(
            step_id=step_id,
            data_schema=vol.Schema({}),
            errors=None if error is None else {"base": error},
            description_placeholders=self._placeholders(),
        )

    def _placeholders(self) -> dict[str, str]:
        """Return the placeholders of the issue, with the minutes until the next call."""
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
        known = (issue.translation_placeholders if issue is not None else None) or {}
        next_check = self._account.coordinator.next_check(self._serial)
        minutes = minutes_until(next_check) if next_check is not None else 0
        return {**known, "serial": self._serial, "minutes": str(minutes)}


# Create and delete issues


@callback
def async_remove_issues(hass: HomeAssistant, entry: AccountConfigEntry) -> None:
    """Delete every issue of an account that is being removed, ignored ones too."""
    ir.async_delete_issue(hass, DOMAIN, _activation_issue_id(entry))
    ir.async_delete_issue(hass, DOMAIN, _returned_issue_id(entry))
    _delete_device_issues(hass, entry)


class _DeviceIssue(NamedTuple):
    """An issue of an inverter or a datalogger, with its placeholders."""

    found: Problem
    kind: DeviceKind
    subentry_id: str
    translation_key: str
    placeholders: dict[str, str]

    @property
    def issue_id(self) -> str:
        return issue_id(self.found, self.subentry_id)


class IssueManager:
    """Keeps the issues of one account up to date with its entry and its bindings."""

    def __init__(self, hass: HomeAssistant, entry: AccountConfigEntry) -> None:
        """Start listening to the account."""
        self._hass = hass
        self._entry = entry
        self._coordinator = entry.runtime_data.coordinator
        self._issues: dict[str, _DeviceIssue] = {}
        self._signed_in = self._coordinator.signed_in
        # What the issue of inverters that were added again is about, None before the first review.
        self._returned: AbstractSet[str] | None = None
        self._remove_listeners = (
            self._coordinator.async_add_listener(self._review_changed),
            async_dispatcher_connect(hass, SIGNAL_WORDS_CHANGED, self._review_all),
            entry.add_update_listener(self._async_entry_updated),
        )
        self._review_activation()
        self._review_returned()
        self._review(self._coordinator.data)
        # Delete ignored issues whose problem or device has gone while nobody was listening.
        current = {issue.issue_id for issue in self._issues.values()}
        _delete_device_issues(hass, entry, keep=current)

    @callback
    def stop(self) -> None:
        """Stop listening, and delete the issues that are not ignored."""
        for remove in self._remove_listeners:
            remove()
        _delete_unless_ignored(self._hass, _activation_issue_id(self._entry))
        _delete_unless_ignored(self._hass, _returned_issue_id(self._entry))
        for issue in self._issues.values():
            _delete_unless_ignored(self._hass, issue.issue_id)

    @callback
    def _review_changed(self) -> None:
        """Review the devices that have changed, which is usually one of up to a thousand."""
        self._review_returned()
        if self._signed_in is not self._coordinator.signed_in:
            self._signed_in = self._coordinator.signed_in
            # What waits says why.
            self._review(self._coordinator.data)
        elif self._coordinator.changed_serials:
            self._review(self._coordinator.changed_serials)

    @callback
    def _review_all(self) -> None:
        """Have the issues say what things are called now."""
        self._review_activation()
        self._returned = None
        self._review_returned()
        self._review(self._coordinator.data)

    async def _async_entry_updated(self, _hass: HomeAssistant, _entry: AccountConfigEntry) -> None:
        """Follow whether the account waits for its activation."""
        self._review_activation()

    def _review_activation(self) -> None:
        """Create the issue of an account that waits for its activation, or delete it."""
        issue_id = _activation_issue_id(self._entry)
        if not self._entry.data[CONF_ACTIVATION_PENDING]:
            ir.async_delete_issue(self._hass, DOMAIN, issue_id)
            return
        async_raise_issue(
            self._hass,
            issue_id,
            "activation_pending",
            {"account": self._entry.title},
            is_fixable=True,
            data={"problem": CONF_ACTIVATION_PENDING, "entry_id": self._entry.entry_id},
        )

    @callback
    def _review_returned(self) -> None:
        """Create the issue of inverters that were added again, or delete it."""
        if (returned := frozenset(self._coordinator.returned)) == self._returned:
            return
        self._returned = returned
        if not returned:
            ir.async_delete_issue(self._hass, DOMAIN, _returned_issue_id(self._entry))
            return
        async_raise_issue(
            self._hass,
            _returned_issue_id(self._entry),
            ISSUE_RETURNED,
            returned_placeholders(self._coordinator),
            is_fixable=True,
            data={"problem": ISSUE_RETURNED, "entry_id": self._entry.entry_id},
        )

    def _review(self, serials: Iterable[str]) -> None:
        """Create issues for new problems, and delete those of problems that are gone."""
        subentry_ids = {
            subentry.unique_id: subentry.subentry_id for subentry in self._entry.subentries.values()
        }
        for serial in serials:
            binding, subentry_id = self._coordinator.data.get(serial), subentry_ids.get(serial)
            issue: _DeviceIssue | None = None
            found = None if binding is None else problem(binding)
            if binding is not None and subentry_id is not None and found is not None:
                reason = reason_key(self._entry, binding, overdue=binding.overdue)
                key = translation_key(found, binding.kind, reason)
                placeholders = self._placeholders(binding)
                issue = _DeviceIssue(found, binding.kind, subentry_id, key, placeholders)
            self._set_issue(serial, issue)

    def _set_issue(self, serial: str, issue: _DeviceIssue | None) -> None:
        """Have a device's issue be this one, or none."""
        before = self._issues.pop(serial, None)
        if before is not None and (issue is None or issue.issue_id != before.issue_id):
            ir.async_delete_issue(self._hass, DOMAIN, before.issue_id)
        if issue is None:
            return
        self._issues[serial] = issue
        if issue == before:
            return
        async_raise_issue(
            self._hass,
            issue.issue_id,
            issue.translation_key,
            issue.placeholders,
            is_fixable=True,
            data={
                "problem": issue.found.value,
                "kind": issue.kind.value,
                "entry_id": self._entry.entry_id,
                "serial": serial,
            },
        )

    def _placeholders(self, binding: Binding) -> dict[str, str]:
        """Return the placeholders of an issue."""
        return {
            "serial": binding.serial,
            "account": self._entry.title,
            "plant": self._plant_title(binding),
            "reason": explanation(self._hass, self._entry, house_reasons(self._hass), binding),
        }

    def _plant_title(self, binding: Binding) -> str:
        """Return what to call where a device is to be: the account, in clouds without plants."""
        if Capability.PLANTS in self._entry.runtime_data.client.capabilities:
            return self._entry.runtime_data.plants.label(binding.plant_id)
        return self._entry.title


def issue_id(found: Problem, subentry_id: str) -> str:
    """Return an issue's id, without the serial number because bug reports include it."""
    return f"{found.value}_{subentry_id}"


def translation_key(found: Problem, kind: DeviceKind, reason: str | None = None) -> str:
    """Return the key of an issue's texts, which name the kind of device.

    An inverter in another plant of its account is not held by another account.
    """
    if kind is not DeviceKind.INVERTER:
        return f"{kind.value}_{found.value}"
    in_plant = found is Problem.CONFLICT and reason == HELD_IN_PLANT
    return "conflict_in_plant" if in_plant else found.value


@callback
def _delete_device_issues(
    hass: HomeAssistant, entry: AccountConfigEntry, *, keep: Container[str] = ()
) -> None:
    """Delete the issues of the account's devices and orphaned ones, except those to keep."""
    of_others = {
        subentry_id
        for other in hass.config_entries.async_entries(DOMAIN)
        if other is not entry
        for subentry_id in other.subentries
    }
    for domain, issue in list(ir.async_get(hass).issues):
        found, _, subentry_id = issue.rpartition("_")
        is_a_devices = domain == DOMAIN and found in Problem
        if is_a_devices and subentry_id not in of_others and issue not in keep:
            ir.async_delete_issue(hass, DOMAIN, issue)


def _activation_issue_id(entry: AccountConfigEntry) -> str:
    return f"{CONF_ACTIVATION_PENDING}_{entry.entry_id}"


def _returned_issue_id(entry: AccountConfigEntry) -> str:
    return f"{ISSUE_RETURNED}_{entry.entry_id}"


@callback
def _delete_unless_ignored(hass: HomeAssistant, issue_id: str) -> None:
    """Delete an issue unless a person chose to ignore it."""
    known = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    if known is not None and known.dismissed_version is None:
        ir.async_delete_issue(hass, DOMAIN, issue_id)
