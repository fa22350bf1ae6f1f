"""What an answer makes of a binding. Every function returns a new binding."""

from collections.abc import Iterable, Iterator
from copy import replace

from ..cloud.errors import (
    AlreadyBoundError,
    CloudError,
    InvalidInputError,
    RejectedError,
    TryAgainError,
    UnknownCodeError,
)
from ..cloud.model import Location, SightingPage
from .model import Binding, BindingState
from .planner import PartialList, StepKind
from .timing import SUBMIT_TRIES


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
        maybe_accepted_before=True,
    )


def submit_again(binding: Binding, now: float, plant_id: str | None = None) -> Binding:
    """Return the binding as a person wants it: sent anew, perhaps to another plant."""
    plant_id = plant_id or binding.plant_id
    return Binding(
        serial=binding.serial,
        plant_id=plant_id,
        queued_at=now,
        maybe_accepted_before=plant_id == binding.plant_id and _may_be_accepted(binding),
        model=binding.model,
        datalogger=binding.datalogger,
    )


def _may_be_accepted(binding: Binding) -> bool:
    """Tell whether the cloud may hold a request of ours for this plant."""
    if binding.maybe_accepted_before:
        return True
    refused = binding.known_to_cloud or binding.state in (
        BindingState.CONFLICT,
        BindingState.REJECTED,
    )
    return binding.sent_at is not None and not refused


def sending(binding: Binding, now: float) -> Binding:
    """Return what has to be on disk before the request leaves."""
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


def accepted(binding: Binding, now: float) -> Binding:
    """Return the binding to which the cloud said yes; the device is yet to appear."""
    return replace(
        binding,
        state=BindingState.ACCEPTED,
        accepted_at=now,
        known_to_cloud=False,
        failures=0,
        reason=None,
        message=None,
    )


def known_already(binding: Binding) -> Binding:
    """Return the binding whose serial number the cloud knows already: whose is to be found out."""
    return replace(binding, state=BindingState.UNCONFIRMED, known_to_cloud=True, failures=0)


def failed(binding: Binding, reason: str, message: str | None) -> Binding:
    """Return the binding with which the cloud failed on its side: again later, a few times."""
    failures = binding.failures + 1
    return replace(
        binding,
        state=BindingState.QUEUED if failures < SUBMIT_TRIES else BindingState.REJECTED,
        failures=failures,
        reason=reason,
        message=message,
    )


def rejected(binding: Binding, reason: str, message: str | None) -> Binding:
    """Return the binding that the cloud refused for good."""
    return replace(binding, state=BindingState.REJECTED, reason=reason, message=message)


def seen(binding: Binding, now: float) -> Binding:
    """Return the binding that a list without plants shows: a confirmation is worth asking for."""
    if not binding.pending or binding.watch_seen_at is not None:
        return binding
    return replace(binding, watch_seen_at=now)


def present(
    binding: Binding, now: float, *, model: str | None = None, datalogger: str | None = None
) -> Binding:
    """Return the binding whose device stands in its plant."""
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
    """Return the binding whose device the plant's list, read from `began` to its end, lacks.

    An associated one counts as lost only when a second answer says so too: a list whose pages
    shifted while it was read, or that a cloud answers in part, lacks what it should show.
    Of what happened to the binding while it was read, the list's first pages cannot know: then
    it says nothing. With `last_word` nothing but this list can tell who holds a device.
    """
    if began is not None and any(
        at is not None and began < at <= now
        for at in (
            binding.sent_at,
            binding.accepted_at,
            binding.watch_seen_at,
            binding.associated_at,
        )
    ):
        return binding
    binding = replace(binding, list_checked_at=now)
    if binding.state is BindingState.ASSOCIATED:
        first = binding.missing_at is None
        return replace(binding, missing_at=now) if first else _gone(binding)
    if binding.state is not BindingState.UNCONFIRMED:
        return binding
    if binding.known_to_cloud:
        # The cloud may know it by an earlier request of ours; else it is somebody else's.
        settled = last_word and not binding.maybe_accepted_before
        return holder_unknown(binding, now) if settled else binding
    # Not there yet can still mean accepted: the cloud's answer to another request tells. A cloud
    # that never answers those is left alone with them, and the device looked for.
    failures = binding.failures + 1
    if failures >= SUBMIT_TRIES:
        return binding
    return replace(
        binding, state=BindingState.QUEUED, failures=failures, maybe_accepted_before=True
    )


