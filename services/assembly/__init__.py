"""Putting the parts together: which log, which database, which services in a process.

Everything below this package gets a Log and a DSN and does not know where they come from.
"""
