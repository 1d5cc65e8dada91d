"""What Hypothesis may take its time for."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

PATIENT = settings(
    # A busy machine draws examples slowly; that says nothing about the code.
    max_examples=500,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