def located(
    binding: Binding,
    now: float,
    *,
    plant_id: str | None,
    ours: bool,
    plant_name: str | None = None,
    owner_id: str | None = None,
) -> Binding:
    """Return the binding whose holder the cloud named; `ours`: this plant and account."""
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
    """Return the associated binding whose device is not in its plant any more."""
    return replace(binding, state=BindingState.LOST, missing_at=None)


def unclaimed(binding: Binding, now: float) -> Binding:
    """Return the binding whose device, the cloud said, no plant holds."""
    if binding.state is BindingState.CONFLICT:
        # Whoever held it let it go: what was asked for can be had now.
        again = submit_again(binding, now)
        return replace(again, list_checked_at=binding.list_checked_at, holder_checked_at=now)
    binding = replace(binding, holder_checked_at=now, watch_seen_at=None)
    if binding.state is BindingState.ASSOCIATED:
        return _gone(binding)
    if (
        binding.state is BindingState.UNCONFIRMED
        and binding.known_to_cloud
        and binding.maybe_accepted_before
    ):
        # Known to the cloud, held by nobody, and sent by us before: our request is what it knows.
        return accepted(binding, now)
    return binding


def holder_unknown(binding: Binding, now: float) -> Binding:
    """Return the binding of whose device the cloud may not say who holds it."""
    if binding.state is BindingState.UNCONFIRMED and binding.known_to_cloud:
        return located(binding, now, plant_id=None, ours=False)
    return replace(binding, holder_checked_at=now)


def is_refusal(error: CloudError) -> bool:
    """Tell whether a request was refused for good: sent again it would be refused again."""
    return isinstance(error, (RejectedError, InvalidInputError, UnknownCodeError))


def is_answer(error: CloudError) -> bool:
    """Tell whether the cloud decided about the request, so that nothing else is at fault."""
    return is_refusal(error) or isinstance(error, (AlreadyBoundError, TryAgainError))


def of_submission(sent: Binding, before: Binding, error: CloudError | None, now: float) -> Binding:
    """Return what became of a binding that was `sent` and had been `before`."""
    if error is None:
        return accepted(sent, now)
    message = error.placeholders.get("message")
    if error.key == error.default_key and error.code is not None:
        # There is no text for just this: the code itself is worth knowing.
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
    """Yield a plant's bindings after a page of its list; `look` is what came before the page.

    With `last_word` nothing but this list can tell who holds a device.
    """
    ended = not page.has_next(look.serials)
    found = {sighting.serial: sighting for sighting in page.sightings}
    for binding in bindings:
        if binding.plant_id != plant_id:
            continue
        if (sighting := found.get(binding.serial)) is not None:
            yield present(binding, now, model=sighting.model, datalogger=sighting.datalogger)
        elif ended and binding.serial not in look.serials:
            yield absent(binding, now, look.began, last_word=last_word)


def of_location(
    binding: Binding, location: Location | None, account_id: str, now: float
) -> Binding:
    """Return a binding after the cloud said who holds its device."""
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
    """Yield a plant's bindings after the cloud said that there is no such plant."""
    for binding in bindings:
        if binding.plant_id == plant_id:
            yield (rejected(binding, reason, None) if binding.pending else absent(binding, now))


def of_denial(binding: Binding, kind: StepKind, reason: str, now: float) -> Binding:
    """Return a binding after the cloud said that the account may not do this with it."""
    if kind is StepKind.SUBMIT:
        return rejected(binding, reason, None)
    return holder_unknown(binding, now)
