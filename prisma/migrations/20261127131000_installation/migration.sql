-- Which installation of Muster this database belongs to: what it keeps elsewhere, such as its queue on Redis, has this name.
CREATE TABLE "installation" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "only" BOOLEAN NOT NULL DEFAULT true CHECK ("only"),
    CONSTRAINT "installation_pkey" PRIMARY KEY ("only")
);
INSERT INTO "installation" DEFAULT VALUES;
