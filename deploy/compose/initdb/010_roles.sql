-- Runs once, as the superuser, when the volume `timescaledb` is empty.
-- Dipper owns its database and is no superuser; Grafana reads and changes nothing.

\set dipper_password `cat /run/dipper-secrets/dipper_password`
\set grafana_password `cat /run/dipper-secrets/grafana_reader_password`

CREATE ROLE dipper LOGIN PASSWORD :'dipper_password';
ALTER DATABASE dipper OWNER TO dipper;
REVOKE CONNECT ON DATABASE dipper FROM PUBLIC;
-- `dipper migrate` looks which libraries the server has loaded.
GRANT pg_read_all_settings TO dipper;

-- Groups of readers. What they may read `dipper migrate` says; it may not make them.
CREATE ROLE dipper_operator NOLOGIN;
CREATE ROLE dipper_analyst NOLOGIN;
CREATE ROLE dipper_auditor NOLOGIN;
GRANT CONNECT ON DATABASE dipper TO dipper_operator, dipper_analyst, dipper_auditor;

CREATE ROLE grafana LOGIN PASSWORD :'grafana_password' IN ROLE dipper_operator;
ALTER ROLE grafana SET default_transaction_read_only = on;
ALTER ROLE grafana SET statement_timeout = '30s';
