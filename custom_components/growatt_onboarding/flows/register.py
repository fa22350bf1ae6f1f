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


class RegisterFlow(SignInFlow):
    """The steps from the choice of a form to the new account."""

    # What was refused, and the step of the form that it was.
    _refusal: CloudError
    _refused_form: str

    def __init__(self) -> None:
        """Start with no registration under way."""
        super().__init__()
        self._registration: Registration | None = None
        self._waiting: asyncio.Task[None] | None = None

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
            try:
                values = self._values(fields, user_input)
                await self._check_name(values)
                await self._send_code(values)
            except CloudError as err:
                return await self._go_to(self._step_after(err, "register_code"))
            return await self.async_step_register_form()
        return await self._show_form("register_code", fields, for_code=True)

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
            if user_input.pop(CONF_SEND_AGAIN, False):
                self._memory.remember(field_names(fields), user_input)
                return await self.async_step_register_code()
            try:
                values = self._register_values(fields, user_input)
                if not form.sends_code:
                    await self._check_name(values)
            except CloudError as err:
                return await self._go_to(self._step_after(err, "register_form"))
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
            return await self._show_form("register_form", fields)
        # Sending another code must not require the code that has not arrived.
        fields = tuple(
            replace(field, required=False) if field.kind is FieldKind.CODE else field
            for field in fields
        )
        again = {vol.Optional(CONF_SEND_AGAIN, default=False): BooleanSelector()}
        return await self._show_form("register_form", fields, again)

    # What was refused

    def _step_after(self, err: CloudError, form_step: str) -> str:
        """Take note of what was refused in a form; return the step that goes on from there."""
        self._refusal, self._refused_form = err, form_step
        if not self._ways_on(err):
            return "back"
        self._account_name = self._memory.typed.get(self._form.identity)
        return "taken" if isinstance(err, TakenError) else "refused"

    def _ways_on(self, err: CloudError) -> list[str]:
        """Return the steps that may help where the form does not: to an account that there is."""
        if not isinstance(err, (NotAllowedError, TakenError)):
            return []
        if self._opened is None:
            account = ["link"] if self._offer.link else []
        else:
            account = ["use_account"] if self._addable(self._opened) else []
        has_token = any(
            field.secret and field.required for field in self._provider.credential_fields
        )
        return [*account, "server"] if has_token and isinstance(err, NotAllowedError) else account

    async def _go_to(self, step: str) -> ConfigFlowResult:
        result: ConfigFlowResult = await getattr(self, f"async_step_{step}")()
        return result

    async def async_step_refused(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Say why no account may be created, and offer what may help."""
        return self.async_show_menu(
            step_id="refused",
            menu_options=[*self._ways_on(self._refusal), "back"],
            description_placeholders={"reason": await self._reason(self._refusal)},
        )

    async def async_step_taken(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Say that there is such an account, which may be one's own."""
        return self.async_show_menu(
            step_id="taken",
            menu_options=["back", *self._ways_on(self._refusal)],
            description_placeholders={"reason": await self._reason(self._refusal)},
        )

    async def async_step_back(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Show the form again, with what was typed and the error."""
        self._memory.set_error(self._refusal)
        return await self._go_to(self._refused_form)

    # The account

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
            if isinstance(err, OutcomeUnknownError):
                next_step = "outcome_unknown"
                # What the credentials opened before may not be all any longer.
                self._lost_name, self._opened = self._account_name, None
            else:
                next_step = self._step_after(err, "register_form")
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
