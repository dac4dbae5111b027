-- CreateEnum
CREATE TYPE "entity" AS ENUM ('user', 'company');
CREATE TYPE "job_status" AS ENUM ('queued', 'validating', 'processing', 'pending_refresh', 'completed', 'failed', 'canceled');
CREATE TYPE "outcome" AS ENUM ('created', 'updated', 'unchanged', 'failed');

-- CreateTable
CREATE TABLE "environments" (
    "id" SERIAL NOT NULL,
    "slug" TEXT NOT NULL,
    "users_per_minute" INTEGER,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "environments_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "environments_slug_key" ON "environments"("slug");

CREATE TABLE "api_keys" (
    "id" SERIAL NOT NULL,
    "environment_id" INTEGER NOT NULL,
    "prefix" TEXT NOT NULL,
    "hash" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "revoked_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),
    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "api_keys_environment_id_fkey" FOREIGN KEY ("environment_id") REFERENCES "environments"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE UNIQUE INDEX "api_keys_prefix_key" ON "api_keys"("prefix");
CREATE UNIQUE INDEX "api_keys_hash_key" ON "api_keys"("hash");
CREATE INDEX "api_keys_environment_id_idx" ON "api_keys"("environment_id");

CREATE TABLE "jobs" (
    "id" UUID NOT NULL,
    "environment_id" INTEGER NOT NULL,
    "entity" "entity" NOT NULL,
    "status" "job_status" NOT NULL DEFAULT 'queued',
    "holds_slot" BOOLEAN NOT NULL DEFAULT true,
    "revision" INTEGER NOT NULL DEFAULT 0,
    "cursor" INTEGER NOT NULL DEFAULT 0,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "due_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "filename" TEXT NOT NULL DEFAULT '',
    "file_size" INTEGER NOT NULL,
    "total_rows" INTEGER NOT NULL,
    "created_rows" INTEGER NOT NULL DEFAULT 0,
    "updated_rows" INTEGER NOT NULL DEFAULT 0,
    "unchanged_rows" INTEGER NOT NULL DEFAULT 0,
    "failed_rows" INTEGER NOT NULL DEFAULT 0,
    "observations" JSONB NOT NULL DEFAULT '{}',
    "warnings" JSONB NOT NULL DEFAULT '[]',
    "error_code" TEXT,
    "dry_run" BOOLEAN NOT NULL DEFAULT false,
    "parent_job_id" UUID,
    "request_id" TEXT NOT NULL DEFAULT '',
    "submitted_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "ended_at" TIMESTAMPTZ(3),
    CONSTRAINT "jobs_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "jobs_environment_id_fkey" FOREIGN KEY ("environment_id") REFERENCES "environments"("id") ON DELETE CASCADE ON UPDATE CASCADE
) WITH (fillfactor = 70);
CREATE INDEX "jobs_newest" ON "jobs"("environment_id", "submitted_at" DESC, "id" DESC);
-- One job at a time for each environment, whatever races.
CREATE UNIQUE INDEX "jobs_slot" ON "jobs"("environment_id") WHERE "holds_slot";
-- What the rescue looks through.
CREATE INDEX "jobs_unfinished" ON "jobs"("id") WHERE "ended_at" IS NULL;

CREATE TABLE "uploads" (
    "job_id" UUID NOT NULL,
    "environment_id" INTEGER NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "uploads_pkey" PRIMARY KEY ("job_id")
);

CREATE TABLE "staged_rows" (
    "environment_id" INTEGER NOT NULL,
    "job_id" UUID NOT NULL,
    "row" INTEGER NOT NULL,
    "line" INTEGER,
    "raw" BYTEA NOT NULL,
    CONSTRAINT "staged_rows_pkey" PRIMARY KEY ("environment_id", "job_id", "row")
);

CREATE TABLE "row_results" (
    "environment_id" INTEGER NOT NULL,
    "job_id" UUID NOT NULL,
    "row" INTEGER NOT NULL,
    "id" TEXT COLLATE "C",
    "outcome" "outcome" NOT NULL,
    "errors" JSONB,
    CONSTRAINT "row_results_pkey" PRIMARY KEY ("environment_id", "job_id", "row")
);

-- Ids are compared byte for byte, whatever the collation of the database.
CREATE TABLE "users" (
    "environment_id" INTEGER NOT NULL,
    "user_id" TEXT COLLATE "C" NOT NULL,
    "company_id" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_job_id" UUID,
    CONSTRAINT "users_pkey" PRIMARY KEY ("environment_id", "user_id")
);
CREATE INDEX "users_by_company" ON "users"("environment_id", "company_id", "user_id") WHERE "company_id" IS NOT NULL;

CREATE TABLE "companies" (
    "environment_id" INTEGER NOT NULL,
    "company_id" TEXT COLLATE "C" NOT NULL,
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_job_id" UUID,
    CONSTRAINT "companies_pkey" PRIMARY KEY ("environment_id", "company_id")
);

CREATE TABLE "properties" (
    "environment_id" INTEGER NOT NULL,
    "entity" "entity" NOT NULL,
    "key" TEXT COLLATE "C" NOT NULL,
    "types" TEXT[],
    "first_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "first_job_id" UUID NOT NULL,
    CONSTRAINT "properties_pkey" PRIMARY KEY ("environment_id", "entity", "key")
);

CREATE TABLE "paces" (
    "environment_id" INTEGER NOT NULL,
    "next_due_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "recent_at" TIMESTAMPTZ(6)[] DEFAULT ARRAY[]::TIMESTAMPTZ(6)[],
    "recent_rows" INTEGER[] DEFAULT ARRAY[]::INTEGER[],
    "unstamped" BOOLEAN NOT NULL DEFAULT false,
    CONSTRAINT "paces_pkey" PRIMARY KEY ("environment_id"),
    CONSTRAINT "paces_environment_id_fkey" FOREIGN KEY ("environment_id") REFERENCES "environments"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
