"""The log between the services: one small interface; Kafka, SQLite and an in-memory double behind it."""
