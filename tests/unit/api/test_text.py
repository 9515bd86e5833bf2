"""What a trial says may be anything; what is kept of it only says."""

from __future__ import annotations

import pytest

from luthier.api.text import printable

SAID = {
    "colours": ("\x1b[1;31mloss\x1b[0m is NaN", "loss is NaN"),
    "a clipboard": ("a\x1b]52;c;cm0gLXJm\x07b", "ab"),
    "a title, ended the other way": ("a\x1b]0;root\x1b\\b", "ab"),
    "movements": ("done\x1b[2K\x1b[1Afailed", "donefailed"),
    "an escape alone": ("a\x1bc", "ac"),
    "eight-bit controls": ("a\x9b31mb\x7f", "a31mb"),
    "half a character": ("a\ud800b", "a?b"),
    "lines, tabs and other scripts": ("a\n\tb é 漢 🙂", "a\n\tb é 漢 🙂"),
}


@pytest.mark.parametrize("what", SAID)
def test_nothing_steers_the_terminal_that_shows_it(what: str) -> None:
    said, shown = SAID[what]
    assert printable(said) == shown
