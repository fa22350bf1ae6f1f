"""Constants of the integration."""

import logging
from typing import TYPE_CHECKING, Final

from homeassistant.const import Platform
from homeassistant.util.hass_dict import HassKey
from homeassistant.util.signal_type import SignalType

if TYPE_CHECKING:
    from .binding.timing import Timing

DOMAIN: Final = "growatt_onboarding"
LOGGER: Final = logging.getLogger(__package__)

PLATFORMS: Final = [Platform.BINARY_SENSOR, Platform.BUTTON, Platform.EVENT, Platform.SENSOR]

# Config entry data
ENTRY_VERSION: Final = 1
CONF_PROVIDER: Final = "provider"
CONF_SERVER: Final = "server"
CONF_CREDENTIALS: Final = "access"  # keys of what is stored stay
CONF_ACCOUNT_ID: Final = "account_id"
CONF_ACCOUNT_NAME: Final = "account_name"
CONF_OTHER_NAMES: Final = "other_names"
CONF_SESSION: Final = "session"
CONF_ACTIVATION_PENDING: Final = "activation_pending"
CONF_DENIED: Final = "denied"
CONF_ASKED_AT: Final = "asked_at"

# Subentries of devices; a type is the name of a `DeviceKind`
SUBENTRY_INVERTER: Final = "inverter"
SUBENTRY_DATALOGGER: Final = "datalogger"
DEVICE_TYPES: Final = (SUBENTRY_INVERTER, SUBENTRY_DATALOGGER)
CONF_SERIAL_NUMBER: Final = "serial_number"
CONF_SERIAL_NUMBERS: Final = "serial_numbers"
CONF_PHOTO: Final = "photo"
CONF_PLANT_ID: Final = "plant_id"

MAX_SERIALS_DIALOG: Final = 100
MAX_SERIALS_ACTION: Final = 1000

# What is called otherwise from now on: the house's language, a title, or the name of a plant.
SIGNAL_WORDS_CHANGED: Final = SignalType[()](f"{DOMAIN}_words_changed")

# Overrides the default timing if set before set-up, as our own scripts do.
DATA_TIMING: HassKey[Timing] = HassKey(f"{DOMAIN}_timing")
