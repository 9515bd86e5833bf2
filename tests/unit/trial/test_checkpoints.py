"""A checkpoint on storage is complete or absent, and what is not as it was written is never gone on from."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.trial.checkpoints import MANIFEST, PARTIAL, Extent, extent, remove, remove_leftovers, save, verify
from luthier.trial.errors import BadCheckpoint

FILES = {"model.bin": bytes(range(256)) * 5000, "empty": b"", "shards/a/1.bin": b"one", "shards/b/2.bin": b"two"}


def made(directory, files=FILES):
    for name, content in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)
    return directory


def content(directory):
    files = (path for path in directory.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


@pytest.fixture
def saved(tmp_path):
    target = tmp_path / "storage" / "t0000_1_1" / "checkpoint_000000"
    save(made(tmp_path / "source"), target)
    return target


def test_what_was_saved_is_there_whole_and_nothing_else(saved):
    verify(saved)
    assert content(saved) == FILES
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_an_empty_folder_is_a_part_of_a_checkpoint(tmp_path):
    (tmp_path / "source" / "logs" / "deep").mkdir(parents=True)
    save(tmp_path / "source", tmp_path / "target")
    verify(tmp_path / "target")
    assert (tmp_path / "target" / "logs" / "deep").is_dir()


def test_a_checkpoint_that_is_saved_again_is_one_like_any_other(saved, tmp_path):
    (saved / "model.bin").write_bytes(b"tuned further")
    save(saved, tmp_path / "again")
    verify(tmp_path / "again")
    assert content(tmp_path / "again") == FILES | {"model.bin": b"tuned further"}


def test_links_are_saved_as_what_they_lead_to(tmp_path):
    source = made(tmp_path / "source")
    (source / "latest.bin").symlink_to(source / "model.bin")
    (source / "best").symlink_to(source / "shards" / "a")
    save(source, tmp_path / "target")
    assert content(tmp_path / "target") == FILES | {"latest.bin": FILES["model.bin"], "best/1.bin": b"one"}
    assert not [path for path in (tmp_path / "target").rglob("*") if path.is_symlink()]


def test_what_the_users_code_adds_to_a_checkpoint_later_does_no_harm(saved):
    (saved / "index.cache").write_bytes(b"made when it was loaded")
    verify(saved)


DAMAGE = {
    "a file is cut": (lambda c: os.truncate(c / "model.bin", 1000), "model.bin has 1000 bytes and was written with"),
    "a file is emptied": (lambda c: os.truncate(c / "model.bin", 0), "model.bin has 0 bytes"),
    "a byte is another": (lambda c: flip(c / "model.bin", 70_000), "model.bin is not what was written"),
    "the end is zeros": (lambda c: zero_end(c / "model.bin"), "model.bin is not what was written"),
    "a file in a folder is gone": (lambda c: (c / "shards/a/1.bin").unlink(), "shards/a/1.bin is gone"),
    "the manifest is missing": (lambda c: (c / MANIFEST).unlink(), "has no manifest, so it was never completed"),
    "the manifest is cut": (lambda c: os.truncate(c / MANIFEST, 40), "its manifest is damaged"),
    "the manifest is no text": (lambda c: (c / MANIFEST).write_bytes(b"\xff\x00"), "its manifest is damaged"),
    "the manifest is of another format": (lambda c: (c / MANIFEST).write_text('{"format": 2, "files": {}}'), "damaged"),
    "all of it is gone": (lambda c: c.rename(c.with_name("elsewhere")), "is gone"),
}


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def zero_end(path):
    size = path.stat().st_size
    os.truncate(path, size - 4096)
    os.truncate(path, size)


@pytest.mark.parametrize(("damage", "words"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_checkpoint_is_known_for_one(saved, damage, words):
    damage(saved)
    with pytest.raises(BadCheckpoint, match=words):
        verify(saved)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from("abcd"), st.binary(max_size=64), min_size=1), st.data())
def test_no_single_changed_byte_is_overlooked(tmp_path_factory, files, data):
    directory = tmp_path_factory.mktemp("any")
    save(made(directory / "source", files), directory / "target")
    verify(directory / "target")
    paths = [path for path in (directory / "target").iterdir() if path.name != MANIFEST and path.stat().st_size]
    if paths:
        path = data.draw(st.sampled_from(sorted(paths)))
        flip(path, data.draw(st.integers(0, path.stat().st_size - 1)))
        with pytest.raises(BadCheckpoint):
            verify(directory / "target")


def test_a_save_that_fails_leaves_nothing(tmp_path):
    target = tmp_path / "run" / "checkpoint_000000"
    save(made(tmp_path / "source"), target)
    with pytest.raises(OSError, match="not empty"):  # there is one already, and it stays
        save(made(tmp_path / "other", {"x": b"1"}), target)
    assert content(target) == FILES
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_the_next_attempt_removes_what_dead_writers_left_and_what_nobody_took_note_of(saved, tmp_path):
    run = saved.parent
    half = run / f".checkpoint_000001{PARTIAL}"
    unknown, alone = run / "checkpoint_000002", run.parent / "t0001_1_2" / "checkpoint_000000"
    for left in (half, unknown, alone):
        made(left)

    remove_leftovers(run.parent, {saved})

    assert list(run.parent.iterdir()) == [run]
    assert list(run.iterdir()) == [saved]
    verify(saved)


def test_the_last_checkpoint_of_a_run_takes_the_runs_folder_with_it(saved):
    save(saved, saved.with_name("checkpoint_000001"))
    remove(saved)
    assert saved.parent.exists()
    remove(saved.with_name("checkpoint_000001"))
    assert not saved.parent.exists()


SAVES_WITHOUT_END = """
import itertools, sys
from pathlib import Path
from luthier.trial.checkpoints import save
source, run = map(Path, sys.argv[1:])
for number in itertools.count():
    save(source, run / f"checkpoint_{number:06d}")
"""


def test_whenever_a_writer_is_killed_every_checkpoint_that_is_there_is_whole(tmp_path):
    source = made(tmp_path / "source", {f"shard_{number}": os.urandom(20_000) for number in range(12)})
    torn = 0
    for round_ in range(6):
        run = tmp_path / f"t0000_{round_}_1"
        writer = subprocess.Popen([sys.executable, "-c", SAVES_WITHOUT_END, str(source), str(run)])
        while not is_halfway(run, files=2 * round_ + 1) and writer.poll() is None:
            pass
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        for checkpoint in run.glob("checkpoint_*"):
            verify(checkpoint)
            assert content(checkpoint) == content(source)
        torn += len(list(run.glob(f".*{PARTIAL}")))
    assert torn  # at least one died in the middle


def is_halfway(run: Path, files: int) -> bool:
    """Whether a second checkpoint is being written, and so many files of it are there."""
    partial = run / f".checkpoint_000001{PARTIAL}"
    try:
        return len(os.listdir(partial)) >= files
    except FileNotFoundError:
        return (run / "checkpoint_000001").exists()


def test_a_checkpoint_says_what_it_cost_and_a_missing_one_nothing(saved):
    cost = extent(saved)
    assert cost.bytes == sum(len(content) for content in FILES.values())
    assert 0 < cost.seconds < 60
    assert extent(saved.with_name("elsewhere")) == Extent()
