"""Pure zone logic: GeoJSON to zones, a spatial index, and enter/exit transitions in event time."""
