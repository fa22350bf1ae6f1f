"""The account dialog: choose a cloud, sign in to it, create an account or link the one there is."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, override

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_USER,
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryFlow,
    FlowType,
    SubentryFlowContext,
)
from homeassistant.core import callback
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import voluptuous as vol

from .access import Clouds, async_get_clouds
from .account import Target, entry_target
from .cloud.errors import CloudError
from .cloud.model import Account, Captcha, Values
from .cloud.provider import Capability, CloudClient, Field, FieldKind, Form, Offer, Provider
from .cloud.registry import PROVIDERS
from .cloud.servers import resolve
from .const import (
    CONF_ACCOUNT_ID,
    CONF_ACCOUNT_NAME,
    CONF_PROVIDER,
    CONF_SERVER,
    DOMAIN,
    SUBENTRY_INVERTER,
)
from .forms import (
    CAPTCHA_CHALLENGE,
    captcha_picture,
    choice,
    fields_schema,
    filled,
    server_selector,
)
from .inverter_flow import InverterFlow
from .registration import (
    OutcomeUnknownError,
    Registration,
    async_register,
    async_review_notes,
)

CONF_WAY = "way"


class GrowattOnboardingConfigFlow(ConfigFlow, domain=DOMAIN):
    """The account dialog."""

    VERSION = 1
    MINOR_VERSION = 1

    _clouds: Clouds
    _provider: Provider
    _target: Target
    _client: CloudClient
    _offer: Offer
    _form: Form

    def __init__(self) -> None:
        """Start with nothing entered."""
        self._typed: dict[str, Any] = {}
        self._errors: dict[str, str] = {}
        self._error_placeholders: dict[str, str] = {}
        self._captcha: Captcha | None = None
        self._registration: Registration | None = None
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
        """Choose the provider, where there is a choice."""
        self._clouds = await async_get_clouds(self.hass)
        await async_review_notes(self.hass, self._clouds)
        if len(PROVIDERS) == 1:
            self._provider = next(iter(PROVIDERS.values()))
            return await self.async_step_server()
        if user_input is not None:
            self._provider = PROVIDERS[user_input[CONF_PROVIDER]]
            return await self.async_step_server()
        schema = vol.Schema({vol.Required(CONF_PROVIDER): choice(PROVIDERS, CONF_PROVIDER)})
        return self.async_show_form(step_id="user", data_schema=schema)

    async def async_step_server(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose the server and give the access data; both are tested at once."""
        provider = self._provider
        if user_input is not None:
            try:
                await self._use_target(resolve(provider, user_input[CONF_SERVER]), user_input)
            except CloudError as err:
                self._note_error(err, (CONF_SERVER, *_names(provider.access_fields)))
            else:
                return await self.async_step_method()
        first = provider.servers[0].key if provider.servers else vol.UNDEFINED
        schema = {
            vol.Required(CONF_SERVER, default=self._typed.get(CONF_SERVER, first)): server_selector(
                provider
            ),
            **fields_schema(provider.access_fields, self._typed),
        }
        return self._show("server", schema)

    async def _use_target(self, url: str, user_input: Mapping[str, Any]) -> None:
        """Test a server with access data and go on with it."""
        self._typed.update(user_input)
        self._target = Target(
            provider=self._provider,
            url=url,
            access=filled(self._provider.access_fields, user_input),
        )
        self._client = self._target.client(self._clouds)
        self._offer = await self._client.test()

    async def async_step_method(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Create an account or link one, where the server leaves the choice."""
        ways = [way for way in ("register", "link") if getattr(self._offer, way)]
        if ways == ["register"]:
            return await self.async_step_register()
        if ways == ["link"]:
            return await self.async_step_link()
        if not ways:
            return self.async_abort(
                reason="nothing_offered", description_placeholders={"server": self._target.url}
            )
        return self.async_show_menu(
            step_id="method",
            menu_options=ways,
            description_placeholders={"server": self._target.url},
        )

    # Create an account

    async def async_step_register(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose how to register, where there is a choice."""
        if (form := _chosen(self._offer.register, user_input)) is None:
            return self._ask_way("register", self._offer.register)
        self._form = form
        if form.sends_code:
            return await self.async_step_register_code()
        return await self.async_step_register_form()

    async def async_step_register_code(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Have a code sent to the address or number of the new account."""
        form = self._form
        fields = tuple(field for field in form.fields if field.name == form.identity)
        if form.code_captcha:
            fields += (Field(name="captcha", kind=FieldKind.CAPTCHA),)
        if user_input is not None:
            values = self._values(fields, user_input)
            try:
                await self._check_name(values)
                await self._client.send_code(form, values)
            except CloudError as err:
                self._note_error(err, _names(fields))
            else:
                self._typed.pop("captcha", None)
                return await self.async_step_register_form()
        return await self._show_form("register_code", fields, for_code=True)

    async def async_step_register_form(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Fill in the form of the new account."""
        form = self._form
        if user_input is not None:
            values = self._values(form.fields, user_input)
            try:
                if not form.sends_code:
                    await self._check_name(values)
            except CloudError as err:
                self._note_error(err, _names(form.fields))
            else:
                self._registration = await async_register(self.hass, self._target, form, values)
                return await self.async_step_registering()
        return await self._show_form("register_form", form.fields)

    async def _check_name(self, values: Values) -> None:
        """Ask whether the name is free, where that can be asked without effect."""
        if Capability.CHECK_USERNAME not in self._client.capabilities:
            return
        if not await self._client.is_username_available(values[self._form.identity]):
            raise CloudError("username_taken", field=self._form.identity)

    async def async_step_registering(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show that the account is being created. Closing the dialog does not stop it."""
        assert self._registration is not None  # noqa: S101 - set by the step before
        task = self._registration.task
        if not task.done():
            return self.async_show_progress(
                step_id="registering",
                progress_action="registering",
                progress_task=self.hass.async_create_task(_wait_for(task)),
                description_placeholders={"server": self._target.url},
            )
        next_step = "registered"
        if isinstance(err := task.exception(), OutcomeUnknownError):
            next_step = "outcome_unknown"
        elif isinstance(err, CloudError):
            self._note_error(err, _names(self._form.fields))
            next_step = "register_form"
        elif err is not None:
            raise err
        return self.async_show_progress_done(next_step_id=next_step)

    async def async_step_registered(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Make the entry of the account that was just created."""
        assert self._registration is not None  # noqa: S101 - set by the steps before
        return await self._finish(self._registration.task.result())

    async def async_step_outcome_unknown(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say that nobody can tell whether the account exists, and go on to signing in."""
        assert self._registration is not None  # noqa: S101 - set by the steps before
        if user_input is not None or not self._offer.link:
            return self.async_abort(
                reason="outcome_unknown", description_placeholders={"server": self._target.url}
            )
        return self.async_show_menu(
            step_id="outcome_unknown",
            menu_options=["link", "register_form"],
            description_placeholders={
                "name": self._registration.name,
                "server": self._target.url,
            },
        )

    # Link an account

    async def async_step_link(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose how to sign in, where there is a choice."""
        if (form := _chosen(self._offer.link, user_input)) is None:
            return self._ask_way("link", self._offer.link)
        self._form = form
        if any(field.required for field in form.fields):
            return await self.async_step_link_form()
        # What was given already may be enough.
        return await self.async_step_link_form({})

    async def async_step_link_form(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Sign in to the account there is."""
        form = self._form
        if user_input is not None:
            try:
                accounts = await self._client.link(form, self._values(form.fields, user_input))
            except CloudError as err:
                self._note_error(err, _names(form.fields))
            else:
                return await self._link(accounts)
        return await self._show_form("link_form", form.fields)

    async def _link(self, accounts: tuple[Account, ...]) -> ConfigFlowResult:
        """Go on with the one account, or let the person choose."""
        if self.source == SOURCE_REAUTH:
            return await self._finish_reauth(accounts)
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
        configured = {entry.unique_id for entry in self.hass.config_entries.async_entries(DOMAIN)}
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

    # New access data

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Begin when the access data or sign-in of an account is not valid any more."""
        self._clouds = await async_get_clouds(self.hass)
        self._provider = entry_target(self._get_reauth_entry()).provider
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the secret parts of the access data anew."""
        entry = self._get_reauth_entry()
        target = entry_target(entry)
        secrets = tuple(field for field in self._provider.access_fields if field.secret)
        if user_input is not None or not secrets:
            try:
                await self._use_target(target.url, {**target.access, **(user_input or {})})
            except CloudError as err:
                self._note_error(err, _names(secrets))
            else:
                return await self.async_step_link()
        return self._show(
            "reauth_confirm",
            fields_schema(secrets, self._typed),
            name=entry.title,
            server=target.url,
        )

    async def _finish_reauth(self, accounts: tuple[Account, ...]) -> ConfigFlowResult:
        """Take the new access data if they open the same account."""
        entry = self._get_reauth_entry()
        account_id = entry.data[CONF_ACCOUNT_ID]
        for account in accounts:
            if account_id in (account.id, None):
                return self.async_update_and_abort(
                    entry,
                    data=self._target.entry_data(account),
                    reason="reauth_successful",
                )
        return self.async_abort(
            reason="wrong_account",
            description_placeholders={
                "expected": entry.data[CONF_ACCOUNT_NAME],
                "found": ", ".join(account.name for account in accounts),
            },
        )

    # The entry

    async def async_step_import(self, import_data: dict[str, Any]) -> ConfigFlowResult:
        """Make the entry of an account whose dialog is gone."""
        await self.async_set_unique_id(import_data["unique_id"])
        self._abort_if_unique_id_configured()
        return self.async_create_entry(title=import_data["title"], data=import_data["data"])

    async def _finish(self, account: Account) -> ConfigFlowResult:
        """Make the account's entry."""
        await self.async_set_unique_id(self._target.unique_id(account))
        self._abort_if_unique_id_configured()
        return self.async_create_entry(title=account.name, data=self._target.entry_data(account))

    @override
    async def async_on_create_entry(self, result: ConfigFlowResult) -> ConfigFlowResult:
        """Go straight on to the inverters, when a person is there to do so."""
        entry: ConfigEntry = result["result"]
        if self.source == SOURCE_USER and Capability.BIND in self._client.capabilities:
            inverters = await self.hass.config_entries.subentries.async_init(
                (entry.entry_id, SUBENTRY_INVERTER),
                context=SubentryFlowContext(source=SOURCE_USER),
            )
            result["next_flow"] = (FlowType.CONFIG_SUBENTRIES_FLOW, inverters["flow_id"])
        return result

    @callback
    @override
    def async_remove(self) -> None:
        """Tell a registration under way that its dialog has ended."""
        if self._registration is not None:
            self._registration.dialog_gone.set()

    # Forms

    def _values(self, fields: Iterable[Field], user_input: Mapping[str, Any]) -> Values:
        """Keep what was typed and return it as values."""
        self._typed.update(user_input)
        values = dict(filled(fields, user_input))
        if self._captcha is not None:
            values[CAPTCHA_CHALLENGE] = self._captcha.challenge
        return values

    async def _show_form(
        self, step_id: str, fields: tuple[Field, ...], *, for_code: bool = False
    ) -> ConfigFlowResult:
        """Show a provider's form, with a fresh captcha picture where it has one."""
        self._captcha = None
        if any(field.kind is FieldKind.CAPTCHA for field in fields):
            self._typed.pop("captcha", None)
            try:
                self._captcha = await self._client.captcha(self._form, for_code=for_code)
            except CloudError as err:
                self._note_error(err, ())
        defaults = {"country": self.hass.config.country, **self._typed}
        return self._show(
            step_id,
            fields_schema(fields, defaults),
            captcha=captcha_picture(self._captcha),
            server=self._target.url,
        )

    def _ask_way(self, step_id: str, forms: tuple[Form, ...]) -> ConfigFlowResult:
        """Ask which of several forms to use."""
        keys = [form.key for form in forms]
        return self._show(step_id, {vol.Required(CONF_WAY): choice(keys, CONF_WAY)})

    def _note_error(self, err: CloudError, fields: Iterable[str]) -> None:
        """Remember an error for the form that is shown next, at the field at fault."""
        at_field = err.field is not None and err.field in fields
        self._errors = {err.field if at_field and err.field else "base": err.key}
        self._error_placeholders = err.placeholders

    def _show(self, step_id: str, schema: dict[Any, Any], **placeholders: str) -> ConfigFlowResult:
        """Show a form with the error noted before, if any."""
        errors, self._errors = self._errors, {}
        error_placeholders, self._error_placeholders = self._error_placeholders, {}
        return self.async_show_form(
            step_id=step_id,
            data_schema=vol.Schema(schema),
            errors=errors,
            description_placeholders={**placeholders, **error_placeholders},
        )


def _names(fields: Iterable[Field]) -> tuple[str, ...]:
    return tuple(field.name for field in fields)


def _chosen(forms: tuple[Form, ...], user_input: Mapping[str, Any] | None) -> Form | None:
    """Return the form that was chosen, or the only one."""
    if len(forms) == 1:
        return forms[0]
    if user_input is None or CONF_WAY not in user_input:
        return None
    return next(form for form in forms if form.key == user_input[CONF_WAY])


def _label(account: Account) -> str:
    return account.name if account.name == account.id else f"{account.name} ({account.id})"


async def _wait_for(task: asyncio.Task[Account]) -> None:
    """Wait for a task without cancelling it when the dialog is closed, nor raising its error."""
    await asyncio.wait({task})
