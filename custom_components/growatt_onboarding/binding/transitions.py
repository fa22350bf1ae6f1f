"""State transitions: how each answer of the cloud changes a binding (as a new value)."""

from collections.abc import Iterable, Iterator, Mapping
from copy import replace

from ..cloud.errors import (
    AlreadyBoundError,
    CloudError,
    InvalidInputError,
    RejectedError,
    TryAgainError,
    UnknownCodeError,
    WrongServerError,
)
from ..cloud.model import DeviceKind, Location, Sighting, SightingPage
from .model import Binding, BindingState, may_bring
from .planner import PartialList, Step, StepKind
from .timing import SUBMIT_TRIES


def queue(
    serial: str,
    plant_id: str,
    now: float,
    kind: DeviceKind = DeviceKind.INVERTER,
    *,
    keep_refused: bool = True,
) -> Binding:
    """Return a new binding that is waiting to be sent."""
    return Binding(
        serial=serial, plant_id=plant_id, kind=kind, queued_at=now, keep_refused=keep_refused
    )


def overdue(binding: Binding, now: float) -> Binding:
    """Return a binding that was found to have waited too long."""
    return replace(binding, overdue_at=now)


def recover(serial: str, plant_id: str, now: float, kind: DeviceKind) -> Binding:
    """Return a binding for a device whose stored binding was lost.

    It may have been sent before, so the device is looked for before anything is sent.
    """
    return Binding(
        serial=serial,
        plant_id=plant_id,
        kind=kind,
        state=BindingState.UNCONFIRMED,
        queued_at=now,
        maybe_accepted_before=True,
    )


def returned(binding: Binding) -> Binding:
    """Return a binding whose device Home Assistant lost: it is looked for before it is sent."""
    if not (binding.pending or binding.state is BindingState.ASSOCIATED):
        return binding
    return replace(
        binding,
        state=BindingState.UNCONFIRMED,
        maybe_accepted_before=_may_be_accepted(binding),
        list_checked_at=None,
        watch_seen_at=None,
        holder_checked_at=None,
        missing_at=None,
    )


def submit_again(binding: Binding, now: float, plant_id: str | None = None) -> Binding:
    """Return a binding that will be sent again, optionally to another plant."""
    plant_id = plant_id or binding.plant_id
    return Binding(
        serial=binding.serial,
        plant_id=plant_id,
        kind=binding.kind,
        queued_at=now,
        maybe_accepted_before=plant_id == binding.plant_id and _may_be_accepted(binding),
        device_key=binding.device_key,
        model=binding.model,
        series=binding.series,
        datalogger=binding.datalogger,
        last_report=binding.last_report,
        brought_at=binding.brought_at,
    )


def _may_be_accepted(binding: Binding) -> bool:
    """Return whether the cloud may have accepted an earlier request of ours for this plant."""
    if binding.maybe_accepted_before:
        return True
    if binding.sent_at is None or binding.known_to_cloud:
        return False
    return not binding.state.refused


def sending(binding: Binding, now: float) -> Binding:
    """Return the binding that must be on disk before the request is sent."""
    return replace(
        binding,
        state=BindingState.UNCONFIRMED,
        sent_at=now,
        maybe_accepted_before=_may_be_accepted(binding),
        list_checked_at=None,
        holder_checked_at=None,
        watch_seen_at=None,
        reason=None,
        message=None,
    )


def accepted(binding: Binding, now: float, device_key: str | None = None) -> Binding:
    """Return the binding after the cloud accepted it; the device is yet to appear.

    `device_key`: the cloud's own key of the device, if it told one.
    """
    return replace(
        binding,
        state=BindingState.ACCEPTED,
        accepted_at=now,
        known_to_cloud=False,
        failures=0,
        keep_refused=True,
        device_key=device_key or binding.device_key,
        reason=None,
        message=None,
    )


def known_already(binding: Binding) -> Binding:
    """Return the binding after "already exists"; who holds the device is yet to be found out."""
    return replace(binding, state=BindingState.UNCONFIRMED, known_to_cloud=True, failures=0)


def failed(binding: Binding, reason: str, message: str | None) -> Binding:
    """Return the binding after the cloud failed on its side: queued again, a few times."""
    failures = binding.failures + 1
    return replace(
        binding,
        state=BindingState.QUEUED if failures < SUBMIT_TRIES else BindingState.REJECTED,
        failures=failures,
        reason=reason,
        message=message,
    )


