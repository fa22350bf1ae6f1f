"""The watch over secrets sees a leak in every place it watches: it could fail any test."""

from collections.abc import Callable
import json
import logging

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.aiohttp_client import async_get_clientsession
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from yarl import URL

from custom_components.growatt_onboarding import diagnostics
from custom_components.growatt_onboarding.cloud.errors import RejectedError
from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.foreign import markdown, plain
from simulator import Simulator

from .cloud.quectel_helpers import CREDENTIALS, quectel_client, register as register_at_quectel
from .common import NEW_ACCOUNT, add_account, open_at, submit
from .secrets_watch import LOGGERS, Watch

SECRET = "not-4-real-secret"


@pytest.fixture
def leaks(secrets: Watch) -> Callable[[], str]:
    """Return what tells of the leaks so far, which then fail nothing."""

    def told() -> str:
        found = "\n".join(secrets.leaks())
        secrets.seen.clear()
        return found

    return told


@pytest.fixture
def secret(secrets: Watch) -> str:
    """Return a secret that is watched."""
    secrets.keep(SECRET)
    return SECRET


# Where it could be seen


def _of_the_log(secret: str, logger: logging.Logger) -> None:
    logger.debug("signed in with %s", secret)


def _of_what_the_log_carries(secret: str, logger: logging.Logger) -> None:
    logger.debug("signed in with %.3s...", secret)


def _of_a_logged_exception(secret: str, logger: logging.Logger) -> None:
    try:
        raise KeyError from ValueError(secret)
    except KeyError:
        logger.exception("failed")


@pytest.mark.parametrize("logger", [f"{LOGGERS[0]}.cloud.transport", "aiohttp.client"])
@pytest.mark.parametrize(
    "leak",
    [_of_the_log, _of_what_the_log_carries, _of_a_logged_exception],
    ids=lambda it: it.__name__,
)
def test_a_secret_in_a_log(
    leak: Callable[[str, logging.Logger], None], logger: str, secret: str, leaks: Callable[[], str]
) -> None:
    leak(secret, logging.getLogger(logger))
    assert f"the log of {logger} shows '{SECRET}'" in leaks()


def test_a_secret_in_what_others_log(secret: str, leaks: Callable[[], str]) -> None:
    """As Home Assistant does with the error of an action."""
    logger = logging.getLogger("homeassistant.components.script")
    logger.error("Error executing script: %s", secret)
    assert f"the log of {logger.name} shows" in leaks()
    logger.debug("Calling with %s", secret)
    assert leaks() == ""


def test_a_secret_in_an_exception(secret: str, leaks: Callable[[], str]) -> None:
    RejectedError(placeholders={"message": f"no: {secret}"})
    assert "(RejectedError) shows" in leaks()
    RejectedError(field="token")
    assert leaks() == ""
    ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="x",
        translation_placeholders={"x": plain(secret)},
    )
    assert "(ServiceValidationError) shows" in leaks()


def test_a_secret_in_a_state(hass: HomeAssistant, secret: str, leaks: Callable[[], str]) -> None:
    hass.states.async_set("sensor.x", secret)
    assert "the state of sensor.x shows" in leaks()
    hass.states.async_set("sensor.x", "on", {"tokens": [{"first": secret}]})
    assert "the state of sensor.x shows" in leaks()
    hass.states.async_set("sensor.x", "off")
    assert leaks() == ""


def test_a_secret_in_a_repair(hass: HomeAssistant, secret: str, leaks: Callable[[], str]) -> None:
    ir.async_create_issue(
        hass,
        DOMAIN,
        "x",
        is_fixable=False,
        severity=ir.IssueSeverity.ERROR,
        translation_key="overdue",
        translation_placeholders={"account": markdown(secret)},
    )
    assert "the repair x shows" in leaks()


async def test_a_secret_in_diagnostics(
    hass: HomeAssistant, cloud: Simulator, secrets: Watch, leaks: Callable[[], str]
) -> None:
    entry: MockConfigEntry = await add_account(hass, cloud)
    assert leaks() == ""
    await diagnostics.async_get_config_entry_diagnostics(hass, entry)
    (told,) = (text for place, text in secrets.seen if place == "diagnostics")
    # What it does tell, as if that were secret.
    secrets.keep(told)
    assert "diagnostics shows" in leaks()


async def test_a_secret_in_an_address(
    hass: HomeAssistant, simulator: Simulator, secret: str, leaks: Callable[[], str]
) -> None:
    http = async_get_clientsession(hass)
    for address in (f"v1/{secret}", f"v1/plant/list?anything={secret}"):
        await http.get(f"{simulator.url}/{address}")
        assert "a request's address shows" in leaks()


@pytest.mark.parametrize("written", ["a b&c/déjà-5", 'with "quotes" and \\5'])
def test_a_secret_that_is_written_otherwise(
    written: str, secrets: Watch, leaks: Callable[[], str]
) -> None:
    secrets.keep(written)
    for text in (repr(written), json.dumps(written), str(URL("/").with_query(q=written))):
        secrets.see("a place", text)
        assert "a place shows" in leaks()


# Where secrets come from


async def test_what_is_typed_is_watched(
    hass: HomeAssistant, cloud: Simulator, secrets: Watch, leaks: Callable[[], str]
) -> None:
    result = await open_at(hass, cloud, "register")
    await submit(hass, result, **{**NEW_ACCOUNT, "password": "Typed-only-here-1"})
    assert "Typed-only-here-1" in secrets.secrets
    assert NEW_ACCOUNT["username"] not in secrets.secrets
    assert leaks() == ""


async def test_what_an_action_is_given_is_watched(
    hass: HomeAssistant, cloud: Simulator, secrets: Watch
) -> None:
    entry = await add_account(hass, cloud)
    await hass.services.async_call(
        DOMAIN,
        "register_account",
        {**NEW_ACCOUNT, "password": "Given-only-here-1", "config_entry_id": entry.entry_id},
        blocking=True,
        return_response=True,
    )
    assert "Given-only-here-1" in secrets.secrets


async def test_what_a_cloud_hands_out_is_watched(
    hass: HomeAssistant, simulator: Simulator, secrets: Watch, leaks: Callable[[], str]
) -> None:
    client = quectel_client(async_get_clientsession(hass), simulator.url, clock=simulator.now)
    account = await register_at_quectel(client, simulator)
    assert simulator.mailbox[-1].code in secrets.secrets
    assert account.session is not None
    tokens = {account.session["access_token"], account.session["refresh_token"]}
    assert tokens <= secrets.secrets
    assert CREDENTIALS["email"] not in secrets.secrets
    assert leaks() == ""


def test_words_that_any_text_may_hold_are_not_watched() -> None:
    watch = Watch()
    watch.keep("", "old", "text", "guess", "second", "54321", "x" * 32, "   ")
    assert watch.secrets == set()
    watch.keep("1234", "ab12", "longer-than-a-word")
    watch.see("a place", "port 51234, 0.1234567 s, xab12, not longer-than-a-wordy one")
    assert watch.leaks() == []
    watch.see("a place", "code=1234")
    assert watch.leaks() == ["a place shows '1234': code=1234"]


def test_a_code_is_not_found_in_random_ids(secrets: Watch, leaks: Callable[[], str]) -> None:
    secrets.keep("8854")
    secrets.see("an address", "uuid=3254b210-a50d-4898-8854-0c5ff1a2b3c4")
    assert leaks() == ""
    secrets.see("an address", "verify=8854&uuid=3254b210-a50d-4898-9854-0c5ff1a2b3c4")
    assert "8854" in leaks()
