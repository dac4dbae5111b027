-- By which lock the process of a claim is known to be alive.
ALTER TABLE "idempotency_keys" ADD COLUMN "process_lock" BIGINT;

-- Which of the places for dry runs a dry run has; null while it waits for one.
ALTER TABLE "jobs" ADD COLUMN "dry_run_slot" SMALLINT;
CREATE UNIQUE INDEX "jobs_dry_run_slot" ON "jobs"("environment_id", "dry_run_slot") WHERE "dry_run_slot" IS NOT NULL;
CREATE INDEX "jobs_dry_runs" ON "jobs"("environment_id", "submitted_at", "id") WHERE "dry_run" AND "ended_at" IS NULL;
-- What retention looks through: dry runs are kept for a shorter time.
CREATE INDEX "jobs_ended_dry_runs" ON "jobs"("ended_at") WHERE "dry_run" AND "ended_at" IS NOT NULL;
-- Dry runs that are at work while this is installed.
UPDATE "jobs" SET "dry_run_slot" = n
  FROM (SELECT "id" AS job, row_number() OVER (PARTITION BY "environment_id" ORDER BY "submitted_at", "id") AS n
        FROM "jobs" WHERE "dry_run" AND "ended_at" IS NULL) unfinished
  WHERE "id" = job AND n <= 2;

-- Bytes of the imports of an environment that are kept. Triggers count, so that no process of any version can miss one.
CREATE TABLE "stored_imports" (
    "environment_id" INTEGER NOT NULL,
    "bytes" BIGINT NOT NULL,
    CONSTRAINT "stored_imports_pkey" PRIMARY KEY ("environment_id"),
    CONSTRAINT "stored_imports_environment_id_fkey" FOREIGN KEY ("environment_id") REFERENCES "environments"("id") ON DELETE CASCADE ON UPDATE CASCADE
) WITH (fillfactor = 50);

CREATE FUNCTION count_stored_import() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO stored_imports AS s (environment_id, bytes) VALUES (NEW.environment_id, NEW.file_size)
    ON CONFLICT (environment_id) DO UPDATE SET bytes = s.bytes + excluded.bytes;
  ELSE
    UPDATE stored_imports SET bytes = bytes - OLD.file_size WHERE environment_id = OLD.environment_id;
  END IF;
  RETURN NULL;
END $$;
-- The lock keeps jobs from being made or deleted between the trigger and the sum.
LOCK TABLE "jobs" IN SHARE ROW EXCLUSIVE MODE;
CREATE TRIGGER count_stored_import AFTER INSERT OR DELETE ON "jobs"
  FOR EACH ROW EXECUTE FUNCTION count_stored_import();
INSERT INTO "stored_imports" SELECT "environment_id", sum("file_size") FROM "jobs" GROUP BY "environment_id";

-- How much of the workers' time each environment had (docs/decisions/0016-fair-workers.md). Unlogged: a few times a second
-- something changes that may be forgotten in a crash, and so no commit of it waits for the disk.
CREATE UNLOGGED TABLE "worker_shares" (
    "environment_id" INTEGER NOT NULL,
    "served_ms" DOUBLE PRECISION NOT NULL,
    CONSTRAINT "worker_shares_pkey" PRIMARY KEY ("environment_id"),
    CONSTRAINT "worker_shares_environment_id_fkey" FOREIGN KEY ("environment_id") REFERENCES "environments"("id") ON DELETE CASCADE ON UPDATE CASCADE
) WITH (fillfactor = 50);
-- No foreign key: its check would lock the job's row, which slices do not wait for.
CREATE UNLOGGED TABLE "job_work" (
    "job_id" UUID NOT NULL,
    "cost_ms" DOUBLE PRECISION NOT NULL,
    "working_until" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "job_work_pkey" PRIMARY KEY ("job_id")
) WITH (fillfactor = 50);
CREATE UNLOGGED TABLE "worker_clock" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "served_ms" DOUBLE PRECISION NOT NULL,
    CONSTRAINT "worker_clock_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "worker_clock_one_row" CHECK ("id" = 1)
) WITH (fillfactor = 50);
-- Those that a worker may work on; changes seldom, so that slices stay updates within a page.
CREATE INDEX "jobs_active" ON "jobs"("environment_id") WHERE "ended_at" IS NULL AND ("holds_slot" OR "dry_run_slot" IS NOT NULL);
