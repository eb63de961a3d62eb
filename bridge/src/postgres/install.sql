CREATE SCHEMA tandem;
CREATE TABLE tandem.state (
  one boolean PRIMARY KEY DEFAULT true CHECK (one), incarnation text NOT NULL, applied bigint NOT NULL,
  cycles bigint NOT NULL DEFAULT 0
);
CREATE TABLE tandem.outbox (
  seq bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY, xid xid8 NOT NULL, at timestamptz NOT NULL,
  tbl oid NOT NULL, own boolean NOT NULL, seen bigint NOT NULL, old json, new json
);
CREATE TABLE tandem.sequences (
  name text PRIMARY KEY, step bigint NOT NULL
);
-- For whoever writes to the tables, with its own settings whatever theirs are.
CREATE FUNCTION tandem.capture() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' SET intervalstyle = 'iso_8601'
SET bytea_output = 'hex' SET extra_float_digits = 1 SET lc_monetary = 'C'
AS $capture$
BEGIN
  INSERT INTO tandem.outbox (xid, at, tbl, own, seen, old, new)
  SELECT pg_current_xact_id(), clock_timestamp(), TG_RELID,
         coalesce(current_setting('tandem.applies', true), '') = s.incarnation, s.applied,
         row_to_json(OLD), row_to_json(NEW)
  FROM tandem.state AS s;
  RETURN NULL;
END $capture$;
-- A table that is emptied is a table whose rows were deleted.
CREATE FUNCTION tandem.emptied() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' SET intervalstyle = 'iso_8601'
SET bytea_output = 'hex' SET extra_float_digits = 1 SET lc_monetary = 'C'
AS $emptied$
BEGIN
  EXECUTE format(
    'INSERT INTO tandem.outbox (xid, at, tbl, own, seen, old)
     SELECT pg_current_xact_id(), clock_timestamp(), $1, false, s.applied, row_to_json(r)
     FROM ONLY %I.%I AS r, tandem.state AS s',
    TG_TABLE_SCHEMA, TG_TABLE_NAME) USING TG_RELID;
  RETURN NULL;
END $emptied$;
REVOKE ALL ON FUNCTION tandem.capture(), tandem.emptied() FROM PUBLIC;
