"""A real MLflow server, which can be told to die at a certain request."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from support.ports import a_free_port

LIGHT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}


class MlflowServer:
    """`mlflow server` over a database in a folder; the same folder and port find the same runs again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = a_free_port()
        self._deadly: tuple[str, int] | None = None
        self.uri = f"http://127.0.0.1:{self._port}"
        self.starts()

    def starts(self) -> None:
        """Come up, and return when it answers."""
        command = ["mlflow", "server", "--backend-store-uri", f"sqlite:///{self._folder}/mlflow.db", "--workers", "1"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", *command, "--host", "127.0.0.1", "--port", str(self._port)],
            cwd=self._folder,
            env=os.environ | LIGHT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert any("Application startup complete" in line for line in self._process.stdout), "it did not start"
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()

    def dies_after(self, count: int, path: str) -> None:
        """Die, all at once, when so many more requests for a path have been answered."""
        self._deadly = path, count

    def end(self) -> None:
        """Die, all at once."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout:
            if self._deadly and self._deadly[0] in line:
                self._deadly = self._deadly[0], self._deadly[1] - 1
                if self._deadly[1] == 0:
                    os.killpg(process.pid, signal.SIGKILL)
