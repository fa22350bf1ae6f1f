"""Every text that the code can ask for is there, with the values it needs, and no other is."""

import ast
import json
import re
from types import ModuleType
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.generated.languages import LANGUAGES as HOME_ASSISTANT_LANGUAGES
from homeassistant.helpers.selector import validate_selector
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
import pytest
import voluptuous as vol

from custom_components.growatt_onboarding import repairs
from custom_components.growatt_onboarding.binding.model import BindingState, Problem
from custom_components.growatt_onboarding.cloud import registry
from custom_components.growatt_onboarding.cloud.errors import (
    DATALOGGER_MISSING,
    DATALOGGER_SERIAL,
    DATALOGGER_UNLINKED,
    INVERTER_SERIAL,
)
from custom_components.growatt_onboarding.cloud.model import DeviceKind
from custom_components.growatt_onboarding.cloud.provider import (
    CAPTCHA_FIELD,
    AgreementKind,
    Capability,
    Field,
    FieldKind,
    Form,
    Provider,
)

# Imported so that all classes of errors are known.
import custom_components.growatt_onboarding.config_flow
from custom_components.growatt_onboarding.const import DOMAIN
from custom_components.growatt_onboarding.flows.choose import ALL
from custom_components.growatt_onboarding.flows.forms import FIND, MORE, OWN_ADDRESS
from custom_components.growatt_onboarding.flows.register import CONF_SEND_AGAIN
from custom_components.growatt_onboarding.flows.sign_in import CONF_FOR_ALL
from custom_components.growatt_onboarding.reports import REPORTED
import custom_components.growatt_onboarding.services  # noqa: F401
from custom_components.growatt_onboarding.trigger import TRIGGERS
from scripts.lib.texts import TRANSLATIONS, leaves, placeholders, read

from .used_texts import ROOT, Code

LANGUAGES = ("cs", "de", "es", "fr", "it", "nl", "pl", "pt", "pt-BR", "sv", "zh-Hans")
EN = read(TRANSLATIONS / "en.json")
ICONS: dict[str, Any] = json.loads((ROOT / "icons.json").read_text(encoding="utf-8"))
CODE = Code()
USES = CODE.cloud_errors()

INVERTER = EN["config_subentries"]["inverter"]
DATALOGGER = EN["config_subentries"]["datalogger"]

# Answers to a binding, or to a look for one: no dialog waits for these. They are told by the
# repairs, by the actions and at the end of the devices' dialogs, as exceptions.
OF_BINDINGS = {
    "account_may_not_bind",
    "already_bound",
    "bind_failed",
    "datalogger_missing",
    "device_elsewhere",
    "device_shared",
    "homes_unsupported",
    "invalid_product_key",
    "not_allowed_bind",
    "not_allowed_devices",
    "plant_missing",
    "product_not_allowed",
    "product_not_in_user_domain",
    "product_or_device_missing",
}
# Only plants and serial numbers are asked for in the devices' dialogs and their actions.
OF_PLANTS = {"account_missing", "not_allowed_create_plant", "plant_name_taken"}
# The other errors that the devices' dialogs can show; all of them come with the account too.
SHARED_MODULES = {"gateway", "cloud.answer", "cloud.fields", "cloud.transport", "flows.forms"}
OF_PHOTOS = {"labels", "labels.picture", "labels.reader"}
# What is said of a photo above the numbers that were read.
ABOUT_PHOTOS = {"photo_read", "photo_unclear"}
# What tells the label of an inverter from that of a datalogger.
ABOUT_LABELS = {"not_datalogger"}
OF_PLANT_CALLS = {
    "invalid_token",
    "login_page",
    "not_allowed",
    "not_allowed_plants",
    "rejected",
    "system_error",
    "unknown_code",
    "wrong_server",
}
# What only the label of a datalogger has.
OF_DATALOGGERS = {"check_code_wrong", "serial_rejected"}
# Who has a device: told of a datalogger before it is sent, and of a binding's conflict, which has
# no reason of its own.
OF_HOLDERS = {"held_by_account", "held_elsewhere", "held_in_plant"}
# Why a device is overdue.
OF_OVERDUE = {
    "datalogger_silent",
    "datalogger_unlisted",
    "inverter_unseen",
    "inverter_unseen_alone",
}
# What is made of a cloud's answer, by what else is known.
OF_ANSWERS = {DATALOGGER_UNLINKED, "queued_again", "gone"}
# What the end of a dialog says in place of a binding's own reason.
REMARKS = {"check_code_unchecked", "other_kind", "sent_again_later"}
KINDS = (DeviceKind.INVERTER, DeviceKind.DATALOGGER)
# The options of repairs that track a device as the other kind.
AS_ANOTHER = ("as_datalogger", "as_inverter")
# What only an account's form asks for.
OF_ACCOUNT_FIELDS = {"invalid_email", "invalid_phone"}
# What is known of a binding that was refused.
OF_REASONS = {"serials", "message", "said"}
# Steps that show nothing of their own.
LEAD_ON = {"back", "server", "new_access", "use_account"}
# Not an error of a form: a step of its own.
OUTCOME_UNKNOWN = "outcome_unknown"


