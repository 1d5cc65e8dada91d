from __future__ import annotations

import asyncio
import gzip
import os
import re
import socket
from pathlib import Path

import pytest

from services.tools.replay import ReplayError, ReplayOptions, parse_speed, replay
from services.tools.sentence import sentence


def epoch(second: int) -> bytes:
    clock = b"%02d%02d%02d.00" % (second // 3600, second // 60 % 60, second % 60)
    return sentence(b"GNRMC,%b,A,2800.0,N,12040.0,E,10.0,90.0,010125,,,A" % clock) + sentence(
        b"BDGSV,1,1,01,03,45,120,%d" % second
    )


def capture(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)


def lines_of(data: bytes) -> list[bytes]:
    return [line for line in re.split(rb"[\r\n]", data) if line]


STREAM = b"".join(map(epoch, range(2000)))


class VirtualTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


async def test_the_bytes_arrive_unchanged_even_if_they_are_binary(ingest, tmp_path):
    data = os.urandom(300_000) + b"\n"
    options = ReplayOptions((capture(tmp_path / "x.log", data),), ingest.url, speed=None)
    result = await replay(options)
    assert bytes(ingest.received) == data
    assert result.lines == len(lines_of(data))
    assert result.acknowledged is None


async def test_several_files_are_sent_in_order_and_gzip_is_unpacked_whatever_its_name(
    ingest, tmp_path
):
    halves = gzip.compress(epoch(2)) + gzip.compress(epoch(3))
    files = (capture(tmp_path / "a.log", epoch(1)), capture(tmp_path / "b.log", halves))
    await replay(ReplayOptions(files, ingest.url, speed=None))
    assert bytes(ingest.received) == epoch(1) + epoch(2) + epoch(3)


async def test_a_missing_newline_at_a_files_end_is_added(ingest, tmp_path):
    files = (capture(tmp_path / "a.log", b"$A"), capture(tmp_path / "b.log", b"$B"))
    result = await replay(ReplayOptions(files, ingest.url, speed=None))
    assert bytes(ingest.received) == b"$A\r\n$B\r\n"
    assert result.lines == 2


async def test_login_goes_first_with_the_token(ingest, tmp_path):
    file = capture(tmp_path / "a.log", epoch(1))
    await replay(ReplayOptions((file,), ingest.url, "truck-1", "secret", speed=None))
    assert bytes(ingest.received) == sentence(b"PDPR,LOGIN,truck-1,secret") + epoch(1)


async def test_a_refused_login_is_an_error_that_gives_the_servers_reason(ingest, tmp_path):
    ingest.refuse = "unknown terminal"
    file = capture(tmp_path / "a.log", epoch(1))
    with pytest.raises(ReplayError, match="refused: unknown terminal"):
        await replay(ReplayOptions((file,), ingest.url, "truck-1", ack=True))


async def test_acknowledged_replay_ends_when_every_line_is_durable(ingest, tmp_path):
    ingest.keep_back = 3
    file = capture(tmp_path / "a.log", STREAM)
    result = await replay(ReplayOptions((file,), ingest.url, "truck-1", speed=None, ack=True))
    assert ingest.durable == lines_of(STREAM)
    assert result.acknowledged == result.lines == 4000
    assert result.reconnects == 0


@pytest.mark.parametrize("cuts", [[1], [500], [1500, 2], [10, 20, 30, 3000]])
async def test_a_cut_connection_is_renewed_and_nothing_is_lost(ingest, tmp_path, cuts):
    ingest.cut_after_lines = list(cuts)
    file = capture(tmp_path / "a.log", STREAM)
    time = VirtualTime()
    options = ReplayOptions((file,), ingest.url, "truck-1", speed=None, ack=True)
    result = await replay(options, clock=time.clock, sleep=time.sleep)
    # A line may come twice: its acknowledgement can be lost with the connection.
    assert list(dict.fromkeys(ingest.durable)) == lines_of(STREAM)
    assert result.acknowledged == 4000
    assert result.reconnects == len(cuts)
    assert len(ingest.logins) == len(cuts) + 1


async def test_a_connection_that_breaks_while_pacing_is_renewed_too(ingest, tmp_path):
    ingest.cut_after_lines = [7]
    file = capture(tmp_path / "a.log", b"".join(map(epoch, range(50))))
    time = VirtualTime()
    options = ReplayOptions((file,), ingest.url, "truck-1", speed=1, ack=True)
    result = await replay(options, clock=time.clock, sleep=time.sleep)
    assert len(set(ingest.durable)) == 100
    assert result.reconnects == 1


async def test_a_server_that_never_stays_is_given_up_with_what_is_known_to_be_durable(
    ingest, tmp_path
):
    ingest.cut_after_lines = [1] * 10_000
    file = capture(tmp_path / "a.log", STREAM)
    time = VirtualTime()
    options = ReplayOptions((file,), ingest.url, "truck-1", speed=None, ack=True, retry_for=5)
    with pytest.raises(ReplayError, match=r"gave up after 5 s; 0 of the 4,000 lines"):
        await replay(options, clock=time.clock, sleep=time.sleep)


async def test_without_acknowledgement_a_broken_connection_is_an_error(tmp_path):
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.transport.abort()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    file = capture(tmp_path / "a.log", STREAM * 100)
    with pytest.raises(ReplayError, match="not known without --ack"):
        await replay(ReplayOptions((file,), f"tcp://{host}:{port}", speed=None))
    server.close()


async def test_a_server_that_is_away_gives_one_sentence(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    file = capture(tmp_path / "a.log", STREAM)
    for ack in (False, True):
        options = ReplayOptions((file,), f"tcp://127.0.0.1:{port}", ack=ack)
        with pytest.raises(ReplayError, match=rf"127.0.0.1:{port}: Connection refused"):
            await replay(options)


async def test_a_server_that_acknowledges_nothing_is_an_error(ingest, tmp_path, monkeypatch):
    monkeypatch.setattr("services.tools.replay_sender.ANSWER_TIMEOUT_S", 0.01)
    ingest.acknowledge = False
    file = capture(tmp_path / "a.log", epoch(1))
    options = ReplayOptions((file,), ingest.url, "t-1", speed=None, ack=True, retry_for=0.05)
    with pytest.raises(ReplayError, match=r"0 of the 2 lines that were sent"):
        await replay(options)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (gzip.compress(STREAM)[:1000], "ends too early"),
        (b"\x1f\x8b" + b"junk" * 10, "decompressing"),
    ],
)
async def test_an_unreadable_capture_is_named_with_the_reason(ingest, tmp_path, content, reason):
    path = tmp_path / "bad.log"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ReplayError, match=rf"read capture .*bad\.log: .*{reason}"):
        await replay(ReplayOptions((str(path),), ingest.url, speed=None))


