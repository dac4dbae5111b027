-- What was applied to a user or company last, so that a row that comes again can be told without looking into it
-- (docs/decisions/0011-row-digest.md).
ALTER TABLE "users" ADD COLUMN "row_digest" BYTEA;
ALTER TABLE "companies" ADD COLUMN "row_digest" BYTEA;

-- Who changes a user or company without saying by which row, such as a worker of an older version or a person with psql,
-- takes the digest away with it. Not before the update: that would lock each row once more.
CREATE FUNCTION forget_user_row_digest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE users SET row_digest = NULL WHERE environment_id = NEW.environment_id AND user_id = NEW.user_id;
  RETURN NULL;
END $$;
CREATE TRIGGER forget_row_digest AFTER UPDATE ON users
  FOR EACH ROW WHEN (NEW.row_digest = OLD.row_digest) EXECUTE FUNCTION forget_user_row_digest();

CREATE FUNCTION forget_company_row_digest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE companies SET row_digest = NULL WHERE environment_id = NEW.environment_id AND company_id = NEW.company_id;
  RETURN NULL;
END $$;
CREATE TRIGGER forget_row_digest AFTER UPDATE ON companies
  FOR EACH ROW WHEN (NEW.row_digest = OLD.row_digest) EXECUTE FUNCTION forget_company_row_digest();
