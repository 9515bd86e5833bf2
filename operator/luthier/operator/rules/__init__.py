"""The rules, in the order in which they are asked. One policy, one file.

The first block may end the asking; the second does the work; the third names what
stands in the way, the nearest cause first.
"""

from __future__ import annotations

from luthier.operator.rules.budget import push_budget
from luthier.operator.rules.deletion import leave_to_garbage_collection
from luthier.operator.rules.driver import keep_one_driver
from luthier.operator.rules.driver_problem import name_the_drivers_problem
from luthier.operator.rules.finish import finish
from luthier.operator.rules.joining import name_workers_that_do_not_join
from luthier.operator.rules.pending import name_stuck_pods
from luthier.operator.rules.prerequisites import wait_for_prerequisites
from luthier.operator.rules.refusals import name_refused_creates
from luthier.operator.rules.rejection import reject_invalid_specs
from luthier.operator.rules.reopening import reopen
from luthier.operator.rules.results import name_missing_results
from luthier.operator.rules.running import tell_whether_it_runs
from luthier.operator.rules.surroundings import keep_surroundings
from luthier.operator.rules.suspension import suspend
from luthier.operator.rules.ttl import delete_after_its_time
from luthier.operator.rules.unreachable import name_unreachable_drivers
from luthier.operator.rules.worker_crashes import name_crashing_workers
from luthier.operator.rules.worker_facts import tell_driver_of_workers
from luthier.operator.rules.workers import keep_workers
from luthier.operator.verdict import Rule

RULES: tuple[Rule, ...] = (
    leave_to_garbage_collection,
    reject_invalid_specs,
    delete_after_its_time,
    reopen,
    finish,
    suspend,
    keep_surroundings,
    wait_for_prerequisites,
    keep_one_driver,
    tell_driver_of_workers,
    keep_workers,
    push_budget,
    name_refused_creates,
    name_stuck_pods,
    name_crashing_workers,
    name_workers_that_do_not_join,
    name_unreachable_drivers,
    name_the_drivers_problem,
    name_missing_results,
    tell_whether_it_runs,
)
