"""Ingest: terminals' TCP connections in, fixes, messages and rejects to the log out."""
