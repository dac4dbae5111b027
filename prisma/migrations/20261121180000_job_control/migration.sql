-- How an import treats what is stored already.
CREATE TYPE "metadata_mode" AS ENUM ('merge', 'replace');
CREATE TYPE "existing_mode" AS ENUM ('upsert', 'create_only', 'update_only');
ALTER TABLE "jobs" ADD COLUMN "metadata_mode" "metadata_mode" NOT NULL DEFAULT 'merge';
ALTER TABLE "jobs" ADD COLUMN "existing_mode" "existing_mode" NOT NULL DEFAULT 'upsert';

-- Jobs that wait for the slot, in their order.
CREATE INDEX "jobs_waiting" ON "jobs"("environment_id", "submitted_at", "id")
    WHERE "ended_at" IS NULL AND NOT "holds_slot" AND NOT "dry_run";

CREATE TABLE "idempotency_keys" (
    "environment_id" INTEGER NOT NULL,
    "key" TEXT COLLATE "C" NOT NULL,
    "job_id" UUID NOT NULL,
    "request_hash" BYTEA,
    "response" TEXT,
    "claimed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY ("environment_id", "key")
);
CREATE INDEX "idempotency_keys_claimed" ON "idempotency_keys"("claimed_at");

CREATE TABLE "dry_run_profiles" (
    "environment_id" INTEGER NOT NULL,
    "job_id" UUID NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    "company_id" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL,
    CONSTRAINT "dry_run_profiles_pkey" PRIMARY KEY ("environment_id", "job_id", "id")
);
