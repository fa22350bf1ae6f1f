"""What a release attaches is all that Home Assistant needs: installed from there, it works."""

from copy import replace
import io
import json
from pathlib import Path
import subprocess
import sys
import zipfile

import aiohttp
from homeassistant.components.marketplace.exceptions import MarketplaceError
import pytest

from simulator import Simulator
from tests.server.client import HomeAssistantClient
from tests.server.homeassistant_server import PROJECT, HomeAssistantServer

from .dialogs import DOMAIN, entity_id, expect, fill, finish, new_account, open_register_form
from .marketplace import Release, changed, committed, offered

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Return the release as its workflow would make it."""
    files = committed()
    manifest = json.loads(files[f"custom_components/{DOMAIN}/manifest.json"])
    hacs = json.loads(files["hacs.json"])
    output = tmp_path_factory.mktemp("release") / hacs["filename"]
    build = PROJECT / "scripts" / "lib" / "build-zip"
    command = [sys.executable, build, "--tag", manifest["version"], output]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    return Release(manifest["version"], files, output.name, output.read_bytes())


async def test_installed_by_the_marketplace_it_works(release: Release, tmp_path: Path) -> None:
    async with offered(release, tmp_path) as repository:
        assert await repository.validate_repository(), repository.validate.errors
        assert repository.data.domain == DOMAIN
        assert repository.data.config_flow
        assert repository.data.last_version == release.tag
        assert repository.can_install
        await repository.async_install_repository()
        assert repository.data.installed_version == release.tag
    installed = tmp_path / "custom_components" / DOMAIN
    assert {path.name for path in installed.parent.iterdir()} == {DOMAIN}
    with zipfile.ZipFile(io.BytesIO(release.content)) as archive:
        for name in archive.namelist():
            assert (installed / name).read_bytes() == archive.read(name)

    async with (
        HomeAssistantServer(tmp_path, components=[]) as server,
        Simulator() as simulator,
        server.client() as client,
    ):
        flow = await open_register_form(client, simulator)
        expect(await fill(flow, "register_form", **new_account("homeowner")), "create_entry")
        entry_id = await finish(flow)
        await client.wait_for_state(await entity_id(client, f"{entry_id}_connected"), "on")
        await _brand_is_shown(client, server.url, installed)
        assert [line for line in server.log_lines("ERROR", "CRITICAL") if DOMAIN in line] == []
        assert server.attempts_beyond_loopback() == []


async def _brand_is_shown(client: HomeAssistantClient, server: str, installed: Path) -> None:
    """Compare what the front end would show with the integration's own pictures."""
    token = (await client.command("brands/access_token"))["token"]
    async with aiohttp.ClientSession(f"{server}/api/brands/integration/{DOMAIN}/") as http:
        for image in ("icon.png", "icon@2x.png", "dark_logo.png"):
            async with http.get(image, params={"token": token}) as answer:
                assert await answer.read() == (installed / "brand" / image).read_bytes()


# The Marketplace would say so if something were wrong.


async def test_a_repository_without_its_description_is_refused(
    release: Release, tmp_path: Path
) -> None:
    files = {name: text for name, text in release.files.items() if name != "hacs.json"}
    async with offered(replace(release, files=files), tmp_path) as repository:
        assert not await repository.validate_repository()
        (error,) = repository.validate.errors
        assert error.translation_key == "repository_manifest_not_in_root"


async def test_a_version_for_a_newer_home_assistant_is_refused(
    release: Release, tmp_path: Path
) -> None:
    files = changed(release.files, "hacs.json", homeassistant="2099.1.0")
    async with offered(replace(release, files=files), tmp_path) as repository:
        assert await repository.validate_repository()
        with pytest.raises(MarketplaceError) as refused:
            await repository.async_install_repository()
        assert refused.value.translation_key == "not_installable"


@pytest.mark.parametrize("asset", ["other.zip", "growatt_onboarding.zip"])
async def test_a_release_without_the_integration_is_refused(
    asset: str, release: Release, tmp_path: Path
) -> None:
    wrapped = io.BytesIO()
    with zipfile.ZipFile(wrapped, "w") as archive:
        archive.writestr(f"{DOMAIN}/manifest.json", "{}")
    broken = replace(release, asset=asset, content=wrapped.getvalue())
    async with offered(broken, tmp_path) as repository:
        assert await repository.validate_repository()
        with pytest.raises(MarketplaceError):
            await repository.async_install_repository()
    assert not (tmp_path / "custom_components" / DOMAIN).exists()
