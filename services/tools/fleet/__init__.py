"""A simulated fleet round Wenzhou: believable motion, real receivers' sentences, one seed.

Pure: every byte is a function of seed and time, so any second of any terminal can be asked for.
"""

from services.tools.fleet.faults import FIELD, Faults, FaultyLink, with_faults
from services.tools.fleet.recording import interleaved, write_large, write_recording
from services.tools.fleet.terminal import (
    Terminal,
    capture,
    make_fleet,
    sentences,
    write_captures,
)

__all__ = [
    "FIELD",
    "Faults",
    "FaultyLink",
    "Terminal",
    "capture",
    "interleaved",
    "make_fleet",
    "sentences",
    "with_faults",
    "write_captures",
    "write_large",
    "write_recording",
]
