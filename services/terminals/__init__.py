"""Pure: the list of terminals, its files, its records on the log, and tokens as hashes."""