def keys_of(*modules: str) -> set[str]:
    return {use.key for use in USES if use.module in modules}


CLOUD = {use.key for use in USES if use.module.startswith("cloud.")} | keys_of("gateway")
ACCOUNT_DIALOG = (
    "config_flow",
    "flows.base",
    "flows.choose",
    "flows.find_server",
    "flows.method",
    "flows.register",
    "flows.server",
    "flows.sign_in",
    "flows.steps",
)
DATALOGGER_DIALOG = (
    *("flows.plant", "flows.device", "flows.datalogger", "flows.inverter"),
    "flows.steps",
)
# What every dialog can show.
ANYTHING = {"unknown"}
# The repair whose dialog is Home Assistant's own.
OF_HOME_ASSISTANT = {"store_set_aside"}
SERVICES = [name for name in CODE.trees if name.startswith("services")]
DIALOG = keys_of(*ACCOUNT_DIALOG, "account.registration", "flows.forms")
# What only the dialogs' own forms ask for.
OF_FORMS = {"plant_needed", "peak_power_needed", "only_inverter"}
SERIALS = keys_of("account.serials", "account.plants", *DATALOGGER_DIALOG)
# Raised by an action, where the form of the dialog tells the field, or by a start.
ACTIONS = set().union(
    *(CODE.texts(module, call.args[0]) for module, call in CODE.calls("invalid", "Refusal")),
    *(CODE.texts(module, call.args[1]) for module, call in CODE.calls("translated")),
)


def message(key: str) -> str:
    return str(EN["exceptions"].get(key, {"message": ""})["message"])


# Errors


def test_errors_of_the_account_dialog() -> None:
    elsewhere = OF_BINDINGS | OF_PLANTS | OF_DATALOGGERS | {OUTCOME_UNKNOWN}
    assert set(EN["config"]["error"]) == (CLOUD | DIALOG | ANYTHING) - elsewhere


def test_errors_of_the_devices_dialogs() -> None:
    expected = keys_of(*SHARED_MODULES, *OF_PHOTOS) - OF_ACCOUNT_FIELDS
    expected |= OF_PLANT_CALLS | OF_PLANTS | OF_DATALOGGERS | OF_HOLDERS | SERIALS | ANYTHING
    assert set(INVERTER["error"]) == expected


def test_either_dialog_of_devices_can_go_on_with_the_other_kind() -> None:
    """So they have the same texts, but for how they begin."""
    own = {"entry_type", "initiate_flow.user"}
    texts, others = dict(leaves(DATALOGGER)), dict(leaves(INVERTER))
    assert {place for place in texts if texts[place] != others.get(place)} == own
    assert others.keys() == texts.keys()


def test_errors_of_actions_and_reasons_of_bindings() -> None:
    # What an action is given twice counts once, and of what is tracked it says where.
    one_by_one = {"serial_repeated", "already_tracked"}
    only_in_the_dialog = {"wrong_account", "serial_short", *OF_FORMS}
    expected = (
        CLOUD | keys_of("account.registration", "account.plants", *SERVICES) | SERIALS | ACTIONS
    )
    expected -= one_by_one | only_in_the_dialog
    expected |= keys_of(*OF_PHOTOS) | ABOUT_PHOTOS | ABOUT_LABELS
    assert set(EN["exceptions"]) == expected | OF_HOLDERS | OF_OVERDUE | OF_ANSWERS | REMARKS | {
        "see_repairs"
    }


