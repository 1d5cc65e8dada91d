from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.nmea.stream import Stream
from services.tools.fleet import (
    Faults,
    FaultyLink,
    interleaved,
    make_fleet,
    with_faults,
    write_large,
    write_recording,
)
from services.tools.fleet.prepared import epoch, moment, prepare, sky
from services.tools.sentence import checksum_holds

START_US = 1_760_000_000_000_000
EPOCHS = [b"$GPTXT,%d*00\r\n" % number for number in range(2000)]
FLEET = make_fleet(vehicles=2, ships=2, seed=3)


@given(st.floats(0, 0.2), st.floats(0, 0.2), st.floats(0, 0.1), st.integers(1, 50))
def test_nothing_is_lost_that_no_fault_loses(late, offline, reconnects, length):
    faults = Faults(
        out_of_order=late, offline=offline, offline_epochs=length, reconnects=reconnects
    )
    assert sorted(with_faults(EPOCHS, faults, "x")) == sorted(EPOCHS)


@given(st.integers())
def test_the_same_seed_gives_the_same_faults(seed):
    faults = Faults(0.1, 0.1, 0.1, 0.05, 10, 0.05)
    first, again = FaultyLink(faults, str(seed)), FaultyLink(faults, str(seed))
    for data in EPOCHS[:200]:
        assert first.feed(data) == again.feed(data)
    assert first.finish() == again.finish()


def test_a_dead_spot_ends_on_a_new_connection_with_all_that_waited_in_order():
    link = FaultyLink(Faults(offline=0.02, offline_epochs=10), "x")
    waited = 0
    bursts = []
    for data in EPOCHS:
        epochs, reconnect = link.feed(data)
        assert reconnect is (waited > 0 and bool(epochs))
        if epochs:
            bursts.append(waited)
            assert len(epochs) == waited + 1
            assert epochs[-1] == data
        waited = 0 if epochs else waited + 1
    long = [length for length in bursts if length]
    assert 15 < len(long) < 60
    assert all(5 <= length <= 10 for length in long)


def test_connections_are_renewed_at_the_rate_asked_for():
    link = FaultyLink(Faults(reconnects=0.05), "x")
    renewed = sum(link.feed(data).reconnect for data in EPOCHS)
    assert 60 < renewed < 140


def test_the_first_epoch_of_a_connection_is_never_damaged():
    link = FaultyLink(Faults(corrupted=1.0, reconnects=0.1), "x")
    for number, data in enumerate(EPOCHS):
        epochs, reconnect = link.feed(data)
        assert (epochs == [data]) is (reconnect or number == 0)


@pytest.mark.parametrize("terminal", FLEET, ids=lambda terminal: terminal.name)
def test_prepared_epochs_have_the_receivers_talker_and_sky(terminal):
    (place,) = prepare(terminal, START_US, 1)
    lines = (epoch(place, moment(START_US)) + sky(terminal.receiver, START_US)).splitlines()
    assert all(checksum_holds(line) for line in lines)
    assert lines[0][1:6] == terminal.receiver.talker + b"RMC"
    kinds = {line[3:6] for line in lines}
    assert kinds == {b"RMC", b"GGA", b"GSA", b"GSV"}


def test_a_recording_holds_every_terminal_by_its_tag_block(tmp_path):
    faults = Faults(missing=0.1, out_of_order=0.1)
    written = write_recording(tmp_path / "fleet.nmea", FLEET, START_US, 20, faults)
    data = (tmp_path / "fleet.nmea").read_bytes()
    assert (written.lines, written.bytes) == (data.count(b"\n"), len(data))
    for terminal in FLEET:
        tag = b"\\s:" + terminal.name.encode() + b"*"
        mine = [line.split(b"\\")[2] for line in data.splitlines() if line.startswith(tag)]
        stream = Stream(terminal.name)
        results = [stream.feed(b"\r\n".join(mine) + b"\r\n", 0), stream.finish(0)]
        fixes = [fix for result in results for fix in result.fixes]
        assert 10 < len(fixes) <= 20
    assert written.epochs < 80


def test_a_recording_is_in_the_order_of_arrival():
    heard = list(interleaved(FLEET, START_US, 5))
    names = [data[3:7].decode() for data in heard]
    assert names == sorted(terminal.name for terminal in FLEET) * 5


def test_a_large_capture_has_the_size_and_the_fixes_that_it_says(tmp_path):
    written = write_large(tmp_path / "large.nmea", FLEET[0], START_US, 100_000)
    data = (tmp_path / "large.nmea").read_bytes()
    assert 100_000 <= len(data) == written.bytes < 102_000
    stream = Stream("any")
    results = [stream.feed(data, 0), stream.finish(0)]
    fixes = [fix for result in results for fix in result.fixes]
    assert [fix.time_us for fix in fixes] == [
        START_US + second * 1_000_000 for second in range(written.epochs)
    ]
    assert not any(result.rejects for result in results)
