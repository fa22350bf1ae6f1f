"""The steps of the account flow that sign in to an account, for a new entry or an existing one."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from copy import replace
from typing import Any, Final, override

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.core import callback
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.exceptions import ConfigEntryError

from ..account import Target, entry_target, reauth_flows, sharers
from ..account.linking import Opened, async_opened, entry_of, matching, renew
from ..cloud import registry
from ..cloud.errors import CloudError, SeesNothingError
from ..cloud.model import Account
from ..cloud.provider import CAPTCHA_FIELD, Form
from ..cloud.servers import server_key
from ..const import CONF_ACCOUNT_ID, CONF_ACCOUNT_NAME, CONF_DENIED
from ..coordinator import AccountConfigEntry
from ..foreign import plain
from ..gateway import async_get_shared_data
from .base import chosen_form
from .choose import ChooseFlow, some_titles
from .forms import (
    UserInput,
    checked,
    field_names,
    fields_schema,
)
from .server import ServerForm

CONF_FOR_ALL: Final = "for_all"


class SignInFlow(ChooseFlow):
    """The steps from the credentials to an existing account."""

    def __init__(self) -> None:
        """Start without an account to look for, or to renew."""
        super().__init__()
        # The name of an account that may have been created.
        self._lost_name: str | None = None
        # Whether the credentials show no account, and may open several all the same.
        self._sees_nothing = False
        # What the entry to renew was used with, None where there is none.
        self._before: Target | None = None
        # The entries that new credentials are stored in, with their accounts there; and the others
        # that they were meant for.
        self._renewals: dict[AccountConfigEntry, Account] = {}
        self._left: list[AccountConfigEntry] = []

    # Link an account

    async def async_step_link(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Choose a form to sign in with, if there are several."""
        if (form := chosen_form(self._offer.link, user_input)) is None:
            return self._ask_form("link", self._offer.link)
        self._form = form
        self._sees_nothing = False
        # The credentials that were entered may be enough.
        return await self.async_step_link_form(None if needs_input(form) else {})

    async def async_step_link_form(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Sign in to an existing account."""
        fields = self._form.fields
        if user_input is not None:
            try:
                values = self._values(fields, user_input)
                with self._reauth_on_denial():
                    opened = await async_opened(
                        self.hass, self._target, self._client, self._form, values
                    )
                return await self._link(opened)
            except CloudError as err:
                self._memory.set_error(err)
                self._sees_nothing |= isinstance(err, SeesNothingError)
                if err.field == CAPTCHA_FIELD.name and not self._form.captcha:
                    await self._renew_form()
        self._suggest_account()
        if not (others := self._unlisted):
            return await self._show_form("link_form", self._form.fields)
        return await self._show_form(
            "link_form",
            self._form.fields,
            self._switches((CONF_FOR_ALL,)),
            accounts=some_titles(others),
        )

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

    async def _link(self, opened: Opened) -> ConfigFlowResult:
        """Continue with the accounts that signing in gives access to.

        Raises CloudError if the one to link may be among those that are not known: whoever was
        offered all that are asks for another one.
        """
        self._unread = opened.unread
        accounts = opened.accounts
        if self.source not in {SOURCE_REAUTH, SOURCE_RECONFIGURE}:
            has_more = opened.listed and not _ids(accounts) <= _ids(self._opened or ())
            if opened.unread is not None and not has_more:
                raise opened.unread
            self._expect_lost(accounts)
            return await self._use(accounts)
        entries = [self._entry, *self._others]
        if self._memory.typed.get(CONF_FOR_ALL) and matching(entries, self._target, accounts):
            # Nothing can confirm the others, as little as the one that was entered.
            accounts += tuple(self._unlisted.values())
        return await self._renew_with(accounts)

    @property
    def _unlisted(self) -> dict[AccountConfigEntry, Account]:
        """The other accounts that the new credentials may be for, if these do not show it."""
        if not self._sees_nothing or self.source not in {SOURCE_REAUTH, SOURCE_RECONFIGURE}:
            return {}
        return {
            other: Account(
                id=other.data[CONF_ACCOUNT_ID], name=other.data[CONF_ACCOUNT_NAME], session={}
            )
            for other in sharers(self.hass, self._entry)
            if other.data[CONF_ACCOUNT_ID] is not None
        }

    # New credentials

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Start when the credentials or session of an account are no longer valid.

        Wherever it is started, one dialog is enough for all accounts with the same credentials.
        """
        entry = self._get_reauth_entry()
        # Before anything is awaited: of two that start together, one has to see the other.
        if any(flow["flow_id"] != self.flow_id for flow in reauth_flows(self.hass, entry)):
            raise AbortFlow("already_in_progress")
        await self._load_entry(entry)
        self._before = self._target
        self.context["title_placeholders"] = {"name": plain(self._titles)}
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
            name=self._titles,
            server=known.url,
        )

    @property
    def _titles(self) -> str:
        """What the accounts are called that the dialog asks for credentials for."""
        others = sharers(self.hass, self._entry)
        return some_titles([self._entry, *others]) if others else self._entry.title

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
        others = sharers(self.hass, self._entry)
        form = ServerForm(
            step_id=f"new_access_{registry.group_of(self._provider.key)}",
            providers=(self._provider,),
            fields=fields,
            go_on=SignInFlow._sign_in_again,
            switches=(CONF_FOR_ALL,) if others else (),
            kept=kept,
            current=server_key(self._provider, known.url),
            placeholders={
                "name": self._entry.title,
                "server": known.url,
                **({"accounts": some_titles(others)} if others else {}),
            },
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
        """Go on if the new credentials open what they are meant for, else ask again.

        A person may have what opens only some of the accounts: then the others ask on their own.
        """
        entries = [self._entry, *self._others]
        found = matching(entries, self._target, accounts)
        free = {
            entry: account
            for entry, account in found.items()
            if entry_of(self.hass, self._target, account) in {None, entry}
        }
        if self._entry in free or (free and self.source == SOURCE_REAUTH):
            self._renewals, self._left = free, [entry for entry in entries if entry not in free]
            # Once somebody is there to take the result: renewing the entry ends the flow.
            return self.async_show_progress_done(next_step_id="renew")
        if (taken := found.get(self._entry)) is None:
            self._memory.set_error(self._unread or self._wrong_account(accounts))
        else:
            other = entry_of(self.hass, self._target, taken)
            title = "" if other is None else other.title
            self._memory.set_error(CloudError("in_another_entry", placeholders={"other": title}))
        if needs_input(self._form):
            return await self.async_step_link_form()
        if self.source == SOURCE_REAUTH:
            return await self.async_step_reauth_confirm()
        return await self.async_step_new_access()

    @property
    def _others(self) -> list[AccountConfigEntry]:
        """The other accounts that the new credentials are for."""
        if self.source == SOURCE_REAUTH or self._memory.typed.get(CONF_FOR_ALL):
            return sharers(self.hass, self._entry)
        return []

    async def async_step_renew(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Store the new credentials in the entries that they are for, this dialog's last."""
        self._before = entry_target(self._entry)
        entries = self.hass.config_entries
        opened = tuple(self._renewals.values())
        # Somebody may have removed some meanwhile.
        self._renewals = {
            entry: account
            for entry, account in self._renewals.items()
            if entries.async_get_entry(entry.entry_id) is not None
        }
        if not self._renewals:
            return await self._renew_with(opened)
        for entry in sorted(self._renewals, key=lambda entry: entry is self._entry):
            renew(self.hass, entry, self._target, self._renewals[entry])
        values = {
            "accounts": some_titles(self._renewals),
            "others": ", ".join(plain(entry.title) for entry in self._left),
        }
        if self._left:
            return self.async_abort(
                reason=(
                    "some_accounts_renewed" if self._unread is None else "some_accounts_unknown"
                ),
                description_placeholders=values,
            )
        if len(self._renewals) > 1:
            return self.async_abort(reason="accounts_renewed", description_placeholders=values)
        return self.async_abort(
            reason=(
                "reconfigure_successful"
                if self.source == SOURCE_RECONFIGURE
                else "reauth_successful"
            )
        )

    @callback
    @override
    def async_remove(self) -> None:
        """Have the accounts ask for credentials that this dialog kept from asking.

        Home Assistant opens no dialog to sign in to an account that is being changed, and none
        opens for the sharers of an account that has one. Nobody is asked again who has closed it.
        """
        if self._before is None:
            return
        waiting = [
            entry
            for entry in (self._entry, *sharers(self.hass, self._entry, self._before))
            if entry.state is ConfigEntryState.LOADED
            and entry.disabled_by is None
            and entry.data[CONF_DENIED]
        ]
        was_closed = self.source == SOURCE_REAUTH and not self._renewals
        if waiting and not (was_closed and self._entry in waiting):
            waiting[0].async_start_reauth(self.hass)

    def _wrong_account(self, accounts: tuple[Account, ...]) -> CloudError:
        """Return the error that names the expected account and those that were found."""
        expected, found = self._entry.title, some_titles(accounts)
        return CloudError("wrong_account", placeholders={"expected": expected, "found": found})


def _ids(accounts: Iterable[Account]) -> set[str | None]:
    return {account.id for account in accounts}


def needs_input(form: Form) -> bool:
    """Return whether signing in with a form takes more than the credentials."""
    return any(field.required for field in form.fields)