def test_remarks() -> None:
    """They are filled with nothing."""
    (remark,) = (
        node
        for node in ast.walk(CODE.trees["flows.datalogger"])
        if isinstance(node, ast.FunctionDef) and node.name == "_remark"
    )
    returned = (node.value for node in ast.walk(remark) if isinstance(node, ast.Return))
    assert set().union(*(CODE.texts("flows.datalogger", node) for node in returned)) == REMARKS
    assert not any(placeholders(message(key)) for key in REMARKS)


def test_the_sets_above_are_of_errors_there_are() -> None:
    ours = OF_BINDINGS | OF_PLANTS | OF_PLANT_CALLS | OF_DATALOGGERS | OF_ACCOUNT_FIELDS
    assert ours <= CLOUD


def test_errors_bring_the_values_that_their_texts_need() -> None:
    for use in USES:
        values = use.values | (OF_REASONS if use.module == "account.runner" else set())
        for errors in (EN["config"]["error"], INVERTER["error"]):
            assert placeholders(errors.get(use.key, "")) <= values, use
        if use.module != "config_flow":
            # An action also names the field at fault.
            assert placeholders(message(use.key)) <= values | {"field"}, use


def test_reasons_of_bindings_bring_the_values_that_their_texts_need() -> None:
    for key in OF_BINDINGS:
        assert placeholders(message(key)) <= OF_REASONS, key


def test_errors_of_actions_bring_the_values_that_their_texts_need() -> None:
    for module, call in CODE.calls("invalid"):
        given = {keyword.arg for keyword in call.keywords}
        for key in CODE.texts(module, call.args[0]):
            assert placeholders(message(key)) <= given, key


def test_the_same_error_has_the_same_text() -> None:
    account, inverter = EN["config"]["error"], INVERTER["error"]
    for key in account.keys() & inverter.keys():
        assert account[key] == inverter[key]


# Forms


def providers() -> list[Provider]:
    """Return every provider there is in the package, whether registered yet or not."""
    found: dict[str, Provider] = {}
    for name in CODE.trees:
        if name.startswith("cloud."):
            module: ModuleType = CODE.module(name)
            for value in vars(module).values():
                if isinstance(value, Provider):
                    found[value.key] = value
    assert found.keys() >= set(registry.PROVIDER_KEYS)
    return list(found.values())


def forms() -> list[Form]:
    """Return the forms that are constants; others are made of the fields of these tests' names."""
    return [
        value
        for name in CODE.trees
        if name.startswith("cloud.")
        for value in vars(CODE.module(name)).values()
        if isinstance(value, Form)
    ]


def names(fields: Any) -> set[str]:
    return {field.name for field in fields}


@pytest.mark.parametrize("group", registry.GROUPS)
@pytest.mark.parametrize("prefix", ["", "new_access_"])
def test_fields_of_the_server_steps(group: str, prefix: str) -> None:
    """Each group of clouds has the texts of its own fields, and of no others."""
    members = [registry.provider(key) for key in registry.GROUPS[group]]
    fields = {field.name: field for one in members for field in one.credential_fields}
    step = EN["config"]["step"][f"{prefix}{group}"]
    server = "server" if any(one.servers for one in members) else "address"
    others = {CONF_FOR_ALL} if prefix else set()
    assert set(step["data"]) == {server, *fields, *others}
    # These may be in a section, or beside it.
    extra = {name for name, field in fields.items() if not (field.required or field.secret)}
    section = step.get("sections", {}).get(MORE, {"data": {}, "data_description": {}})
    for texts in ("data", "data_description"):
        assert section[texts] == {name: step[texts][name] for name in extra}
    # Only who has a server found is told that.
    assert ("*Find it for me*" in step["data_description"].get("server", "")) == any(
        one.likely_servers(None) for one in members
    )


