-- Hourly figures per terminal: what a fleet is asked for every day.
--
-- Figures of the track come from neighbours in time, so they are made from the fixes of an hour in
-- the order of time, never in the order of arrival: docs/adr/0008-hourly-figures.md says how. The
-- bodies are parsed here and now (BEGIN ATOMIC), because TimescaleDB's jobs run without a
-- search_path.

CREATE FUNCTION great_circle_m(
    lat_a double precision, lon_a double precision, lat_b double precision, lon_b double precision
) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    -- The last factor keeps rounding from leaving asin's domain; least() would pass over NULL.
    SELECT 2 * 6371008.8 * asin(sqrt(0.999999999999999 * (
        power(sin(radians(lat_b - lat_a) / 2), 2)
        + cos(radians(lat_a)) * cos(radians(lat_b)) * power(sin(radians(lon_b - lon_a) / 2), 2))));
END;
COMMENT ON FUNCTION great_circle_m IS
    'Metres between two positions in degrees, on a sphere of the earth''s mean radius (haversine).';

CREATE TYPE track_point AS (
    time  timestamptz,
    lat   double precision,
    lon   double precision,
    zones text[]
);

CREATE FUNCTION track_m(points track_point[]) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(sum(great_circle_m(lat_before, lon_before, lat, lon)), 0)
    FROM (
        SELECT point.lat, point.lon,
               lag(point.lat) OVER in_order AS lat_before, lag(point.lon) OVER in_order AS lon_before
        FROM unnest(points) WITH ORDINALITY AS point (time, lat, lon, zones, place)
        WINDOW in_order AS (ORDER BY point.place)
    ) AS step;
END;
COMMENT ON FUNCTION track_m IS 'Length of a track in metres; the points in the order of time.';

