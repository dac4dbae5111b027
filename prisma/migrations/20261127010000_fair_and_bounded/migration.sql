-- By which lock the process of a claim is known to be alive.
ALTER TABLE "idempotency_keys" ADD COLUMN "process_lock" BIGINT;
