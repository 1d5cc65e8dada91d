"""The log between the services: one interface; Kafka, SQLite and a double behind it."""
