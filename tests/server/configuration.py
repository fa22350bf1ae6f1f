"""Write the configuration folder of a Home Assistant that is set up and has one owner."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
import json
from pathlib import Path
import shutil
from typing import Any
import uuid

import bcrypt

COMPONENTS = Path(__file__).parent / "components"
LOOPBACK = "127.0.0.1"

# Every server sets up the front end, automations, scripts and the base platforms by itself. Nothing
# here reaches beyond the machine, which `default_config` would.
CONFIGURATION: Mapping[str, Any] = {
    "history": {},
    "logbook": {},
    "my": {},
    "recorder": {"commit_interval": 1},
    "webhook": {},
}

# Programs that the machine may lack and that nothing here needs.
SILENCED: Mapping[str, str] = {
    "haffmpeg": "fatal",
    "homeassistant.components.camera.img_util": "fatal",
}


def prepare(
    folder: Path,
    *,
    port: int,
    username: str,
    password: str,
    language: str = "en",
    configuration: Mapping[str, Any] | None = None,
    log_levels: Mapping[str, str] | None = None,
) -> None:
    """Make `folder` ready to start from; what a former server left there stays.

    Only the port and configuration.yaml are written again.
    """
    storage = folder / ".storage"
    storage.mkdir(parents=True, exist_ok=True)
    _write(storage / "http", _http(port), version=3)
    if not (storage / "auth").exists():
        _write(storage / "auth", _owner(username))
        _write(storage / "auth_provider.homeassistant", _passwords(username, password))
        _write(storage / "onboarding", _onboarding(), version=4)
        _write(storage / "core.config", _home(language), minor_version=4)
        _write(storage / "core.config_entries", _config_entries(), minor_version=5)
    logger = {"default": "info", "logs": {**SILENCED, **(log_levels or {})}}
    settings = {**CONFIGURATION, "logger": logger, **(configuration or {})}
    # JSON is YAML too.
    (folder / "configuration.yaml").write_text(json.dumps(settings, indent=2) + "\n")


def install_components(folder: Path, components: Iterable[Path]) -> None:
    """Copy these integrations into the configuration folder, in place of former copies."""
    for component in components:
        target = folder / "custom_components" / component.name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(component, target, ignore=shutil.ignore_patterns("__pycache__"))


def set_up_first(folder: Path, first: Sequence[str], then: Iterable[str]) -> None:
    """Have Home Assistant set up the custom integrations `first` before the others.

    Home Assistant sets integrations up side by side; only a manifest's `after_dependencies`
    orders them. The copy in the configuration folder gets that line, the product does not.
    """
    for domain in then:
        path = folder / "custom_components" / domain / "manifest.json"
        manifest = json.loads(path.read_text())
        manifest["after_dependencies"] = [*manifest.get("after_dependencies", []), *first]
        path.write_text(json.dumps(manifest, indent=2))


def _write(path: Path, data: Any, *, version: int = 1, minor_version: int = 1) -> None:
    content = {"version": version, "minor_version": minor_version, "key": path.name, "data": data}
    path.write_text(json.dumps(content, indent=2))
    path.chmod(0o600)


def _http(port: int) -> dict[str, Any]:
    # As `http:` in YAML this would be on trial until somebody confirms it in the browser.
    return {
        "stable": {
            "server_host": [LOOPBACK],
            "server_port": port,
            "cors_allowed_origins": [],
            "login_attempts_threshold": -1,
            "ip_ban_enabled": False,
            "ssl_profile": "intermediate_v6",
            "use_x_frame_options": True,
            "created_at": datetime.now(UTC).isoformat(),
            "error": None,
            "error_message": None,
        },
        "pending": None,
        "yaml_migration_done": True,
    }


def _owner(username: str) -> dict[str, Any]:
    user_id = uuid.uuid4().hex
    return {
        "users": [
            {
                "id": user_id,
                "group_ids": ["system-admin"],
                "is_owner": True,
                "is_active": True,
                "name": username.capitalize(),
                "system_generated": False,
                "local_only": False,
            }
        ],
        "groups": [
            {"id": "system-admin", "name": "Administrators"},
            {"id": "system-users", "name": "Users"},
            {"id": "system-read-only", "name": "Read Only"},
        ],
        "credentials": [
            {
                "id": uuid.uuid4().hex,
                "user_id": user_id,
                "auth_provider_type": "homeassistant",
                "auth_provider_id": None,
                "data": {"username": username},
            }
        ],
        "refresh_tokens": [],
    }


def _passwords(username: str, password: str) -> dict[str, Any]:
    # The fewest rounds: nobody attacks this password, and every sign-in waits for it.
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds=4))
    return {"users": [{"username": username, "password": base64.b64encode(hashed).decode()}]}


def _onboarding() -> dict[str, Any]:
    return {"done": ["user", "core_config", "analytics", "integration"]}


def _home(language: str) -> dict[str, Any]:
    return {
        "latitude": 52.0907,
        "longitude": 5.1214,
        "elevation": 5,
        "unit_system_v2": "metric",
        "location_name": "Home",
        "time_zone": "Europe/Amsterdam",
        "external_url": None,
        "internal_url": None,
        "currency": "EUR",
        "country": "NL",
        "language": language,
        "radius": 100,
    }


def _config_entries() -> dict[str, Any]:
    # The Marketplace sets itself up and asks GitHub for its lists, unless a user has disabled it.
    now = datetime.now(UTC).isoformat()
    marketplace = {
        "created_at": now,
        "data": {},
        "disabled_by": "user",
        "discovery_keys": {},
        "domain": "marketplace",
        "entry_id": uuid.uuid4().hex,
        "minor_version": 1,
        "modified_at": now,
        "options": {},
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "source": "system",
        "subentries": [],
        "title": "Marketplace",
        "unique_id": None,
        "version": 1,
    }
    return {"entries": [marketplace]}
