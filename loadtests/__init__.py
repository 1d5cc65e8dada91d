"""Load generators, scenarios and reports: python -m loadtests SCENARIO."""
