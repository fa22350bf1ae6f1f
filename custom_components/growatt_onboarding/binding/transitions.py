"""State transitions: how each answer of the cloud changes a binding (as a new value)."""

from collections.abc import Iterable, Iterator
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
from ..cloud.model import Location, SightingPage
from .model import Binding, BindingState
from .planner import PartialList, StepKind
from .timing import SUBMIT_TRIES


def queue(serial: str, plant_id: str, now: float) -> Binding:
    """Return a new binding that is waiting to be sent."""
    return Binding(serial=serial, plant_id=plant_id, queued_at=now)


def recover(serial: str, plant_id: str, now: float) -> Binding:
    """Return a binding for an inverter whose stored binding was lost.

    It may have been sent before, so the inverter is looked for before anything is sent.
    """
    return Binding(
        serial=serial,
        plant_id=plant_id,
        state=BindingState.UNCONFIRMED,
        queued_at=now,
        maybe_accepted_before=True,
    )


def returned(binding: Binding) -> Binding:
    """Return a binding whose inverter Home Assistant lost: it is looked for before it is sent."""
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
        queued_at=now,
        maybe_accepted_before=plant_id == binding.plant_id and _may_be_accepted(binding),
        device_key=binding.device_key,
        model=binding.model,
        datalogger=binding.datalogger,
    )


def _may_be_accepted(binding: Binding) -> bool:
    """Return whether the cloud may have accepted an earlier request of ours for this plant."""
    if binding.maybe_accepted_before:
        return True
    if binding.sent_at is None or binding.known_to_cloud:
        return False
    return binding.state not in (BindingState.CONFLICT, BindingState.REJECTED)


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
    """Return the binding after the cloud accepted it; the inverter is yet to appear.

    `device_key`: the cloud's own key of the inverter, if it told one.
    """
    return replace(
        binding,
        state=BindingState.ACCEPTED,
        accepted_at=now,
        known_to_cloud=False,
        failures=0,
        device_key=device_key or binding.device_key,
        reason=None,
        message=None,
    )


def known_already(binding: Binding) -> Binding:
    """Return the binding after "already exists"; who holds the inverter is yet to be found out."""
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


def present(
    binding: Binding, now: float, *, model: str | None = None, datalogger: str | None = None
) -> Binding:
    """Return the binding after its inverter was found in its plant."""
    known = binding.associated_at if binding.state is BindingState.ASSOCIATED else None
    return replace(
        binding,
        state=BindingState.ASSOCIATED,
        associated_at=now if known is None else known,
        list_checked_at=now,
        missing_at=None,
        known_to_cloud=False,
        failures=0,
        reason=None,
        message=None,
        holder_plant=None,
        holder_owner=None,
        model=model or binding.model,
        datalogger=datalogger or binding.datalogger,
    )


def absent(
    binding: Binding, now: float, began: float | None = None, *, last_word: bool = False
) -> Binding:
    """Return the binding after a complete reading of the plant's list lacked its inverter.

    The reading began at `began`. It proves nothing if the binding changed since then, because
    the first pages are older than the change. An associated inverter is lost only after a second
    answer: a list can lack a device because its pages shifted or the cloud returned only a part.
    `last_word` means that the cloud has no other way to tell who holds an inverter.
    """
    if _changed_since(began, binding):
        return binding
    binding = replace(binding, list_checked_at=now)
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
    """Return the binding after a list that may not have shown all lacked its inverter.

    That proves nothing. An associated inverter is missing until the cloud was
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
        holder_plant=plant_name or plant_id,
        holder_owner=owner_id,
    )


def _gone(binding: Binding) -> Binding:
    """Return the associated binding after its inverter left its plant."""
    return replace(binding, state=BindingState.LOST, missing_at=None)


def unclaimed(binding: Binding, now: float) -> Binding:
    """Return the binding after the cloud answered that no plant holds the inverter."""
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
    """Return the binding after the cloud did not tell who holds the inverter."""
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
    message = error.placeholders.get("message")
    if message and error.code is not None:
        # The code tells more than our text does, and may mean something else.
        message = f"{error.code}: {message}"
    if isinstance(error, AlreadyBoundError):
        return known_already(sent)
    if isinstance(error, TryAgainError):
        return failed(sent, error.key, message)
    if is_refusal(error):
        return rejected(sent, error.key, message)
    return sent if error.outcome_unknown else before


def of_page(
    bindings: Iterable[Binding],
    plant_id: str,
    page: SightingPage,
    look: PartialList,
    now: float,
    *,
    last_word: bool,
) -> Iterator[Binding]:
    """Yield a plant's bindings after a page of its list; `look` holds the earlier pages.

    `last_word` means that the cloud has no other way to tell who holds an inverter.
    """
    ended = not page.has_next(look.page, look.serials)
    ours = [binding for binding in bindings if binding.plant_id == plant_id]
    # A device that is shown by a key that nobody knows may be any of them.
    strangers = (look.keys | page.keys).difference(*(binding.names for binding in ours))
    unlisted = overlooked if page.more or page.lacks_some or strangers else absent
    found = {sighting.serial: sighting for sighting in page.sightings}
    for binding in ours:
        sighting = next(filter(None, map(found.get, binding.names)), None)
        if sighting is not None:
            yield present(binding, now, model=sighting.model, datalogger=sighting.datalogger)
        elif ended and binding.names.isdisjoint(look.serials):
            yield unlisted(binding, now, look.began, last_word=last_word)


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
    bindings: Iterable[Binding], plant_id: str, reason: str, now: float
) -> Iterator[Binding]:
    """Yield a plant's bindings after the cloud answered that the plant does not exist."""
    for binding in bindings:
        if binding.plant_id == plant_id:
            yield (rejected(binding, reason, None) if binding.pending else absent(binding, now))


def of_denial(binding: Binding, kind: StepKind, reason: str, now: float) -> Binding:
    """Return a binding after the cloud denied the account this kind of step."""
    if kind is StepKind.SUBMIT:
        return rejected(binding, reason, None)
    return holder_unknown(binding, now)