def rejected(binding: Binding, reason: str, message: str | None) -> Binding:
    """Return the binding after the cloud refused it for good."""
    return replace(binding, state=BindingState.REJECTED, reason=reason, message=message)


def seen(binding: Binding, now: float) -> Binding:
    """Return the binding after the watch list showed its inverter, which is to be confirmed."""
    if not binding.pending or binding.watch_seen_at is not None:
        return binding
    return replace(binding, watch_seen_at=now)


def listed(binding: Binding, sighting: Sighting, now: float, ahead: float = 0) -> Binding:
    """Return the binding after its plant's list showed its device.

    That associates an inverter. A datalogger is listed from the moment it is accepted, so only its
    reports show that it is online, unless it was in the plant before our request. `ahead`: by how
    many seconds the cloud's clock is ahead of ours, as far as that is known.
    """
    has_reported = _has_reported(binding, sighting.reported_at, now, ahead)
    binding = replace(
        binding,
        model=sighting.model or binding.model,
        series=sighting.series or binding.series,
        datalogger=sighting.datalogger or binding.datalogger,
        last_report=sighting.reported_at or binding.last_report,
    )
    is_there = sighting.online or has_reported or _was_there(binding)
    if binding.kind is DeviceKind.INVERTER or is_there:
        return present(binding, now)
    if binding.state in {BindingState.UNCONFIRMED, BindingState.REJECTED}:
        binding = accepted(binding, now)
    return replace(binding, silent=True, list_checked_at=now)


def _has_reported(binding: Binding, report: float | None, now: float, ahead: float) -> bool:
    """Return whether a datalogger's latest report is one since it was sent.

    Clocks differ, so a report that was listed before proves nothing, and a later one all.
    """
    if report is None:
        return False
    if binding.silent:
        return binding.last_report is None or binding.last_report < report
    return (binding.sent_at or binding.queued_at) < report - ahead <= now


def _was_there(binding: Binding) -> bool:
    """Return whether a listed datalogger is ours whether or not it has reported since."""
    already_ours = binding.known_to_cloud and not binding.maybe_accepted_before
    # One that was refused may be there by a request of ours all the same.
    refused = binding.state is BindingState.REJECTED
    waits = (binding.pending or refused) and binding.associated_at is None
    return already_ours or not waits


def present(binding: Binding, now: float) -> Binding:
    """Return the binding after its device was found in its plant."""
    known = binding.associated_at if binding.state is BindingState.ASSOCIATED else None
    return replace(
        binding,
        state=BindingState.ASSOCIATED,
        associated_at=now if known is None else known,
        list_checked_at=now,
        missing_at=None,
        known_to_cloud=False,
        failures=0,
        keep_refused=True,
        reason=None,
        message=None,
        holder_plant=None,
        holder_plant_name=None,
        holder_owner=None,
        silent=False,
    )


def absent(
    binding: Binding, now: float, began: float | None = None, *, last_word: bool = False
) -> Binding:
    """Return the binding after a complete reading of the plant's list lacked its device.

    The reading began at `began`. It proves nothing if the binding changed since then, because
    the first pages are older than the change. An associated device is lost only after a second
    answer: a list can lack a device because its pages shifted or the cloud returned only a part.
    `last_word` means that the cloud has no other way to tell who holds a device.
    """
    if _changed_since(began, binding):
        return binding
    binding = replace(binding, list_checked_at=now, silent=False)
    if binding.state is BindingState.ASSOCIATED:
        first = binding.missing_at is None
        return replace(binding, missing_at=now) if first else _gone(binding)
    if binding.state is not BindingState.UNCONFIRMED:
        return binding
    if binding.known_to_cloud:
        # The cloud may know it from an earlier request of ours; otherwise somebody else holds it.
        settled = last_word and not binding.maybe_accepted_before
        return holder_unknown(binding, now) if settled else binding
    return _send_again(binding)


def _send_again(binding: Binding) -> Binding:
    """Return the unconfirmed binding after nothing was found that its request led to.

    It may be accepted but not listed yet: it is sent again, as the answer will tell. If the cloud
    never answers, the inverter is only looked for.
    """
    failures = binding.failures + 1
    if failures >= SUBMIT_TRIES:
        return binding
    return replace(
        binding, state=BindingState.QUEUED, failures=failures, maybe_accepted_before=True
    )


