"""Refuse to write certain files, as a disk that is full or that has become read-only does.

`error` is the name of the error (`ENOSPC`, `EROFS`), `files` says which files of `.storage`: all
whose names match one of these patterns. The action `heal` makes it a healthy disk.
"""

import errno
from fnmatch import fnmatch
import os
from pathlib import Path
import sys
from typing import Any

from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

DOMAIN = "sick_disk"
CONFIG_SCHEMA = vol.Schema(
    {
        DOMAIN: vol.Schema(
            {
                vol.Required("error"): vol.In(errno.errorcode.values()),
                vol.Required("files"): [cv.string],
            }
        )
    },
    extra=vol.ALLOW_EXTRA,
)
# What changes a file, by the event that the interpreter raises for it beforehand, and which of the
# event's arguments are paths. A file that is opened is judged by how.
_CHANGES = {"os.remove": 1, "os.rename": 2, "os.link": 2, "os.truncate": 1}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Make the disk sick, whoever writes by whatever means, and offer the action."""
    settings = config[DOMAIN]
    number = getattr(errno, settings["error"])
    folder = hass.config.path(STORAGE_DIR)
    sick = True

    def refused(path: object) -> bool:
        if not isinstance(path, str | Path):
            return False
        parent, name = os.path.split(path)
        return parent == folder and any(fnmatch(name, pattern) for pattern in settings["files"])

    def judge(event: str, args: tuple[Any, ...]) -> None:
        if not sick:
            return
        if event == "open":
            paths = args[:1] if (args[2] or 0) & _WRITING else ()
        else:
            paths = args[: _CHANGES.get(event, 0)]
        for path in filter(refused, paths):
            raise OSError(number, os.strerror(number), str(path))

    # A read-only file system refuses even to remove what is not there, and so does this.
    sys.addaudithook(judge)

    async def heal(_call: ServiceCall) -> None:
        nonlocal sick
        sick = False

    hass.services.async_register(DOMAIN, "heal", heal)
    return True
