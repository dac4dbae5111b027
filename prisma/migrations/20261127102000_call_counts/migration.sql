-- Single calls of a key in its current minute, over all API processes (docs/decisions/0017-count-calls-in-the-database.md).
-- Unlogged: it may be forgotten in a crash, and so no commit of it waits for the disk.
CREATE UNLOGGED TABLE "call_counts" (
    "key_id" INTEGER NOT NULL,
    "window_ends_at" TIMESTAMPTZ(3) NOT NULL,
    "calls" BIGINT NOT NULL,
    CONSTRAINT "call_counts_pkey" PRIMARY KEY ("key_id"),
    CONSTRAINT "call_counts_key_id_fkey" FOREIGN KEY ("key_id") REFERENCES "api_keys"("id") ON DELETE CASCADE ON UPDATE CASCADE
) WITH (fillfactor = 50);
