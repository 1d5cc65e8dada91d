"""The one way from connections to the log: deliveries gather, and go there in rounds.

A round is appended when the one before is durable, so order holds and outages need no
bookkeeping: the same round is tried again until the log takes it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

from services.codec import encode_tally
from services.ingest.metrics import IngestMetrics
from services.ingest.rounds import Receipt, Round
from services.ingest.running_tally import Ends, RunningTally
from services.ingest.settings import IngestSettings
from services.log.base import FIX, MESSAGE, REJECT, TALLY, Entry, Log, LogUnavailableError
from services.model import Tally
from services.nmea.epoch import WholeBytes
from services.nmea.terminal import Outcomes
from services.runtime.backoff import keep_trying

logger = logging.getLogger(__name__)

RESEND_PAUSE_S = 0.1
"""The writer for Kafka waits at least so long before it sends a part of an append again."""


class Publisher:
    """Takes deliveries at once (``put``), appends them in rounds (``run``).

    It bounds nothing itself: ``waiting_bytes`` tells the connections when to stop reading.
    """

    def __init__(
        self,
        settings: IngestSettings,
        log: Log,
        metrics: IngestMetrics,
        run: str,
    ) -> None:
        self.after_round: Callable[[], None] = lambda: None
        """Called when ``waiting_bytes`` has fallen."""
        self.waiting_bytes = 0
        """Bytes of records that were put and are not durable yet."""
        self._settings = settings
        self._log = log
        self._metrics = metrics
        self._run = run
        self._tally = RunningTally(run)
        self._repeats: Counter[str] = Counter()
        """How often the round's records of a topic may have been taken without a reply."""
        self._rounds: deque[Round] = deque()
        """Those that wait; the last of them gathers."""
        self._wake = asyncio.Event()
        self._closing = False
        # Asked for when read, so that it tells the truth while the log is away.
        metrics.receive_buffer_bytes.set_function(lambda: self.waiting_bytes)

    def put(
        self, receipt: Receipt, durable: int, out: Outcomes | WholeBytes, read: int, pending: int
    ) -> int:
        """Queue outcomes (see Round.add), whose receipt hears of it when they are durable; returns
        the bytes that they hold until then."""
        rounds = self._rounds
        if not rounds or rounds[-1].records >= self._settings.max_round_records:
            rounds.append(Round())
            self._wake.set()
        size = rounds[-1].add(receipt, durable, out, read, pending)
        self.waiting_bytes += size
        return size

    def close(self) -> None:
        """Let ``run`` return once all that was put is durable."""
        self._closing = True
        self._wake.set()

    async def run(self) -> None:
        """Append rounds until closed, then the tally that says that these were all.

        Raises LogError for what no retry can mend.
        """
        clock, last_start = asyncio.get_running_loop().time, float("-inf")
        while True:
            await self._wake.wait()
            if not self._rounds:
                if self._closing:
                    await self._append_tally(self._tally.finish())
                    return
                self._wake.clear()
                continue
            rest = last_start + self._settings.linger_s - clock()
            if rest > 0 and self._rounds[0].records < self._settings.max_round_records:
                await asyncio.sleep(rest)
            last_start = clock()
            await self._publish(self._rounds.popleft())
            self._metrics.publish_seconds.observe(clock() - last_start)

    async def _publish(self, now: Round) -> None:
        self._repeats.clear()
        ends = await asyncio.gather(
            self._append(FIX, now.fixes),
            self._append(MESSAGE, now.messages),
            self._append(REJECT, now.rejects),
        )
        repeated = sum(times * now.lines_of(topic) for topic, times in self._repeats.items())
        await self._append_tally(self._tally.add(now, Ends(*ends), repeated))
        for receipt, settled in now.settled.items():
            self.waiting_bytes -= settled.size
            receipt.published(*settled)
        self._count(now)
        self.after_round()

    async def _append(self, topic: str, entries: Sequence[Entry]) -> Mapping[int, int]:
        if not entries:
            return {}
        ends = await keep_trying(
            lambda: self._append_once(topic, entries),
            (LogUnavailableError,),
            logger,
            f"publishing to {topic}",
        )
        if min(ends.values()) > 0:
            return ends
        # The log no longer knows where it put a batch that it had already: at most up to its end.
        now = await keep_trying(
            lambda: self._log.end_offsets(topic),
            (LogUnavailableError,),
            logger,
            f"asking for the ends of {topic}",
        )
        return {partition: end if end > 0 else now[partition] for partition, end in ends.items()}

    async def _append_once(self, topic: str, entries: Sequence[Entry]) -> Mapping[int, int]:
        clock = asyncio.get_running_loop().time
        start = clock()
        try:
            return await self._log.append(topic, entries)
        except LogUnavailableError:
            self._repeats[topic] += 1
            self._metrics.publish_retries.inc()
            raise
        finally:
            if self._log.backend == "kafka":
                # Its writer sends again by itself what may have been taken, and does not tell.
                self._repeats[topic] += int((clock() - start) / RESEND_PAUSE_S)

    async def _append_tally(self, tally: Tally) -> None:
        await self._append(TALLY, [Entry(self._run.encode(), encode_tally(tally))])

    def _count(self, done: Round) -> None:
        metrics = self._metrics
        metrics.lines_read.inc(done.read)
        metrics.lines_used.inc(done.used)
        metrics.count_rejects(done.rejected)
        metrics.fixes_published.inc(len(done.fixes))
        metrics.messages_published.inc(len(done.messages))
        metrics.publish_batch_records.observe(done.records)
