"""The state of Growatt's server, and how tests and the control interface change it."""

from collections.abc import Iterable
import itertools
import re
from typing import Literal

from simulator.cloud import digest
from simulator.simulation import Simulation

from .model import (
    KINDS,
    MERCHANT,
    REPORT_INTERVAL,
    Binding,
    Datalogger,
    Device,
    Plant,
    Token,
    User,
    check_code as usual_check_code,
    vendor_time,
)

DATALOGGER_PREFIX = "QMN000"
type Endless = Literal["new", "same", "blank"]
WELL_FORMED = re.compile(r"[A-Z0-9]{8,20}")

# Obviously not real ones, but 32 letters and digits like the vendor's.
INSTALLER_TOKEN = "SIMULATORTOKENINSTALLER000000000"  # noqa: S105
END_USER_TOKEN = "SIMULATORTOKENENDUSER00000000000"  # noqa: S105


class GrowattState:
    """The server's state.

    Nothing runs in the background: devices that are due come online whenever the state is read.
    """

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.tokens: dict[str, Token] = {}
        self.users: dict[int, User] = {}
        self.plants: dict[int, Plant] = {}
        self._dataloggers: dict[str, Datalogger] = {}
        self._devices: dict[str, Device] = {}
        self._bindings: dict[str, Binding] = {}
        self._user_ids = itertools.count(101)
        self._plant_ids = itertools.count(20001)
        self._device_ids = itertools.count(3001)
        self.installer_codes = {"SIM01"}
        # Not documented: what device/sn/add answers to a repeated request for a device that is
        # still offline. True: 10003, "already exists"; False: 0 again.
        self.repeated_exists = True
        # Not documented: what plant/sn_plant answers for a device that the token may not see.
        self.foreign_device_code = 10011
        # What c_user_list answers to an end user's token: no permission, or no users.
        self.end_users_may_list = False
        # How many devices, and how many dataloggers, a plant's lists count without showing them.
        self.phantom_devices = 0
        # A fault: the lists of devices never end, and show only devices that do not exist.
        self.endless: Endless | None = None
        # Whether null stands where a list has nothing to show, as some servers send it.
        self.null_lists = False
        # Whether all lists show their first page, whatever page is asked for.
        self.ignores_page = False
        # What the v4 list calls a serial number: real ones do so by the kind of device.
        self.v4_serial_key = "deviceSn"
        # Devices per page of the v4 list.
        self.v4_page_size = 100
        self.add_token(INSTALLER_TOKEN)
        resident = self.add_user("sim-resident", "resident@example.com", country="Germany")
        self.add_plant(resident.user_id, "Sim Home", country="Germany", peak_power=5.0)
        # The vendor's pages document registering only for installers' tokens.
        self.add_token(
            END_USER_TOKEN,
            kind="end_user",
            user_id=resident.user_id,
            may_register=False,
        )

    # Reading

    @property
    def devices(self) -> dict[str, Device]:
        """All existing devices by serial number, as of now."""
        self.settle()
        return self._devices

    @property
    def dataloggers(self) -> dict[str, Datalogger]:
        """All existing dataloggers by serial number, as of now."""
        self.settle()
        return self._dataloggers

    @property
    def bindings(self) -> dict[str, Binding]:
        """What device/sn/add accepted, by serial number, as of now."""
        self.settle()
        return self._bindings

    def user_named(self, name: str) -> User | None:
        """Return the end user with a name."""
        return next((user for user in self.users.values() if user.name == name), None)

    def devices_of(self, plant_id: int) -> list[Device]:
        """Return a plant's devices in the order of their association."""
        found = [device for device in self.devices.values() if device.plant_id == plant_id]
        return sorted(found, key=lambda device: (device.placed or 0, device.device_id))

    def dataloggers_of(self, plant_id: int) -> list[Datalogger]:
        """Return a plant's dataloggers."""
        return [stick for stick in self.dataloggers.values() if stick.plant_id == plant_id]

    def is_reporting(self, datalogger: Datalogger) -> bool:
        """Return whether a datalogger, or a device behind it, is online."""
        return bool(self._online_since(datalogger))

    def last_report(self, datalogger: Datalogger) -> float | None:
        """Return when a datalogger last reported, None if it never did."""
        now = self.simulation.now()
        reports = [
            now - (now - since) % REPORT_INTERVAL for since in self._online_since(datalogger)
        ]
        return max(reports, default=datalogger.last_report)

    # Permissions

    def may_see_user(self, token: Token, user: User) -> bool:
        """Return whether a token may see an end user: its own, or one of its merchant."""
        if token.kind == "end_user":
            return user.user_id == token.user_id
        return user.merchant == token.merchant

    def may_see_plant(self, token: Token, plant: Plant) -> bool:
        """Return whether a token may see a plant, as it may see its owner."""
        return self.may_see_user(token, self.users[plant.user_id])

    def visible_plants(self, token: Token) -> list[Plant]:
        """Return the plants that a token may see."""
        return [plant for plant in self.plants.values() if self.may_see_plant(token, plant)]

    def visible_devices(self, token: Token) -> list[Device]:
        """Return the devices in plants that a token may see."""
        plants = self.visible_plants(token)
        return [device for plant in plants for device in self.devices_of(plant.plant_id)]

    # Adding

    def add_token(
        self,
        token: str,
        *,
        kind: Literal["installer", "end_user"] = "installer",
        user_id: int | None = None,
        merchant: str = MERCHANT,
        may_register: bool = True,
        may_bind: bool = True,
        may_v4: bool = True,
        region: str = "global",
        endpoints_denied: frozenset[str] | set[str] | list[str] = frozenset(),
    ) -> Token:
        """Add a token; an end user's needs a `user_id`. `endpoints_denied` answer 10011."""
        if kind == "end_user" and user_id not in self.users:
            raise ValueError("the token of an end user needs the id of one")
        self.tokens[token] = Token(
            token,
            kind,
            user_id,
            merchant,
            may_register,
            may_bind,
            may_v4,
            region,
            frozenset(endpoints_denied),
        )
        return self.tokens[token]

    def add_user(
        self,
        name: str,
        email: str,
        *,
        password: str = "",
        merchant: str = MERCHANT,
        country: str = "Other",
        user_type: int = 1,
        tel: str = "",
        agent_code: str = "",
        time_zone: str = "",
    ) -> User:
        """Add an end user of a merchant."""
        user = User(
            next(self._user_ids),
            name,
            email,
            self.simulation.now(),
            digest(password),
            merchant,
            country,
            user_type,
            tel,
            agent_code,
            time_zone,
        )
        self.users[user.user_id] = user
        return user

    def add_plant(
        self,
        user_id: int,
        name: str,
        *,
        peak_power: float = 1.0,
        country: str = "",
        city: str = "",
    ) -> Plant:
        """Add a plant of an end user."""
        created = vendor_time(self.simulation.now())[:10]
        return self.keep_plant(Plant(0, user_id, name, created, peak_power, country, city))

    def keep_plant(self, plant: Plant) -> Plant:
        """Add a plant, giving it an id; KeyError if its owner does not exist."""
        plant.plant_id = next(self._plant_ids)
        plant.user_id = self.users[plant.user_id].user_id
        self.plants[plant.plant_id] = plant
        return plant

    def add_device(
        self,
        sn: str,
        *,
        kind: str = "min",
        datalogger_sn: str | None = None,
        online: bool = False,
        online_after: float | None = None,
        plant_id: int | None = None,
    ) -> Device:
        """Add a device, which belongs to nobody unless there is a `plant_id`.

        `kind` is a name of the v4 list ("min", "sph", ...). `datalogger_sn` defaults to one of
        its own; "" means none, which device/sn/add answers with 10007. After `online_after`
        simulated seconds the device comes online by itself.
        """
        if kind not in KINDS:
            raise ValueError(f"unknown kind of device: {kind}")
        if plant_id is not None and plant_id not in self.plants:
            raise KeyError(plant_id)
        now = self.simulation.now()
        stick = DATALOGGER_PREFIX + sn if datalogger_sn is None else datalogger_sn
        device = Device(sn, next(self._device_ids), kind, stick)
        device.online = online
        device.online_since = now if online else None
        device.online_at = None if online_after is None else now + online_after
        self._devices[sn] = device
        connected = self._connected(stick)
        if plant_id is not None:
            self._place(device, plant_id, now)
        elif connected is not None and connected.plant_id is not None:
            self._request(device, self.plants[connected.plant_id], now)
        return device

    def add_datalogger(
        self,
        sn: str,
        *,
        check_code: str | None = None,
        last_report: float | None = None,
        plant_id: int | None = None,
        online: bool = False,
        online_after: float | None = None,
        devices: Iterable[str] = (),
    ) -> Datalogger:
        """Add a datalogger, which belongs to nobody unless there is a `plant_id`.

        `last_report` (unix seconds) is from an earlier life: a new one has none. `devices` are
        the serial numbers of MIN inverters that are added behind it; they come online after it
        (`bring_datalogger_online`). After `online_after` simulated seconds all come online by
        themselves.
        """
        if plant_id is not None and plant_id not in self.plants:
            raise KeyError(plant_id)
        code = usual_check_code(sn) if check_code is None else check_code
        serials, now = tuple(devices), self.simulation.now()
        datalogger = self._dataloggers[sn] = Datalogger(sn, code, last_report=last_report)
        datalogger.online, datalogger.online_since = online, now if online else None
        datalogger.online_at = None if online_after is None else now + online_after
        for serial in serials:
            self.add_device(serial, datalogger_sn=sn)
        if plant_id is not None:
            self.accept_datalogger(datalogger, self.plants[plant_id])
        return datalogger

    def find_device(self, sn: str) -> Device | None:
        """Return a device, which is created on demand if `accept_any` is set."""
        device = self.devices.get(sn)
        if (
            device is None
            and self.simulation.accept_any
            and WELL_FORMED.fullmatch(sn)
            and not sn.startswith(DATALOGGER_PREFIX)
        ):
            device = self.add_device(sn)
            device.online_after_request = self.simulation.offline_for
        return device

    def find_datalogger(self, sn: str) -> Datalogger | None:
        """Return a datalogger, which is created with its device if `accept_any` is set."""
        device = sn.removeprefix(DATALOGGER_PREFIX)
        if sn not in self.dataloggers and device != sn and self.find_device(device) is None:
            return None
        return self.dataloggers.get(sn)

    def number_from(self, first: int) -> None:
        """Give the plants and end users that are added from now on ids from `first`."""
        self._user_ids = itertools.count(first)
        self._plant_ids = itertools.count(first)

    # Binding

    def accept(self, device: Device, plant: Plant, user: User) -> None:
        """Accept a device for a plant, replacing an open request for another plant."""
        now = self.simulation.now()
        count = self._bindings[device.sn].accepted_count if device.sn in self._bindings else 0
        self._bindings[device.sn] = Binding(device.sn, plant.plant_id, user.user_id, now, count + 1)
        self._request(device, plant, now)

    def accept_datalogger(self, datalogger: Datalogger, plant: Plant) -> None:
        """Add a datalogger to a plant at once, and its devices as soon as they are online."""
        now = self.simulation.now()
        datalogger.plant_id, datalogger.added = plant.plant_id, now
        for device in self._behind(datalogger):
            if device.plant_id is None:
                self._request(device, plant, now)

    def delete_datalogger(self, datalogger: Datalogger) -> None:
        """Remove a datalogger and its devices from their plant."""
        for device in self._behind(datalogger):
            self.remove_from_plant(device.sn)
        datalogger.plant_id = datalogger.added = None

    def delete_plant(self, plant_id: int) -> None:
        """Delete a plant; its devices and dataloggers then belong to nobody."""
        for device in self.devices.values():
            if plant_id in {device.plant_id, device.requested_plant_id}:
                self.remove_from_plant(device.sn)
        for datalogger in self.dataloggers_of(plant_id):
            datalogger.plant_id = datalogger.added = None
        del self.plants[plant_id]

    def settle(self) -> None:
        """Bring online what is due, and associate the devices that are online."""
        now = self.simulation.now()
        for datalogger in self._dataloggers.values():
            if datalogger.online_at is not None and datalogger.online_at <= now:
                self._start(datalogger, datalogger.online_at)
                for device in self._behind(datalogger):
                    if not device.online and device.online_at is None:
                        device.online_at = datalogger.online_since
        for device in self._devices.values():
            if device.online_at is not None and device.online_at <= now:
                device.online, device.online_since = True, device.online_at
                device.online_at = None
            if device.online and device.requested_plant_id is not None:
                reached = max(device.requested or 0, device.online_since or 0)
                self._place(device, device.requested_plant_id, reached)

    # Changing dataloggers and devices

    def bring_datalogger_online(self, sn: str, *, devices_after: float | None = 0.0) -> None:
        """Bring a datalogger online now, so that it reports; KeyError if it does not exist.

        The devices behind it come online after `devices_after` simulated seconds, with None not
        at all: then none is plugged in or awake.
        """
        datalogger, now = self.dataloggers[sn], self.simulation.now()
        follow = None if devices_after is None else now + devices_after
        self._start(datalogger, now)
        for device in self._behind(datalogger):
            if not device.online:
                device.online_at = follow
        self.settle()

    def take_datalogger_offline(self, sn: str) -> None:
        """Take a datalogger offline, and with it the devices behind it; all stay in their plant."""
        datalogger = self.dataloggers[sn]
        datalogger.last_report = self.last_report(datalogger)
        datalogger.online, datalogger.online_since, datalogger.online_at = False, None, None
        for device in self._behind(datalogger):
            self._stop(device)

    def bring_online(self, sn: str) -> None:
        """Bring a device online now; KeyError if it does not exist."""
        device = self.devices[sn]
        if not device.online:
            device.online, device.online_since = True, self.simulation.now()
        device.online_at = None
        self.settle()

    def take_offline(self, sn: str) -> None:
        """Take a device offline; it stays in its plant."""
        device = self.devices[sn]
        if (datalogger := self._dataloggers.get(device.datalogger_sn)) is not None:
            datalogger.last_report = self.last_report(datalogger)
        self._stop(device)

    def remove_from_plant(self, sn: str) -> None:
        """Remove a device from its plant and drop an open request for it."""
        device = self.devices[sn]
        device.plant_id = device.placed = device.requested_plant_id = device.requested = None

    def move(self, sn: str, plant_id: int) -> None:
        """Move a device to any plant; KeyError if either does not exist."""
        self._place(self.devices[sn], self.plants[plant_id].plant_id, self.simulation.now())

    def _behind(self, datalogger: Datalogger) -> list[Device]:
        return [dev for dev in self._devices.values() if dev.datalogger_sn == datalogger.sn]

    def _connected(self, sn: str) -> Datalogger | None:
        """Return the datalogger of a device that is being added, None if it has none."""
        if sn and sn not in self._dataloggers:
            self._dataloggers[sn] = Datalogger(sn, usual_check_code(sn))
        return self._dataloggers.get(sn)

    def _online_since(self, datalogger: Datalogger) -> list[float]:
        """Return since when a datalogger and the devices behind it are online, if they are."""
        found: tuple[Datalogger | Device, ...] = (datalogger, *self._behind(datalogger))
        return [item.online_since for item in found if item.online_since is not None]

    @staticmethod
    def _start(datalogger: Datalogger, time: float) -> None:
        if not datalogger.online:
            datalogger.online, datalogger.online_since = True, time
        datalogger.online_at = None

    @staticmethod
    def _stop(device: Device) -> None:
        device.online, device.online_since, device.online_at = False, None, None

    def _request(self, device: Device, plant: Plant, now: float) -> None:
        device.requested_plant_id, device.requested = plant.plant_id, now
        if device.online_after_request is not None and not device.online:
            device.online_at = now + device.online_after_request
        self.settle()

    def _place(self, device: Device, plant_id: int, time: float) -> None:
        device.plant_id, device.placed = plant_id, time
        device.requested_plant_id = device.requested = None
        datalogger = self._dataloggers.get(device.datalogger_sn)
        if datalogger is not None and datalogger.plant_id != plant_id:
            datalogger.plant_id, datalogger.added = plant_id, time
        binding = self._bindings.get(device.sn)
        if binding is not None and binding.plant_id == plant_id and binding.associated_at is None:
            binding.associated_at = time
