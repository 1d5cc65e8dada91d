-- Deleting what is older than it is wanted: by TimescaleDB's scheduler where there is one, else by
-- whoever calls it, for example cron.

CREATE PROCEDURE expire_rows(from_table text, older_than interval) LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    CASE from_table
    WHEN 'positions' THEN
        IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
            PERFORM drop_chunks('positions', older_than);
        ELSE
            DELETE FROM positions WHERE time < now() - older_than;
        END IF;
    WHEN 'zone_events' THEN DELETE FROM zone_events WHERE time < now() - older_than;
    WHEN 'messages' THEN DELETE FROM messages WHERE received_at < now() - older_than;
    WHEN 'rejects' THEN DELETE FROM rejects WHERE received_at < now() - older_than;
    END CASE;
END
$$;
COMMENT ON PROCEDURE expire_rows IS
    'Deletes old rows of positions (whole chunks on TimescaleDB), zone_events, messages or rejects.';

CREATE PROCEDURE expire_rows_job(job_id integer, config jsonb) LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    CALL expire_rows(config ->> 'table', (config ->> 'older_than')::interval);
END
$$;
COMMENT ON PROCEDURE expire_rows_job IS 'expire_rows as TimescaleDB''s scheduler calls it.';
