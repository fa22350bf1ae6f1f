"""The home whose dialogs get random inputs, which can be put back as it was at any time."""

import asyncio
from typing import Any, Final

from homeassistant.components.repairs import repairs_flow_manager
from homeassistant.config_entries import (
    SOURCE_INTEGRATION_DISCOVERY,
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigEntry,
    ConfigEntryState,
    ConfigSubentry,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component

from custom_components.growatt_onboarding import repairs
from custom_components.growatt_onboarding.account import Target
from custom_components.growatt_onboarding.binding.model import Binding, problem
from custom_components.growatt_onboarding.binding.timing import Timing
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.model import Account
from custom_components.growatt_onboarding.const import (
    CONF_ACCOUNT_ID,
    DATA_TIMING,
    DOMAIN,
    SUBENTRY_DATALOGGER,
)
from custom_components.growatt_onboarding.flows import power_card
from custom_components.growatt_onboarding.foreign import async_raise_issue
from simulator.growatt import END_USER_TOKEN, INSTALLER_TOKEN
from simulator.quectel import PRODUCT_KEY, USER_DOMAIN, USER_DOMAIN_SECRET
from tests.common import account_entry

from .world import World

PASSWORD: Final = "Fake-Passw0rd"
# An account that the home has, and none at all: what these open. The simulator's own open others.
_KNOWN_TOKEN: Final = "SIMULATORTOKENOFTHEOWNER00000000"
_NEW_TOKEN: Final = "SIMULATORTOKENOFANEWINSTALLER000"
TOKENS: Final = (INSTALLER_TOKEN, END_USER_TOKEN, _KNOWN_TOKEN, _NEW_TOKEN)


class Home:
    """Accounts of all clouds, with devices that wait, failed, or are in their plant."""

    def __init__(self, world: World) -> None:
        self.hass: HomeAssistant = world.hass
        self.cloud = world.simulator
        self._world = world
        # What belongs here, by the entry's id.
        self._data: dict[str, dict[str, Any]] = {}
        self._devices: dict[str, list[tuple[ConfigSubentry, Binding]]] = {}

    async def prepare(self) -> None:
        """Set everything up."""
        cloud = self.cloud
        self.hass.data[DATA_TIMING] = Timing(
            **dict.fromkeys(("call_gap", "slow_cooldown", "quick_cooldown", "margin"), 0),
            # What went wrong for one input does not spoil the next.
            **dict.fromkeys(("retry_first", "retry_longest", "outage_first", "outage_longest"), 1),
            overdue_after=60,
            watched_for=20,
        )
        assert await async_setup_component(self.hass, "repairs", {})
        assert await async_setup_component(self.hass, DOMAIN, {})
        cloud.growatt.limits.reading = "none"
        owner = await self._world.add_account()
        # Whose token is the owner's, and renewed with that.
        neighbor = await self._world.add_account()
        plant = self._world.add_plant(owner)
        user_id = int(owner.data[CONF_ACCOUNT_ID])
        cloud.growatt.add_token(_KNOWN_TOKEN, kind="end_user", user_id=user_id)
        cloud.growatt.add_token(_NEW_TOKEN, merchant="a new one")
        stranger = cloud.growatt.add_user("stranger", "stranger@example.com")
        theirs = cloud.growatt.add_plant(stranger.user_id, "Theirs")
        self._world.add_devices(["SIM0000001"])
        self._world.add_devices(["SIM0000002"], plant_id=theirs.plant_id)
        self._world.add_devices(["SIM0000003"], online=True)
        self._world.add_devices(["SIM0000005"], datalogger_sn="")
        for number, place in enumerate((None, theirs.plant_id, None, None), 1):
            cloud.growatt.add_datalogger(f"QMN000000{number}", plant_id=place)
        app = {
            "provider": "quectel",
            "server": cloud.url,
            "email": "alice@example.com",
            "user_domain": USER_DOMAIN,
            "user_domain_secret": USER_DOMAIN_SECRET,
        }
        await self._world.call("send_verification_code", **app)
        code = cloud.mailbox[-1].code
        await self._world.call("register_account", **app, password=PASSWORD, code=code)
        cloud.quectel.add_device("QUE0000001")
        shopper = cloud.shopxo.add_user(username="alice", password=PASSWORD)
        customer = cloud.anqicms.add_user(user_name="alice", password=PASSWORD)
        session = {"token": cloud.shopxo.sign_in(shopper, "h5")}
        for provider, account in (
            ("shopxo", Account(str(shopper.id), "alice", session, activation_pending=True)),
            ("anqicms", Account(str(customer.id), "alice", None, activation_pending=True)),
        ):
            target = Target(registry.provider(provider), cloud.url, {})
            made = account_entry(target, account)
            made.add_to_hass(self.hass)
            assert await self.hass.config_entries.async_setup(made.entry_id)
        # The fourth is unknown to the cloud, which knows no datalogger for the fifth.
        serials = [f"SIM000000{number}" for number in range(1, 6)]
        await self._world.bind(owner, plant, [*serials, "QMN0000003"], timeout=5)
        self._world.add_devices(["SIM0000006"])
        sticks = ["QMN0000001", "QMN0000002", "SIM0000006"]
        await self._world.bind_dataloggers(owner, plant, sticks)
        entries: list[Any] = self.hass.config_entries.async_entries(DOMAIN)
        (quectel,) = (entry for entry in entries if entry.data["provider"] == "quectel")
        await self._world.bind(quectel, PRODUCT_KEY, ["QUE0000001"], timeout=5)
        # So that what is late is.
        await asyncio.sleep(200)
        self._owner_id = owner.entry_id
        self._neighbor_id = neighbor.entry_id
        for entry in entries:
            known = entry.runtime_data.coordinator.data
            self._data[entry.entry_id] = dict(entry.data)
            self._devices[entry.entry_id] = [
                (subentry, known[subentry.unique_id]) for subentry in entry.subentries.values()
            ]
        self._raise_issues()

    @property
    def accounts(self) -> list[ConfigEntry]:
        """The accounts that are always there."""
        found = map(self.hass.config_entries.async_get_entry, self._data)
        return [entry for entry in found if entry is not None]

    @property
    def _managers(self) -> tuple[Any, ...]:
        """The managers of all kinds of dialogs: of accounts, of devices, of repairs."""
        entries = self.hass.config_entries
        return entries.flow, entries.subentries, repairs_flow_manager(self.hass)

    def dialogs(self) -> dict[str, tuple[Any, Any, dict[str, Any], dict[str, Any] | None]]:
        """Return the dialogs that can be opened, by name.

        Each is a manager, and the handler, the context and the data with which it opens the dialog.
        """
        accounts, devices, fixes = self._managers
        user = {"source": SOURCE_USER}
        found: dict[str, Any] = {"add account": (accounts, DOMAIN, user, None)}
        for entry in self.accounts:
            if entry.entry_id == self._neighbor_id:
                continue
            name, entry_id = entry.data["provider"], entry.entry_id
            change = {"source": SOURCE_RECONFIGURE, "entry_id": entry_id}
            found[f"change {name}"] = (accounts, DOMAIN, change, None)
            found_power = {
                "source": SOURCE_INTEGRATION_DISCOVERY,
                "unique_id": power_card.card_id(entry),
            }
            told = {power_card.CONF_ENTRY_ID: entry_id}
            found[f"card of {name}"] = (accounts, DOMAIN, found_power, told)
            renew = {"source": SOURCE_REAUTH, "entry_id": entry_id}
            found[f"sign in to {name}"] = (accounts, DOMAIN, renew, dict(entry.data))
            for subentry_id, subentry in entry.subentries.items():
                handler = (entry_id, subentry.subentry_type)
                found[f"add {subentry.subentry_type} to {name}"] = (devices, handler, user, None)
                if subentry.subentry_type == SUBENTRY_DATALOGGER:
                    found[f"begin with {name}"] = (devices, handler, user, {"choose": True})
                again = {"source": SOURCE_RECONFIGURE, "subentry_id": subentry_id}
                found[f"change {subentry.unique_id}"] = (devices, handler, again, None)
        for issue in ir.async_get(self.hass).issues.values():
            if issue.domain == DOMAIN and issue.active and issue.is_fixable and issue.data:
                name = f"fix {issue.data['problem']} {issue.data.get('serial')}"
                found[name] = (fixes, DOMAIN, {}, {"issue_id": issue.issue_id})
        return found

    async def put_back(self) -> None:
        """Have everything there as it was, no fault planned, and no dialog open."""
        self.cloud.faults.clear()
        for manager in self._managers:
            for flow in manager.async_progress():
                manager.async_abort(flow["flow_id"])
        entries = self.hass.config_entries
        for entry in entries.async_entries(DOMAIN):
            if (data := self._data.get(entry.entry_id)) is None:
                await entries.async_remove(entry.entry_id)
            elif entry.data != data:
                entries.async_update_entry(entry, data=data)
        await self.hass.async_block_till_done()
        for entry in self.accounts:
            if entry.state is not ConfigEntryState.LOADED:
                await entries.async_reload(entry.entry_id)
            await self._put_devices_back(entry)
        self._raise_issues()

    async def _put_devices_back(self, entry: ConfigEntry[Any]) -> None:
        """Have only the devices there that belong to an account, with their problems."""
        kept = self._devices[entry.entry_id]
        kinds = {binding.serial: binding.kind for _, binding in kept}
        # One may have been added as the other kind, too.
        others = {
            str(subentry.unique_id)
            for subentry in entry.subentries.values()
            if subentry.subentry_type != kinds.get(str(subentry.unique_id))
        }
        repairs.remove_inverters(self.hass, entry, others)
        serials = {str(subentry.unique_id) for subentry in entry.subentries.values()}
        coordinator = entry.runtime_data.coordinator

        def shown(binding: Binding | None) -> Any:
            return binding and (
                *(binding.state, binding.plant_id, binding.kind, binding.reason),
                problem(binding),
            )

        for subentry, binding in kept:
            if binding.serial not in serials:
                self.hass.config_entries.async_add_subentry(entry, subentry)
            if shown(coordinator.data.get(binding.serial)) != shown(binding):
                await coordinator._change(coordinator._bindings.async_add([binding]))

    def _raise_issues(self) -> None:
        """Raise repairs that take more than inputs to come about."""
        for found, entry_id in (
            (repairs.ISSUE_RETURNED, self._owner_id),
            (repairs.ISSUE_ACCOUNT_MISSING, "gone"),
        ):
            async_raise_issue(
                self.hass,
                f"{found}_{entry_id}",
                found,
                dict.fromkeys(("account", "count", "serials"), "1"),
                is_fixable=True,
                data={"problem": found, "entry_id": entry_id},
            )
