"""Which choices led to which steps of dialogs, so that rare steps are reached again and again."""

from collections import Counter
from collections.abc import Sequence

from .hostile import Dice

type Step = tuple[str, str]
type Choice = tuple[str, str]


class Ways:
    """What was found out on all walks."""

    def __init__(self) -> None:
        self.made: Counter[Choice] = Counter()
        self.led: Counter[tuple[Choice, Step]] = Counter()

    def rate(self, choice: Choice, to: Step) -> float:
        """Return how often a choice led to a step, as far as is known: 1 if it was never made."""
        return (self.led[choice, to] + 1) / (self.made[choice] + 1)


class Way:
    """The way of one walk, which is to lead to a step."""

    def __init__(self, ways: Ways, dice: Dice, to: Step) -> None:
        self._ways = ways
        self._dice = dice
        self._to = to
        self._made: set[Choice] = set()
        self._passed: set[Step] = set()

    def choose(self, what: str, options: Sequence[str]) -> str:
        """Choose the option that leads to the step most often, or now and then any."""
        # Among equals, any of them too.
        options = self._dice.sample(options, len(options))
        chosen = options[0]
        if self._dice.random() < 0.7:
            chosen = max(options, key=lambda option: self._ways.rate((what, option), self._to))
        if (choice := (what, chosen)) not in self._made:
            self._made.add(choice)
            self._ways.made[choice] += 1
        return chosen

    def passes(self, step: Step) -> None:
        """Note which step the choices so far led to."""
        if step not in self._passed:
            self._passed.add(step)
            self._ways.led.update((choice, step) for choice in self._made)
