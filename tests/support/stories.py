"""Stories of experiments that were played without an engine."""

from __future__ import annotations

from luthier.api.catalogue import SchedulerKind
from luthier.api.manifest import Experiment, Metadata
from luthier.trial.story import Story, story_of
from support.builders import a_block, a_double, a_spec
from support.studies import DrawnEngine, ToldStudy


def the_experiment(told: ToldStudy, name: str = "told") -> Experiment:
    return Experiment(metadata=Metadata(name=name), spec=told.spec)


def the_story(told: ToldStudy, now: float | None = None) -> Story:
    return story_of(the_experiment(told), told.records, now)


def a_played_study(kind: SchedulerKind, *parameters: dict, trials: int = 12, seed: int = 3) -> ToldStudy:
    """A study under a scheduler, played to its end by moves that a seed draws."""
    parameters = parameters or (a_double(),)
    told = ToldStudy(a_spec(*parameters, scheduler=a_block(kind, *parameters), trials=trials, iterations=9)).begins()
    DrawnEngine(told, seed).play()
    return told


def a_study_of_two_objectives(*pairs: tuple[float, float]) -> ToldStudy:
    """A study whose trials gave these two values, one pair a trial."""
    spec = a_spec(a_double(), trials=len(pairs), parallel=1, iterations=1, directions=("Maximize", "Minimize"))
    told = ToldStudy(spec).begins()
    for one, other in pairs:
        trial = told.starts()
        told.reports(trial, one, score1=other)
        told.lets_go(trial)
    told.ends()
    return told


def a_study_of_many(trials: int, **more) -> ToldStudy:
    """A study of many short trials."""
    told = ToldStudy(a_spec(a_double(), a_double("z"), trials=trials, parallel=1, iterations=2, **more)).begins()
    for number in range(trials):
        trial = told.starts()
        told.reports(trial, float(number % 977), float(number % 991))
        told.lets_go(trial)
    told.ends()
    return told