def test_who_lacks_something_is_told_how_to_get_it() -> None:
    guided = {
        group
        for group, keys in registry.GROUPS.items()
        for key in keys
        if any(field.guide for field in registry.provider(key).credential_fields)
    }
    assert set(EN["config"]["step"]["no_token"]["menu_options"]) == guided


def test_fields_of_signing_in_again() -> None:
    expected = {
        field.name
        for provider in providers()
        for field in provider.credential_fields
        if field.secret
    }
    assert set(EN["config"]["step"]["reauth_confirm"]["data"]) == expected


def test_fields_of_the_registration() -> None:
    expected = {CONF_SEND_AGAIN, CAPTCHA_FIELD.name}.union(
        *(names(provider.register_fields) for provider in providers())
    )
    texts = EN["config"]["step"]["register_form"]
    assert set(texts["data"]) == expected
    may_stay_empty = {
        field.name
        for provider in providers()
        for field in provider.register_fields
        if not field.required and field.kind not in (FieldKind.CODE, FieldKind.CAPTCHA)
    }
    assert set(texts["sections"]) == {MORE}
    assert set(texts["sections"][MORE]["data"]) == may_stay_empty
    for form in forms():
        if form.key == "register":
            assert names(form.fields) <= expected


def test_fields_of_having_a_code_sent() -> None:
    """A code goes to what names the account: an address or a number."""
    reachable = {
        field.name
        for provider in providers()
        for field in provider.register_fields
        if field.kind in (FieldKind.EMAIL, FieldKind.PHONE)
    }
    expected = reachable | {CAPTCHA_FIELD.name}
    assert set(EN["config"]["step"]["register_code"]["data"]) == expected


def test_fields_of_linking() -> None:
    used = {
        field.name
        for name in CODE.trees
        if name.startswith("cloud.")
        for value in vars(CODE.module(name)).values()
        for field in _fields_of_link(value)
    }
    assert set(EN["config"]["step"]["link_form"]["data"]) == used | {
        CAPTCHA_FIELD.name,
        CONF_FOR_ALL,
    }


def _fields_of_link(value: Any) -> tuple[Field, ...]:
    """Return the fields of a form to link, or those that such a form is made of."""
    if isinstance(value, Form) and value.key == "link":
        return value.fields
    if getattr(value, "__name__", "") == "link_form":
        for arguments in ({"captcha": False},):
            try:
                return tuple(value(**arguments).fields)
            except TypeError:
                continue
    if isinstance(value, tuple) and value and all(isinstance(item, Field) for item in value):
        return value
    return ()


def test_fields_of_the_devices_dialogs() -> None:
    steps = INVERTER["step"]
    places = {provider.plant_id_field.name for provider in providers() if provider.plant_id_field}
    assert set(steps["place"]["data"]) == places
    new_plant = {"name", "peak_power"}
    plant = {"plant_id", *new_plant}
    assert set(steps["plant"]["data"]) == plant
    assert set(steps["create_plant"]["data"]) == new_plant
    of_many = {"serial_numbers", "unclear", "photo"}
    assert set(steps["serial_numbers"]["data"]) == of_many | plant | places
    label = {"serial_number", "check_code", "photo"}
    assert set(steps["datalogger"]["data"]) == {"have"} | label | plant
    assert set(steps["found_datalogger"]["data"]) == label


def test_every_field_is_described() -> None:
    for flow in (EN["config"], DATALOGGER):
        for step_id, step in flow["step"].items():
            for part in (step, *step.get("sections", {}).values()):
                assert part.get("data", {}).keys() == part.get("data_description", {}).keys(), (
                    step_id
                )


def test_a_phone_number_is_asked_for_as_portals_take_it() -> None:
    """That is eleven digits, unless their operators changed it: a country code is refused."""
    for language in ("en", *LANGUAGES):
        texts = read(TRANSLATIONS / f"{language}.json")["config"]
        assert "11" in texts["step"]["register_code"]["data_description"]["phone"], language
        assert "11" in texts["error"]["phone_refused"], language


