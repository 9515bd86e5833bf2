"""What is free and who dies together, as the kernel's files say it."""

from __future__ import annotations

import pytest

from luthier.trial.cgroup import dies_as_a_whole, free_bytes

FREE = {
    "cgroup v2": ({"memory.max": "1000", "memory.current": "700", "memory.stat": "anon 9\ninactive_file 50\n"}, 350),
    "cgroup v1": (
        {
            "memory/memory.limit_in_bytes": "1000",
            "memory/memory.usage_in_bytes": "700",
            "memory/memory.stat": "inactive_file 1\ntotal_inactive_file 50\n",
        },
        350,
    ),
    "no limit": ({"memory.max": "max", "memory.current": "700"}, 4096),
    "a limit above what the node has": ({"memory.max": "999999999", "memory.current": "0"}, 4096),
    "over the limit": ({"memory.max": "10", "memory.current": "700"}, 0),
}


@pytest.mark.parametrize(("files", "free"), FREE.values(), ids=FREE)
def test_what_is_free_is_the_least_of_the_pods_limit_and_the_node(tmp_path, files, free):
    (tmp_path / "memory").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "meminfo").write_text("MemTotal:       9 kB\nMemAvailable:   4 kB\n")
    assert free_bytes(tmp_path, tmp_path / "meminfo") == free


def test_where_nobody_says_what_is_free_nobody_knows(tmp_path):
    assert free_bytes(tmp_path, tmp_path / "meminfo") is None


@pytest.mark.parametrize(("text", "whole"), [("1\n", True), ("0\n", False), (None, False)])
def test_a_group_that_dies_as_a_whole_says_so(tmp_path, text, whole):
    if text is not None:
        (tmp_path / "memory.oom.group").write_text(text)
    assert dies_as_a_whole(tmp_path) is whole
