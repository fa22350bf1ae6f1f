"""What a cloud's answer makes of the bindings it is about. Nothing is asked or stored here."""

from collections.abc import Iterable, Iterator

from ..cloud.errors import (
    AlreadyBoundError,
    CloudError,
    InvalidInputError,
    RejectedError,
    TryAgainError,
    UnknownCodeError,
)
from ..cloud.model import Location, SightingPage
from . import transitions
from .model import Binding
from .planner import Round, StepKind


def is_refusal(error: CloudError) -> bool:
    """Tell whether a request was refused for good: sent again it would be refused again."""
    return isinstance(error, (RejectedError, InvalidInputError, UnknownCodeError))


def is_answer(error: CloudError) -> bool:
    """Tell whether the cloud decided about the request, so that nothing else is at fault."""
    return is_refusal(error) or isinstance(error, (AlreadyBoundError, TryAgainError))


def of_submission(sent: Binding, before: Binding, error: CloudError | None, now: float) -> Binding:
    """Return what became of a binding that was `sent` and had been `before`."""
    if error is None:
        return transitions.accepted(sent, now)
    message = error.placeholders.get("message")
    if error.key == error.default_key and error.code is not None:
        # There is no text for just this: the code itself is worth knowing.
        message = f"{error.code}: {message}"
    if isinstance(error, AlreadyBoundError):
        return transitions.exists_already(sent)
    if isinstance(error, TryAgainError):
        return transitions.failed(sent, error.key, message)
    if is_refusal(error):
        return transitions.rejected(sent, error.key, message)
    return sent if error.outcome_unknown else before


def of_page(
    bindings: Iterable[Binding],
    plant_id: str,
    page: SightingPage,
    look: Round,
    now: float,
    *,
    last_word: bool,
) -> Iterator[Binding]:
    """Yield a plant's bindings after a page of its list; `look` is what came before the page.

    With `last_word` nothing but this list can tell who holds a device.
    """
    ended = not page.goes_on(look.serials)
    found = {sighting.serial: sighting for sighting in page.sightings}
    for binding in bindings:
        if binding.plant_id != plant_id:
            continue
        if (sighting := found.get(binding.serial)) is not None:
            yield transitions.present(
                binding, now, model=sighting.model, datalogger=sighting.datalogger
            )
        elif ended and binding.serial not in look.serials:
            yield transitions.absent(binding, now, look.began, last_word=last_word)


def of_location(
    binding: Binding, location: Location | None, account_id: str, now: float
) -> Binding:
    """Return a binding after the cloud said who holds its device."""
    if location is None:
        return transitions.held_by_nobody(binding, now)
    return transitions.located(
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
            yield (
                transitions.rejected(binding, reason, None)
                if binding.pending
                else transitions.absent(binding, now)
            )


def of_denial(binding: Binding, kind: StepKind, reason: str, now: float) -> Binding:
    """Return a binding after the cloud said that the account may not do this with it."""
    if kind is StepKind.SUBMIT:
        return transitions.rejected(binding, reason, None)
    return transitions.held_out_of_reach(binding, now)
