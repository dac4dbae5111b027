import { defineConfig } from 'prisma/config';

// generate, validate and format run on WebAssembly alone, yet the CLI downloads its native schema engine before every
// command. Naming any existing file here spares machines without access to Prisma's host that download. Only for these
// three: `migrate` and `db` need the real engine and would answer without having asked the database.
if (process.argv.slice(2).some((word) => ['generate', 'validate', 'format'].includes(word))) {
  process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath;
}

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env.DATABASE_URL ?? 'postgresql://postgres@127.0.0.1:5432/postgres' },
});
