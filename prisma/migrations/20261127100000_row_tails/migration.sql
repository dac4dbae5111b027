-- What a row has beyond the bytes that a row may have, in pieces, so that no such row is ever in memory as a whole. Random
-- bytes as a rule: not compressed, as the rows.
CREATE TABLE "row_tails" (
    "environment_id" INTEGER NOT NULL,
    "job_id" UUID NOT NULL,
    "row" INTEGER NOT NULL,
    "piece" INTEGER NOT NULL,
    "raw" BYTEA NOT NULL,
    CONSTRAINT "row_tails_pkey" PRIMARY KEY ("environment_id", "job_id", "row", "piece")
);
ALTER TABLE "row_tails" ALTER COLUMN "raw" SET STORAGE EXTERNAL;
