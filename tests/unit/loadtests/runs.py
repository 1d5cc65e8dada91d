"""Runs for the tests of the load tests' figures."""

from __future__ import annotations

from loadtests.metrics import LATENCY, Scrape
from loadtests.orders import Progress
from loadtests.processes import Usage
from loadtests.samples import LoadOptions, Run, Sample


def a_sample(
    second: float,
    *,
    sent: float,
    stored: float,
    held_back: int = 0,
    generator_cpu_s: float = 0.0,
    services_bytes: int = 100_000_000,
    machine_cpu_s: float | None = None,
    logins_s: tuple[float, ...] = (),
) -> Sample:
    machine = 0.75 * second + generator_cpu_s if machine_cpu_s is None else machine_cpu_s
    return Sample(
        float(second),
        Progress(float(second), int(sent), held_back, 0.0, generator_cpu_s, logins_s=logins_s),
        stored,
        {
            "services": Usage(5 + 0.5 * second, services_bytes),
            "postgres": Usage(1 + 0.25 * second, 50_000_000),
        },
        machine,
        latencies(second * 100),
    )


def latencies(count: float) -> Scrape:
    """So many observations, half below 0.1 s and half between 0.1 and 1 s."""
    buckets = {0.1: count / 2, 1.0: count, float("inf"): count}
    return Scrape({}, {LATENCY: buckets})


def a_run(
    *,
    seconds: int = 20,
    stored_share: float = 1.0,
    generator_cores: float = 0.2,
    others_cores: float = 0.0,
    lost: int = 0,
    balanced: bool = True,
    bytes_a_second: int = 0,
) -> Run:
    """1,000 fixes a second."""
    run = Run(LoadOptions(rate=1000, terminals=100, seconds=seconds))
    for second in range(seconds + 1):
        run.samples.append(
            a_sample(
                second,
                sent=1000 * second,
                stored=1000 * second * stored_share,
                generator_cpu_s=generator_cores * second,
                services_bytes=100_000_000 + bytes_a_second * second,
                machine_cpu_s=(0.75 + generator_cores + others_cores) * second,
            )
        )
    run.sent = 1000 * seconds
    run.rows = run.sent - lost
    run.ledger = {"balanced": balanced}
    return run