def steps_of(*modules: str) -> set[str]:
    """Return the steps that show something to a person."""
    shown = {
        text
        for module in modules
        for texts in (
            CODE.keywords("step_id", "async_show_form", "async_show_menu").get(module, set()),
        )
        for text in texts
    }
    for module, call in CODE.calls(
        *("_show", "_show_form", "_ask_form", "_show_with_plant", "_move")
    ):
        if module in modules:
            shown |= CODE.texts(module, call.args[0])
    return shown


def test_steps() -> None:
    of_groups = {f"{prefix}{group}" for group in registry.GROUPS for prefix in ("", "new_access_")}
    assert set(EN["config"]["step"]) == steps_of(*ACCOUNT_DIALOG) | of_groups
    assert set(DATALOGGER["step"]) == steps_of(*DATALOGGER_DIALOG)


def test_what_is_shown_as_it_is_holds_no_markup() -> None:
    """The front end draws errors, and what actions say, as plain text."""
    issues = {
        f"issues.{key}": issue.get("fix_flow", {}).get("error", {})
        for key, issue in EN["issues"].items()
    }
    places = {
        "config.error": EN["config"]["error"],
        "inverter.error": INVERTER["error"],
        "exceptions": {key: value["message"] for key, value in EN["exceptions"].items()},
        **issues,
    }
    plain = {f"{at}.{key}": text for at, texts in places.items() for key, text in texts.items()}
    assert plain
    assert {key: text for key, text in plain.items() if re.search(r"[*`]|\]\(", text)} == {}


def test_menus() -> None:
    steps = EN["config"]["step"]
    menus = {step_id: set(step.get("menu_options", ())) for step_id, step in steps.items()}
    assert menus["user"] == set(registry.GROUPS)
    assert menus["method"] == {"register", "link"}
    assert set().union(*menus.values()) <= steps.keys() | LEAD_ON
    for step_id, step in steps.items():
        assert step.get("menu_option_descriptions", {}).keys() <= menus[step_id]


def test_progress() -> None:
    actions = CODE.keywords("progress_action", "async_show_progress")
    of_any = actions["flows.steps"]
    of_account = actions["flows.server"] | actions["flows.register"]
    assert set(EN["config"]["progress"]) == of_account | of_any
    stages = (CODE.texts(module, call.args[0]) for module, call in CODE.calls("_Stage"))
    assert set(INVERTER["progress"]) == set().union(*stages) | of_any
    for issue in EN["issues"].keys() - OF_HOME_ASSISTANT:
        if "fix_flow" in (texts := EN["issues"][issue]):
            assert set(texts["fix_flow"]["progress"]) == of_any


def test_ends() -> None:
    reasons = CODE.keywords("reason", "async_abort", "async_update_and_abort")
    for module, call in CODE.calls("_abort", "AbortFlow"):
        reasons.setdefault(module, set()).update(CODE.texts(module, call.args[0]))
    of_core = {"already_configured", "already_in_progress"}
    assert set(EN["config"]["abort"]) == of_core.union(
        *(reasons.get(module, set()) for module in ACCOUNT_DIALOG)
    )
    of_devices = set().union(*(reasons.get(module, set()) for module in DATALOGGER_DIALOG))
    assert set(INVERTER["abort"]) == of_devices
    described = set().union(*CODE.keywords("description", "async_create_entry").values())
    assert set(EN["config"]["create_entry"]) == described


# Choices


def test_choices() -> None:
    options = {
        key: set(value["options"]) for key, value in EN["selector"].items() if "options" in value
    }
    assert options == {
        "provider": set(registry.PROVIDER_KEYS),
        "server": {FIND, OWN_ADDRESS}.union(
            server.key for provider in providers() for server in provider.servers
        ),
        "account": {ALL},
        "plant": {"new_plant"},
        "agreement": set(AgreementKind),
        "have": {"label", "only_inverter"},
        "way": CODE.form_keys(),
        "state": set(BindingState),
        "kind": set(KINDS),
    }


# Entities and repairs


def test_entities() -> None:
    described = CODE.entity_keys()
    assert {platform: set(texts) for platform, texts in EN["entity"].items()} == described
    assert {platform: set(icons) for platform, icons in ICONS["entity"].items()} == described
    for texts in (EN["entity"], ICONS["entity"]):
        for key in ("association_status", "datalogger_status"):
            assert set(texts["sensor"][key]["state"]) == set(BindingState)


