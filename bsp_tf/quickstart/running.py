"""Runs stages as processes, and reuses those that are finished."""

import ctypes
import math
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bsp_tf.base.errors import InputError
from bsp_tf.base.interrupt import at_interrupt, starting_processes
from bsp_tf.base.json_file import read_json, write_json
from bsp_tf.quickstart.stages import Stage

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def run_stage(stage: Stage) -> dict[str, float]:
    """Runs one stage as a process of its own.

    Returns:
        {"seconds": wall time, "peak_megabytes": largest resident size of the process or one of its
        workers}.

    Raises:
        InputError: the stage ended with a non-zero status; it has printed its own reason.
    """
    command = [sys.executable, "-m", stage.module, *stage.arguments]
    print(f"$ python {shlex.join(command[1:])}")
    start = time.monotonic()
    with starting_processes():
        process = subprocess.Popen(command, preexec_fn=_end_with_parent)
    with at_interrupt(process.kill):
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise InputError(
            f"stage {stage.name!r} ended with status {process.returncode} (its message is above). "
            "Run the same command again to continue from there."
        )
    return {
        "seconds": round(time.monotonic() - start, 1),
        "peak_megabytes": round(usage.ru_maxrss / 1024, 1),
    }


def _end_with_parent() -> None:
    """Makes Linux kill the stage with this process: two runs must not write into one folder."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def run_stages(root: Path, stages: Sequence[Stage]) -> None:
    """Runs the stages that are not finished yet and prints what each took.

    Args:
        root: Output folder; `stages.json` in it remembers the finished stages.
        stages: From `plan_stages`, in order. When one is run again, all later ones are too.
    """
    for stage in stages:
        if stage.config and not Path(stage.config).is_file():
            raise InputError(f"config {stage.config} of stage {stage.name!r} not found.")
    memory = root / "stages.json"
    finished = read_json(memory) if memory.exists() else {}
    fresh = True
    for number, stage in enumerate(stages, 1):
        heading = f"[{number}/{len(stages)}] {stage.name}"
        known = finished.get(stage.name, {})
        # The last stage always runs: it takes seconds and prints the tables.
        last = stage is stages[-1]
        if last:
            _print_costs(finished)
        fresh = fresh and known.get("fingerprint") == stage.fingerprint() and stage.output.exists()
        if fresh and not last:
            print(f"{heading}: already done ({known['seconds']} s)")
            continue
        finished = {
            name: row
            for name, row in finished.items()
            if name in {s.name for s in stages[: number - 1]}
        }
        print(f"\n{heading}{_time_left(stages[number - 1 :], stages, finished)}")
        finished[stage.name] = {"fingerprint": stage.fingerprint(), **run_stage(stage)}
        write_json(memory, finished)


def seconds_left(
    left: Sequence[Stage], stages: Sequence[Stage], finished: Mapping[str, Mapping[str, Any]]
) -> float:
    """What the stages in `left` will take, at the pace of those that are finished.

    Args:
        left: Stages to run.
        stages: All stages.
        finished: Name -> {"seconds": ...} of stages that have run.
    """
    known = [stage for stage in stages if stage.name in finished and stage.usual_seconds]
    usual = sum(stage.usual_seconds for stage in known)
    taken = sum(finished[stage.name]["seconds"] for stage in known)
    return (taken / usual if usual else 1.0) * sum(stage.usual_seconds for stage in left)


def _time_left(
    left: Sequence[Stage], stages: Sequence[Stage], finished: Mapping[str, Mapping[str, Any]]
) -> str:
    seconds = seconds_left(left, stages, finished)
    if not seconds:
        return ""
    text = f"{seconds / 60:.0f} min" if seconds >= 90 else f"{math.ceil(seconds / 10) * 10} s"
    if not finished:
        return f" (all stages: about {text} on 2 cores with AVX-512; soon at the pace of yours)"
    return f" (about {text} to go)"


def _print_costs(finished: dict[str, dict[str, Any]]) -> None:
    """Prints wall time and peak memory by stage."""
    print(f"\n{'stage':<24}{'seconds':>9}{'peak MB':>9}")
    for name, row in finished.items():
        print(f"{name:<24}{row['seconds']:>9.1f}{row['peak_megabytes']:>9.0f}")
    print(
        f"{'all':<24}{sum(row['seconds'] for row in finished.values()):>9.1f}"
        f"{max(row['peak_megabytes'] for row in finished.values()):>9.0f}"
    )
