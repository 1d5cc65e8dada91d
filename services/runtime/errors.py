"""What keeps a process from starting or going on."""


class StartError(Exception):
    """Something the process can't do without is not to be had; the text says what helps."""
