"""Store: enriched fixes, events, messages and rejects from the log into PostgreSQL."""
