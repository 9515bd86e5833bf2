"""The driver's page over a real Ray: what Ray has, how long proposals took, what checkpoints weigh."""

from __future__ import annotations

import pytest

from luthier.api.experiment import DriverMetrics
from luthier.trial import engine as engines
from luthier.trial.driver_metrics import DriverPage
from luthier.trial.engine import Engine
from support.real_runs import a_population

pytestmark = pytest.mark.ray


def test_a_population_s_page_shows_members_ray_and_proposals_and_the_report_its_checkpoints(tmp_path):
    reports = []
    page = DriverPage(lambda: reports[-1] if reports else None)
    page.begin("digits", DriverMetrics.FULL)
    seen = []

    def listen(report):
        reports.append(report)
        seen.append(page.render().decode())

    report = Engine(a_population(), tmp_path, 1, listen, page=page).run()

    place = 'experiment="digits"'
    assert f"luthier_driver_suggestion_seconds_count{{{place}}} 4.0" in seen[-1]
    assert f'luthier_driver_trial_metric{{{place},metric="score",trial="t0000"}}' in seen[-1]
    assert f'luthier_driver_ray_resources{{{place},kind="total",resource="CPU"}}' in seen[-1]
    activity = report.activity
    assert activity.exploits == report.population.exploits
    assert activity.checkpoints.saved >= 4
    assert activity.checkpoints.bytes > 0
    assert 0 < activity.checkpoints.seconds < report.usage.trial_seconds + 60
    again = engines.open_study(a_population(), tmp_path, lambda record: None)
    assert again.tally.checkpoint_bytes == activity.checkpoints.bytes
