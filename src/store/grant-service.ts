/**
 * The role that Muster serves as. It reads and writes rows and can do nothing else: it owns nothing, makes, changes and
 * empties no table, and has no privilege of the server's. The owner, who migrates, makes it and gives it what it needs.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import pg from 'pg';
import { lockMigrations, MAY_NOT, MigrationError, withClient } from './migrate';

/** Of one session of a role that is made here by a superuser: a query gone wrong must not fill the disk. */
const TEMP_FILE_LIMIT = '2GB';

/** What PostgreSQL itself takes as a default. */
const SCRAM_ITERATIONS = 4096;

/** Two who change one row of the catalog at once: PostgreSQL lets the second one fail instead of wait. */
const CONCURRENT_UPDATE = 'XX000';
const TRIES = 5;

interface Role {
  name: string;
  /** Undefined where the URL has none: others let the role in then. */
  password: string | undefined;
}

/**
 * Gives the role of `serviceUrl` what it needs to serve, and takes from it, and from everybody, what is more than that. A
 * missing role is made; a password in the URL becomes the role's where the owner may set it. Repeatable; several processes
 * may call it at once. Does nothing when both URLs name one role.
 * @param ownerUrl of the role that owns the tables
 * @param otherSchemas with tables of the service, besides the one that migrations go to; a missing one is passed over
 * @throws MigrationError with what to do when the role may do more than serve, or when the owner may not make it
 */
export async function grantService(
  ownerUrl: string,
  serviceUrl: string,
  otherSchemas: readonly string[],
): Promise<void> {
  const role = readRole(serviceUrl);
  await withClient(ownerUrl, async (client) => {
    const { rows } = await client.query<{ owner: string; schema: string }>(
      'SELECT current_user AS owner, current_schema() AS schema',
    );
    const { owner = '', schema = '' } = rows[0] ?? {};
    if (owner === role.name) return;
    await lockMigrations(client);
    for (let attempt = 1; ; attempt++) {
      try {
        await inTransaction(client, async () => {
          await ensureRole(client, role, owner);
          await refuseMighty(client, role.name);
          await grant(client, role.name, [schema, ...otherSchemas]);
          await refuseMore(client, role.name, [schema, ...otherSchemas]);
        });
        return;
      } catch (error) {
        if ((error as { code?: string }).code !== CONCURRENT_UPDATE || attempt === TRIES) throw error;
      }
    }
  });
}

function readRole(url: string): Role {
  const { user = '', password } = new pg.Client({ connectionString: url });
  return { name: user, password: password || undefined };
}

async function inTransaction(client: pg.Client, work: () => Promise<void>): Promise<void> {
  await client.query('BEGIN');
  try {
    await work();
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

async function ensureRole(client: pg.Client, { name, password }: Role, owner: string): Promise<void> {
  const role = client.escapeIdentifier(name);
  const login = password === undefined ? '' : ` PASSWORD ${client.escapeLiteral(hashPassword(password))}`;
  const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [name]);
  if (rowCount === 0) {
    const made = await isAllowed(client, `CREATE ROLE ${role} LOGIN${login}`);
    if (!made) {
      throw new MigrationError(
        `There is no role ${name}, as which DATABASE_URL serves, and ${owner} may not make it. Run ` +
          `CREATE ROLE ${role} LOGIN PASSWORD '...' as one who may, and migrate again.`,
      );
    }
    await isAllowed(client, `ALTER ROLE ${role} SET temp_file_limit = '${TEMP_FILE_LIMIT}'`);
  } else if (login !== '') {
    // Somebody else's role keeps the password that it has.
    await isAllowed(client, `ALTER ROLE ${role}${login}`);
  }
}

/** Runs a statement that the owner need not be allowed. @returns whether it was. */
async function isAllowed(client: pg.Client, sql: string): Promise<boolean> {
  await client.query('SAVEPOINT allowed');
  try {
    await client.query(sql);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code !== MAY_NOT) throw error;
    await client.query('ROLLBACK TO SAVEPOINT allowed');
    return false;
  }
}

