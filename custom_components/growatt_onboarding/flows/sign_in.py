"""The steps of the account dialog that sign in: to a new account's entry, or once more."""

from collections.abc import Mapping
from copy import replace
from typing import Any

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    ConfigFlowResult,
)
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import voluptuous as vol

from ..account import entry_target, is_same_account
from ..cloud.errors import CloudError
from ..cloud.model import Account
from ..const import CONF_ACCOUNT_ID, CONF_ACCOUNT_NAME
from ..coordinator import AccountConfigEntry
from ..gateway import async_get_shared_data
from .base import AccountFlow, chosen_form
from .forms import checked, field_names, fields_schema, server_names, server_schema

# A token can see thousands of accounts; a few names tell a person whose it is.
_MOST_NAMES = 3


class SignInFlow(AccountFlow):
    """The steps from the credentials to an account that exists."""

    # The account that is signed in to again or changed.
    _entry: AccountConfigEntry

    def __init__(self) -> None:
        """Start with no accounts to choose from."""
        super().__init__()
        self._accounts: dict[str, Account] = {}

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
        return any(field.required for field in self._form.fields)

    async def async_step_link_form(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Sign in to the account there is."""
        fields = self._form.fields
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

    async def _begin_again(self, entry: AccountConfigEntry) -> None:
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


def _label(account: Account) -> str:
    return account.title if account.name == account.id else f"{account.name} ({account.id})"