CREATE FUNCTION zone_seconds(points track_point[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb_agg(jsonb_build_object('zones', zones, 'seconds', seconds) ORDER BY zones)
    FROM (
        SELECT zones, extract(epoch FROM sum(time_after - time)) AS seconds
        FROM (
            SELECT point.time, point.zones,
                   lead(point.time) OVER (ORDER BY point.place) AS time_after
            FROM unnest(points) WITH ORDINALITY AS point (time, lat, lon, zones, place)
        ) AS stay
        WHERE zones IS NOT NULL AND time_after IS NOT NULL
        GROUP BY zones
    ) AS stays;
END;
COMMENT ON FUNCTION zone_seconds IS
    'How long a track was in which zones together: [{"zones": [id, …], "seconds": n}, …], NULL if '
    'in none. A point tells where the terminal is until the next point.';

CREATE FUNCTION first_point(points track_point[]) RETURNS track_point
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN points[1];

CREATE FUNCTION last_point(points track_point[]) RETURNS track_point
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN points[cardinality(points)];

-- One row for each terminal and hour with fixes: all that the fixes of that hour alone can tell.
-- A later file puts a continuous aggregate in its place where the server can keep one.
CREATE VIEW terminal_hour_parts AS
SELECT terminal_id, hour, fixes, max_speed_kmh, mean_speed_kmh,
       first_point(points) AS first, last_point(points) AS last,
       track_m(points) AS track_m, zone_seconds(points) AS zone_seconds
FROM (
    SELECT terminal_id,
           date_bin('1 hour', time, TIMESTAMPTZ '2000-01-01 00:00+00') AS hour,
           count(*) AS fixes,
           max(speed_kmh) AS max_speed_kmh,
           avg(speed_kmh) AS mean_speed_kmh,
           array_agg((time, lat, lon, zones)::track_point ORDER BY time)
               FILTER (WHERE lat IS NOT NULL AND lon IS NOT NULL) AS points
    FROM positions
    GROUP BY 1, 2
) AS of_the_hour;

CREATE TABLE harmless_zones (
    zone text PRIMARY KEY
);
COMMENT ON TABLE harmless_zones IS
    'Zones that are no hazard, such as ports: time in them is not in hazard_minutes. It counts '
    'for the past too.';

CREATE FUNCTION hours_of(which integer, since timestamptz, until timestamptz)
RETURNS TABLE (
    hour timestamptz, fixes bigint, distance_m double precision, max_speed_kmh real,
    mean_speed_kmh double precision, hazard_minutes double precision, stays jsonb
) LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT linked.hour, linked.fixes,
           linked.track_m + CASE WHEN linked.joins_before THEN great_circle_m(
               (linked.before).lat, (linked.before).lon, (linked.first).lat, (linked.first).lon
           ) ELSE 0 END,
           linked.max_speed_kmh, linked.mean_speed_kmh,
           coalesce((
               SELECT sum((stay ->> 'seconds')::double precision) / 60
               FROM jsonb_array_elements(linked.stays) AS stay
               WHERE EXISTS (
                   SELECT FROM jsonb_array_elements_text(stay -> 'zones') AS inside (zone)
                   WHERE NOT EXISTS (
                       SELECT FROM harmless_zones WHERE harmless_zones.zone = inside.zone))
           ), 0),
           linked.stays
    FROM (
        SELECT near.*,
               coalesce(near.zone_seconds, '[]')
               || CASE WHEN near.joins_before AND (near.before).zones IS NOT NULL
                       THEN jsonb_build_array(jsonb_build_object(
                           'zones', (near.before).zones,
                           'seconds', extract(epoch FROM (near.first).time - greatest(
                               near.hour, (near.before).time))))
                       ELSE '[]' END
               || CASE WHEN near.joins_after AND (near.last).zones IS NOT NULL
                       THEN jsonb_build_array(jsonb_build_object(
                           'zones', (near.last).zones,
                           'seconds', extract(epoch FROM
                               near.hour + INTERVAL '1 hour' - (near.last).time)))
                       ELSE '[]' END AS stays
        FROM (
            SELECT part.*,
                   lag(part.last) OVER by_hour AS before,
                   coalesce((part.first).time - (lag(part.last) OVER by_hour).time
                       <= INTERVAL '1 hour', false) AS joins_before,
                   coalesce((lead(part.first) OVER by_hour).time - (part.last).time
                       <= INTERVAL '1 hour', false) AS joins_after
            FROM terminal_hour_parts AS part
            WHERE part.terminal_id = which
              AND part.hour >= since - INTERVAL '1 hour' AND part.hour <= until
            WINDOW by_hour AS (ORDER BY part.hour)
        ) AS near
    ) AS linked
    WHERE linked.hour >= since AND linked.hour < until;
END;
COMMENT ON FUNCTION hours_of IS
    'The hours of a terminal, by its id, that begin at or after the first and before the second '
    'time. Quicker than terminal_hours when few of many hours are asked for.';

CREATE VIEW terminal_hours AS
SELECT t.name AS terminal, h.hour, h.fixes, h.distance_m, h.max_speed_kmh, h.mean_speed_kmh,
       h.hazard_minutes
FROM terminals t CROSS JOIN LATERAL hours_of(t.id, '-infinity', 'infinity') AS h;
COMMENT ON VIEW terminal_hours IS
    'One row for each terminal and hour (UTC) with fixes, the current hour included.';
COMMENT ON COLUMN terminal_hours.distance_m IS
    'Length of the track, the step from the fix before the hour included.';

CREATE VIEW terminal_zone_hours AS
SELECT t.name AS terminal, h.hour, inside.zone,
       sum((stay.value ->> 'seconds')::double precision) / 60 AS minutes
FROM terminals t
CROSS JOIN LATERAL hours_of(t.id, '-infinity', 'infinity') AS h
CROSS JOIN LATERAL jsonb_array_elements(h.stays) AS stay
CROSS JOIN LATERAL jsonb_array_elements_text(stay.value -> 'zones') AS inside (zone)
GROUP BY t.name, h.hour, inside.zone;
COMMENT ON VIEW terminal_zone_hours IS 'Minutes by terminal, hour (UTC) and zone.';
