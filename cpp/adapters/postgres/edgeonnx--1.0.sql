-- Objects of the extension, all in the schema edgeonnx. SELECT on edgeonnx.models is what lets a role use models: functions run with
-- the rights of their caller.
\echo Use "CREATE EXTENSION edgeonnx" to load this file. \quit

GRANT USAGE ON SCHEMA edgeonnx TO PUBLIC;

CREATE TABLE edgeonnx.models (
  name text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 255),
  version text NOT NULL CHECK (octet_length(version) <= 255),
  model bytea NOT NULL,
  settings text NOT NULL DEFAULT '',
  description text,
  created timestamptz NOT NULL DEFAULT clock_timestamp(),
  digest bytea NOT NULL GENERATED ALWAYS AS (sha256(model)) STORED, -- by which a session knows what it has loaded
  PRIMARY KEY (name, version),
  CONSTRAINT "a model's name has no @, which begins a version" CHECK (strpos(name, '@') = 0)
);
-- Serialized models hardly shrink.
ALTER TABLE edgeonnx.models ALTER COLUMN model SET STORAGE EXTERNAL;
-- Its rows are data of the user: dumped, though the table belongs to the extension.
SELECT pg_catalog.pg_extension_config_dump('edgeonnx.models', '');

CREATE VIEW edgeonnx.model_info WITH (security_invoker = true) AS
  SELECT name, version, octet_length(model) AS n_bytes, encode(digest, 'hex') AS sha256, settings, description, created FROM edgeonnx.models;

GRANT SELECT ON edgeonnx.model_info TO PUBLIC; -- shows who may read the table what is in it

CREATE FUNCTION edgeonnx.check_model(name text, version text DEFAULT NULL) RETURNS void
  AS 'MODULE_PATHNAME', 'edgeonnx_pg_check_model' LANGUAGE C;

CREATE FUNCTION edgeonnx.load_model(name text, version text, model bytea, settings text DEFAULT '', description text DEFAULT NULL) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  -- First, so that bytes of roles that may not put models here are not even read.
  INSERT INTO edgeonnx.models AS m (name, version, model, settings, description)
    VALUES (load_model.name, load_model.version, load_model.model, coalesce(load_model.settings, ''), load_model.description)
    ON CONFLICT ON CONSTRAINT models_pkey DO UPDATE
    SET model = excluded.model, settings = excluded.settings, description = excluded.description, created = clock_timestamp();
  PERFORM edgeonnx.check_model(load_model.name, load_model.version);
END $$;

CREATE FUNCTION edgeonnx.drop_model(name text, version text DEFAULT NULL) RETURNS bigint
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  n_dropped bigint;
BEGIN
  DELETE FROM edgeonnx.models AS m WHERE m.name = drop_model.name AND (drop_model.version IS NULL OR m.version = drop_model.version);
  GET DIAGNOSTICS n_dropped = ROW_COUNT;
  IF n_dropped = 0 THEN
    RAISE undefined_object USING
      MESSAGE = format('model ''%s''%s: edgeonnx.models has no such row', drop_model.name, ', version ''' || drop_model.version || ''''),
      DETAIL = 'NOT_FOUND';
  END IF;
  RETURN n_dropped;
END $$;

CREATE FUNCTION edgeonnx.ports(model text, OUT kind text, OUT "position" int, OUT name text, OUT type text, OUT width bigint, OUT onnx_type text)
  RETURNS SETOF record AS 'MODULE_PATHNAME', 'edgeonnx_pg_ports' LANGUAGE C STRICT STABLE PARALLEL SAFE;

-- Slow beside what the planner takes for a function, so that large scans are spread over workers.
CREATE FUNCTION edgeonnx.predict(model text, VARIADIC features "any") RETURNS float8
  AS 'MODULE_PATHNAME', 'edgeonnx_pg_predict' LANGUAGE C STABLE PARALLEL SAFE COST 100;

CREATE FUNCTION edgeonnx.predict_rows(model text, query text) RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'edgeonnx_pg_predict_rows' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000 ROWS 1000;

CREATE FUNCTION edgeonnx.live_objects() RETURNS bigint AS 'MODULE_PATHNAME', 'edgeonnx_pg_live_objects' LANGUAGE C VOLATILE PARALLEL RESTRICTED;

COMMENT ON TABLE edgeonnx.models IS 'ONNX models; who may SELECT from it may use them';
COMMENT ON VIEW edgeonnx.model_info IS 'what edgeonnx.models has, without the bytes';
COMMENT ON FUNCTION edgeonnx.load_model IS 'put a model into edgeonnx.models, or replace it, and check it';
COMMENT ON FUNCTION edgeonnx.drop_model IS 'take a version of a model away, or all; gives how many, and an error if there was none';
COMMENT ON FUNCTION edgeonnx.check_model IS 'load a version of a model, or the one put last, and raise the error that its use would';
COMMENT ON FUNCTION edgeonnx.ports IS 'inputs and outputs of a model, with the types that they have here';
COMMENT ON FUNCTION edgeonnx.predict IS 'score one row, features in the order of the inputs: predict(''model'' or ''model.output[0]'', feature, ...)';
COMMENT ON FUNCTION edgeonnx.predict_rows IS 'score the rows of a query: SELECT * FROM edgeonnx.predict_rows(model, query) AS p(column type, ...)';
COMMENT ON FUNCTION edgeonnx.live_objects IS 'objects of the library in this session, for tests of leaks';
