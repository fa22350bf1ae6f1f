"""The account dialog: choose a cloud, sign in to it, create an account or link the one there is."""

from collections.abc import Mapping
from copy import replace
from typing import Any, override

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigFlowResult,
    ConfigSubentryFlow,
    FlowType,
)
from homeassistant.core import callback
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import voluptuous as vol

from .account import entry_target, is_same_account
from .account.registration import async_resolve_pending, async_review_pending
from .cloud.errors import CloudError
from .cloud.model import Account
from .cloud.provider import HandOver
from .cloud.registry import PROVIDERS
from .const import (
    CONF_ACCOUNT_ID,
    CONF_ACCOUNT_NAME,
    CONF_PROVIDER,
    CONF_SERVER,
    DOMAIN,
    SUBENTRY_INVERTER,
)
from .flows.base import chosen_form, form_fields
from .flows.forms import (
    checked,
    choice,
    field_names,
    fields_schema,
    server_names,
    server_schema,
    server_values,
)
from .flows.hand_over import (
    ADD_LINK,
    async_open_dialog,
    check_limits,
    has_associated,
    offered_by,
)
from .flows.inverter import InverterFlow
from .flows.register import RegisterFlow
from .gateway import async_get_shared_data

# A token can see thousands of accounts; a few names tell a person whose it is.
_MOST_NAMES = 3