def overlooked(
    binding: Binding, now: float, began: float | None, *, last_word: bool = False
) -> Binding:
    """Return the binding after a list that may not have shown all lacked its device.

    That proves nothing. An associated device is missing until the cloud was
    asked for that once, if it can tell.
    """
    if _changed_since(began, binding):
        return binding
    missing_at = None
    if binding.state is BindingState.ASSOCIATED and not last_word:
        missing_at, asked_at = binding.missing_at or now, binding.holder_checked_at
        if asked_at is not None and asked_at >= missing_at:
            missing_at = None
    return replace(binding, list_checked_at=now, missing_at=missing_at)


def _changed_since(began: float | None, binding: Binding) -> bool:
    """Return whether a binding changed after a reading of a list had begun."""
    changes = (binding.sent_at, binding.accepted_at, binding.watch_seen_at, binding.associated_at)
    return began is not None and any(at is not None and began < at for at in changes)


def located(
    binding: Binding,
    now: float,
    *,
    plant_id: str | None,
    ours: bool,
    plant_name: str | None = None,
    owner_id: str | None = None,
) -> Binding:
    """Return the binding after the cloud named the holder; `ours` means this plant and account."""
    if ours:
        return replace(
            present(binding, now), list_checked_at=binding.list_checked_at, holder_checked_at=now
        )
    return replace(
        binding,
        state=BindingState.CONFLICT,
        holder_checked_at=now,
        missing_at=None,
        known_to_cloud=False,
        maybe_accepted_before=False,
        holder_plant=plant_id,
        holder_plant_name=plant_name,
        holder_owner=owner_id,
    )


def _gone(binding: Binding) -> Binding:
    """Return the associated binding after its device left its plant."""
    return replace(binding, state=BindingState.LOST, missing_at=None)


def unclaimed(binding: Binding, now: float) -> Binding:
    """Return the binding after the cloud answered that no plant holds the device."""
    if binding.state is BindingState.CONFLICT:
        # The other holder released it, so the request can succeed now.
        again = submit_again(binding, now)
        return replace(again, list_checked_at=binding.list_checked_at, holder_checked_at=now)
    binding = replace(binding, holder_checked_at=now, watch_seen_at=None)
    if binding.state is BindingState.ASSOCIATED:
        return _gone(binding)
    if binding.state is not BindingState.UNCONFIRMED:
        return binding
    if not binding.known_to_cloud:
        # Its plant's list was looked at too, but may not have shown all.
        return binding if binding.list_checked_at is None else _send_again(binding)
    # No plant holds it, so what the cloud already knows may be our own earlier request.
    return accepted(binding, now) if binding.maybe_accepted_before else binding


def holder_unknown(binding: Binding, now: float) -> Binding:
    """Return the binding after the cloud did not tell who holds the device."""
    if binding.state is BindingState.UNCONFIRMED and binding.known_to_cloud:
        return located(binding, now, plant_id=None, ours=False)
    return replace(binding, holder_checked_at=now)


def is_refusal(error: CloudError) -> bool:
    """Return whether the request was refused for good: a retry would be refused too."""
    return isinstance(error, (RejectedError, InvalidInputError, UnknownCodeError, WrongServerError))


def is_answer(error: CloudError) -> bool:
    """Return whether the error is the cloud's decision about the binding and no other fault."""
    return is_refusal(error) or isinstance(error, (AlreadyBoundError, TryAgainError))


def of_submission(
    sent: Binding,
    before: Binding,
    error: CloudError | None,
    now: float,
    device_key: str | None = None,
) -> Binding:
    """Return the binding after its request ended; `before` is its state before it was sent."""
    if error is None:
        return accepted(sent, now, device_key)
    if isinstance(error, AlreadyBoundError):
        return known_already(sent)
    if isinstance(error, TryAgainError):
        return failed(sent, error.key, error.words)
    if is_refusal(error):
        return rejected(sent, error.key, error.words)
    return sent if error.outcome_unknown else before


