"""JSON Schemas of the topics and SQL migrations, loaded with importlib.resources."""
