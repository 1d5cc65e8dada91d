"""Every threshold of ``dipper check`` in one place, each with its reason. Shares are 0 to 1."""

from __future__ import annotations

CUT_LINES = 1
"""So many damaged lines never fail a check: a capture may begin or end within a line, and in a
short capture that one line is a large share."""

DAMAGED_SHARE = 0.01
"""Checksum errors, missing checksums, bad fields. A serial line or TCP damages far less; 1 % of
the lines lost costs a fix every half minute at 1 Hz and three sentences an epoch."""

LATE_SHARE = 0.05
"""Sentences after their epoch has left. Dipper rejects a few while it learns the cycle; more are
a cycle that Dipper can't follow, so data is lost for good."""

MAX_SENTENCE_BYTES = 82
"""The longest sentence of NMEA 0183, from ``$`` to LF."""

IRREGULAR_FACTOR = 0.5
"""An interval that differs from the median by more than this part of it is irregular; a longer
one of these is a gap, since at least one epoch is missing."""

IRREGULAR_SHARE = 0.05
"""Some jitter is normal where a receiver starts; more makes speeds and zone times uncertain."""

STEP_BACK_SHARE = 0.01
"""Times going back, and epochs sent twice. A buffer that is sent late does it once; a stream that
does it all the time has a clock or a sender that is broken."""

REPEAT_WINDOW = 3600
"""So many epochs back a time is still known as one that was there already: an hour at 1 Hz."""

ORDER_SHARE = 0.05
"""Epochs in another order than the usual. Dipper learns an epoch's end from the cycle; if the
order changes, fixes leave an epoch later."""

NO_FIX_SHARE = 0.1
"""Epochs without a position. A start costs some; more means poor sky or a poor antenna."""

FIRST_FIX_S = 120.0
"""A cold start takes a minute or less under open sky; twice that is worth a look."""

HDOP_P95 = 5.0
"""Above 5 the geometry multiplies range errors so much that positions serve for little but a
rough place (the usual rating: up to 5 good, up to 10 moderate)."""

FEW_SATELLITES = 4
"""A fix in three dimensions needs four satellites; a median below that can't be trusted."""

JUMP_KMH = 500.0
"""Implied speed between two consecutive fixes. No vehicle or ship comes near it; an aircraft
does, so don't judge a flight by it."""

JUMP_SHARE = 0.01
"""One jump may be a tunnel's end; more than this are positions that are wrong."""

DISAGREEMENT_DEG = 1e-4
"""About 11 m: more than rounding explains between RMC and GGA of one epoch."""

DISAGREEMENT_SHARE = 0.01
"""A few differ while a fix comes or goes; more are two solutions under one time."""
