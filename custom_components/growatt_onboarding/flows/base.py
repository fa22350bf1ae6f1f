"""What the steps of the account flow share: the server in use, the forms, the entry."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, override

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
    FlowType,
    SubentryFlowContext,
)
from homeassistant.data_entry_flow import FlowResultType, UnknownFlow
import voluptuous as vol

from ..account import (
    Target,
    async_entry_elsewhere,
    entry_target,
    reauth_on_denial,
)
from ..account.linking import lacking_entry, renew
from ..cloud.errors import CloudError
from ..cloud.model import Account, Captcha, Values
from ..cloud.provider import (
    CAPTCHA_CHALLENGE,
    Capability,
    CloudClient,
    Field,
    FieldKind,
    Form,
    Offer,
    Provider,
)
from ..const import SUBENTRY_INVERTER
from ..coordinator import AccountConfigEntry
from ..gateway import SharedData
from ..texts import async_agreement_names, async_reasons, reason_text
from ..unexpected import log_unexpected
from .datalogger import async_open_datalogger
from .forms import (
    FormMemory,
    UserInput,
    agreement_links,
    captcha_picture,
    checked,
    choice,
    error_placeholders,
    field_names,
    form_schema,
)
from .steps import AnsweringFlow

CONF_FORM = "way"  # as translation keys stay


class AccountFlow(ConfigFlow, AnsweringFlow):
    """The account flow without its steps."""

    _shared: SharedData
    _provider: Provider
    _target: Target
    _client: CloudClient
    _offer: Offer
    _form: Form
    _account: Account
    # The entry that is reauthenticated or reconfigured.
    _entry: AccountConfigEntry

    def __init__(self) -> None:
        """Start with nothing entered."""
        self._memory = FormMemory()
        self._captcha: Captcha | None = None
        # The account that the flow is about, as far as it is known.
        self._account_name: str | None = None
        self._account_id: str | None = None

    async def _use_target(self, url: str, entered: Values) -> None:
        """Test a server with the credentials that were entered and use them from now on.

        Raises CloudError.
        """
        credentials = self._provider.credentials(entered)
        self._target = Target(provider=self._provider, url=url, credentials=credentials)
        self._client = self._target.client(self._shared)
        with self._reauth_on_denial():
            self._offer = await self._client.test()

    def _reauth_on_denial(self) -> AbstractContextManager[None]:
        """Return a context for calls with the credentials in use."""
        if self.source not in {SOURCE_REAUTH, SOURCE_RECONFIGURE}:
            return nullcontext()
        return reauth_on_denial(self._entry, self._target)

    @property
    def _place(self) -> str:
        """The server, with the site on it that was entered, which may have been mistyped."""
        if not self._provider.realm_optional:
            return self._target.url
        number = self._target.credentials.get(self._provider.realm_field or "")
        site = ": ".join(filter(None, (number, self._offer.site_name)))
        return f"{self._target.url} ({site})" if site else self._target.url

    # Forms

    def _values(self, fields: tuple[Field, ...], user_input: Mapping[str, Any]) -> Values:
        """Remember what was typed and return it as values, with the captcha's challenge.

        Raises InvalidInputError at the first required field that is empty.
        """
        self._memory.remember(field_names(fields), user_input)
        values = dict(checked(fields, user_input))
        if self._captcha is not None:
            values[CAPTCHA_CHALLENGE] = self._captcha.challenge
        return values

    async def _show_form(
        self,
        step_id: str,
        fields: tuple[Field, ...],
        more: Mapping[Any, Any] | None = None,
        *,
        for_code: bool = False,
        **placeholders: str,
    ) -> ConfigFlowResult:
        """Show a provider's form, with a fresh picture if it has a captcha."""
        self._captcha = None
        captchas = [field.name for field in fields if field.kind is FieldKind.CAPTCHA]
        if captchas:
            # The answer belongs to the previous picture.
            self._memory.forget(captchas)
            try:
                self._captcha = await self._client.captcha(self._form, for_code=for_code)
            except CloudError as err:
                self._memory.add_base_error(err)
        schema = form_schema(fields, self._memory, self.hass.config.country)
        return self._show(
            step_id,
            {**schema, **(more or {})},
            captcha=captcha_picture(self._captcha),
            agreements=agreement_links(
                self._offer.agreements, await async_agreement_names(self.hass)
            ),
            server=self._place,
            **placeholders,
        )

    async def _reason(self, err: CloudError) -> str:
        """Return what an error says, for the description of a step."""
        return reason_text(await async_reasons(self.hass), err.key, error_placeholders(err))

    def _ask_form(self, step_id: str, forms: tuple[Form, ...]) -> ConfigFlowResult:
        """Show a form to choose one of several forms."""
        keys = [form.key for form in forms]
        return self._show(step_id, {vol.Required(CONF_FORM): choice(keys, CONF_FORM)})

    def _show(
        self, step_id: str, schema: Mapping[Any, Any], **placeholders: str
    ) -> ConfigFlowResult:
        """Show a form with the error that was set, if any."""
        errors, self.error_values = self._memory.pop_error()
        return self.async_show_form(
            step_id=step_id,
            data_schema=vol.Schema(dict(schema)),
            errors=errors,
            description_placeholders=placeholders,
        )

    # The entry

    async def _finish(self, account: Account) -> ConfigFlowResult:
        """Continue with the account's entry as soon as somebody is there to take the result.

        Until then the flow has no unique id, which would block the account, and changes no entry.
        """
        self._account = account
        entry = await async_entry_elsewhere(self.hass, self._shared, self._target, account)
        if entry is not None:
            self._target = entry_target(entry)
        return self.async_show_progress_done(next_step_id="finish")

    async def async_step_finish(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Complete an entry that lacks the account's id or session, or create one."""
        account = self._account
        if (lacking := lacking_entry(self.hass, self._target, account)) is not None:
            renew(self.hass, lacking, self._target, account)
            signed_in = account.session is not None
            return self.async_abort(
                reason="reauth_successful" if signed_in else "already_configured"
            )
        await self.async_set_unique_id(self._target.unique_id(account))
        self._abort_if_unique_id_configured()
        return self.async_create_entry(
            title=account.title,
            data=self._target.entry_data(account),
            description=(
                None
                if not account.activation_pending
                else "activation_pending"
                if account.session is None
                else "activation_pending_signed_in"
            ),
        )

    @override
    async def async_on_create_entry(self, result: ConfigFlowResult) -> ConfigFlowResult:
        """Continue with the devices if a person created the entry."""
        entry: AccountConfigEntry = result["result"]
        if self.source != SOURCE_USER:
            return result
        try:
            return await self._continue_with_devices(entry, result)
        except asyncio.CancelledError:
            # The browser is gone. Nobody else ends this flow, which would block its account.
            with suppress(UnknownFlow):
                self.hass.config_entries.flow.async_abort(self.flow_id)
            raise
        except Exception as err:  # noqa: BLE001 - the entry is there: devices can be added later
            log_unexpected("async_on_create_entry", err)
            return result

    async def _continue_with_devices(
        self, entry: AccountConfigEntry, result: ConfigFlowResult
    ) -> ConfigFlowResult:
        """Start a flow for the devices of a new account, if it can bind devices already."""
        if (
            entry.state is ConfigEntryState.LOADED
            and Capability.BIND in (client := entry.runtime_data.client).capabilities
            and client.signed_in
        ):
            if Capability.DATALOGGER in client.capabilities:
                devices = await async_open_datalogger(self.hass, entry)
            else:
                devices = await self.hass.config_entries.subentries.async_init(
                    (entry.entry_id, SUBENTRY_INVERTER),
                    context=SubentryFlowContext(source=SOURCE_USER),
                )
            # A flow without anything to ask has already ended.
            if devices["type"] is not FlowResultType.ABORT:
                result["next_flow"] = (FlowType.CONFIG_SUBENTRIES_FLOW, devices["flow_id"])
        return result


def chosen_form(forms: tuple[Form, ...], user_input: Mapping[str, Any] | None) -> Form | None:
    """Return the chosen form or the only one, or None if there is still a choice to make."""
    if len(forms) == 1:
        return forms[0]
    if user_input is None or CONF_FORM not in user_input:
        return None
    return next(form for form in forms if form.key == user_input[CONF_FORM])
