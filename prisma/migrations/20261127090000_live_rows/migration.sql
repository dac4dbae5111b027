-- Gurubase keeps free JSON beside a user's metadata. Type json, not jsonb: every digit, and the order of the keys, as they came.
ALTER TABLE "users" ADD COLUMN "memory" JSON;

-- A property that a single call has sent first belongs to no job.
ALTER TABLE "properties" ALTER COLUMN "first_job_id" DROP NOT NULL;

-- What becomes of objects and arrays as metadata values.
CREATE TYPE "nested_mode" AS ENUM ('reject', 'ignore', 'flatten');
ALTER TABLE "jobs" ADD COLUMN "nested" "nested_mode" NOT NULL DEFAULT 'reject';
