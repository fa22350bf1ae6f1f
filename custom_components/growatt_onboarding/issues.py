"""The repairs of an account's inverters: raised when a problem is there, gone when it is not.

While an account is not set up nobody could carry them out, so they are withdrawn with it. One that
a person chose to ignore stays, out of sight, for that choice would go with it.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later

from .binding.model import Binding
from .binding.problem import Problem, problem, problem_due_at
from .const import CONF_ACTIVATION_PENDING, DOMAIN, SUBENTRY_INVERTER
from .coordinator import AccountConfigEntry
from .gateway import now
from .texts import explanation


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


class IssueKeeper:
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
        _put_away(self._hass, _activation_issue_id(self._entry))
        for raised in self._raised.values():
            _put_away(self._hass, raised.issue_id)

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
        if self._coordinator.news:
            self._review(self._coordinator.news)

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
def _put_away(hass: HomeAssistant, issue: str) -> None:
    """Delete a repair unless a person chose to ignore it."""
    known = ir.async_get(hass).async_get_issue(DOMAIN, issue)
    if known is not None and known.dismissed_version is None:
        ir.async_delete_issue(hass, DOMAIN, issue)
