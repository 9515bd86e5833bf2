"""Trials in order of their best score, as results come in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from luthier.trial.ranking import Ranking


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.none() | st.integers(-3, 3)), max_size=40))
def test_it_is_what_sorting_all_scores_would_give(changes):
    ranking, scores = Ranking(), {}
    for name, score in changes:
        ranking.put(name, score)
        scores.pop(name, None) if score is None else scores.__setitem__(name, score)
    ranked = list(ranking)
    assert sorted(ranked) == sorted(scores)
    assert [scores[name] for name in ranked] == sorted(scores.values(), reverse=True)


def test_among_equals_whoever_had_a_score_first_leads():
    ranking = Ranking()
    for name in ("late", "early"):
        ranking.put(name, 1)
    ranking.put("late", 1)
    assert ranking.top(2) == ["late", "early"]


def test_a_name_that_is_taken_out_is_not_ranked():
    ranking = Ranking()
    ranking.put("a", 2)
    ranking.put("b", 1)
    ranking.put("a", None)
    assert ranking.top(5) == ["b"]