def test_events() -> None:
    for key in ("association", "datalogger_association", "device_association"):
        attributes = EN["entity"]["event"][key]["state_attributes"]
        assert set(attributes["event_type"]["state"]) == set(REPORTED)


def test_triggers() -> None:
    described = load_yaml_dict(str(ROOT / "triggers.yaml"))
    assert {key for key in described if not key.startswith(".")} == set(TRIGGERS)
    assert set(EN["triggers"]) == set(ICONS["triggers"]) == set(TRIGGERS)
    for key in TRIGGERS:
        # As Home Assistant's own checks have it.
        assert described[key].keys() == {"target"}
        assert EN["triggers"][key].keys() == {"name", "description"}
        assert ICONS["triggers"][key].keys() == {"trigger"}


def test_system_health() -> None:
    assert EN["system_health"].keys() == {"info"}
    assert set(EN["system_health"]["info"]) == CODE.filled("system_health")


def test_repairs() -> None:
    raised = (CODE.texts(module, call.args[2]) for module, call in CODE.calls("async_raise_issue"))
    of_devices = {
        repairs.translation_key(found, kind, reason)
        for found in Problem
        for kind in KINDS
        for reason in OF_HOLDERS
    }
    assert set(EN["issues"]) == of_devices.union(*raised)
    for issue in EN["issues"].values():
        # A repair has either a text or a dialog.
        assert ("description" in issue) != ("fix_flow" in issue)
        if "progress" in (dialog := issue.get("fix_flow", {})):
            assert dialog["abort"].keys() >= ANYTHING
            # An error stands in a form.
            only_a_menu = dialog["step"].keys() == {"init"}
            assert only_a_menu or dialog["error"].keys() >= ANYTHING


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("found", Problem)
def test_options_of_repairs(found: Problem, kind: DeviceKind) -> None:
    of_inverters = {DATALOGGER_MISSING, DATALOGGER_UNLINKED, DATALOGGER_SERIAL}
    of_dataloggers = {INVERTER_SERIAL}
    of_others = of_dataloggers if kind is DeviceKind.INVERTER else of_inverters
    remedies = {
        option
        for reason, options in repairs._REMEDIES.items()
        if found is Problem.REJECTED and reason not in of_others
        for option in options
    }
    dialog = EN["issues"][repairs.translation_key(found, kind)]["fix_flow"]
    options = set(dialog["step"]["init"]["menu_options"])
    assert options == {*repairs._MENU_OPTIONS[found], *remedies}
    # That one leads to another dialog at once.
    assert dialog["step"].keys() == {"init", *options} - {"add_datalogger"}
    assert ("add_datalogger" in dialog["abort"]) == ("add_datalogger" in options)
    assert ("refused_again" in dialog["abort"]) == any(map(options.__contains__, AS_ANOTHER))


# Words of others: titles and errors are plain, all other texts with values are Markdown


def test_titles_and_options_use_plain_values_and_other_texts_do_not() -> None:
    for language in ("en", *LANGUAGES):
        for place, text in leaves(read(TRANSLATIONS / f"{language}.json")):
            for name in placeholders(text):
                plain = place.endswith(".title") or ".menu_option" in place
                assert name.startswith("plain_") == plain, (language, place)


def test_an_error_and_a_description_use_no_value_of_the_same_name() -> None:
    """A form has its values in common, and what is fit for one place is not for the other."""
    for dialog in (
        EN["config"],
        DATALOGGER,
        *(issue.get("fix_flow") for issue in EN["issues"].values()),
    ):
        if dialog is not None:
            in_errors = set().union(*map(placeholders, dialog.get("error", {}).values()))
            described = set().union(*(placeholders(text) for _, text in leaves(dialog["step"])))
            # A number is the same in both.
            assert in_errors & described <= {"most"}


def test_reasons_are_no_markdown() -> None:
    """They are errors of actions, too; in a repair all of a reason is escaped."""
    for language in ("en", *LANGUAGES):
        for text in read(TRANSLATIONS / f"{language}.json")["exceptions"].values():
            assert not re.search(r"[*`\[\]<>]|^\s*[#-] ", text["message"]), language


# Actions


