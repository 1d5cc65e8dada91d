"""The highest rate at which lag does not grow, and the latency at half of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from loadtests.figures import (
    add_latencies,
    add_losses,
    add_processor,
    generator_was_full,
    note_others,
    series,
    trend,
)
from loadtests.live import Live, live
from loadtests.report import Report
from loadtests.samples import LoadOptions, Run, Sample
from loadtests.schedule import MAX_RATE_A_TERMINAL
from loadtests.search import Search, Trial
from loadtests.steady import LAG_TOLERANCE

SETTLE_SHARE = 0.2
"""Of a trial, at its start, that is not judged."""
SENT_SHARE = 0.97
CALM_SHARE = 0.3
"""Of the rate just tried: what is sent between trials, until the lag is gone."""
CALM_LAG_S = 1.0
CALM_TIMEOUT_S = 60.0
MOMENT_S = 0.25


class Outcome(NamedTuple):
    """How a trial went."""

    trial: Trial
    samples: Sequence[Sample]
    """Those that are judged."""
    growth: float
    """Of the lag, fixes/s."""
    sent: float
    """Share of what was due."""
    generator_full: bool

    @property
    def held(self) -> bool:
        """The rate was sent, and the lag did not grow; in a short try, by a moment's fixes at
        most, since a change of the rate alone moves it by as much."""
        share = LAG_TOLERANCE
        if not self.trial.full:
            share = max(share, MOMENT_S / self.trial.seconds)
        return self.growth <= share * self.trial.rate and self.sent >= SENT_SHARE


async def ramp(options: LoadOptions, command: str) -> Report:
    """Search; ``options.seconds`` is the window and ``options.rate`` where it begins.

    Raises PipelineError, LoadError.
    """
    search = Search(options.rate, options.seconds, options.terminals * MAX_RATE_A_TERMINAL)
    outcomes: list[Outcome] = []
    half: Sequence[Sample] = ()
    async with live(options) as running:
        await running.go()
        while (trial := search.next()) is not None:
            outcome = await _try(running, trial, options.generators)
            outcomes.append(outcome)
            search.tell(outcome.held)
            await _calm(running, trial.rate)
        if search.found is not None:
            at_half = Trial(search.found / 2, max(options.seconds / 3, 5.0), False)
            half = (await _try(running, at_half, options.generators)).samples
        await running.finish()
    return ramp_figures(running.run, outcomes, search.found, half, command)


def ramp_figures(
    run: Run,
    outcomes: Sequence[Outcome],
    found: float | None,
    half: Sequence[Sample],
    command: str,
) -> Report:
    """The report of a search."""
    report = Report("ramp", command, ledger=run.ledger, series=series(run.samples))
    if found is None:
        report.failures.append("no rate held for the whole window")
    else:
        best = outcomes[-1]
        first, last = best.samples[0], best.samples[-1]
        stored = (last.stored - first.stored) / (last.seconds - first.seconds)
        report.add(f"highest rate sustained for {best.trial.seconds:g} s", found, "fixes/s")
        report.add("fixes stored at that rate", stored, "fixes/s", "asked for", stored / found)
        add_latencies(report, first.scrape, last.scrape, " at that rate")
        if half:
            add_latencies(report, half[0].scrape, half[-1].scrape, " at half of it")
        add_processor(report, first, last)
        note_others(report, first, last)
    add_losses(report, run)
    most = run.options.terminals * MAX_RATE_A_TERMINAL
    if found is not None and found >= most:
        report.notes.append(
            f"That is all that {run.options.terminals:,} terminals send: use more (--terminals)."
        )
    report.notes.append("Tried: " + ", ".join(map(_told, outcomes)) + ".")
    if any(one.generator_full and not one.held for one in outcomes):
        report.notes.append(
            "The generator was the limit at a rate that did not hold: use more of them "
            "(--generators), on other cores; the pipeline may do more."
        )
    return report


async def _try(running: Live, trial: Trial, generators: int) -> Outcome:
    await running.generators.rate(trial.rate)
    samples = await running.watch(trial.seconds)
    return judge(trial, samples, generators)


def judge(trial: Trial, samples: Sequence[Sample], generators: int) -> Outcome:
    """Whether the lag grew: its trend must be beyond what the samples' scatter explains."""
    begin = samples[0].seconds + SETTLE_SHARE * trial.seconds
    judged = [sample for sample in samples if sample.seconds >= begin]
    if len(judged) < 2:
        return Outcome(trial, samples, 0.0, 0.0, False)
    growth, error = trend([(sample.seconds, sample.backlog) for sample in judged])
    first, last = judged[0], judged[-1]
    made = last.load.fixes + last.load.held_back - first.load.fixes - first.load.held_back
    due = trial.rate * (last.load.seconds - first.load.seconds)
    full = generator_was_full(judged, generators)
    return Outcome(trial, judged, growth - error, made / max(due, 1.0), full)


async def _calm(running: Live, rate: float) -> None:
    """Send little until the lag is gone."""
    calm = rate * CALM_SHARE
    await running.generators.rate(calm)
    await running.watch(CALM_TIMEOUT_S, until=lambda sample: sample.backlog < CALM_LAG_S * calm)


def _told(outcome: Outcome) -> str:
    verdict = "held" if outcome.held else f"lag grew by {outcome.growth:,.0f}/s"
    if outcome.sent < SENT_SHARE:
        verdict = f"only {outcome.sent:.0%} of it could be sent"
    return f"{outcome.trial.rate:,.0f}/s for {outcome.trial.seconds:g} s ({verdict})"
