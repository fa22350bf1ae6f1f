"""The repairs of an account's inverters: raised when a problem is there, gone when it is not."""

from collections.abc import Mapping
from typing import Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.translation import async_get_translations

from .access import now
from .binding.model import Binding
from .binding.problem import Problem, problem, problem_due_at
from .const import CONF_ACTIVATION_PENDING, DOMAIN
from .coordinator import AccountConfigEntry

UNKNOWN: Final = "?"


@callback
def async_review_activation(hass: HomeAssistant, entry: AccountConfigEntry) -> None:
    """Raise the repair of an account that waits to be let in, or withdraw it."""
    issue = f"{CONF_ACTIVATION_PENDING}_{entry.entry_id}"
    if not entry.data[CONF_ACTIVATION_PENDING]:
        ir.async_delete_issue(hass, DOMAIN, issue)
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue,
        is_fixable=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key="activation_pending",
        translation_placeholders={"account": entry.title},
        data={"problem": CONF_ACTIVATION_PENDING, "entry_id": entry.entry_id},
    )
    entry.async_on_unload(lambda: ir.async_delete_issue(hass, DOMAIN, issue))


class IssueKeeper:
    """Keeps the repairs of one account in step with its bindings."""

    def __init__(
        self, hass: HomeAssistant, entry: AccountConfigEntry, reasons: Mapping[str, str]
    ) -> None:
        """Begin to follow the account's coordinator; `reasons` are the texts of rejections."""
        self._hass = hass
        self._entry = entry
        self._coordinator = entry.runtime_data.coordinator
        self._reasons = reasons
        self._raised: dict[str, tuple[Problem, dict[str, str]]] = {}
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._remove_listener = self._coordinator.async_add_listener(self._review)
        self._review()

    @callback
    def stop(self) -> None:
        """Stop following, and take the repairs away: nobody could carry them out now."""
        self._remove_listener()
        self._stop_timer()
        for serial in list(self._raised):
            self._withdraw(serial)

    @callback
    def _review(self, _now: object = None) -> None:
        """Raise what has become a problem and withdraw what is none any more."""
        timing, time = self._coordinator.timing, now()
        bindings = self._coordinator.data
        for serial in self._raised.keys() - bindings.keys():
            self._withdraw(serial)
        for serial, binding in bindings.items():
            found = problem(binding, timing, time)
            self._withdraw(serial, unless=found)
            if found is not None:
                self._raise(found, binding)
        self._schedule(
            [
                due
                for binding in bindings.values()
                if (due := problem_due_at(binding, timing)) is not None and due > time
            ]
        )

    def _schedule(self, due: list[float]) -> None:
        """Review again when the next inverter becomes overdue."""
        self._stop_timer()
        if due:
            self._cancel_timer = async_call_later(
                self._hass, max(min(due) - now(), 0) + 1, self._review
            )

    def _stop_timer(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None

    def _raise(self, found: Problem, binding: Binding) -> None:
        placeholders = self._placeholders(binding)
        if self._raised.get(binding.serial) == (found, placeholders):
            return
        self._raised[binding.serial] = (found, placeholders)
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            issue_id(found, binding.serial),
            is_fixable=True,
            severity=ir.IssueSeverity.WARNING,
            translation_key=found.value,
            translation_placeholders=placeholders,
            data={
                "problem": found.value,
                "entry_id": self._entry.entry_id,
                "serial": binding.serial,
            },
        )

    def _placeholders(self, binding: Binding) -> dict[str, str]:
        """Return what the texts of the repair may say."""
        values = {"serials": binding.serial, "message": binding.message or ""}
        return {
            "serial": binding.serial,
            "account": self._entry.title,
            "plant": binding.holder_plant or UNKNOWN,
            "owner": binding.holder_owner or UNKNOWN,
            "reason": in_words(self._reasons, binding.reason or UNKNOWN, values),
        }

    def _withdraw(self, serial: str, *, unless: Problem | None = None) -> None:
        """Delete the repair of an inverter, unless it is about this problem."""
        if (raised := self._raised.get(serial)) is not None and raised[0] is not unless:
            del self._raised[serial]
            ir.async_delete_issue(self._hass, DOMAIN, issue_id(raised[0], serial))


def issue_id(found: Problem, serial: str) -> str:
    """Return the id of an inverter's repair."""
    return f"{found.value}_{serial}"


def in_words(reasons: Mapping[str, str], key: str, values: Mapping[str, str]) -> str:
    """Return a reason's text, or the cloud's own words where the text says what is not known."""
    try:
        return reasons[key].format_map(values)
    except KeyError:
        return values.get("message") or key


async def async_reasons(hass: HomeAssistant) -> dict[str, str]:
    """Return why a cloud may refuse, in the language of this Home Assistant, by key."""
    texts = await async_get_translations(hass, hass.config.language, "exceptions", [DOMAIN])
    prefix, suffix = f"component.{DOMAIN}.exceptions.", ".message"
    return {
        key.removeprefix(prefix).removesuffix(suffix): text
        for key, text in texts.items()
        if key.startswith(prefix)
    }
