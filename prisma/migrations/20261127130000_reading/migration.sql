-- How the rows of a job are read, as far as it is not by default: delimiter, columns, types (src/job/reading.ts).
ALTER TABLE "jobs" ADD COLUMN "reading" JSONB NOT NULL DEFAULT '{}';

-- Rows whose id comes again in the same job, and the row that has it next.
CREATE TABLE "row_repeats" (
    "environment_id" INTEGER NOT NULL,
    "job_id" UUID NOT NULL,
    "row" INTEGER NOT NULL,
    "by_row" INTEGER NOT NULL,
    CONSTRAINT "row_repeats_pkey" PRIMARY KEY ("environment_id", "job_id", "row")
);
