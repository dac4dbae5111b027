-- Keys that end by themselves (keys rotate), and which key the setting API_KEY made.
ALTER TABLE "api_keys"
  ADD COLUMN "expires_at" TIMESTAMPTZ(3),
  ADD COLUMN "from_setting" BOOLEAN NOT NULL DEFAULT false,
  ADD COLUMN "replaced" BOOLEAN NOT NULL DEFAULT false;

-- Keys that Muster generates begin with mst_ and show it in their prefix. Any other came from API_KEY.
UPDATE "api_keys" SET "from_setting" = true WHERE "prefix" LIKE 'sha256:%';
