"""The repairs of an account's inverters, and of an account that waits to be let in.

One is raised when a problem is there and gone when it is not. While an account is not set up nobody
could carry them out, so they are withdrawn with it. One that a person chose to ignore stays, out of
sight, for that choice would go with it.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    FlowType,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.selector import SelectOptionDict, SelectSelector, SelectSelectorConfig
import voluptuous as vol

from .binding.model import Binding, Problem, problem, problem_due_at
from .clock import minutes_until, now
from .cloud.errors import CloudError
from .cloud.provider import Capability
from .const import (
    CONF_ACCOUNT_ID,
    CONF_ACTIVATION_PENDING,
    CONF_PLANT_ID,
    DOMAIN,
    SUBENTRY_INVERTER,
)
from .coordinator import AccountConfigEntry, AccountData
from .gateway.store import NotStoredError
from .texts import async_reasons, explanation, reason_text

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
            with account.coordinator.reauth_on_denial():
                plants = await account.client.plants(self._account_id)
        except CloudError as err:
            reasons = await async_reasons(self.hass)
            return self.async_abort(
                reason="plants_unknown",
                description_placeholders={
                    "problem": reason_text(reasons, err.key, err.placeholders)
                },
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
        if account.coordinator.check_requested(self._serial):
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


# Raised and withdrawn


@callback
def async_remove_issues(hass: HomeAssistant, entry: AccountConfigEntry) -> None:
    """Delete every repair of an account that is being removed, ignored ones too."""
    ir.async_delete_issue(hass, DOMAIN, _activation_issue_id(entry))
    others = _subentry_ids(hass) - entry.subentries.keys()
    for found, subentry_id in _inverter_issues(hass):
        if subentry_id not in others:
            ir.async_delete_issue(hass, DOMAIN, issue_id(found, subentry_id))


class _Raised(NamedTuple):
    """A repair that is raised, and what it says."""

    found: Problem
    subentry_id: str
    placeholders: dict[str, str]

    @property
    def issue_id(self) -> str:
        return issue_id(self.found, self.subentry_id)


class IssueManager:
    """Keeps the repairs of one account in step with it and with its bindings."""

    def __init__(
        self, hass: HomeAssistant, entry: AccountConfigEntry, reasons: Mapping[str, str]
    ) -> None:
        """Begin to follow the account's coordinator; `reasons` are the texts of rejections."""
        self._hass = hass
        self._entry = entry
        self._coordinator = entry.runtime_data.coordinator
        self._reasons = reasons
        self._raised: dict[str, _Raised] = {}
        # When what is none yet becomes a problem if it stays like that.
        self._due: dict[str, float] = {}
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._title = entry.title
        self._remove_listeners = (
            self._coordinator.async_add_listener(self._follow),
            entry.add_update_listener(self._async_follow_entry),
        )
        self._review_activation()
        self._review(self._coordinator.data)
        self._delete_outdated()

    @callback
    def stop(self) -> None:
        """Stop following, and put the repairs away."""
        for remove in self._remove_listeners:
            remove()
        self._stop_timer()
        _delete_unless_ignored(self._hass, _activation_issue_id(self._entry))
        for raised in self._raised.values():
            _delete_unless_ignored(self._hass, raised.issue_id)

    def _delete_outdated(self) -> None:
        """Delete ignored repairs whose cause, or whose inverter, went while nobody looked."""
        ours = {raised.issue_id for raised in self._raised.values()}
        others = _subentry_ids(self._hass) - self._entry.subentries.keys()
        for found, subentry_id in _inverter_issues(self._hass):
            if (issue := issue_id(found, subentry_id)) not in ours and subentry_id not in others:
                ir.async_delete_issue(self._hass, DOMAIN, issue)

    @callback
    def _follow(self) -> None:
        """Look at what has changed: of a thousand inverters mostly one."""
        if self._coordinator.changed_serials:
            self._review(self._coordinator.changed_serials)

    async def _async_follow_entry(self, _hass: HomeAssistant, entry: AccountConfigEntry) -> None:
        """Call the account by its new name."""
        if entry.title != self._title:
            self._title = entry.title
            self._review_activation()
            self._review(self._coordinator.data)

    def _review_activation(self) -> None:
        """Raise the repair of an account that waits to be let in, or withdraw it."""
        issue = _activation_issue_id(self._entry)
        if not self._entry.data[CONF_ACTIVATION_PENDING]:
            ir.async_delete_issue(self._hass, DOMAIN, issue)
            return
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            issue,
            is_fixable=True,
            severity=ir.IssueSeverity.WARNING,
            translation_key="activation_pending",
            translation_placeholders={"account": self._entry.title},
            data={"problem": CONF_ACTIVATION_PENDING, "entry_id": self._entry.entry_id},
        )

    @callback
    def _review_due(self, _now: object) -> None:
        """Look at what has become a problem by waiting."""
        self._cancel_timer = None
        time = now()
        self._review([serial for serial, at in self._due.items() if at <= time])

    def _review(self, serials: Iterable[str]) -> None:
        """Raise what has become a problem and withdraw what is none any more."""
        timing, time = self._coordinator.timing, now()
        subentry_ids = {
            subentry.unique_id: subentry.subentry_id
            for subentry in self._entry.get_subentries_of_type(SUBENTRY_INVERTER)
        }
        for serial in serials:
            self._due.pop(serial, None)
            binding, subentry_id = self._coordinator.data.get(serial), subentry_ids.get(serial)
            if binding is None or subentry_id is None:
                self._withdraw(serial)
                continue
            if (due := problem_due_at(binding, timing)) is not None and due > time:
                self._due[binding.serial] = due
            found = problem(binding, timing, time)
            self._withdraw(binding.serial, unless=found)
            if found is not None:
                self._raise(found, subentry_id, binding)
        self._schedule()

    def _schedule(self) -> None:
        """Review again when the next inverter becomes overdue."""
        self._stop_timer()
        if self._due:
            pause = max(min(self._due.values()) - now(), 0) + 1
            self._cancel_timer = async_call_later(self._hass, pause, self._review_due)

    def _stop_timer(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None

    def _raise(self, found: Problem, subentry_id: str, binding: Binding) -> None:
        raised = _Raised(found, subentry_id, self._placeholders(binding))
        if self._raised.get(binding.serial) == raised:
            return
        self._raised[binding.serial] = raised
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            raised.issue_id,
            is_fixable=True,
            severity=ir.IssueSeverity.WARNING,
            translation_key=found.value,
            translation_placeholders=raised.placeholders,
            data={
                "problem": found.value,
                "entry_id": self._entry.entry_id,
                "serial": binding.serial,
            },
        )

    def _placeholders(self, binding: Binding) -> dict[str, str]:
        """Return what the texts of the repair may say."""
        return {
            "serial": binding.serial,
            "account": self._entry.title,
            "reason": explanation(self._hass, self._entry, self._reasons, binding),
        }

    def _withdraw(self, serial: str, *, unless: Problem | None = None) -> None:
        """Delete the repair of an inverter, unless it is about this problem."""
        if (raised := self._raised.get(serial)) is not None and raised.found is not unless:
            del self._raised[serial]
            ir.async_delete_issue(self._hass, DOMAIN, raised.issue_id)


