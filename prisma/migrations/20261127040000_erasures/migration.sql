-- What a job and an erasure have in common: their order. An erasure is about the jobs whose number is lower than its own.
-- A sequence, because it never goes backwards as a clock may, and because a dump keeps it.
CREATE SEQUENCE "acceptance_order" AS BIGINT;

-- Jobs that exist come before every erasure. (A constant first: the table is not rewritten.)
ALTER TABLE "jobs" ADD COLUMN "ordinal" BIGINT NOT NULL DEFAULT 0;
ALTER TABLE "jobs" ALTER COLUMN "ordinal" SET DEFAULT nextval('"acceptance_order"');
-- In which order erasures go through the jobs of an environment.
CREATE INDEX "jobs_by_ordinal" ON "jobs"("environment_id", "ordinal", "id");

-- Environments that are being deleted.
ALTER TABLE "environments" ADD COLUMN "deleting_at" TIMESTAMPTZ(3);

CREATE TABLE "erasures" (
    "id" BIGINT NOT NULL DEFAULT nextval('"acceptance_order"'),
    "environment_id" INTEGER NOT NULL,
    "entity" "entity" NOT NULL,
    "subject" TEXT COLLATE "C" NOT NULL,
    "terms" TEXT[] NOT NULL DEFAULT ARRAY[]::TEXT[],
    "requested_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "erasures_pkey" PRIMARY KEY ("environment_id", "id"),
    CONSTRAINT "erasures_environment_id_fkey" FOREIGN KEY ("environment_id") REFERENCES "environments"("id") ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE "erasure_walks" (
    "environment_id" INTEGER NOT NULL,
    "through_id" BIGINT NOT NULL,
    "job_ordinal" BIGINT NOT NULL DEFAULT -1,
    "job_id" UUID NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    "row" INTEGER NOT NULL DEFAULT 0,
    "advanced_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "erasure_walks_pkey" PRIMARY KEY ("environment_id"),
    CONSTRAINT "erasure_walks_environment_id_fkey" FOREIGN KEY ("environment_id") REFERENCES "environments"("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- Whether a text holds a term that no letter, digit or underscore extends on either side; e-mail addresses in any case. The
-- pattern is made only where the term is there at all.
CREATE FUNCTION holds_term(content TEXT, term TEXT) RETURNS BOOLEAN LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT CASE WHEN term = '' OR position(lower(term) IN lower(content)) = 0 THEN false
    ELSE content ~ (CASE WHEN term LIKE '%@%' THEN '(?i)' ELSE '' END || '(?:^|[^[:alnum:]_])' || regexp_replace(term, '([^[:alnum:]_])', '\\\1', 'g') || '(?:$|[^[:alnum:]_])') END
$$;

-- The name of a job's file as it may be shown: a name that holds the id or a value of somebody who was erased since is gone.
CREATE FUNCTION shown_filename(filename TEXT, environment INTEGER, job_ordinal BIGINT) RETURNS TEXT LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN filename = '' OR NOT EXISTS (
      SELECT FROM erasures e WHERE e.environment_id = environment AND e.id > job_ordinal
        AND (holds_term(filename, e.subject) OR EXISTS (SELECT FROM unnest(e.terms) AS t(term) WHERE holds_term(filename, term))))
    THEN filename
    ELSE 'erased' || coalesce(lower(substring(filename FROM '(?i)\.(?:csv|ndjson|jsonl|json|xlsx|txt|gz)$')), '') END
$$;

-- A job's warnings as they may be shown: a key that is nobody else's, such as an e-mail address, goes with who was erased.
CREATE FUNCTION shown_warnings(warnings JSONB, environment INTEGER, job_ordinal BIGINT) RETURNS JSONB LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN warnings = '[]' OR NOT EXISTS (SELECT FROM erasures e WHERE e.environment_id = environment AND e.id > job_ordinal)
    THEN warnings
    ELSE (
      SELECT coalesce(jsonb_agg(CASE WHEN EXISTS (
               SELECT FROM erasures e CROSS JOIN LATERAL unnest(e.terms || e.subject) AS t(term)
               WHERE e.environment_id = environment AND e.id > job_ordinal AND holds_term(one ->> 'path', term)
                 AND (term LIKE '%@%' OR length(regexp_replace(term, '[^0-9]', '', 'g')) >= 6))
             THEN jsonb_set(one, '{path}', '"erased"') ELSE one END ORDER BY place), '[]')
      FROM jsonb_array_elements(warnings) WITH ORDINALITY AS w(one, place)) END
$$;

-- What is written outside of a job's slices must not outlive its environment; these tables are small, and written to once
-- a request at most.
DELETE FROM "uploads" WHERE "environment_id" NOT IN (SELECT "id" FROM "environments");
ALTER TABLE "uploads" ADD CONSTRAINT "uploads_environment_id_fkey"
    FOREIGN KEY ("environment_id") REFERENCES "environments"("id") ON DELETE NO ACTION ON UPDATE CASCADE;
DELETE FROM "idempotency_keys" WHERE "environment_id" NOT IN (SELECT "id" FROM "environments");
ALTER TABLE "idempotency_keys" ADD CONSTRAINT "idempotency_keys_environment_id_fkey"
    FOREIGN KEY ("environment_id") REFERENCES "environments"("id") ON DELETE NO ACTION ON UPDATE CASCADE;
