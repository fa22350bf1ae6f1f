"""The steps of the account flow that sign in to an account, for a new entry or an existing one."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from copy import replace
from typing import Any, override

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.core import callback
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.exceptions import ConfigEntryError
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import voluptuous as vol

from ..account import entry_target, is_same_account
from ..cloud import registry
from ..cloud.errors import CloudError
from ..cloud.model import Account
from ..cloud.provider import CAPTCHA_FIELD, Form
from ..cloud.servers import server_key
from ..const import CONF_ACCOUNT_ID, CONF_ACCOUNT_NAME, CONF_DENIED
from ..coordinator import AccountConfigEntry
from ..foreign import Plain, name_with_id, plain
from ..gateway import async_get_shared_data
from .base import chosen_form
from .forms import (
    UserInput,
    checked,
    field_names,
    fields_schema,
    select_options,
)
from .server import ServerFlow, ServerForm

# A token can see thousands of accounts; a few names show a person whose token it is.
_MOST_NAMES = 3


class SignInFlow(ServerFlow):
    """The steps from the credentials to an existing account."""

    def __init__(self) -> None:
        """Start with no accounts to choose from."""
        super().__init__()
        self._accounts: dict[str, Account] = {}
        # What the credentials alone open, None as long as that is not known.
        self._opened: tuple[Account, ...] | None = None
        # The name of an account that may have been created.
        self._lost_name: str | None = None

    # Link an account

    async def async_step_link(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Choose a form to sign in with, if there are several."""
        if (form := chosen_form(self._offer.link, user_input)) is None:
            return self._ask_form("link", self._offer.link)
        self._form = form
        # The credentials that were entered may be enough.
        return await self.async_step_link_form(None if needs_input(form) else {})

    async def async_step_link_form(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Sign in to an existing account."""
        fields = self._form.fields
        if user_input is not None:
            try:
                values = self._values(fields, user_input)
                with self._reauth_on_denial():
                    accounts = await self._client.link(self._form, values)
                self._expect_lost(accounts)
                return await self._link(accounts)
            except CloudError as err:
                self._memory.set_error(err)
                if err.field == CAPTCHA_FIELD.name and not self._form.captcha:
                    await self._renew_form()
        self._suggest_account()
        return await self._show_form("link_form", self._form.fields)

    def _expect_lost(self, accounts: tuple[Account, ...]) -> None:
        """Raise CloudError if an account that may have been created is not among those found.

        The cloud's list may be older than that account, and then shows only others.
        """
        lost = self._lost_name
        if lost is None or needs_input(self._form) or self._memory.typed.get(self._form.identity):
            return
        if all(account.name.casefold() != lost.casefold() for account in accounts):
            raise CloudError("account_not_listed", placeholders={"expected": lost})

    async def _renew_form(self) -> None:
        """Use the form as the server offers it now, with the picture that it wants after all."""
        with suppress(CloudError):
            self._offer = await self._client.test()
        forms = (form for form in self._offer.link if form.key == self._form.key)
        self._form = next(forms, self._form)

    def _suggest_account(self) -> None:
        """Suggest the name or id of the account that the flow is about, if it is known."""
        identity = self._form.identity
        known = self._account_id if identity == CONF_ACCOUNT_ID else self._account_name
        if known is not None:
            self._memory.typed.setdefault(identity, known)

    async def _link(self, accounts: tuple[Account, ...]) -> ConfigFlowResult:
        """Continue with the only account, or let the person choose."""
        if self.source in {SOURCE_REAUTH, SOURCE_RECONFIGURE}:
            return await self._renew_with(accounts)
        if len(accounts) == 1:
            return await self._finish(accounts[0])
        self._accounts = {account.id: account for account in accounts if account.id is not None}
        return await self.async_step_choose_account()

    async def async_step_use_account(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Continue with an account that the credentials open."""
        return await self._link(self._addable(self._opened or ()))

    def _addable(self, accounts: Iterable[Account]) -> tuple[Account, ...]:
        """Return the accounts that are not in Home Assistant yet."""
        configured = {entry.unique_id for entry in self._async_current_entries()}
        return tuple(
            account for account in accounts if self._target.unique_id(account) not in configured
        )

    async def async_step_choose_account(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Choose one of the accounts that the token can see."""
        if user_input is not None:
            return await self._finish(self._accounts[user_input[CONF_ACCOUNT_ID]])
        addable = self._addable(self._accounts.values())
        labels = {key: _label(one) for key, one in self._accounts.items() if one in addable}
        if not labels:
            return self.async_abort(reason="already_configured")
        selector = SelectSelector(
            SelectSelectorConfig(
                options=select_options(labels), mode=SelectSelectorMode.DROPDOWN, sort=True
            )
        )
        return self._show("choose_account", {vol.Required(CONF_ACCOUNT_ID): selector})

    @callback
    @override
    def async_remove(self) -> None:
        """Ask to sign in if the account was denied while this dialog kept others from opening."""
        entry: AccountConfigEntry | None
        entry = self.hass.config_entries.async_get_entry(self.context.get("entry_id", ""))
        if (
            self.source == SOURCE_RECONFIGURE
            and entry is not None
            and entry.state is ConfigEntryState.LOADED
            and entry.data[CONF_DENIED]
        ):
            entry.async_start_reauth(self.hass)

    # New credentials

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Start when the credentials or session of an account are no longer valid."""
        await self._load_entry(self._get_reauth_entry())
        return await self.async_step_reauth_confirm()

    async def _load_entry(self, entry: AccountConfigEntry) -> None:
        """Load what the flow needs from an account's entry; abort if a later version made it."""
        self._shared = await async_get_shared_data(self.hass)
        self._entry = entry
        try:
            self._target = entry_target(entry)
        except ConfigEntryError as err:
            raise AbortFlow(
                "unknown_provider", description_placeholders=err.translation_placeholders
            ) from err
        self._provider = self._target.provider
        self._account_name = entry.data[CONF_ACCOUNT_NAME]
        self._account_id = entry.data[CONF_ACCOUNT_ID]

    async def async_step_reauth_confirm(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Ask for the secret credentials again."""
        known = entry_target(self._entry)
        secrets = tuple(field for field in self._provider.credential_fields if field.secret)
        if not (secrets or self._memory.has_error):
            # Nothing to ask for: sign in right away.
            user_input = {}
        if user_input is not None:
            self._memory.remember(field_names(secrets), user_input)
            try:
                # An optional secret that is left empty stays as it is.
                entered = {**known.credentials, **checked(secrets, user_input)}
                await self._use_target(known.url, entered)
                return await self._sign_in_again()
            except CloudError as err:
                self._memory.set_error(err)
        return self._show(
            "reauth_confirm",
            fields_schema(secrets, self._memory.typed),
            name=self._entry.title,
            server=known.url,
        )

    async def async_step_new_access(self, user_input: UserInput = None) -> ConfigFlowResult:
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
        form = ServerForm(
            step_id=f"new_access_{registry.group_of(self._provider.key)}",
            providers=(self._provider,),
            fields=fields,
            go_on=SignInFlow._sign_in_again,
            kept=kept,
            current=server_key(self._provider, known.url),
            placeholders={"name": self._entry.title, "server": known.url},
        )
        return await self._ask_server(form, user_input)

    async def _sign_in_again(self) -> ConfigFlowResult:
        """Continue with signing in. Raises CloudError if the server does not offer it."""
        if not self._offer.link:
            raise CloudError(
                "nothing_offered" if self._provider.credential_fields else "sign_in_closed"
            )
        return await self.async_step_link()

    async def _renew_with(self, accounts: tuple[Account, ...]) -> ConfigFlowResult:
        """Store the new credentials if they give access to the same account, else ask again."""
        entry = self._entry
        found = [one for one in accounts if is_same_account(entry, self._target, one)]
        if not found:
            self._memory.set_error(self._wrong_account(accounts))
        elif (other := self._existing_entry(found[0])) not in {None, entry}:
            self._memory.set_error(
                CloudError("in_another_entry", placeholders={"other": other.title})
            )
        else:
            return await self._finish(found[0])
        if needs_input(self._form):
            return await self.async_step_link_form()
        if self.source == SOURCE_REAUTH:
            return await self.async_step_reauth_confirm()
        return await self.async_step_new_access()

    def _wrong_account(self, accounts: tuple[Account, ...]) -> CloudError:
        """Return the error that names the expected account and those that were found."""
        expected, found = self._entry.title, some_titles(accounts)
        return CloudError("wrong_account", placeholders={"expected": expected, "found": found})


def needs_input(form: Form) -> bool:
    """Return whether signing in with a form takes more than the credentials."""
    return any(field.required for field in form.fields)


def some_titles(accounts: Sequence[Account]) -> str:
    """Return the titles of a few of the accounts."""
    titles = [plain(account.title) for account in accounts[:_MOST_NAMES]]
    more = ["…"] if len(accounts) > _MOST_NAMES else []
    return ", ".join([*titles, *more])


def shown_name(account: Account) -> Plain:
    """Return what a person calls the account: not its id, if there is anything else."""
    name = account.plant if account.name == account.id else account.name
    return plain(name or account.title)


def _label(account: Account) -> Plain:
    name, account_id = shown_name(account), plain(account.id or "")
    return name if name == account_id else name_with_id(name, account_id)