def fields_of_actions(hass: HomeAssistant) -> dict[str, list[vol.Marker]]:
    found = {}
    for name, service in hass.services.async_services_for_domain(DOMAIN).items():
        assert isinstance(service.schema, vol.Schema)
        found[name] = list(service.schema.schema)
    return found


async def test_actions(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    schemas = {name: set(map(str, fields)) for name, fields in fields_of_actions(hass).items()}
    described = load_yaml_dict(str(ROOT / "services.yaml"))
    assert {name: set(action["fields"]) for name, action in described.items()} == schemas
    assert {name: set(action["fields"]) for name, action in EN["services"].items()} == schemas
    assert set(ICONS["services"]) == set(schemas)
    for name, action in described.items():
        for field, details in action["fields"].items():
            texts = EN["services"][name]["fields"][field]
            assert texts["name"]
            assert texts["description"]
            validate_selector(details["selector"])
            if "object" in details["selector"]:
                described_fields = details["selector"]["object"]
                texts = EN["selector"][described_fields["translation_key"]]["fields"]
                assert texts.keys() == described_fields["fields"].keys()
            if "select" in details["selector"]:
                select = details["selector"]["select"]
                options = EN["selector"][select["translation_key"]]["options"]
                assert set(select["options"]) == set(options)


async def test_required_fields_of_actions(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    described = load_yaml_dict(str(ROOT / "services.yaml"))
    for name, markers in fields_of_actions(hass).items():
        required = {str(marker) for marker in markers if isinstance(marker, vol.Required)}
        fields = described[name]["fields"]
        assert {field for field in fields if fields[field].get("required")} == required


# What Home Assistant's own checks refuse


def test_sections() -> None:
    assert set(EN) == {
        "config",
        "config_subentries",
        "entity",
        "exceptions",
        "issues",
        "selector",
        "services",
        "system_health",
        "triggers",
    }
    assert set(EN["config"]) == {
        "abort",
        "create_entry",
        "initiate_flow",
        "error",
        "flow_title",
        "progress",
        "step",
    }
    assert set(INVERTER) == {
        "abort",
        "entry_type",
        "error",
        "initiate_flow",
        "progress",
        "step",
    }


def test_keys_are_plain() -> None:
    for place, _ in leaves(EN):
        assert all(re.fullmatch(r"[a-z0-9_]+", part) for part in place.split(".")), place


def test_messages_are_sentences() -> None:
    for place, text in leaves(EN):
        if ".error." in place or place.startswith("exceptions.") or ".abort." in place:
            assert text[0].isupper() or text[0] == "{", place
            assert text[-1] in ".})", place


def test_capabilities_are_known() -> None:
    """A new capability may need texts: this list is where to think of them."""
    assert set(Capability) == {
        "activation",
        "bind",
        "check_serial",
        "check_username",
        "create_plant",
        "datalogger",
        "locate",
        "plants",
        "watch",
    }


# The other languages


def test_every_language_is_there_and_no_other() -> None:
    assert {path.name for path in TRANSLATIONS.iterdir()} == {
        f"{language}.json" for language in ("en", *LANGUAGES)
    }
    assert set(LANGUAGES) <= HOME_ASSISTANT_LANGUAGES


NAME = re.compile(r'\*([^*]+)\*|"([^"]+)"')
# Home Assistant's own, and what is only emphasized.
NAMES_OF_OTHERS = {"Learn more", "Reconfigure"}
EMPHASIZED = {"No token yet?", "This cannot be undone from here."}


def names_in(text: str) -> set[str]:
    """Return what a text calls by its name."""
    return {found[1] or found[2] for found in NAME.finditer(text)}


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_what_a_text_names_is_called_that(language: str) -> None:
    places: dict[str, list[str]] = {}
    for place, text in leaves(EN):
        places.setdefault(text, []).append(place)
    texts = dict(leaves(read(TRANSLATIONS / f"{language}.json")))
    for place, text in leaves(EN):
        for name in names_in(text) - NAMES_OF_OTHERS - EMPHASIZED:
            called = {texts[other].rstrip(".") for other in places.get(name, ())}
            assert any(each in texts[place] for each in called), (place, name, called)