/** @throws MigrationError when the role's might does not come from grants that could be taken away here */
async function refuseMighty(client: pg.Client, name: string): Promise<void> {
  const { rows } = await client.query<{ might: string }>(
    `SELECT might FROM pg_roles, LATERAL (VALUES
         (rolsuper, 'is a superuser'),
         (rolcreaterole, 'may make roles'),
         (rolcreatedb, 'may make databases'),
         (rolreplication, 'may replicate'),
         (rolbypassrls, 'may bypass row security')) AS attribute(has_it, might)
       WHERE rolname = $1 AND has_it
     UNION ALL
     SELECT 'is a member of ' || other.rolname FROM pg_roles other, pg_roles role
       WHERE role.rolname = $1 AND other.oid <> role.oid AND NOT role.rolsuper
         AND (other.rolname = current_user OR other.rolname LIKE 'pg\\_%')
         AND pg_has_role(role.oid, other.oid, 'MEMBER')
     UNION ALL
     SELECT 'owns tables' FROM pg_roles
       WHERE rolname = $1 AND EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid AND relkind IN ('r', 'p'))`,
    [name],
  );
  if (rows.length === 0) return;
  throw new MigrationError(
    `The role ${name} ${rows.map(({ might }) => might).join(', ')}: that is more than it takes to serve. ` +
      'Let DATABASE_URL name another role, which may be one that does not exist yet.',
  );
}

/**
 * Tables that only tell what was migrated are read, all others written too; TRUNCATE, REFERENCES and TRIGGER are nobody's
 * but the owner's. What later migrations make is granted as soon as it is there.
 */
const STATEMENTS = `
  WITH schemas AS (SELECT oid, nspname FROM pg_namespace WHERE nspname = ANY($2))
  SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), $1::text) AS sql
  UNION ALL
  SELECT format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC, %I', current_database(), $1::text)
  UNION ALL
  SELECT format(line, nspname, $1::text) FROM schemas, (VALUES
    ('GRANT USAGE ON SCHEMA %I TO %I'),
    ('REVOKE CREATE ON SCHEMA %I FROM PUBLIC, %I'),
    ('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I'),
    ('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT USAGE ON SEQUENCES TO %I'),
    ('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT EXECUTE ON FUNCTIONS TO %I')) AS lines(line)
  UNION ALL
  SELECT format('REVOKE ALL ON %s FROM %I; ', relation.oid::regclass, $1::text) ||
      format(CASE WHEN relkind = 'S' THEN 'GRANT USAGE ON SEQUENCE %s TO %I'
                  WHEN relname IN ('_prisma_migrations', 'migration') THEN 'GRANT SELECT ON %s TO %I'
                  ELSE 'GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %I' END, relation.oid::regclass, $1::text)
    FROM pg_class relation JOIN schemas ON schemas.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'S') AND pg_has_role(relowner, 'USAGE')
  UNION ALL
  SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', routine.oid::regprocedure, $1::text)
    FROM pg_proc routine JOIN schemas ON schemas.oid = pronamespace
    WHERE prokind = 'f' AND pg_has_role(proowner, 'USAGE')`;

async function grant(client: pg.Client, name: string, schemas: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ sql: string }>(STATEMENTS, [name, schemas]);
  await client.query(rows.map(({ sql }) => sql).join(';\n'));
}

/** @throws MigrationError when what everybody may is not the owner's to take away, such as a schema of the superuser's */
async function refuseMore(client: pg.Client, name: string, schemas: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ remedy: string }>(
    `SELECT format('REVOKE %s ON DATABASE %I FROM PUBLIC, %I', privilege, current_database(), $1::text) AS remedy
       FROM unnest(ARRAY['CREATE', 'TEMPORARY']) AS privilege
       WHERE has_database_privilege($1, current_database(), privilege)
     UNION ALL
     SELECT format('GRANT CREATE ON SCHEMA %1$I TO %2$I; REVOKE CREATE ON SCHEMA %1$I FROM PUBLIC, %3$I',
                   nspname, current_user, $1::text)
       FROM pg_namespace WHERE nspname = ANY($2) AND has_schema_privilege($1, oid, 'CREATE')
     UNION ALL
     SELECT format('REVOKE TRUNCATE ON %s FROM PUBLIC, %I', relation.oid::regclass, $1::text)
       FROM pg_class relation JOIN pg_namespace ON pg_namespace.oid = relnamespace
       WHERE nspname = ANY($2) AND relkind IN ('r', 'p') AND has_table_privilege($1, relation.oid, 'TRUNCATE')`,
    [name, schemas],
  );
  if (rows.length === 0) return;
  throw new MigrationError(
    `The role ${name} may do more than it takes to serve, and this connection may not change that. As a superuser, run ` +
      `${rows.map(({ remedy }) => remedy).join('; ')}; and migrate again.`,
  );
}

/** As PostgreSQL keeps it (RFC 5803), so that the password itself is in no statement and in no log of the server. */
function hashPassword(password: string): string {
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password, salt, SCRAM_ITERATIONS, 32, 'sha256');
  const keyed = (text: string) => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(keyed('Client Key')).digest('base64');
  const keys = `${stored}:${keyed('Server Key').toString('base64')}`;
  return `SCRAM-SHA-256$${SCRAM_ITERATIONS}:${salt.toString('base64')}$${keys}`;
}
