"""Core's own Marketplace, with this repository as GitHub would show it after a release.

The code that judges and installs a repository is Home Assistant's. Of what surrounds it, this
stands in for GitHub, for the Marketplace's own list of repositories, and for its progress bar.
"""

from asyncio import Lock
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
import json
from pathlib import Path
import subprocess
from types import SimpleNamespace
from typing import Any

from aiogithubapi.models.git_tree import GitHubGitTreeEntryModel
from aiogithubapi.models.release import GitHubReleaseModel
from aiogithubapi.models.repository import GitHubRepositoryModel
from awesomeversion import AwesomeVersion
from homeassistant import loader
from homeassistant.components.marketplace.base import (
    MarketplaceCommon,
    MarketplaceManager,
    MarketplaceStatus,
    Repositories,
)
from homeassistant.components.marketplace.repositories.integration import IntegrationRepository
from homeassistant.components.marketplace.utils.url import RemoteFile
from homeassistant.const import __version__ as ha_version
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from tests.server.homeassistant_server import PROJECT

NAME = "growatt-onboarding/growatt-onboarding"


@dataclass
class Release:
    """A release on GitHub: its tag, the tree that was tagged, and the file attached to it."""

    tag: str
    files: dict[str, bytes]
    asset: str
    content: bytes


def committed() -> dict[str, bytes]:
    """Return the files that are, or would be, in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],  # noqa: S607
        cwd=PROJECT,
        capture_output=True,
        check=True,
        text=True,
    )
    paths = [PROJECT / name for name in listed.stdout.split("\0") if name]
    return {
        path.relative_to(PROJECT).as_posix(): path.read_bytes() for path in paths if path.is_file()
    }


class _GitHub:
    """The calls of GitHub's interface that the Marketplace makes for one repository."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self.repos = SimpleNamespace(
            get=self._repository,
            git=SimpleNamespace(get_tree=self._tree),
            contents=SimpleNamespace(get=self._content),
            releases=SimpleNamespace(list=self._releases),
        )

    async def _repository(self, name: str, **_: Any) -> SimpleNamespace:
        assert name == NAME
        about = {"id": 1, "full_name": NAME, "default_branch": "main", "archived": False}
        return _answer(GitHubRepositoryModel({**about, "pushed_at": "2026-11-22T00:00:00Z"}))

    async def _releases(self, **_: Any) -> SimpleNamespace:
        asset = {"name": self._release.asset, "download_count": 0}
        release = {"tag_name": self._release.tag, "draft": False, "prerelease": False}
        return _answer([GitHubReleaseModel({**release, "assets": [asset]})])

    async def _tree(self, repository: str, tree_sha: str, **_: Any) -> SimpleNamespace:
        assert tree_sha.removeprefix("tags/") == self._release.tag
        folders = {
            parent.as_posix(): "tree"
            for name in self._release.files
            for parent in Path(name).parents
            if parent.name
        }
        entries = {**folders, **dict.fromkeys(self._release.files, "blob")}
        tree = [
            GitHubGitTreeEntryModel({"path": path, "type": kind})
            for path, kind in sorted(entries.items())
        ]
        return _answer(SimpleNamespace(tree=tree))

    async def _content(self, repository: str, path: str, **_: Any) -> SimpleNamespace:
        return _answer(SimpleNamespace(content=b64encode(self._release.files[path]).decode()))

    async def generic(self, endpoint: str, **_: Any) -> SimpleNamespace:
        assert endpoint == f"/repos/{NAME}/branches/main"
        return _answer({"commit": {"sha": "0" * 40}})


def _answer(data: Any) -> SimpleNamespace:
    return SimpleNamespace(data=data, etag=None)


class _Marketplace(MarketplaceManager):
    """The Marketplace of a Home Assistant that has nothing from it yet."""

    # What the real one sets up besides asks for a whole front end.
    def __init__(self, hass: HomeAssistant, release: Release) -> None:
        self.hass = hass
        self._release = release
        self.version = AwesomeVersion(ha_version)
        self.core = SimpleNamespace(config_path=hass.config.path())
        self.configuration = SimpleNamespace(
            plugin_path="www/community/", theme_path="themes/", token=None
        )
        self.githubapi = _GitHub(release)
        self.common = MarketplaceCommon()
        self.repositories = Repositories()
        self.status = MarketplaceStatus(startup=False)
        self.filesystem_lock = Lock()
        self.coordinators = {"integration": SimpleNamespace(async_update_listeners=_nothing)}
        self.data = SimpleNamespace(async_write=_written)

    def async_dispatch(self, *_: Any) -> None:
        """Nobody watches the progress."""

    async def async_download_file(self, remote_file: RemoteFile | None, **_: Any) -> bytes | None:
        """Return what GitHub would serve at an address, None where there is nothing."""
        release = self._release
        served = {f"{NAME}/releases/download/{release.tag}/{release.asset}": release.content}
        served |= {f"{NAME}/{release.tag}/{name}": text for name, text in release.files.items()}
        return served.get(str(remote_file))


def _nothing() -> None:
    pass


async def _written() -> None:
    pass


@asynccontextmanager
async def offered(release: Release, folder: Path) -> AsyncIterator[IntegrationRepository]:
    """Offer a release to the Marketplace of a Home Assistant with this configuration folder."""
    hass = HomeAssistant(str(folder))
    try:
        loader.async_setup(hass)
        await ir.async_load(hass, load_empty=True)
        marketplace = _Marketplace(hass, release)
        yield IntegrationRepository(marketplace, NAME)
    finally:
        await hass.async_stop(force=True)


def changed(files: dict[str, bytes], name: str, **values: Any) -> dict[str, bytes]:
    """Return the files with other values in one that holds a JSON object."""
    return {**files, name: json.dumps({**json.loads(files[name]), **values}).encode()}
