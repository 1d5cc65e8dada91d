"""The session that docs/terminal-protocol.md shows is what the server does."""

from __future__ import annotations

from pathlib import Path

from services.ingest.session import Session
from services.ingest.settings import SessionSettings

DOCUMENT = Path(__file__).parents[3] / "docs" / "terminal-protocol.md"
NOW_US = 1_750_161_600_000_000


def example() -> list[str]:
    """The lines of the document's example session."""
    text = DOCUMENT.read_text(encoding="utf-8").partition("### A session")[2]
    return text.split("```")[1].strip().splitlines()


def test_the_example_session_is_true() -> None:
    session = Session(SessionSettings(), "run")
    shown = []
    for line in example():
        said = line[2:].split(" ")[0]
        if line.startswith("< "):
            continue
        shown.append(f"> {said}")
        if said == "(end":
            session.end(NOW_US, clean=True)
        else:
            session.receive(said.encode("ascii") + b"\r\n", NOW_US)
            assert line.split()[-1] == str(session.lines_received)
        answers = session.take_replies() + session.acknowledge(session.durable_candidate)
        shown += [f"< {answer}" for answer in answers.decode("ascii").splitlines()]
    documented = [" ".join(line.split()[:2]) for line in example()]
    assert [*shown, "< (closed)"] == documented