def of_page(
    bindings: Iterable[Binding],
    step: Step,
    page: SightingPage,
    look: PartialList,
    now: float,
    *,
    last_word: bool,
    ahead: float = 0,
) -> Iterator[Binding]:
    """Yield a plant's bindings after a page of a list; `look` holds the earlier pages.

    `last_word` means that the cloud has no other way to tell who holds a device; for `ahead` see
    `listed`.
    """
    ended = not page.has_next(look.page, look.serials)
    in_plant = [binding for binding in bindings if binding.plant_id == step.plant_id]
    ours = [binding for binding in in_plant if binding.kind is step.device]
    # A device that is shown by a key that nobody knows may be any of them.
    strangers = (look.keys | page.keys).difference(*(binding.names for binding in ours))
    unlisted = overlooked if page.more or page.lacks_some or strangers else absent
    found = {sighting.serial: sighting for sighting in page.sightings}
    for binding in ours:
        sighting = next(filter(None, map(found.get, binding.names)), None)
        if sighting is not None:
            yield listed(binding, sighting, now, ahead)
        elif ended and binding.names.isdisjoint(look.serials):
            yield unlisted(binding, now, look.began, last_word=last_word)
    if step.device is DeviceKind.INVERTER:
        behind = {sighting.datalogger for sighting in page.sightings if _is_behind_one(sighting)}
        for binding in filter(may_bring, in_plant):
            if binding.serial in behind:
                binding = replace(binding, brought_at=binding.brought_at or now)  # noqa: PLW2901
            yield replace(binding, behind_checked_at=now) if ended else binding


def _is_behind_one(sighting: Sighting) -> bool:
    """Return whether a list shows an inverter with its serial number and its datalogger's."""
    is_inverter = sighting.kind is DeviceKind.INVERTER and not sighting.by_key
    return is_inverter and sighting.datalogger is not None


def brought(
    bindings: Iterable[Binding], step: Step, page: SightingPage, now: float
) -> Iterator[Binding]:
    """Yield new bindings of inverters that a list shows behind dataloggers of this plant."""
    if step.device is not DeviceKind.INVERTER:
        return
    bringing = {
        binding.serial
        for binding in bindings
        if binding.plant_id == step.plant_id and may_bring(binding)
    }
    for sighting in page.sightings:
        if _is_behind_one(sighting) and sighting.datalogger in bringing:
            yield listed(queue(sighting.serial, step.plant_id, now), sighting, now)


def unblocked(
    changed: Iterable[Binding], known: Mapping[str, Binding], now: float
) -> Iterator[Binding]:
    """Yield inverters to send again, as a datalogger of their plant was just associated.

    The cloud had refused them because it knew no datalogger for them.
    """
    plants = {
        binding.plant_id
        for binding in changed
        if may_bring(binding)
        and binding.serial in known
        and known[binding.serial].state is not BindingState.ASSOCIATED
    }
    for binding in known.values() if plants else ():
        if binding.plant_id in plants and binding.refused_for_now:
            yield replace(submit_again(binding, now), keep_refused=binding.keep_refused)


def as_kind(binding: Binding, kind: DeviceKind, now: float, plant_id: str | None = None) -> Binding:
    """Return a new binding of what turned out to be the other kind, optionally in another plant."""
    return queue(binding.serial, plant_id or binding.plant_id, now, kind)


def of_location(
    binding: Binding, location: Location | None, account_id: str, now: float
) -> Binding:
    """Return a binding after the cloud answered who holds its inverter."""
    if location is None:
        return unclaimed(binding, now)
    return located(
        binding,
        now,
        plant_id=location.plant_id,
        plant_name=location.plant_name,
        owner_id=location.owner_id,
        ours=location.plant_id == binding.plant_id and location.owner_id in (None, account_id),
    )


def of_missing_plant(
    bindings: Iterable[Binding], step: Step, reason: str, now: float
) -> Iterator[Binding]:
    """Yield a plant's bindings after the cloud answered to a look that it does not exist."""
    for binding in bindings:
        if binding.list_key == step.list_key:
            yield (rejected(binding, reason, None) if binding.pending else absent(binding, now))
        elif binding.plant_id == step.plant_id and may_bring(binding):
            yield replace(binding, behind_checked_at=now)


def of_denial(binding: Binding, kind: StepKind, reason: str, now: float) -> Binding:
    """Return a binding after the cloud denied the account this kind of step."""
    if kind is StepKind.SUBMIT:
        return rejected(binding, reason, None)
    return holder_unknown(binding, now)
