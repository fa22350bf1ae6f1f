"""What the steps of the account dialog share: the server in use, the forms, the entry."""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from copy import replace
from typing import Any, Final, override

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
    FlowType,
    SubentryFlowContext,
)
from homeassistant.const import CONF_ADDRESS
from homeassistant.data_entry_flow import FlowResultType, UnknownFlow
import voluptuous as vol

from ..account import Target, entry_target, is_same_account
from ..account.registration import async_review_pending
from ..cloud.errors import CloudError, InvalidInputError
from ..cloud.fields import REQUIRED
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
from ..cloud.servers import resolve
from ..const import (
    CONF_ACCOUNT_ID,
    CONF_ACCOUNT_NAME,
    CONF_SERVER,
    DOMAIN,
    SUBENTRY_INVERTER,
)
from ..coordinator import AccountConfigEntry
from ..gateway import SharedData
from .forms import (
    OWN_ADDRESS,
    FormMemory,
    agreement_links,
    captcha_picture,
    checked,
    choice,
    field_names,
    fields_schema,
)

# The front end asks once by itself when it begins to show progress. What ends at that moment is
# also told of, and asked for a second time when there is no dialog any more to answer.
_MINIMUM_DURATION: Final = 1.0

CONF_FORM = "way"


class AccountFlow(ConfigFlow):
    """The account dialog without its steps."""

    _shared: SharedData
    _provider: Provider
    _target: Target
    _client: CloudClient
    _offer: Offer
    _form: Form

    def __init__(self) -> None:
        """Start with nothing entered."""
        self._memory = FormMemory()
        self._captcha: Captcha | None = None
        # The account that the dialog is about, as far as it is known.
        self._account_name: str | None = None
        self._account_id: str | None = None

    async def _use_target(self, url: str, credentials: Values) -> None:
        """Test a server with credentials and go on with it. Raises CloudError."""
        self._target = Target(provider=self._provider, url=url, credentials=credentials)
        self._client = self._target.client(self._shared)
        self._offer = await self._client.test()

    async def _use_entered(self, user_input: Mapping[str, Any], credentials: Values) -> None:
        """Test the server that was entered with credentials and go on with it.

        Raises CloudError; what is wrong with the server stands at the field that named it.
        """
        address = str(user_input.get(CONF_ADDRESS) or "").strip()
        by_address = user_input.get(CONF_SERVER, OWN_ADDRESS) == OWN_ADDRESS
        if by_address and not address:
            raise InvalidInputError(REQUIRED, field=CONF_ADDRESS)
        if address and not by_address:
            raise InvalidInputError("address_unused", field=CONF_ADDRESS)
        try:
            url = resolve(self._provider, address or user_input[CONF_SERVER])
            await self._use_target(url, credentials)
        except CloudError as err:
            if by_address and err.field == CONF_SERVER:
                err.field = CONF_ADDRESS
            raise

    # Forms

    def _values(self, fields: tuple[Field, ...], user_input: Mapping[str, Any]) -> Values:
        """Keep what was typed and return it as values.

        Raises InvalidInputError at a required field that was left empty.
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
    ) -> ConfigFlowResult:
        """Show a provider's form, with a fresh captcha picture where it has one."""
        self._captcha = None
        captchas = [field.name for field in fields if field.kind is FieldKind.CAPTCHA]
        if captchas:
            # The answer belongs to a picture that is gone.
            self._memory.remember(captchas, {})
            try:
                self._captcha = await self._client.captcha(self._form, for_code=for_code)
            except CloudError as err:
                self._memory.add_base_error(err)
        schema = fields_schema(fields, self._memory.typed, self.hass.config.country)
        return self._show(
            step_id,
            {**schema, **(more or {})},
            captcha=captcha_picture(self._captcha),
            agreements=agreement_links(self._offer.agreements),
            server=self._target.url,
        )

    def _ask_form(self, step_id: str, forms: tuple[Form, ...]) -> ConfigFlowResult:
        """Ask which of several forms to use."""
        keys = [form.key for form in forms]
        return self._show(step_id, {vol.Required(CONF_FORM): choice(keys, CONF_FORM)})

    def _show(
        self, step_id: str, schema: Mapping[Any, Any], **placeholders: str
    ) -> ConfigFlowResult:
        """Show a form with the error noted before, if any."""
        errors, error_values = self._memory.pop_error()
        return self.async_show_form(
            step_id=step_id,
            data_schema=vol.Schema(dict(schema)),
            errors=errors,
            description_placeholders={**placeholders, **error_values},
        )

    # The entry

    async def _finish(self, account: Account) -> ConfigFlowResult:
        """Make the account's entry, or complete the one that was made before its id was known."""
        for entry in self._async_current_entries():
            if (
                entry.data[CONF_ACCOUNT_ID] is None
                and entry_target(entry).realm == self._target.realm
                and is_same_account(entry, self._target, account)
                and self._holder(account) in {None, entry}
            ):
                return self._renew(entry, account)
        await self.async_set_unique_id(self._target.unique_id(account))
        self._abort_if_unique_id_configured()
        return self.async_create_entry(
            title=account.title,
            data=self._target.entry_data(account),
            description="activation_pending" if account.activation_pending else None,
        )

    def _holder(self, account: Account) -> AccountConfigEntry | None:
        """Return the entry that this account of the server in use has already."""
        unique_id = self._target.unique_id(account)
        return self.hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, unique_id)

    def _renew(self, entry: AccountConfigEntry, account: Account) -> ConfigFlowResult:
        """Give an account's entry new credentials, and have it set up anew once."""
        account = replace(account, name=entry.data[CONF_ACCOUNT_NAME])
        data = self._target.entry_data(account)
        # The entry's own listener reloads it for new data, but only while it is set up.
        reload = entry.data == data or entry.state is not ConfigEntryState.LOADED
        result = self.async_update_and_abort(
            entry,
            unique_id=self._target.unique_id(account),
            data=data,
            reason=(
                "already_configured"
                if account.activation_pending
                else "reconfigure_successful"
                if self.source == SOURCE_RECONFIGURE
                else "reauth_successful"
            ),
        )
        if reload:
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
        return result

    @override
    async def async_on_create_entry(self, result: ConfigFlowResult) -> ConfigFlowResult:
        """Go straight on to the inverters, when a person is there to do so."""
        entry: AccountConfigEntry = result["result"]
        if self.source != SOURCE_USER:
            return result
        try:
            return await self._go_on(entry, result)
        except asyncio.CancelledError:
            # The browser is gone, and nobody else ends what would keep this account to itself.
            with suppress(UnknownFlow):
                self.hass.config_entries.flow.async_abort(self.flow_id)
            raise

    async def _go_on(self, entry: AccountConfigEntry, result: ConfigFlowResult) -> ConfigFlowResult:
        """Open the dialog for the inverters of a new account, where it can have any yet."""
        await async_review_pending(self.hass, self._shared)
        if (
            entry.state is ConfigEntryState.LOADED
            and Capability.BIND in entry.runtime_data.client.capabilities
            and entry.runtime_data.client.signed_in
        ):
            inverters = await self.hass.config_entries.subentries.async_init(
                (entry.entry_id, SUBENTRY_INVERTER),
                context=SubentryFlowContext(source=SOURCE_USER),
            )
            # A dialog that has nothing to ask has ended already.
            if inverters["type"] is not FlowResultType.ABORT:
                result["next_flow"] = (FlowType.CONFIG_SUBENTRIES_FLOW, inverters["flow_id"])
        return result


def chosen_form(forms: tuple[Form, ...], user_input: Mapping[str, Any] | None) -> Form | None:
    """Return the form that was chosen, or the only one."""
    if len(forms) == 1:
        return forms[0]
    if user_input is None or CONF_FORM not in user_input:
        return None
    return next(form for form in forms if form.key == user_input[CONF_FORM])


async def with_minimum_duration(work: Coroutine[Any, Any, None]) -> None:
    """Do what progress is shown for, but take at least as long as the front end needs for it."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _MINIMUM_DURATION
    await work
    await asyncio.sleep(max(0, end - loop.time()))
