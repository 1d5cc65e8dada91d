-- requires: timescaledb community

-- The same columns as the view of 0003 that it stands in for. What is not refreshed yet is
-- computed when asked, so the current hour is there as well.
CREATE MATERIALIZED VIEW terminal_hour_aggregate
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT terminal_id,
       time_bucket('1 hour', time) AS hour,
       count(*) AS fixes,
       max(speed_kmh) AS max_speed_kmh,
       avg(speed_kmh) AS mean_speed_kmh,
       first_point(array_agg((time, lat, lon, zones)::track_point ORDER BY time)
           FILTER (WHERE lat IS NOT NULL AND lon IS NOT NULL)) AS first,
       last_point(array_agg((time, lat, lon, zones)::track_point ORDER BY time)
           FILTER (WHERE lat IS NOT NULL AND lon IS NOT NULL)) AS last,
       track_m(array_agg((time, lat, lon, zones)::track_point ORDER BY time)
           FILTER (WHERE lat IS NOT NULL AND lon IS NOT NULL)) AS track_m,
       zone_seconds(array_agg((time, lat, lon, zones)::track_point ORDER BY time)
           FILTER (WHERE lat IS NOT NULL AND lon IS NOT NULL)) AS zone_seconds
FROM positions
GROUP BY 1, 2
WITH NO DATA;

CREATE OR REPLACE VIEW terminal_hour_parts AS
SELECT terminal_id, hour, fixes, max_speed_kmh, mean_speed_kmh, first, last, track_m, zone_seconds
FROM terminal_hour_aggregate;

-- A terminal's fixes of a day lie together. `dipper migrate` sets when chunks are converted.
ALTER TABLE positions SET (
    timescaledb.enable_columnstore, timescaledb.segmentby = 'terminal_id',
    timescaledb.orderby = 'time'
);