class GrowattOnboardingConfigFlow(RegisterFlow, domain=DOMAIN):
    """The account dialog."""

    # The account that is signed in to again or changed, and who could take it over.
    _entry: ConfigEntry
    _hand_over: HandOver

    def __init__(self) -> None:
        """Start with no accounts to choose from."""
        super().__init__()
        self._accounts: dict[str, Account] = {}

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: ConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Inverters are what an account holds."""
        return {SUBENTRY_INVERTER: InverterFlow}

    # Which cloud

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose the provider."""
        self._shared = await async_get_shared_data(self.hass)
        await async_review_pending(self.hass, self._shared)
        if user_input is None:
            schema = {vol.Required(CONF_PROVIDER): choice(PROVIDERS, CONF_PROVIDER)}
            return self._show("user", schema)
        self._provider = PROVIDERS[user_input[CONF_PROVIDER]]
        return await self.async_step_server()

    async def async_step_server(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose the server and give the credentials; both are tested at once."""
        provider = self._provider
        fields = provider.credential_fields
        if user_input is not None:
            names = (*server_names(provider), *field_names(fields))
            self._memory.remember(names, user_input)
            try:
                await self._use_entered(user_input, checked(fields, user_input))
            except CloudError as err:
                self._memory.set_error(err, names)
            else:
                await async_resolve_pending(self.hass, self._shared, self._target, self._client)
                return await self.async_step_method()
        typed = self._memory.typed
        schema = {**server_schema(provider, typed), **fields_schema(fields, typed)}
        return self._show("server", schema)

    async def async_step_method(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Create an account or link one, where the server leaves the choice."""
        if self._offer.register and self._offer.link:
            return self.async_show_menu(
                step_id="method",
                menu_options=["register", "link"],
                description_placeholders={"server": self._target.url},
            )
        if self._offer.register:
            return await self.async_step_register()
        if self._offer.link:
            return await self.async_step_link()
        return self.async_abort(
            reason="nothing_offered", description_placeholders={"server": self._target.url}
        )

    # Link an account

    async def async_step_link(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose how to sign in, where there is a choice."""
        if (form := chosen_form(self._offer.link, user_input)) is None:
            return self._ask_form("link", self._offer.link)
        self._form = form
        # What was given already may be enough.
        return await self.async_step_link_form(None if self._asks_to_link() else {})

    def _asks_to_link(self) -> bool:
        """Tell whether signing in takes more than the credentials."""
        return any(field.required for field in form_fields(self._form))

    async def async_step_link_form(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Sign in to the account there is."""
        fields = form_fields(self._form)
        if user_input is not None:
            try:
                accounts = await self._client.link(self._form, self._values(fields, user_input))
                return await self._link(accounts)
            except CloudError as err:
                self._memory.set_error(err, field_names(fields))
        self._suggest_account()
        return await self._show_form("link_form", fields)

    def _suggest_account(self) -> None:
        """Fill in the name or id of the account that this is about, where it is known."""
        identity = self._form.identity
        known = self._account_id if identity == CONF_ACCOUNT_ID else self._account_name
        if known is not None:
            self._memory.typed.setdefault(identity, known)

    async def _link(self, accounts: tuple[Account, ...]) -> ConfigFlowResult:
        """Go on with the one account, or let the person choose."""
        if self.source in {SOURCE_REAUTH, SOURCE_RECONFIGURE}:
            return await self._renew_with(accounts)
        if len(accounts) == 1:
            return await self._finish(accounts[0])
        self._accounts = {account.id: account for account in accounts if account.id is not None}
        return await self.async_step_choose_account()

    async def async_step_choose_account(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose among the accounts that the token sees."""
        if user_input is not None:
            return await self._finish(self._accounts[user_input[CONF_ACCOUNT_ID]])
        configured = {entry.unique_id for entry in self._async_current_entries()}
        options = [
            SelectOptionDict(value=account_id, label=_label(account))
            for account_id, account in self._accounts.items()
            if self._target.unique_id(account) not in configured
        ]
        if not options:
            return self.async_abort(reason="already_configured")
        selector = SelectSelector(
            SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN, sort=True)
        )
        return self._show("choose_account", {vol.Required(CONF_ACCOUNT_ID): selector})

    # New credentials

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Begin when the credentials or sign-in of an account is not valid any more."""
        await self._begin_again(self._get_reauth_entry())
        return await self.async_step_reauth_confirm()

    async def _begin_again(self, entry: ConfigEntry) -> None:
        """Take from an account's entry what is known."""
        self._shared = await async_get_shared_data(self.hass)
        self._entry = entry
        self._target = entry_target(entry)
        self._provider = self._target.provider
        self._account_name = entry.data[CONF_ACCOUNT_NAME]
        self._account_id = entry.data[CONF_ACCOUNT_ID]

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the secret parts of the credentials anew."""
        known = entry_target(self._entry)
        secrets = tuple(field for field in self._provider.credential_fields if field.secret)
        if not (secrets or self._memory.has_error):
            # Nothing to ask for: on to signing in at once.
            user_input = {}
        if user_input is not None:
            names = field_names(secrets)
            self._memory.remember(names, user_input)
            try:
                # What is optional and left empty stays as it is.
                credentials = {**known.credentials, **checked(secrets, user_input)}
                await self._use_target(known.url, credentials)
                return await self._sign_in_again()
            except CloudError as err:
                self._memory.set_error(err, names)
        return self._show(
            "reauth_confirm",
            fields_schema(secrets, self._memory.typed),
            name=self._entry.title,
            server=known.url,
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Begin to change an account, or to hand it over once that makes sense."""
        entry = self._get_reconfigure_entry()
        await self._begin_again(entry)
        self._memory.typed = {
            **server_values(self._provider, self._target.url),
            **{
                field.name: self._target.credentials[field.name]
                for field in self._provider.credential_fields
                if not field.secret and field.name in self._target.credentials
            },
        }
        others = [server.hand_over for server in self._provider.servers if server.hand_over]
        if not others or not has_associated(entry):
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
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say why the account cannot be handed over from where it is."""
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
        """Return whose reconfiguration it is, and who could take over."""
        return {
            "name": self._entry.title,
            "server": self._entry.data[CONF_SERVER],
            "integration": self._hand_over.name,
        }

    async def async_step_new_access(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change the server or the credentials; a secret that is left empty stays as it is."""
        known = entry_target(self._entry)
        kept = {
            field.name: known.credentials[field.name]
            for field in self._provider.credential_fields
            if field.secret and field.name in known.credentials
        }
        fields = tuple(
            replace(field, required=False) if field.name in kept else field
            for field in self._provider.credential_fields
        )
        if user_input is not None:
            names = (*server_names(self._provider), *field_names(fields))
            self._memory.remember(names, user_input)
            try:
                await self._use_entered(user_input, {**kept, **checked(fields, user_input)})
                return await self._sign_in_again()
            except CloudError as err:
                self._memory.set_error(err, names)
        typed = self._memory.typed
        return self._show(
            "new_access",
            {**server_schema(self._provider, typed), **fields_schema(fields, typed)},
            name=self._entry.title,
            server=known.url,
        )

    async def _sign_in_again(self) -> ConfigFlowResult:
        """Go on to signing in; raises CloudError where the server lets nobody do so."""
        if not self._offer.link:
            raise CloudError("nothing_offered")
        return await self.async_step_link()

    async def _renew_with(self, accounts: tuple[Account, ...]) -> ConfigFlowResult:
        """Take the new credentials if they open the same account, else ask for others."""
        entry = self._entry
        found = [one for one in accounts if is_same_account(entry, self._target, one)]
        if not found:
            self._memory.set_error(self._wrong_account(accounts))
        elif (other := self._holder(found[0])) not in {None, entry}:
            self._memory.set_error(
                CloudError("in_another_entry", placeholders={"other": other.title})
            )
        else:
            return self._renew(entry, found[0])
        if self._asks_to_link():
            return await self.async_step_link_form()
        if self.source == SOURCE_REAUTH:
            return await self.async_step_reauth_confirm()
        return await self.async_step_new_access()

    def _wrong_account(self, accounts: tuple[Account, ...]) -> CloudError:
        """Return the error that names the account that was expected and those that were found."""
        names = [account.title for account in accounts]
        more = ["…"] if len(names) > _MOST_NAMES else []
        found = ", ".join([*names[:_MOST_NAMES], *more])
        expected = self._entry.title
        return CloudError("wrong_account", placeholders={"expected": expected, "found": found})

    # On to another integration

    async def async_step_hand_over(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Go on in the dialog of the integration that shows what the inverters do."""
        other = self._hand_over
        if user_input is not None:
            try:
                check_limits(self._shared, self._entry, other)
            except CloudError as err:
                self._memory.set_error(err)
            else:
                return await self._open_other_dialog()
        return self._show("hand_over", {}, integration=other.name, name=self._entry.title)

    async def _open_other_dialog(self) -> ConfigFlowResult:
        """End this dialog with the other one, or with a link to it."""
        other = self._hand_over
        values = {"integration": other.name}
        if (flow_id := await async_open_dialog(self.hass, other)) is None:
            values["link"] = ADD_LINK.format(domain=other.domain)
            return self.async_abort(reason="hand_over_failed", description_placeholders=values)
        return self.async_abort(
            reason="handed_over",
            description_placeholders=values,
            next_flow=(FlowType.CONFIG_FLOW, flow_id),
        )

    # The entry of an account whose dialog is gone

    async def async_step_import(self, import_data: dict[str, Any]) -> ConfigFlowResult:
        """Make the entry."""
        await self.async_set_unique_id(import_data["unique_id"])
        self._abort_if_unique_id_configured()
        return self.async_create_entry(title=import_data["title"], data=import_data["data"])


def _label(account: Account) -> str:
    return account.title if account.name == account.id else f"{account.name} ({account.id})"
