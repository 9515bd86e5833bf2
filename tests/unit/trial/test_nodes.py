"""What is known of worker nodes, and how it explains the loss of a run."""

from __future__ import annotations

import json

import pytest

from luthier.api.failures import Cause
from luthier.api.wire import NodeWord, WorkerFact, WorkerFacts
from luthier.trial.inbox import FACTS_BYTES, Inbox
from luthier.trial.nodes import LOST_SECONDS, MAX_NODES, OOM_SECONDS, Nodes

IP, NOW = "10.0.0.7", 1000.0
TOKEN, NODE_TOKEN = "progress", "ray"


def a_word(name="w-0", ip=IP, kills=0, *, leaving=False, uid="uid-0"):
    return NodeWord(name=name, uid=uid, ip=ip, oom_kills=kills, is_leaving=leaving)


def a_fact(cause, name="w-0", ip=IP, message="", *, leaving=False):
    return WorkerFact(name=name, ip=ip, cause=cause, message=message, is_leaving=leaving)


def learnt(*facts):
    nodes = Nodes()
    nodes.learn(WorkerFacts(workers=list(facts)))
    return nodes


def heard(*words):
    nodes = Nodes()
    for word in words:
        nodes.hear(word, NOW)
    return nodes


def test_a_loss_on_a_node_that_nobody_spoke_of_has_no_cause():
    assert Nodes().cause_of_loss(IP, NOW) is None
    assert heard(a_word()).cause_of_loss(IP, NOW) is None
    assert heard(a_word(leaving=True)).cause_of_loss(None, NOW) is None


def test_one_kill_for_memory_explains_one_loss():
    nodes = heard(a_word(), a_word(kills=1), a_word(kills=1))

    cause, message = nodes.cause_of_loss(IP, NOW + 1)

    assert cause is Cause.OUT_OF_MEMORY
    assert "w-0" in message
    assert nodes.cause_of_loss(IP, NOW + 1) is None


def test_a_kill_of_long_ago_explains_nothing():
    assert heard(a_word(kills=1)).cause_of_loss(IP, NOW + OOM_SECONDS + 1) is None


def test_a_kill_on_one_node_explains_nothing_on_another():
    nodes = heard(a_word(kills=1), a_word(name="w-1", ip="10.0.0.8"))
    assert nodes.cause_of_loss("10.0.0.8", NOW) is None


def test_a_node_that_was_told_to_end_evicts_its_runs():
    nodes = heard(a_word(leaving=True))
    assert nodes.cause_of_loss(IP, NOW)[0] is Cause.EVICTED
    assert nodes.leaving == {IP}


def test_a_node_that_leaves_and_is_killed_for_its_memory_was_out_of_memory():
    assert heard(a_word(kills=1, leaving=True)).cause_of_loss(IP, NOW)[0] is Cause.OUT_OF_MEMORY


def test_what_kubernetes_says_is_passed_on_in_its_words():
    nodes = learnt(a_fact(Cause.NODE_LOST, message="node n1 does not answer"))
    assert nodes.cause_of_loss(IP, NOW) == (Cause.NODE_LOST, "node n1 does not answer")


def test_a_pod_that_never_came_up_explains_no_loss_of_a_run():
    assert learnt(a_fact(Cause.IMAGE_PULL)).cause_of_loss(IP, NOW) is None


def test_kubernetes_can_say_that_a_node_leaves():
    assert learnt(a_fact(Cause.EVICTED, leaving=True)).leaving == {IP}


def test_a_fact_without_an_address_is_of_the_pod_with_that_name():
    nodes = learnt(a_fact(Cause.EVICTED, ip=None))
    assert nodes.cause_of_loss(IP, NOW) is None
    nodes.hear(a_word(), NOW)
    assert nodes.cause_of_loss(IP, NOW)[0] is Cause.EVICTED


def test_a_new_pod_with_an_old_ones_address_begins_afresh():
    nodes = heard(a_word(kills=3, leaving=True))
    nodes.learn(WorkerFacts(workers=[a_fact(Cause.EVICTED)]))

    nodes.hear(a_word(name="w-9"), NOW)

    assert nodes.leaving == frozenset()
    assert nodes.cause_of_loss(IP, NOW) is None
    assert nodes.names == {IP: "w-9"}


def test_a_fact_counts_once_however_often_it_is_sent():
    refused = a_fact(Cause.REFUSED, ip=None)
    nodes = learnt(refused, refused)
    nodes.learn(WorkerFacts(workers=[refused]))

    assert nodes.take_facts() == [refused]
    assert nodes.take_facts() == []


def test_a_node_may_leave_when_the_loop_has_said_that_no_trial_is_left_on_it():
    nodes = heard(a_word())
    assert nodes.hear(a_word(leaving=True), NOW) is False

    nodes.empty(nodes.leaving)

    assert nodes.hear(a_word(leaving=True), NOW) is True
    assert nodes.hear(a_word(), NOW) is False


