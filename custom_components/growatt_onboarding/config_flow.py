"""The account flow: choose a cloud and a server, then create an account or link an existing one."""

from functools import partialmethod
from typing import Any, Final, override

from homeassistant.config_entries import (
    SOURCE_INTEGRATION_DISCOVERY,
    ConfigEntry,
    ConfigFlowResult,
    ConfigSubentryFlow,
    FlowType,
)
from homeassistant.core import callback
from homeassistant.data_entry_flow import AbortFlow, FlowResultType
from homeassistant.helpers.selector import BooleanSelector
from homeassistant.helpers.typing import DiscoveryInfoType
import voluptuous as vol

from .account import is_understood
from .account.registration import async_resolve_pending, async_review_pending
from .cloud import registry
from .cloud.errors import CloudError
from .cloud.provider import HandOver
from .const import (
    CONF_PROVIDER,
    CONF_SERVER,
    DOMAIN,
    ENTRY_VERSION,
    SUBENTRY_DATALOGGER,
    SUBENTRY_INVERTER,
)
from .flows.datalogger import DataloggerFlow
from .flows.drawings import async_field_drawing
from .flows.forms import UserInput, server_values
from .flows.hand_over import (
    ADD_LINK,
    associated_inverters,
    async_open_flow,
    check_limits,
    offered_by,
)
from .flows.inverter import InverterFlow
from .flows.method import MethodFlow
from .flows.power_card import CONF_ENTRY_ID, first_unshown
from .flows.server import ServerForm
from .foreign import Markdown, plain
from .gateway import async_get_shared_data, async_load_provider
from .texts import async_card_title

CONF_PASS_ON: Final = "pass_token"  # noqa: S105 - the name of a field


