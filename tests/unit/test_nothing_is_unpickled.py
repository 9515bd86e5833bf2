"""Contract, operator and command line read only data: nothing in them can turn what a tenant wrote into code.

ruff's rules say the same of calls that it knows; this holds for imports, too, and for ruamel's unsafe loader.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for root in ("crds", "operator", "cli") for path in (ROOT / root).rglob("*.py"))
LOADERS = {
    *("pickle", "_pickle", "pickletools", "cloudpickle", "dill", "jsonpickle", "marshal", "shelve", "joblib"),
    *("torch", "yaml", "runpy", "code", "codeop"),
}
"""Modules that run what they read, or whose loaders do."""
EVALUATORS = {"eval", "exec", "compile", "__import__"}
ON_THE_USERS_WORD = {"cli/luthier/cli/user_code.py": ["imports a module that data name"]}
"""Where code runs because its own user names it on his own command line."""
SAFE_YAML = {"safe", "rt"}
"""Types of ruamel's reader that make plain data."""


def breaches(source: str) -> Iterator[str]:
    """Say what in a module could run data."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (f"imports {a.name}" for a in node.names if a.name.split(".")[0] in LOADERS)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in LOADERS:
            yield f"imports {node.module}"
        elif isinstance(node, ast.Call):
            yield from _bad_call(node)


def _bad_call(call: ast.Call) -> Iterator[str]:
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if isinstance(call.func, ast.Name) and name in EVALUATORS:
        yield f"calls {name}"
    if name == "import_module" and not (call.args and isinstance(call.args[0], ast.Constant)):
        yield "imports a module that data name"
    if name == "YAML":
        chosen = [keyword.value for keyword in call.keywords if keyword.arg == "typ"]
        if not all(isinstance(value, ast.Constant) and value.value in SAFE_YAML for value in chosen):
            yield "reads YAML that makes objects"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_data_becomes_code(path: Path) -> None:
    assert list(breaches(path.read_text())) == ON_THE_USERS_WORD.get(str(path.relative_to(ROOT)), [])


@pytest.mark.parametrize(
    "planted",
    [
        "import pickle",
        "import ray, cloudpickle as cp",
        "from pickle import loads",
        "from torch import load",
        "import yaml",
        "def f(x):\n    import marshal",
        "eval(text)",
        "if True: exec(text)",
        "x = __import__(name)",
        "importlib.import_module(name)",
        "YAML(typ='unsafe')",
        "ruamel.yaml.YAML(typ=chosen)",
    ],
)
def test_a_planted_line_is_found(planted: str) -> None:
    assert list(breaches(planted))


@pytest.mark.parametrize("harmless", ["import json", "YAML(typ='safe', pure=True)", "re.compile(text)", "model.eval()"])
def test_a_harmless_line_is_not(harmless: str) -> None:
    assert list(breaches(harmless)) == []


def test_all_three_roots_are_looked_at() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in SOURCES} == {"crds", "operator", "cli"}
