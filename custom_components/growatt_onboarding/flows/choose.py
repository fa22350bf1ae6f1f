"""The steps of the account flow that choose one or more of the accounts that credentials open."""

from collections.abc import Collection, Iterable
from typing import Final

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import voluptuous as vol

from ..account.linking import LinkState, async_link
from ..cloud.errors import CloudError, InvalidInputError
from ..cloud.fields import REQUIRED
from ..cloud.model import Account
from ..const import CONF_ACCOUNT_ID
from ..coordinator import AccountConfigEntry
from ..foreign import Plain, name_with_id, plain
from ..texts import async_reasons, reason_text
from .forms import UserInput, select_options
from .server import ServerFlow

CONF_ACCOUNT_IDS: Final = "account_ids"
# Stands for all accounts that can be chosen.
ALL: Final = "all"
# A token can see thousands of accounts; a few names show a person whose token it is.
_MOST_NAMES: Final = 3


class ChooseFlow(ServerFlow):
    """The steps from the accounts that there are to those that Home Assistant is to have."""

    def __init__(self) -> None:
        """Start with no accounts to choose from."""
        super().__init__()
        self._accounts: dict[str, Account] = {}
        # What the credentials alone open, None as long as that is not known.
        self._opened: tuple[Account, ...] | None = None
        # Why the cloud's list of them could not be read, or not all of it.
        self._unread: CloudError | None = None

    def _addable(self, accounts: Iterable[Account]) -> tuple[Account, ...]:
        """Return the accounts that are not in Home Assistant yet."""
        configured = {entry.unique_id for entry in self._async_current_entries()}
        return tuple(
            account for account in accounts if self._target.unique_id(account) not in configured
        )

    # One of them

    async def async_step_use_account(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Continue with an account that the credentials open."""
        return await self._use(self._addable(self._opened or ()))

    async def _use(self, accounts: tuple[Account, ...]) -> ConfigFlowResult:
        """Continue with the only account, or let the person choose one."""
        if len(accounts) == 1:
            return await self._finish(accounts[0])
        self._accounts = _by_id(accounts)
        return await self.async_step_choose_account()

    async def async_step_choose_account(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Choose one of the accounts that the token can see."""
        if user_input is not None:
            return await self._finish(self._accounts[user_input[CONF_ACCOUNT_ID]])
        labels = _labels(self._addable(self._accounts.values()))
        if not labels:
            return self.async_abort(reason="already_configured")
        selector = SelectSelector(
            SelectSelectorConfig(
                options=select_options(labels), mode=SelectSelectorMode.DROPDOWN, sort=True
            )
        )
        return self._show("choose_account", {vol.Required(CONF_ACCOUNT_ID): selector})

    # Several of them

    async def async_step_choose_accounts(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Choose several of the accounts that the credentials open, and add them."""
        opened = _by_id(self._opened or ())
        addable = _by_id(self._addable(opened.values()))
        if user_input is not None:
            chosen = user_input[CONF_ACCOUNT_IDS]
            keys = addable if ALL in chosen else chosen
            wanted = [account for key, account in opened.items() if key in keys]
            if len(wanted) == 1:
                return await self._finish(wanted[0])
            if wanted:
                return await self._add(wanted)
            self._memory.set_error(
                InvalidInputError(REQUIRED, field=CONF_ACCOUNT_IDS), (CONF_ACCOUNT_IDS,)
            )
        if not addable:
            return self.async_abort(reason="already_configured")
        labels = sorted(_labels(addable.values()).items(), key=lambda item: item[1].casefold())
        selector = SelectSelector(
            SelectSelectorConfig(
                # What is for all comes first; its name is translated.
                options=select_options({ALL: plain(ALL), **dict(labels)}),
                multiple=True,
                translation_key="account",
            )
        )
        return self._show(
            "choose_accounts", {vol.Required(CONF_ACCOUNT_IDS): selector}, server=self._place
        )

    async def _add(self, accounts: Iterable[Account]) -> ConfigFlowResult:
        """Add several accounts, and tell what became of each: a flow itself makes one entry."""
        reasons = await async_reasons(self.hass)
        told: dict[LinkState, list[str]] = {state: [] for state in LinkState}
        for account in accounts:
            linked = await async_link(self.hass, self._target, account)
            title: str = plain(account.title if linked.entry is None else linked.entry.title)
            if linked.reason is not None:
                title = f"{title} ({reason_text(reasons, linked.reason, {'account': title})})"
            told[linked.state].append(title)
        values = {state.value: ", ".join(titles) or "-" for state, titles in told.items()}
        if told[LinkState.ALREADY_LINKED] or told[LinkState.FAILED]:
            return self.async_abort(reason="some_accounts_added", description_placeholders=values)
        return self.async_abort(reason="accounts_added", description_placeholders=values)


def _by_id(accounts: Iterable[Account]) -> dict[str, Account]:
    """Return the accounts that can be chosen: who has no id is known by nothing else here."""
    return {account.id: account for account in accounts if account.id is not None}


def some_titles(accounts: Collection[Account | AccountConfigEntry]) -> str:
    """Return the titles of a few accounts, and how many there are if that is not all."""
    titles = [plain(account.title) for account in accounts]
    more = [f"… ({len(titles)})"] if len(titles) > _MOST_NAMES else []
    return ", ".join([*titles[:_MOST_NAMES], *more])


def shown_name(account: Account) -> Plain:
    """Return what a person calls the account: not its id, if there is anything else."""
    name = account.plant if account.name == account.id else account.name
    return plain(name or account.title)


def _labels(accounts: Iterable[Account]) -> dict[str, Plain]:
    """Return what to call each account, by its id."""
    return {key: _label(account) for key, account in _by_id(accounts).items()}


def _label(account: Account) -> Plain:
    name, account_id = shown_name(account), plain(account.id or "")
    return name if name == account_id else name_with_id(name, account_id)