async def test_pacing_follows_the_captures_time_and_the_speed(ingest, tmp_path):
    seconds = [86_390, 86_391, 86_395, 5, 3, 10, 4000]
    file = capture(tmp_path / "a.log", b"".join(map(epoch, seconds)))
    time = VirtualTime()
    options = ReplayOptions((file,), ingest.url, speed=10)
    result = await replay(options, clock=time.clock, sleep=time.sleep)
    assert time.slept == pytest.approx([0.1, 0.4, 1.0, 0.5, 6.0])
    assert result.seconds == pytest.approx(8.0)
    assert len(lines_of(bytes(ingest.received))) == 14


async def test_a_loop_repeats_the_files_until_it_is_stopped(ingest, tmp_path):
    file = capture(tmp_path / "a.log", epoch(1))
    looping = asyncio.create_task(
        replay(ReplayOptions((file,), ingest.url, "t-1", speed=None, ack=True, loop=True))
    )
    await ingest.thousand.wait()
    looping.cancel()
    await asyncio.gather(looping, return_exceptions=True)
    assert set(ingest.durable) == set(lines_of(epoch(1)))


async def test_a_loop_over_nothing_is_an_error(ingest, tmp_path):
    file = capture(tmp_path / "a.log", b"")
    with pytest.raises(ReplayError, match="nothing to repeat"):
        await replay(ReplayOptions((file,), ingest.url, speed=None, loop=True))


@pytest.mark.parametrize(("text", "speed"), [("1", 1.0), ("0.5", 0.5), ("max", None)])
def test_speed_is_a_number_or_max(text, speed):
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "fast"])
def test_other_speeds_are_refused(text):
    with pytest.raises(ValueError, match="is no speed"):
        parse_speed(text)


@pytest.mark.parametrize("to", ["http://x:1", "tcp://", "tcp://x:99999"])
async def test_a_wrong_address_is_one_sentence(tmp_path, to):
    file = capture(tmp_path / "a.log", epoch(1))
    with pytest.raises(ReplayError, match=re.escape(to)):
        await replay(ReplayOptions((file,), to))
