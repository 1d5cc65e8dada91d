"""Dipper's services: terminals' NMEA streams in, enriched fixes in TimescaleDB out."""
