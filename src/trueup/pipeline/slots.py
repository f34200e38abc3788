"""Who may run at the same time: CPUs, memory and GPUs, given and taken back."""

import os
from collections.abc import Iterable, Mapping

import msgspec

from trueup.config.records import Resources, Stage
from trueup.errors import WrongUsage


class Slots:
    """What one machine has left; used by the scheduling thread alone.

    A stage that asks for more CPUs or memory than there are runs by itself; one that asks for more
    GPUs than there are is refused beforehand, since it could only fail later.
    """

    def __init__(self, cpu: float, memory_bytes: int, gpus: tuple[str, ...]) -> None:
        self._whole = Resources(cpu=cpu, gpu=len(gpus), memory_bytes=memory_bytes)
        self._milli_cpu, self._memory, self._gpus = _milli(cpu), memory_bytes, list(gpus)

    def check(self, stages: Iterable[Stage]) -> None:
        """Raise WrongUsage for the first stage that asks for more GPUs than there are."""
        for stage in stages:
            if stage.resources.gpu > self._whole.gpu:
                raise WrongUsage(
                    f"stage {stage.name!r} asks for {stage.resources.gpu} GPU(s); there are"
                    f" {self._whole.gpu}",
                    remedy="Run it where they are, or lower resources: {gpu: ...}.",
                    place=str(stage.place) if stage.place else None,
                )

    def take(self, stage: Stage) -> "Grant | None":
        """Return what the stage gets, or None while others hold it."""
        need = stage.resources
        cpu = _milli(min(need.cpu, self._whole.cpu))
        memory = min(need.memory_bytes, self._whole.memory_bytes)
        if cpu > self._milli_cpu or memory > self._memory or need.gpu > len(self._gpus):
            return None
        self._milli_cpu -= cpu
        self._memory -= memory
        given, self._gpus = self._gpus[: need.gpu], self._gpus[need.gpu :]
        return Grant(cpu, memory, tuple(given))

    def give_back(self, grant: "Grant") -> None:
        """Make what a stage held free again."""
        self._milli_cpu += grant.milli_cpu
        self._memory += grant.memory_bytes
        self._gpus.extend(grant.gpus)


class Grant(msgspec.Struct, frozen=True):
    """What a stage holds while it runs."""

    milli_cpu: int  # whole numbers add up exactly
    memory_bytes: int
    gpus: tuple[str, ...] = ()


def _milli(cpu: float) -> int:
    return round(cpu * 1000)


def machine(jobs: int | None, env: Mapping[str, str], *, gpus_wanted: bool) -> Slots:
    """Return this machine's slots; jobs, where given, stands for the number of CPUs."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    gpus = _gpus(env) if gpus_wanted else ()
    return Slots(float(jobs or cpus or 1), memory, gpus)


def _gpus(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the GPUs that this process may use, as CUDA names them."""
    visible = env.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return tuple(name.strip() for name in visible.split(",") if name.strip() not in ("", "-1"))
    import subprocess

    try:
        listed = subprocess.run(
            ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(listed.stdout.split())
