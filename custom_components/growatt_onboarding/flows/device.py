"""What the flows of devices share: submit one again, and watch what becomes of them."""

from abc import abstractmethod
import asyncio
from typing import NamedTuple

from homeassistant.config_entries import SubentryFlowResult

from ..binding.model import Binding, BindingState
from ..clock import minutes_until, now
from ..cloud.errors import CloudError
from ..cloud.model import DeviceKind
from ..cloud.provider import Capability
from ..coordinator import AccountCoordinator
from ..gateway.store import NotStoredError
from .forms import UserInput
from .plant import PlantFlow
from .results import async_results
from .steps import with_minimum_duration


class _Stage(NamedTuple):
    """How far the devices are, as a person is told.

    Attributes:
        action: the key of the text.
        done: how many of them are in the cloud.
        waiting: how many are still waited for.
        minutes: within how many they are looked at next, where the text says so. Of a time of day
            only the front end would know how it is written, and in which time zone.
        sent: how many of them were sent, where the text says so.

    """

    action: str
    done: int
    waiting: int
    minutes: int = 0
    sent: int = 0


class DeviceFlow(PlantFlow):
    """A subentry flow that adds devices or submits one again."""

    _coordinator: AccountCoordinator
    _stage: _Stage

    def __init__(self) -> None:
        """Start with nothing entered."""
        super().__init__()
        # The devices that the flow is about, as far as they are tracked.
        self._serials: list[str] = []
        # What the cloud said that serial numbers belong to.
        self._kinds: dict[str, DeviceKind] = {}
        # Ends when there is something else to tell; the result is whether anybody has to go on.
        self._watching: asyncio.Task[bool] | None = None
        self._watched_until = 0.0

    async def async_step_user(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Ask for devices and their plant."""
        self._check_may_bind()
        return await self._ask_devices()

    @abstractmethod
    async def _ask_devices(self) -> SubentryFlowResult:
        """Ask which devices to add to which plant."""

    # Reconfigure a device

    async def async_step_reconfigure(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Offer to submit a device again, also to another plant."""
        self._check_may_bind()
        account = self._account
        self._serials = [str(self._get_reconfigure_subentry().unique_id)]
        self._plant_id = self._binding.plant_id
        options = ["submit_again"]
        if self._can(Capability.PLANTS):
            options.append("plant")
        elif (field := account.provider.plant_id_field) is not None:
            self._memory.typed[field.name] = self._plant_id
            options.append("place")
        return self.async_show_menu(
            step_id="reconfigure",
            menu_options=options,
            description_placeholders={
                "account": self._entry.title,
                "serial": self._serials[0],
                "plant": self._plant_label,
            },
        )

    @property
    def _binding(self) -> Binding:
        """Return the device's binding; abort if there is nothing to submit."""
        serial = self._serials[0]
        binding = self._account.coordinator.data.get(serial)
        if binding is None:
            raise self._abort("not_tracked", serial=serial)
        if binding.state is BindingState.ASSOCIATED:
            plant = self._account.plants.label(binding.plant_id)
            raise self._abort("already_associated", serial=serial, plant=plant)
        return binding

    async def async_step_plant(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Choose another plant for the device."""
        return await self._move("plant", user_input)

    async def async_step_place(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Enter something else in place of a plant."""
        return await self._move("place", user_input)

    async def _move(self, step_id: str, user_input: UserInput) -> SubentryFlowResult:
        """Submit the device to the plant that this step asks for."""
        if user_input is not None:
            self._memory.remember(self._plant_fields, user_input)
            try:
                if not await self._choose_plant(user_input):
                    return await self._ask_new_plant(step_id, user_input)
            except CloudError as err:
                self._memory.set_error(err)
            else:
                return await self.async_step_submit_again({})
        return await self._show_with_plant(step_id, {})

    async def async_step_submit_again(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Submit the device's binding again."""
        serial = self._binding.serial
        if user_input is not None:
            self._coordinator = self._account.coordinator
            try:
                await self._coordinator.async_submit_again(serial, self._plant_id)
            except NotStoredError:
                self._memory.set_error(CloudError("not_stored"))
            else:
                return await self._watch()
        return self._show("submit_again", {}, serial=serial)

    # What becomes of them

    async def _watch(self) -> SubentryFlowResult:
        """Watch what becomes of the devices, for a while."""
        self._watching = None
        self._watched_until = now() + self._coordinator.timing.watched_for
        return await self.async_step_binding()

    async def async_step_binding(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Show how far the devices are. Closing the flow loses nothing."""
        watching = self._watching
        if watching is None or watching.done():
            stage = self._stage_now()
            if stage is None or (watching is not None and not watching.result()):
                return self.async_show_progress_done(next_step_id="done")
            self._stage = stage
            watch = self._coordinator.async_watch(
                lambda: self._stage_now() != stage, self._watched_until
            )
            watching = self._watching = self.hass.async_create_task(with_minimum_duration(watch))
        return self.async_show_progress(
            step_id="binding",
            progress_action=self._stage.action,
            progress_task=watching,
            description_placeholders={
                "count": str(len(self._serials)),
                "done": str(self._stage.done),
                "waiting": str(self._stage.waiting),
                "minutes": str(self._stage.minutes),
                "sent": str(self._stage.sent),
            },
        )

    def _stage_now(self) -> _Stage | None:
        """Return how far the devices are, None when there is nothing (more) to wait for."""
        known, coordinator = self._tracked, self._coordinator
        waiting = [one for one in known if one.pending]
        if not waiting:
            return None
        at = coordinator.next_look([one.serial for one in waiting], watched=True)
        if at is None:
            return None
        done = sum(one.state is BindingState.ASSOCIATED for one in known)
        first_look = coordinator.timing.first_look
        unanswered = [one for one in waiting if one.state is not BindingState.ACCEPTED]
        if not unanswered and self._asks_next:
            return None
        # Before the first look nobody knows more than that it was accepted.
        looked = at > max(one.waiting_since for one in waiting) + first_look
        if unanswered and at <= now() + first_look:
            sent = sum(one.sent_at is not None for one in known)
            return _Stage("binding", done, len(waiting), sent=sent)
        if not unanswered and not done and not looked:
            return _Stage("accepted", done, len(waiting))
        return _Stage(
            "retrying"
            if unanswered
            else "in_cloud"
            if done
            else "waiting_datalogger"
            if all(one.kind is DeviceKind.DATALOGGER for one in waiting)
            else "waiting"
            if self._can(Capability.DATALOGGER)
            else "waiting_alone",
            done,
            len(waiting),
            minutes_until(at),
        )

    @property
    def _asks_next(self) -> bool:
        """Whether the answers lead to a question, which is not to wait for anything else."""
        return False

    async def async_step_done(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Show the result for each device. The subentries already exist."""
        if not (known := self._tracked):
            raise self._abort("not_tracked", serial=", ".join(self._serials))
        waiting = [one for one in known if one.pending]
        return self.async_abort(
            reason=(
                "datalogger_submitted"
                if any(one.kind is DeviceKind.DATALOGGER for one in waiting)
                else "waiting"
                if waiting
                else "refused"
                if any(one.state.refused for one in known)
                else "all_associated"
            ),
            description_placeholders={
                "account": self._entry.title,
                "results": await async_results(self.hass, self._entry, known, self._remark),
            },
        )

    @property
    def _tracked(self) -> list[Binding]:
        """The bindings that the flow is about, without those that were removed meanwhile."""
        bindings = self._coordinator.data
        return [bindings[serial] for serial in self._serials if serial in bindings]

    def _remark(self, binding: Binding) -> str | None:
        """Return the key of what to say of a binding in place of its own reason, if anything."""
        return None
