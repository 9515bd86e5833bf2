"""What a trial prints goes where it went before, and to its pod's log behind its name."""

import io
import os
import sys

from hypothesis import given
from hypothesis import strategies as st

from luthier.api.keys import ENV_SLOTS
from luthier.api.logs import line_of, said_by
from luthier.trial.output import MAX_CHARACTERS, Labelled, speak_as


def spoken(tmp_path, *parts, name="t0003"):
    """Return what stands in stream and log after these writes."""
    log = os.open(tmp_path / "log", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    stream = Labelled(io.StringIO(), log)
    stream.rename(name)
    for part in parts:
        stream.write(part)
    os.close(log)
    return stream.getvalue(), (tmp_path / "log").read_text()


def test_whole_lines_stand_behind_the_trials_name_and_the_stream_gets_all(tmp_path):
    assert spoken(tmp_path, "epoch ", "1\nepo", "ch 2\n", "half") == (
        "epoch 1\nepoch 2\nhalf",
        "t0003 | epoch 1\nt0003 | epoch 2\n",
    )


def test_what_one_trial_began_is_not_put_into_the_next_ones_mouth(tmp_path):
    log = os.open(tmp_path / "log", os.O_CREAT | os.O_WRONLY)
    stream = Labelled(io.StringIO(), log)
    stream.rename("t0001")
    stream.write("no end of line")
    stream.rename("t0002")
    stream.writelines(["a\n", "b\n"])
    os.close(log)
    assert (tmp_path / "log").read_text() == "t0001 | no end of line\nt0002 | a\nt0002 | b\n"


def test_what_ray_writes_for_itself_is_no_word_of_the_trial(tmp_path):
    said, log = spoken(tmp_path, ":actor_name:train\n", "lost: actor_name\n", ":job_id:01000000\n")
    assert said.count("\n") == 3
    assert log == "t0003 | lost: actor_name\n"


def test_of_a_bar_that_is_redrawn_the_last_state_stays(tmp_path):
    assert spoken(tmp_path, "10%\r50%\r100%\n")[1] == "t0003 | 100%\n"


def test_a_line_without_end_is_cut_and_not_kept_in_memory(tmp_path):
    _, log = spoken(tmp_path, "x" * 1500, "x" * 1500, "y\n")
    assert log.splitlines() == ["t0003 | " + "x" * MAX_CHARACTERS, "t0003 | y"]


def test_what_is_no_text_for_a_log_is_replaced(tmp_path):
    assert spoken(tmp_path, "half a \ud83d character\n")[1] == "t0003 | half a ? character\n"


def test_a_log_that_takes_no_more_costs_nothing():
    reader, log = os.pipe()
    os.set_blocking(log, False)
    stream = Labelled(io.StringIO(), log)
    for _ in range(200):
        stream.write("x" * 1000 + "\n")
    os.close(reader)
    stream.write("and after it is gone\n")
    os.close(log)
    assert stream.getvalue().endswith("gone\n")


def test_where_there_is_no_pod_streams_stay_as_they_are(tmp_path):
    before = sys.stdout
    assert ENV_SLOTS not in os.environ
    speak_as("t0001", str(tmp_path / "log"))
    assert sys.stdout is before


@given(st.text(st.characters(exclude_characters="\n")), st.sampled_from(["t0001", "t00010"]))
def test_a_trials_lines_are_found_again_and_no_others(text, other):
    line = line_of("t0001", text).rstrip("\n")
    assert said_by("t0001", line) == text
    assert said_by("t0002", line) is None
    assert (said_by(other, line) is None) == (other != "t0001")
