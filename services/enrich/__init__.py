"""Enrich: fixes in, the zones they lie in and the zone events they cause out."""
