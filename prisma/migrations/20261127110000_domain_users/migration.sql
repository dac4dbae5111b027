-- What a domain knows about a user (Jean Technologies' wire), beside the user that all dialects share.

-- Every version of a domain's schema is kept: rows name the version that they were enriched with.
CREATE TABLE "domain_schemas" (
    "environment_id" INTEGER NOT NULL,
    "domain" TEXT COLLATE "C" NOT NULL,
    "version" INTEGER NOT NULL,
    "definition" JSON NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "domain_schemas_pkey" PRIMARY KEY ("environment_id", "domain", "version"),
    CONSTRAINT "domain_schemas_environment_id_fkey" FOREIGN KEY ("environment_id")
        REFERENCES "environments" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- Keyed by user before domain, so that erasing a user finds its rows by key. They go with the user.
CREATE TABLE "domain_users" (
    "environment_id" INTEGER NOT NULL,
    "user_id" TEXT COLLATE "C" NOT NULL,
    "domain" TEXT COLLATE "C" NOT NULL,
    "schema_version" INTEGER NOT NULL,
    "fields" JSON NOT NULL,
    "extras" JSON NOT NULL,
    "memory_ref" TEXT,
    "extracted_by" TEXT,
    "text_features" BYTEA,
    "context_characters" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_enriched_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "domain_users_pkey" PRIMARY KEY ("environment_id", "user_id", "domain"),
    CONSTRAINT "domain_users_user_fkey" FOREIGN KEY ("environment_id", "user_id")
        REFERENCES "users" ("environment_id", "user_id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- Raw texts, as they came. CONTEXT_RETENTION_DAYS deletes them; what was extracted stays.
CREATE TABLE "domain_contexts" (
    "environment_id" INTEGER NOT NULL,
    "user_id" TEXT COLLATE "C" NOT NULL,
    "domain" TEXT COLLATE "C" NOT NULL,
    "id" BIGINT GENERATED ALWAYS AS IDENTITY,
    "text" TEXT NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "domain_contexts_pkey" PRIMARY KEY ("environment_id", "user_id", "domain", "id"),
    CONSTRAINT "domain_contexts_user_fkey" FOREIGN KEY ("environment_id", "user_id", "domain")
        REFERENCES "domain_users" ("environment_id", "user_id", "domain") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX "domain_contexts_received" ON "domain_contexts" ("received_at");

-- One vector for each user and domain. changed_xid tells readers that keep vectors in memory what is new to them.
CREATE TABLE "domain_embeddings" (
    "environment_id" INTEGER NOT NULL,
    "user_id" TEXT COLLATE "C" NOT NULL,
    "domain" TEXT COLLATE "C" NOT NULL,
    "model" TEXT NOT NULL,
    "vector" BYTEA NOT NULL,
    "is_candidate" BOOLEAN NOT NULL,
    "changed_xid" XID8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT "domain_embeddings_pkey" PRIMARY KEY ("environment_id", "user_id", "domain"),
    CONSTRAINT "domain_embeddings_user_fkey" FOREIGN KEY ("environment_id", "user_id")
        REFERENCES "users" ("environment_id", "user_id") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX "domain_embeddings_changed" ON "domain_embeddings" ("environment_id", "domain", "changed_xid");
-- Nearly as large as a page's row may be, and does not shrink: kept in the row, not compressed.
ALTER TABLE "domain_embeddings" ALTER COLUMN "vector" SET STORAGE PLAIN;
