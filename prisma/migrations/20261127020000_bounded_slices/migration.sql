-- Bytes of the metadata in memory, so that a batch can be bounded by what is stored without reading it. Null for what an
-- older version has written.
ALTER TABLE "users" ADD COLUMN "metadata_size" INTEGER;
ALTER TABLE "companies" ADD COLUMN "metadata_size" INTEGER;
ALTER TABLE "dry_run_profiles" ADD COLUMN "metadata_size" INTEGER;

-- How many rows one statement of the job takes at most, after it was slow. Null = as many as ever.
ALTER TABLE "jobs" ADD COLUMN "batch_rows" INTEGER;
-- Distinct metadata keys that were observed, and distinct keys that were ignored.
ALTER TABLE "jobs" ADD COLUMN "observed_keys" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "jobs" ADD COLUMN "ignored_keys" INTEGER NOT NULL DEFAULT 0;

-- What validation saw of each metadata key, until the catalogue has it.
CREATE TABLE "observed_properties" (
    "environment_id" INTEGER NOT NULL,
    "job_id" UUID NOT NULL,
    "key" TEXT COLLATE "C" NOT NULL,
    "strings" INTEGER NOT NULL,
    "numbers" INTEGER NOT NULL,
    "dates" INTEGER NOT NULL,
    "booleans" INTEGER NOT NULL,
    CONSTRAINT "observed_properties_pkey" PRIMARY KEY ("environment_id", "job_id", "key")
);

-- All warnings of a job; the job itself shows the first of them.
CREATE TABLE "job_warnings" (
    "environment_id" INTEGER NOT NULL,
    "job_id" UUID NOT NULL,
    "code" TEXT COLLATE "C" NOT NULL,
    "path" TEXT COLLATE "C" NOT NULL,
    "type" TEXT COLLATE "C" NOT NULL DEFAULT '',
    "known_types" TEXT[],
    "rows" INTEGER NOT NULL,
    CONSTRAINT "job_warnings_pkey" PRIMARY KEY ("environment_id", "job_id", "code", "path", "type")
);
