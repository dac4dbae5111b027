-- The header line of a CSV file, without which its rows cannot be read.
ALTER TABLE "jobs" ADD COLUMN "csv_header" BYTEA;

-- What a key may do. Keys that exist may do everything, as before.
CREATE TYPE "key_scope" AS ENUM ('read', 'import', 'admin');
ALTER TABLE "api_keys" ADD COLUMN "scope" "key_scope" NOT NULL DEFAULT 'admin';

-- The user or company of the row was erased: id and errors are gone, the place stays.
ALTER TABLE "row_results" ADD COLUMN "erased" BOOLEAN NOT NULL DEFAULT false;

-- What retention looks through.
CREATE INDEX "jobs_ended" ON "jobs"("ended_at") WHERE "ended_at" IS NOT NULL;
