"""The steps of the account flow that create an account."""

import asyncio
from copy import replace
from typing import Any, Final, override

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import callback
from homeassistant.helpers.selector import BooleanSelector
import voluptuous as vol

from ..account.registration import (
    OutcomeUnknownError,
    Registration,
    async_check_name,
    async_register,
)
from ..cloud.errors import CODE_TOO_SOON, CloudError, NoAnswerError, NotAllowedError, TakenError
from ..cloud.model import Values
from ..cloud.provider import Field, FieldKind
from .base import chosen_form
from .forms import UserInput, checked, code_fields, field_names
from .sign_in import SignInFlow
from .steps import wait_for, with_minimum_duration

CONF_SEND_AGAIN: Final = "send_again"
CONF_LINK_INSTEAD: Final = "link_instead"

type Switches = dict[vol.Marker, BooleanSelector]


class RegisterFlow(SignInFlow):
    """The steps from the choice of a form to the new account."""

    def __init__(self) -> None:
        """Start with no registration under way."""
        super().__init__()
        self._registration: Registration | None = None
        self._waiting: asyncio.Task[None] | None = None
        # Whether the next form offers to link an existing account instead.
        self._offer_link = False

    async def async_step_register(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Choose a form to register with, if there are several."""
        if (form := chosen_form(self._offer.register, user_input)) is None:
            return self._ask_form("register", self._offer.register)
        self._form = form
        if form.sends_code:
            return await self.async_step_register_code()
        return await self.async_step_register_form()

    async def async_step_register_code(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Send a code to the address or number of the new account."""
        form = self._form
        fields = code_fields(form)
        if user_input is not None:
            if user_input.pop(CONF_LINK_INSTEAD, False):
                return await self._link_instead(fields, user_input)
            try:
                values = self._values(fields, user_input)
                await self._check_name(values)
                await self._send_code(values)
            except CloudError as err:
                self._set_error(err)
            else:
                return await self.async_step_register_form()
        return await self._show_with_link_option("register_code", fields, for_code=True)

    async def _send_code(self, values: Values) -> None:
        """Have the code sent. One whose sending takes too long may come all the same."""
        try:
            await self._client.send_code(self._form, values)
        except NoAnswerError:
            self._memory.set_error(CloudError("code_may_come"))
        except CloudError as err:
            if err.key != CODE_TOO_SOON:
                raise
            # The one that was just sent is still good. The next form has no such field.
            err.field = None
            self._memory.set_error(err)
            return
        # A code that was sent before is no longer valid.
        self._memory.forget(
            field.name for field in self._form.fields if field.kind is FieldKind.CODE
        )

    async def async_step_register_form(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Fill in the form of the new account."""
        form = self._form
        fields = self._register_fields()
        if user_input is not None:
            if user_input.pop(CONF_LINK_INSTEAD, False):
                return await self._link_instead(fields, user_input)
            if user_input.pop(CONF_SEND_AGAIN, False):
                self._memory.remember(field_names(fields), user_input)
                return await self.async_step_register_code()
            try:
                values = self._register_values(fields, user_input)
                if not form.sends_code:
                    await self._check_name(values)
            except CloudError as err:
                self._set_error(err)
            else:
                self._registration = await async_register(self.hass, self._target, form, values)
                self._account_name = self._registration.name
                return await self.async_step_registering()
        return await self._show_register_form(fields)

    def _register_fields(self) -> tuple[Field, ...]:
        """Return the form's fields, without the address or number once a code was sent to it."""
        form = self._form
        return tuple(
            field for field in form.fields if not (form.sends_code and field.name == form.identity)
        )

    def _register_values(self, fields: tuple[Field, ...], user_input: dict[str, Any]) -> Values:
        """Return the values of the form, with the address or number that got the code."""
        values = self._values(fields, user_input)
        identity = (field for field in self._form.fields if field.name == self._form.identity)
        return {**checked(identity, self._memory.typed), **values}

    async def _show_register_form(self, fields: tuple[Field, ...]) -> ConfigFlowResult:
        """Show the form of the new account, with a switch to send another code if one was sent."""
        if not self._form.sends_code:
            return await self._show_with_link_option("register_form", fields)
        # Sending another code must not require the code that has not arrived.
        fields = _optional(FieldKind.CODE, fields)
        again: Switches = {vol.Optional(CONF_SEND_AGAIN, default=False): BooleanSelector()}
        return await self._show_with_link_option("register_form", fields, again)

    def _set_error(self, err: CloudError) -> None:
        """Set the next form's error, and offer to link an existing account if that may help."""
        self._memory.set_error(err)
        self._offer_link = bool(self._offer.link) and isinstance(err, (NotAllowedError, TakenError))

    async def _show_with_link_option(
        self,
        step_id: str,
        fields: tuple[Field, ...],
        more: Switches | None = None,
        *,
        for_code: bool = False,
    ) -> ConfigFlowResult:
        """Show a form, with a switch to link an existing account if that is to be offered."""
        switches: Switches = dict(more or {})
        if self._offer_link:
            self._offer_link = False
            switches[vol.Optional(CONF_LINK_INSTEAD, default=False)] = BooleanSelector()
            # Turning it on must not require the text in the new picture.
            fields = _optional(FieldKind.CAPTCHA, fields)
        return await self._show_form(step_id, fields, switches, for_code=for_code)

    async def _link_instead(
        self, fields: tuple[Field, ...], user_input: dict[str, Any]
    ) -> ConfigFlowResult:
        """Continue with linking the account whose name was typed."""
        self._memory.remember(field_names(fields), user_input)
        self._account_name = self._memory.typed.get(self._form.identity)
        return await self.async_step_link()

    async def _check_name(self, values: Values) -> None:
        """Raise TakenError if the name is taken, as far as can be told."""
        await async_check_name(self.hass, self._target, self._client, self._form, values)

    async def async_step_registering(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Show progress while the account is created. Closing the flow does not stop that."""
        assert self._registration is not None  # noqa: S101 - set by the previous step
        task = self._registration.task
        # Show progress even if the task is already done: otherwise the next step would get what was
        # typed into the previous form, as if its own form had been submitted.
        if (waiting := self._waiting) is None:
            self._waiting = self.hass.async_create_task(with_minimum_duration(wait_for(task)))
        if waiting is None or not waiting.done():
            return self.async_show_progress(
                step_id="registering",
                progress_action="registering",
                progress_task=self._waiting,
                description_placeholders={"server": self._place},
            )
        self._waiting = None
        next_step = "registered"
        if (err := task.exception()) is not None:
            self._release()
            if not isinstance(err, CloudError):
                raise err
            next_step = "register_form"
            if isinstance(err, OutcomeUnknownError):
                next_step = "outcome_unknown"
            else:
                self._set_error(err)
        return self.async_show_progress_done(next_step_id=next_step)

    async def async_step_registered(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Create the entry of the new account."""
        assert self._registration is not None  # noqa: S101 - set by an earlier step
        return await self._finish(self._registration.task.result())

    async def async_step_outcome_unknown(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Explain that the account may or may not exist, and offer to sign in or to try again."""
        link = ["link"] if self._offer.link else []
        return self.async_show_menu(
            step_id="outcome_unknown",
            menu_options=[*link, "register_form"],
            description_placeholders={"name": self._account_name or "", "server": self._place},
        )

    @callback
    @override
    def async_remove(self) -> None:
        """Release a running registration when the flow ends."""
        super().async_remove()
        self._release()

    @callback
    def _release(self) -> None:
        """Stop waiting for the registration."""
        if self._registration is not None:
            self._registration.release()
            self._registration = None


def _optional(kind: FieldKind, fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """Return the fields with those of a kind made optional."""
    return tuple(
        replace(field, required=False) if field.kind is kind else field for field in fields
    )
