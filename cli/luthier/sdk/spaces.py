"""Search spaces of Ray Tune, of Optuna and of a manifest, taken as they are or refused; never as something near."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from luthier.cli import spaces

Json = dict[str, Any]


class SpaceError(ValueError):
    """A space that a manifest cannot hold; the message names each parameter and says why."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = list(problems)


def parameters_of(space: Mapping[str, Any]) -> list[Json]:
    """Return a space as the parameters of a manifest, in its order.

    Args:
        space: by name of the parameter a Ray Tune domain, an Optuna distribution, a parameter as a manifest has it
            (without its name), a list of choices, or a constant.

    Raises:
        SpaceError: some of it has no equal.

    >>> parameters_of({"lr": {"type": "Double", "min": 0.001, "max": 1, "scale": "Log"}, "epochs": 10})
    [{'type': 'Double', 'min': 0.001, 'max': 1, 'scale': 'Log', 'name': 'lr'}, \
{'name': 'epochs', 'type': 'Discrete', 'numbers': [10]}]
    >>> parameters_of({"layers": [1, 2, 4], "optimizer": ["sgd", "adam"]})
    [{'name': 'layers', 'type': 'Discrete', 'numbers': [1, 2, 4]}, \
{'name': 'optimizer', 'type': 'Categorical', 'values': ['sgd', 'adam']}]
    >>> parameters_of({"model": {"lr": [0.1, 0.2]}})
    Traceback (most recent call last):
    ...
    luthier.sdk.spaces.SpaceError: model: a nested space becomes names with dots; config['model'] is no dict any more
    """
    parameters, notes = spaces.parameters_of(dict(space))
    losses = [note for note in notes if isinstance(note, spaces.Loss)]
    if losses:
        raise SpaceError(losses)
    return parameters
