-- requires: extension timescaledb

CREATE EXTENSION IF NOT EXISTS timescaledb;

-- The primary key serves queries by terminal; chunks serve those by time. The index on time
-- that TimescaleDB would add costs every insert and gains nothing.
SELECT create_hypertable(
    'positions', by_range('time', INTERVAL '1 day'),
    create_default_indexes => false, migrate_data => true
);