def test_once_the_search_is_over_everyone_may_leave():
    nodes = heard(a_word())
    nodes.dismiss()
    assert nodes.hear(a_word(), NOW) is False
    assert nodes.hear(a_word(leaving=True), NOW) is True


def test_there_are_no_more_nodes_than_can_be():
    nodes = Nodes()
    for number in range(MAX_NODES + 100):
        nodes.hear(a_word(name=f"w-{number}", ip=f"10.1.{number // 256}.{number % 256}"), NOW)
        nodes.learn(WorkerFacts(workers=[a_fact(Cause.EVICTED, name=f"w-{number}")]))
    assert len(nodes.names) == len(nodes.take_facts()) == MAX_NODES


# how they are told


def told(path, body, token=NODE_TOKEN, nodes=None):
    entry = Inbox(TOKEN, NODE_TOKEN, nodes or Nodes(), clock=lambda: NOW).entry(path)
    if not entry.is_open_to(f"Bearer {token}"):
        return 401, b""
    answer = entry.take(body if isinstance(body, bytes) else json.dumps(body).encode())
    return answer.code, answer.body


def test_a_pod_speaks_with_rays_token_and_hears_whether_it_may_leave():
    nodes = Nodes()
    word = {"name": "w-0", "ip": IP, "oomKills": 0, "isLeaving": True}
    assert told("/nodes/w-0", word, nodes=nodes) == (200, b'{"mayLeave": false}')

    nodes.empty([IP])

    assert told("/nodes/w-0", word, nodes=nodes) == (200, b'{"mayLeave": true}')


def test_facts_come_with_the_experiments_token():
    nodes = Nodes()
    facts = {"workers": [{"name": "w-0", "ip": IP, "cause": "Evicted", "isLeaving": True}]}
    assert told("/workers", facts, TOKEN, nodes) == (204, b"")
    assert nodes.leaving == {IP}


@pytest.mark.parametrize(("path", "token"), [("/nodes/w-0", TOKEN), ("/workers", NODE_TOKEN), ("/budget", NODE_TOKEN)])
def test_neither_token_opens_what_the_other_is_for(path, token):
    assert told(path, {}, token)[0] == 401


def test_without_a_token_of_their_own_pods_are_not_heard():
    entry = Inbox(TOKEN, None, Nodes()).entry("/nodes/w-0")
    assert not entry.is_open_to("Bearer ")
    assert not entry.is_open_to("Bearer None")


BAD = {
    "nothing": b"",
    "no json": b"{",
    "a list": b"[]",
    "no name": {"ip": IP},
    "a count below zero": {"name": "w-0", "ip": IP, "oomKills": -1},
    "a name without end": {"name": "w" * 300, "ip": IP},
    "too deep": b"[" * 10_000,
    "no UTF-8": b"\xff\xfe",
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_a_bad_word_is_refused_and_changes_nothing(body):
    nodes = Nodes()
    code, problem = told("/nodes/w-0", body, nodes=nodes)
    assert code == 400
    assert problem.startswith(b"no word of a node: ")
    assert nodes.names == {}


def test_a_pod_speaks_for_itself_only():
    assert told("/nodes/w-0", {"name": "w-1", "ip": IP})[0] == 400


def test_facts_that_are_none_are_refused():
    code, problem = told("/workers", {"workers": [{"name": "w-0", "cause": "Boredom"}]}, TOKEN)
    assert code == 400
    assert problem.startswith(b"no facts about workers: ")


def test_a_thousand_facts_with_all_their_words_have_room():
    fact = a_fact(Cause.REFUSED, name="w" * 253, message="x" * 1024)
    assert len(WorkerFacts(workers=[fact] * 1000).model_dump_json(by_alias=True)) < FACTS_BYTES


def test_a_pod_that_ray_had_and_has_no_more_is_lost_after_a_while():
    nodes = heard(a_word())
    assert nodes.lost({IP}, NOW) == []
    assert nodes.lost(set(), NOW + LOST_SECONDS - 1) == []
    assert nodes.lost(set(), NOW + LOST_SECONDS) == ["uid-0"]
    assert nodes.lost({IP}, NOW + LOST_SECONDS + 1) == [], "it was only slow"


def test_a_pod_that_has_not_joined_yet_is_not_lost():
    assert heard(a_word()).lost(set(), NOW + 1000) == []


def test_a_pod_that_was_told_to_end_is_not_lost():
    nodes = heard(a_word())
    nodes.lost({IP}, NOW)
    nodes.hear(a_word(leaving=True), NOW)
    assert nodes.lost(set(), NOW + LOST_SECONDS) == []


def test_the_successor_of_a_lost_pod_is_not_lost_with_it_though_it_has_its_name_and_its_address():
    nodes = heard(a_word())
    nodes.lost({IP}, NOW)
    nodes.hear(a_word(uid="uid-1"), NOW + LOST_SECONDS)
    assert nodes.lost(set(), NOW + 2 * LOST_SECONDS) == []
