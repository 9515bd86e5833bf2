"""What it cost, what of that was in vain, and what went wrong."""

from __future__ import annotations

from collections import Counter

from luthier.trial.report.figure import GREEN, ORANGE, PURPLE, RED, Figure, Json, axis, plain
from luthier.trial.story import Story, Use

COLOURS = {
    Use.USEFUL: GREEN,
    Use.STOPPED: ORANGE,
    Use.EXPLOITED: PURPLE,
    Use.FAILED: RED,
    Use.LOST: "#c026d3",
}


def spent(story: Story) -> list[Figure]:
    """Return one bar of trial-minutes by what they were good for."""
    uses = story.uses()
    if not sum(uses.values()):
        return []
    data: list[Json] = [
        {
            "type": "bar",
            "orientation": "h",
            "name": use.value,
            "y": [""],
            "x": [round(seconds / story.clock.seconds, 4)],
            "hovertemplate": f"{use.value}: %{{x:.4~g}} {story.clock.short}<extra></extra>",
            "marker": {"color": COLOURS[use]},
        }
        for use, seconds in uses.items()
        if seconds
    ]
    layout: Json = {
        "barmode": "stack",
        "xaxis": axis(f"{story.clock.name} of trials", rangemode="tozero"),
        "yaxis": {"visible": False},
        "showlegend": True,  # one part alone would be a bar without a name
        "legend": {"orientation": "h", "y": 1.5},
    }
    return [Figure("cost", "What the time was good for", data, layout, height=170)]


def failures(story: Story) -> list[Figure]:
    """Return the bars of bad ends by class."""
    causes = Counter(mishap.cause for mishap in story.mishaps)
    if not causes:
        return []
    ordered = [cause for cause, _ in reversed(causes.most_common())]
    data: list[Json] = [
        {
            "type": "bar",
            "orientation": "h",
            "x": [causes[cause] for cause in ordered],
            "y": [plain(cause, 30) for cause in ordered],
            "text": [str(causes[cause]) for cause in ordered],
            "hovertemplate": "%{y}: %{x}<extra></extra>",
            "marker": {"color": RED},
        }
    ]
    layout: Json = {
        "xaxis": axis("bad ends", rangemode="tozero", dtick=1 if max(causes.values()) < 8 else None),
        "yaxis": {"type": "category", "automargin": True},
    }
    return [Figure("failures", "By cause", data, layout, height=max(180, 90 + 28 * len(ordered)))]
