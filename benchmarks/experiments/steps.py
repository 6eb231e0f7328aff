"""Steps that are commands of the project, run once each and in the order of their needs."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bsp_tf.base.json_file import read_json, write_json
from bsp_tf.quickstart.running import run_stage
from bsp_tf.quickstart.stages import Stage

STEPS_FILE = "steps.json"


@dataclass(frozen=True)
class Step:
    """A command, and the steps whose outputs it reads.

    Attributes:
        stage: The command, named by its output.
        needs: Steps before it.
    """

    stage: Stage
    needs: tuple["Step", ...] = ()

    def fingerprint(self) -> str:
        """SHA-256 of the command, its config and those of all steps before it."""
        digest = hashlib.sha256(self.stage.fingerprint().encode())
        for step in self.needs:
            digest.update(step.fingerprint().encode())
        return digest.hexdigest()

    def all(self) -> Iterator["Step"]:
        """The steps before it and itself, in an order that works; some may come twice."""
        for step in self.needs:
            yield from step.all()
        yield self


class Runner:
    """Runs steps that are not finished, and remembers what each has cost."""

    def __init__(self, root: Path):
        """`root`: folder of all outputs; `steps.json` in it is the memory."""
        self._path = root / STEPS_FILE
        self.finished: dict[str, dict[str, Any]] = (
            read_json(self._path) if self._path.exists() else {}
        )

    def is_done(self, step: Step) -> bool:
        """Whether it was run by the same commands as now, and its output is still there."""
        known = self.finished.get(step.stage.name, {})
        return known.get("fingerprint") == step.fingerprint() and step.stage.output.exists()

    def run(self, step: Step) -> dict[str, Any]:
        """Runs what is missing of a step and of those before it; returns what the step has cost."""
        for part in step.all():
            if not self.is_done(part):
                print(f"\n[{part.stage.name}]", flush=True)
                cost = run_stage(part.stage)
                self.finished[part.stage.name] = {"fingerprint": part.fingerprint(), **cost}
                write_json(self._path, self.finished)
        return self.finished[step.stage.name]

    def cost(self, step: Step) -> float:
        """Seconds of a finished step and of all before it, each counted once."""
        names = {part.stage.name for part in step.all()}
        return round(sum(self.finished[name]["seconds"] for name in names), 1)
