"""The steps of the account flow that lead from the credentials to an account, or to a new one."""

from homeassistant.config_entries import ConfigFlowResult

from ..account.linking import async_opened
from ..cloud.errors import CloudError, InvalidInputError
from ..cloud.provider import CloudClient
from ..texts import async_reasons, reason_text
from .choose import shown_name, some_titles
from .forms import UserInput, field_names
from .register import RegisterFlow
from .sign_in import needs_input


class MethodFlow(RegisterFlow):
    """The steps that offer what fits the credentials first."""

    # The client that was asked which accounts the credentials open, which is done once.
    _looked_with: CloudClient | None = None
    # Why they open none.
    _opens_none: CloudError

    async def async_step_method(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Choose between an account that there is and a new one, if the server offers both."""
        register, link = self._offer.register, self._offer.link
        if not (register or link):
            return self.async_abort(
                reason="nothing_offered", description_placeholders={"server": self._place}
            )
        if not link:
            return await self.async_step_register()
        if not register:
            return await self.async_step_link()
        form = next((form for form in link if not needs_input(form)), None)
        if form is not None and self._looked_with is not self._client:
            self._form, self._looked_with, self._opened = form, self._client, None
            if (step := await self._step_for_opened()) is not None:
                return step
        return self.async_show_menu(
            step_id="method",
            menu_options=["link", "register"],
            description_placeholders={"server": self._place},
        )

    async def _step_for_opened(self) -> ConfigFlowResult | None:
        """Ask which accounts the credentials open, and offer them; None if that is not known."""
        try:
            opened = await async_opened(self.hass, self._target, self._client, self._form, {})
        except CloudError as err:
            # Other errors are shown to whoever goes on to signing in.
            if not isinstance(err, InvalidInputError) or err.field not in field_names(
                self._form.fields
            ):
                return None
            self._opened, self._opens_none = (), err
            return await self.async_step_no_account()
        self._opened, self._unread = opened.accounts, opened.unread
        return await self._show_opened()

    async def async_step_one_account(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Offer the account that the credentials open."""
        return await self._show_opened()

    async def async_step_several_accounts(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Offer the accounts that the credentials open."""
        return await self._show_opened()

    async def async_step_known_account(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Say that Home Assistant has every account already that the credentials open."""
        return await self._show_opened()

    async def _show_opened(self) -> ConfigFlowResult:
        """Show what there is to do now: another dialog may have added an account meanwhile.

        If there may be more accounts than are known, that is said, and one can be named.
        """
        opened = self._opened or ()
        addable = self._addable(opened)
        note, link_form = "", []
        if self._unread is not None:
            why = await self._reason(self._unread)
            note = reason_text(await async_reasons(self.hass), "accounts_unread", {"reason": why})
            link_form = ["link_form"]
        if not addable:
            return self.async_show_menu(
                step_id="known_account",
                menu_options=[*link_form, "server", "register"],
                description_placeholders={"accounts": some_titles(opened), "note": note},
            )
        values = {"server": self._place, "note": note}
        if len(addable) > 1:
            return self.async_show_menu(
                step_id="several_accounts",
                menu_options=["use_account", "choose_accounts", *link_form, "register"],
                description_placeholders={**values, "plain_count": str(len(addable))},
            )
        name = shown_name(addable[0])
        # What is too long for the option is read in the description.
        values |= {"account": name, "plain_account": name}
        return self.async_show_menu(
            step_id="one_account",
            menu_options=["use_account", *link_form, "register"],
            description_placeholders=values,
        )

    async def async_step_no_account(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Say why the credentials open no account, and what to do."""
        return self.async_show_menu(
            step_id="no_account",
            menu_options=["link_form", "register", "server"],
            description_placeholders={"reason": await self._reason(self._opens_none)},
        )
