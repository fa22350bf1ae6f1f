"""The state of the Quectel cloud, and how tests and the control interface change it."""

from base64 import urlsafe_b64encode
import hashlib
import itertools
import json
import re
from typing import Any, Literal

from simulator.cloud import digest
from simulator.simulation import Simulation

from .model import Code, DataCenter, Device, Product, Token, User, UserDomain

USER_DOMAIN = "S.IM.10001.1"
# Obviously not a real one.
USER_DOMAIN_SECRET = "SIMULATOR_USER_DOMAIN_SECRET_00000"  # noqa: S105
PRODUCT_KEY = "pSIM01"
WELL_FORMED = re.compile(r"[A-Z0-9]{8,20}")


class QuectelState:
    """A data center's state.

    Nothing runs in the background: devices that are due come online whenever the state is read.
    """

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.data_center: DataCenter = "europe"
        # The vendor's pages document 200, but their examples have 0.
        self.success_code = 200
        # Whether registering returns an object, as its second version does.
        self.uid_in_object = False
        # Whether numbers are sent as strings, as some servers do.
        self.numbers_as_strings = False
        # Not documented: whether a device is listed before it was ever online.
        self.lists_offline = False
        # Whether the list names devices by their keys only, as it does for some products.
        self.hides_serials = False
        # Where the refresh token is read, and what a server answers that does not find it there.
        self.refresh_in: frozenset[str] = frozenset({"form", "query"})
        self.refresh_missing: Literal["code", "bad_request"] = "code"
        # What a frozen account is answered.
        self.frozen_code = 5147
        # In seconds. A code's is documented for text messages; the others are from sample tokens.
        self.code_lifetime = 300.0
        self.access_lifetime = 7200.0
        self.refresh_lifetime = 2_592_000.0
        self.code_tries = 5
        self.user_domains: dict[str, UserDomain] = {}
        self.products: dict[str, Product] = {}
        self.users: dict[str, User] = {}
        self.codes: dict[tuple[str, str], Code] = {}
        self.tokens: dict[str, Token] = {}
        self._devices: dict[str, Device] = {}
        self._user_ids = itertools.count(101)
        self._device_keys = itertools.count(0xFA000000)
        self._token_ids = itertools.count(1)
        self.add_user_domain(USER_DOMAIN, USER_DOMAIN_SECRET)
        self.add_product(PRODUCT_KEY, "Sim Inverter")

    # Reading

    @property
    def devices(self) -> dict[str, Device]:
        """All existing devices by serial number, as of now."""
        self.settle()
        return self._devices

    def user_named(self, user_domain: str, email: str) -> User | None:
        """Return the account with an e-mail address in a user domain."""
        for user in self.users.values():
            if user.user_domain == user_domain and user.email.lower() == email.lower():
                return user
        return None

    def devices_of(self, uid: str) -> list[Device]:
        """Return an account's devices in the order of their association."""
        found = [device for device in self.devices.values() if uid in device.bound]
        return sorted(found, key=lambda device: device.bound[uid])

    # Adding

    def add_user_domain(self, name: str, secret: str, *, disabled: bool = False) -> UserDomain:
        """Add a user domain."""
        self.user_domains[name] = UserDomain(name, secret, disabled)
        return self.user_domains[name]

    def add_product(
        self,
        key: str,
        name: str,
        *,
        user_domains: set[str] | None = None,
        unique: bool = True,
    ) -> Product:
        """Add a product that these user domains (default: the preset one) may bind."""
        self.products[key] = Product(key, name, user_domains or {USER_DOMAIN}, unique)
        return self.products[key]

    def add_user(
        self,
        email: str,
        *,
        password: str,
        user_domain: str = USER_DOMAIN,
        lang: int = 0,
        nationality: int = 0,
        timezone: int = 0,
    ) -> User:
        """Add an account."""
        user = User(
            f"E{next(self._user_ids)}",
            self.user_domains[user_domain].name,
            email,
            self.simulation.now(),
            digest(password),
            lang,
            nationality,
            timezone,
        )
        self.users[user.uid] = user
        return user

    def add_device(
        self,
        sn: str,
        *,
        product_key: str = PRODUCT_KEY,
        data_center: DataCenter = "europe",
        online: bool = False,
        online_after: float | None = None,
    ) -> Device:
        """Add a device that belongs to nobody; KeyError for an unknown product.

        After `online_after` simulated seconds it comes online by itself.
        """
        key = f"{next(self._device_keys):012X}"
        device = Device(
            sn,
            self.products[product_key].key,
            key,
            f"SIMULATOR_AUTH_KEY_{key}",
            data_center,
            online,
            None if online_after is None else self.simulation.now() + online_after,
        )
        self._devices[sn] = device
        return device

    def find_device(self, sn: str, product_key: str) -> Device | None:
        """Return a product's device, which is created on demand if `accept_any` is set."""
        device = self.devices.get(sn)
        if device is None and self.simulation.accept_any and WELL_FORMED.fullmatch(sn):
            device = self.add_device(sn, product_key=product_key)
            device.online_after_request = self.simulation.offline_for
        return device if device is not None and device.product_key == product_key else None

    # Codes and tokens

    def new_code(self, user_domain: str, email: str) -> Code:
        """Create a code for an e-mail address, which replaces an earlier one."""
        code = Code(f"{self.simulation.random.randrange(10**6):06}", self.simulation.now())
        self.codes[user_domain, email.lower()] = code
        return code

    def spend_code(self, user_domain: str, email: str, value: str) -> bool:
        """Return whether a code is right; if so, it is used up."""
        code = self.codes.get((user_domain, email.lower()))
        if (
            code is None
            or code.wrong_tries >= self.code_tries
            or self.simulation.now() - code.sent > self.code_lifetime
        ):
            return False
        if code.value != value:
            code.wrong_tries += 1
            return False
        del self.codes[user_domain, email.lower()]
        return True

    def new_tokens(self, uid: str) -> dict[str, Any]:
        """Create a pair of tokens."""
        return {
            "accessToken": self._new_token(uid, "access", self.access_lifetime),
            "refreshToken": self._new_token(uid, "refresh", self.refresh_lifetime),
        }

    def valid_token(self, value: str, kind: Literal["access", "refresh"]) -> Token | None:
        """Return a token if it is valid now and of this kind."""
        token = self.tokens.get(value)
        if token is None or token.kind != kind or token.expires <= self.simulation.now():
            return None
        return token

    def _new_token(
        self, uid: str, kind: Literal["access", "refresh"], lifetime: float
    ) -> dict[str, Any]:
        """Create a token that looks like a JSON Web Token but has a fake signature."""
        now = self.simulation.now()
        expires = int(now + lifetime)
        claims = {
            "uid": uid,
            "type": kind,
            "iat": int(now),
            "exp": expires,
            "jti": next(self._token_ids),
        }
        signed = f"{_encoded({'alg': 'RS256', 'typ': 'JWT'})}.{_encoded(claims)}"
        seal = hashlib.sha256(f"SIMULATOR {signed}".encode()).hexdigest()
        value = f"Bearer {signed}.{seal}"
        self.tokens[value] = Token(uid, kind, expires)
        return {"expirationTime": expires, "token": value}

    # Binding

    def accept(self, device: Device, user: User) -> None:
        """Accept a device for an account."""
        now = self.simulation.now()
        device.requested[user.uid] = now
        if device.online_after_request is not None and not device.online:
            device.online_at = now + device.online_after_request
        self.settle()

    def settle(self) -> None:
        """Bring devices online that are due, and associate the ones online."""
        now = self.simulation.now()
        for device in self._devices.values():
            if device.online_at is not None and device.online_at <= now:
                device.online, device.online_at = True, None
            if device.online or self.lists_offline:
                device.bound.update(dict.fromkeys(device.requested, now))
                device.requested.clear()

    # Changing devices

    def bring_online(self, sn: str) -> None:
        """Bring a device online now; KeyError if it does not exist."""
        device = self.devices[sn]
        device.online, device.online_at = True, None
        self.settle()

    def take_offline(self, sn: str) -> None:
        """Take a device offline; it stays associated."""
        device = self.devices[sn]
        device.online, device.online_at = False, None

    def release(self, sn: str) -> None:
        """Remove a device from all accounts that have or requested it."""
        device = self.devices[sn]
        device.bound.clear()
        device.requested.clear()


def _encoded(part: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
