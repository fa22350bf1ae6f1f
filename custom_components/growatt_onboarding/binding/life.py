"""What an answer makes of a binding. Every function returns a new binding."""

from dataclasses import replace

from .model import Binding, BindingState
from .timing import SUBMIT_TRIES, Timing

# What a binding starts again with when it is sent anew.
_FRESH: dict[str, object] = {
    "accepted_at": None,
    "associated_at": None,
    "seen_at": None,
    "looked_at": None,
    "located_at": None,
    "not_before": 0,
    "failures": 0,
    "exists": False,
    "reason": None,
    "message": None,
    "holder_plant": None,
    "holder_owner": None,
}


def queue(serial: str, plant_id: str, now: float) -> Binding:
    """Return a new binding that waits to be sent."""
    return Binding(serial=serial, plant_id=plant_id, queued_at=now)


def recover(serial: str, plant_id: str, now: float) -> Binding:
    """Return a binding for an inverter of which nothing is known any more.

    It may have been sent: it is looked for before anything is sent again.
    """
    return Binding(
        serial=serial,
        plant_id=plant_id,
        state=BindingState.UNCONFIRMED,
        queued_at=now,
        resubmitted=True,
    )


def submit_again(binding: Binding, now: float, plant_id: str | None = None) -> Binding:
    """Return the binding as a person wants it: sent anew, perhaps to another plant."""
    moved = plant_id is not None and plant_id != binding.plant_id
    return replace(
        binding,
        plant_id=plant_id or binding.plant_id,
        state=BindingState.QUEUED,
        queued_at=now,
        resubmitted=binding.sent_at is not None and not moved,
        sent_at=None,
        **_FRESH,  # type: ignore[arg-type]
    )


def sending(binding: Binding, now: float) -> Binding:
    """Return what has to be on disk before the request leaves."""
    return replace(
        binding,
        state=BindingState.UNCONFIRMED,
        sent_at=now,
        resubmitted=binding.resubmitted or binding.sent_at is not None,
        looked_at=None,
        located_at=None,
        seen_at=None,
        reason=None,
        message=None,
    )


def accepted(binding: Binding, now: float) -> Binding:
    """The cloud said yes; the device is yet to appear."""
    return replace(
        binding,
        state=BindingState.ACCEPTED,
        accepted_at=now,
        exists=False,
        failures=0,
        not_before=0,
        reason=None,
        message=None,
    )


def exists_already(binding: Binding) -> Binding:
    """The cloud knows the serial number: whose it is has to be found out."""
    return replace(binding, state=BindingState.UNCONFIRMED, exists=True, failures=0)


def failed(
    binding: Binding, now: float, timing: Timing, reason: str, message: str | None
) -> Binding:
    """The cloud failed on its side: again later, a few times."""
    failures = binding.failures + 1
    if failures >= SUBMIT_TRIES:
        return rejected(replace(binding, failures=failures), reason, message)
    return replace(
        binding,
        state=BindingState.QUEUED,
        failures=failures,
        not_before=now + timing.retry_pause(failures),
        reason=reason,
        message=message,
    )


def rejected(binding: Binding, reason: str, message: str | None) -> Binding:
    """The cloud refused for good."""
    return replace(binding, state=BindingState.REJECTED, reason=reason, message=message)


def seen(binding: Binding, now: float) -> Binding:
    """A list that names no plant shows the device: a confirmation is worth asking for."""
    if not binding.pending or binding.seen_at is not None:
        return binding
    return replace(binding, seen_at=now)


def present(
    binding: Binding, now: float, *, model: str | None = None, datalogger: str | None = None
) -> Binding:
    """The device stands in its plant."""
    return replace(
        binding,
        state=BindingState.ASSOCIATED,
        associated_at=binding.associated_at
        if binding.state is BindingState.ASSOCIATED
        else now,
        looked_at=now,
        exists=False,
        failures=0,
        not_before=0,
        reason=None,
        message=None,
        holder_plant=None,
        holder_owner=None,
        model=model or binding.model,
        datalogger=datalogger or binding.datalogger,
    )


def absent(binding: Binding, now: float) -> Binding:
    """The plant's whole list was read and does not show the device."""
    binding = replace(binding, looked_at=now)
    if binding.state is BindingState.ASSOCIATED:
        return replace(binding, state=BindingState.LOST)
    if binding.state is BindingState.UNCONFIRMED and not binding.exists:
        # Not there yet can still mean accepted: the cloud's answer to a second request tells.
        return replace(binding, state=BindingState.QUEUED, resubmitted=True)
    return binding


def located(
    binding: Binding,
    now: float,
    *,
    plant_id: str | None,
    ours: bool,
    plant_name: str | None = None,
    owner_id: str | None = None,
) -> Binding:
    """The cloud said who holds the device; `ours` is whether that is this plant and account."""
    if ours:
        return replace(present(binding, now), looked_at=binding.looked_at, located_at=now)
    return replace(
        binding,
        state=BindingState.CONFLICT,
        located_at=now,
        exists=False,
        holder_plant=plant_name or plant_id,
        holder_owner=owner_id,
    )


def held_by_nobody(binding: Binding, now: float) -> Binding:
    """The cloud said that no plant holds the device."""
    binding = replace(binding, located_at=now, seen_at=None)
    if binding.state is BindingState.ASSOCIATED:
        return replace(binding, state=BindingState.LOST)
    if binding.state is BindingState.CONFLICT:
        # Whoever held it let it go: what was asked for can be had now.
        return submit_again(binding, now)
    if binding.state is BindingState.UNCONFIRMED and binding.exists and binding.resubmitted:
        # Known to the cloud, held by nobody, and sent by us before: our request is what it knows.
        return accepted(binding, now)
    return binding


def held_out_of_reach(binding: Binding, now: float) -> Binding:
    """The cloud may not say who holds the device."""
    if binding.state is BindingState.UNCONFIRMED and binding.exists:
        return located(binding, now, plant_id=None, ours=False)
    return replace(binding, located_at=now)