def issue_id(found: Problem, subentry_id: str) -> str:
    """Return the id of an inverter's repair. Bug reports hold it, so it has no serial number."""
    return f"{found.value}_{subentry_id}"


@callback
def _inverter_issues(hass: HomeAssistant) -> list[tuple[Problem, str]]:
    """Return what the repairs of all accounts are about, and of which inverters' subentries."""
    parts = [
        issue.partition("_") for domain, issue in ir.async_get(hass).issues if domain == DOMAIN
    ]
    return [(Problem(kind), subentry_id) for kind, _, subentry_id in parts if kind in Problem]


@callback
def _subentry_ids(hass: HomeAssistant) -> set[str]:
    """Return the subentries of all accounts."""
    return {
        subentry_id
        for entry in hass.config_entries.async_entries(DOMAIN)
        for subentry_id in entry.subentries
    }


def _activation_issue_id(entry: AccountConfigEntry) -> str:
    return f"{CONF_ACTIVATION_PENDING}_{entry.entry_id}"


@callback
def _delete_unless_ignored(hass: HomeAssistant, issue: str) -> None:
    """Delete a repair unless a person chose to ignore it."""
    known = ir.async_get(hass).async_get_issue(DOMAIN, issue)
    if known is not None and known.dismissed_version is None:
        ir.async_delete_issue(hass, DOMAIN, issue)
