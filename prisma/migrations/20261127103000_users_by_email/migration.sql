-- Users by their e-mail address, in any case, and among those of one address by id. As much of it as an index entry can
-- hold with an id; longer ones are not looked for. COLLATE "C", because the rules of other collations change with the
-- operating system. The search is src/store/profiles.ts.
CREATE INDEX "users_by_email" ON "users"("environment_id", lower(left(("metadata" ->> 'email'), 320) COLLATE "C"), "user_id")
    WHERE "metadata" ? 'email';