class GrowattOnboardingConfigFlow(MethodFlow, domain=DOMAIN):
    """The config flow of an account."""

    VERSION = ENTRY_VERSION

    # The group of clouds that was chosen.
    group: str
    # The integration that can take the account over.
    _hand_over: HandOver
    # The serial number of the inverter that a card is about.
    _discovered = ""

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: ConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Return the flows of an account's devices. Its cloud may not be set up yet."""
        if (
            is_understood(config_entry)
            and config_entry.data[CONF_PROVIDER] in registry.WITH_DATALOGGERS
        ):
            return {SUBENTRY_DATALOGGER: DataloggerFlow, SUBENTRY_INVERTER: DataloggerFlow}
        return {SUBENTRY_INVERTER: InverterFlow}

    # Which cloud

    @override
    async def async_step_user(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Choose what kind of cloud it is."""
        self._shared = await async_get_shared_data(self.hass)
        await async_review_pending(self.hass, self._shared)
        return self.async_show_menu(step_id="user", menu_options=list(registry.GROUPS))

    async def async_step_server(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Enter the server and the credentials, which are tested right away."""
        keys = registry.GROUPS[self.group]
        providers = tuple([await async_load_provider(self.hass, key) for key in keys])
        self._provider = providers[0]
        fields = {field.name: field for one in providers for field in one.credential_fields}
        form = ServerForm(
            step_id=self.group,
            providers=providers,
            fields=tuple(fields.values()),
            go_on=GrowattOnboardingConfigFlow._resolve_pending,
            placeholders={"drawing": await async_field_drawing(self.hass, fields.values())},
        )
        return await self._ask_server(form, user_input)

    async def _resolve_pending(self) -> ConfigFlowResult:
        """Find out about earlier registrations on the server, then go on."""
        await async_resolve_pending(self.hass, self._shared, self._target, self._client)
        return await self.async_step_method()

    # Change an account

    async def async_step_reconfigure(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Choose between changing an account and handing it over, once that makes sense."""
        entry = self._get_reconfigure_entry()
        await self._load_entry(entry)
        self._before = self._target
        self._memory.typed = {
            **server_values(self._provider, self._target.url),
            **{
                field.name: self._target.credentials[field.name]
                for field in self._provider.credential_fields
                if not field.secret and field.name in self._target.credentials
            },
        }
        others = [server.hand_over for server in self._provider.servers if server.hand_over]
        if not others or not associated_inverters(entry):
            return await self.async_step_new_access()
        if (hand_over := offered_by(self._target)) is None:
            self._hand_over = others[0]
            return await self.async_step_reconfigure_elsewhere()
        self._hand_over = hand_over
        return self.async_show_menu(
            step_id="reconfigure",
            menu_options=["new_access", "hand_over"],
            description_placeholders=self._reconfigure_values(),
        )

    async def async_step_reconfigure_elsewhere(
        self, user_input: UserInput = None
    ) -> ConfigFlowResult:
        """Explain why the account cannot be handed over from its server."""
        reachable = [server.url for server in self._provider.servers if server.hand_over]
        return self.async_show_menu(
            step_id="reconfigure_elsewhere",
            menu_options=["new_access"],
            description_placeholders={
                **self._reconfigure_values(),
                "reachable": ", ".join(reachable),
            },
        )

    def _reconfigure_values(self) -> dict[str, str]:
        """Return the placeholders: the account and the integration that can take it over."""
        return {
            "name": self._entry.title,
            "server": self._entry.data[CONF_SERVER],
            "integration": self._hand_over.name,
        }

    # Hand an account over

    @override
    async def async_step_integration_discovery(
        self, discovery_info: DiscoveryInfoType
    ) -> ConfigFlowResult:
        """Show the card of an account whose power Home Assistant does not show yet."""
        entry = self.hass.config_entries.async_get_entry(discovery_info[CONF_ENTRY_ID])
        # Somebody may have ignored it.
        self._abort_if_unique_id_configured()
        if entry is None or (unshown := first_unshown(self.hass, entry)) is None:
            # Nobody sees that.
            raise AbortFlow("already_configured")
        await self._load_entry(entry)
        self._discovered, self._hand_over = unshown
        title = await async_card_title(self.hass, self._discovered)
        self.context["title_placeholders"] = {"name": title}
        return await self.async_step_discovered()

    async def async_step_discovered(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Ask what a card asks."""
        result = await self.async_step_hand_over(user_input)
        # Home Assistant protects whatever somebody has opened. While it only asks, it may go.
        self.context["dismiss_protected"] = result["type"] is not FlowResultType.FORM
        return result

    async def async_step_hand_over(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Ask whether to pass the credentials on, and continue in the other integration's flow."""
        target, other = self._target, self._hand_over
        if user_input is not None:
            self._memory.remember((CONF_PASS_ON,), user_input)
            gateway = self._shared.gateway(target.provider, target.url, target.credentials)
            try:
                check_limits(gateway, other)
            except CloudError as err:
                self._memory.set_error(err)
            else:
                return await self._open_other_flow(pass_on=user_input[CONF_PASS_ON])
        pass_on = self._memory.typed.get(CONF_PASS_ON, True)
        return self._show(
            "discovered" if self.source == SOURCE_INTEGRATION_DISCOVERY else "hand_over",
            {vol.Required(CONF_PASS_ON, default=pass_on): BooleanSelector()},
            integration=other.name,
            name=self._entry.title,
            serial=self._discovered,
            plain_serial=plain(self._discovered),
        )

    async def _open_other_flow(self, *, pass_on: bool) -> ConfigFlowResult:
        """Abort with the other integration's flow as the next one, or with a link to it."""
        other = self._hand_over
        values = {"integration": other.name}
        credentials = self._target.credentials if pass_on else None
        theirs = await async_open_flow(self.hass, other, credentials)
        if theirs is None:
            values["link"] = Markdown(ADD_LINK.format(domain=other.domain))
            return self.async_abort(reason="hand_over_failed", description_placeholders=values)
        if theirs["type"] is FlowResultType.CREATE_ENTRY:
            return self.async_abort(reason="power_shown", description_placeholders=values)
        return self.async_abort(
            reason="handed_over",
            description_placeholders=values,
            next_flow=(FlowType.CONFIG_FLOW, theirs["flow_id"]),
        )

    # Create the entry of an account whose flow is gone

    async def async_step_import(self, import_data: dict[str, Any]) -> ConfigFlowResult:
        """Create the entry of a registered account."""
        await self.async_set_unique_id(import_data["unique_id"])
        self._abort_if_unique_id_configured()
        return self.async_create_entry(title=import_data["title"], data=import_data["data"])


async def _enter(
    flow: GrowattOnboardingConfigFlow, group: str, user_input: UserInput = None
) -> ConfigFlowResult:
    """Enter the server and the credentials of the group's cloud."""
    flow.group = group
    return await flow.async_step_server(user_input)


# The steps for a server have a name for each group of clouds, so that each has texts of its own.
for _group in registry.GROUPS:
    setattr(GrowattOnboardingConfigFlow, f"async_step_{_group}", partialmethod(_enter, _group))
    setattr(
        GrowattOnboardingConfigFlow,
        f"async_step_new_access_{_group}",
        GrowattOnboardingConfigFlow.async_step_new_access,
    )
