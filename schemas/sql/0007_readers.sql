-- Who may read what, and deleting the last positions of terminals that fell silent.
--
-- The roles are groups without a login: GRANT dipper_analyst TO somebody. They belong to the whole
-- server, so they are made where they are missing and never dropped. docs/privacy.md has the table
-- of roles and tables.

CREATE FUNCTION grant_readers() RETURNS SETOF text LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
DECLARE
    reader text;
    own_schema text := current_schema();
    -- Where it is there, TimescaleDB asks for it at times even though only terminal_hour_parts is
    -- asked for. It holds the same.
    kept_hours text := coalesce(', ' || to_regclass('terminal_hour_aggregate'), '');
BEGIN
    FOREACH reader IN ARRAY ARRAY['dipper_operator', 'dipper_analyst', 'dipper_auditor'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = reader) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', reader);
            EXCEPTION
                WHEN insufficient_privilege THEN
                    RETURN NEXT reader;
                    CONTINUE;
                WHEN duplicate_object OR unique_violation THEN
                    NULL;  -- Another database of this server was quicker.
            END;
        END IF;
        IF NOT has_schema_privilege(reader, own_schema, 'USAGE') THEN
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', own_schema, reader);
        END IF;
        -- Not as statements of this function, whose parse trees would be kept for the next call:
        -- TimescaleDB puts the chunks of a hypertable into the tree of a GRANT, and they would
        -- not be there any more. The server process would crash.
        CASE reader
        WHEN 'dipper_operator' THEN
            EXECUTE 'GRANT SELECT ON
                terminals, positions, latest_position, zone_events, messages, rejects, log_offsets,
                tallies, ledger, harmless_zones, schema_migrations, fixes, latest_fixes,
                zone_crossings, terminal_hour_parts, terminal_hours, terminal_zone_hours'
                || kept_hours || ' TO dipper_operator';
        WHEN 'dipper_analyst' THEN
            EXECUTE 'GRANT SELECT ON
                positions, latest_position, terminal_hour_parts, harmless_zones'
                || kept_hours || ' TO dipper_analyst';
            -- Not id: it is a hash of the terminal's name and of what the other columns tell, so
            -- whoever guesses a name could check the guess.
            EXECUTE 'GRANT SELECT (time, lat, lon, terminal_id, zone, zone_version, kind)
            ON zone_events TO dipper_analyst';
        WHEN 'dipper_auditor' THEN
            EXECUTE 'GRANT SELECT ON terminals, log_offsets, tallies, ledger, schema_migrations
            TO dipper_auditor';
            -- Neither raw nor detail: both can hold a position.
            EXECUTE 'GRANT SELECT (topic, partition, log_offset, received_at, terminal, reason, run)
            ON rejects TO dipper_auditor';
        END CASE;
    END LOOP;
END
$$;
COMMENT ON FUNCTION grant_readers IS
    'Makes the reader roles that are missing and gives all of them their rights; returns those that '
    'are missing and that this user may not make. Every `dipper migrate` calls it.';
-- Not for readers: it is harmless with their rights, but it is no business of theirs.
REVOKE EXECUTE ON FUNCTION grant_readers() FROM PUBLIC;
SELECT grant_readers();

CREATE OR REPLACE PROCEDURE expire_rows(from_table text, older_than interval) LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    CASE from_table
    WHEN 'positions' THEN
        IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
            PERFORM drop_chunks('positions', older_than);
        ELSE
            DELETE FROM positions WHERE time < now() - older_than;
        END IF;
    WHEN 'latest_position' THEN DELETE FROM latest_position WHERE time < now() - older_than;
    WHEN 'zone_events' THEN DELETE FROM zone_events WHERE time < now() - older_than;
    WHEN 'messages' THEN DELETE FROM messages WHERE received_at < now() - older_than;
    WHEN 'rejects' THEN DELETE FROM rejects WHERE received_at < now() - older_than;
    END CASE;
END
$$;
COMMENT ON PROCEDURE expire_rows IS
    'Deletes old rows of positions (whole chunks on TimescaleDB), latest_position, zone_events, '
    'messages or rejects.';
