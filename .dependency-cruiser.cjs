/**
 * Who may import whom: the table of CONTRIBUTING.md as errors. Checked by `npm run imports`, which also makes sure that
 * modules were really read: with a TypeScript that the tool does not know it would find nothing, and nothing wrong.
 */
const OURS = '^(src|apps)/';

/** A folder and all that it may import of ours, besides itself. */
const may = (folder, ...allowed) => ({
  name: `${folder.replaceAll('/', '-')}-imports`,
  comment: `${folder} may import: ${allowed.join(', ') || 'nothing of ours'}`,
  severity: 'error',
  from: { path: `^${folder}/`, pathNot: '\\.test\\.ts$' },
  to: { path: OURS, pathNot: `^(${[`${folder}/`, ...allowed].join('|')})` },
});

/** A package and the only places that may import it. */
const owns = (pattern, ...owners) => ({
  name: `only-owners-of-${pattern.replaceAll(/[^a-z-]/g, '')}`,
  comment: `${pattern} is imported in ${owners.join(', ')} only`,
  severity: 'error',
  from: { path: OURS, pathNot: `^(${owners.join('|')})|\\.test\\.ts$` },
  to: { path: `node_modules/(${pattern})/` },
});

const ERRORS = 'src/errors\\.ts$';
const LOGGER = 'src/logger\\.ts$';
const METRICS = 'src/metrics\\.ts$';
const BACK = [
  'src/job/',
  ERRORS,
  LOGGER,
  METRICS,
  'src/store/',
  'src/queue/',
  'src/file/',
  'src/unpack/',
  'src/pipeline/',
  'src/settings/',
  'src/webhook/',
];
const UPDATE = 'apps/update-database\\.ts$';
const SHARED = ['apps/process\\.ts$', 'apps/provision\\.ts$', 'apps/write-metrics\\.ts$'];

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      comment: 'a file that nobody imports and that starts nothing',
      severity: 'error',
      from: { orphan: true, pathNot: '\\.test\\.ts$|/main\\.ts$|^src/store/generated/' },
      to: {},
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    may('src/job'),
    may('src/settings'),
    may('src/file', 'src/job/'),
    may('src/unpack', ERRORS, 'src/job/observations'),
    may('src/client', 'src/job/claim-lease\\.ts$'),
    may('src/dialect', 'src/job/', ERRORS),
    may('src/webhook', 'src/job/', ERRORS),
    may('src/store', 'src/job/', ERRORS, LOGGER, METRICS, 'src/webhook/events'),
    may('src/queue', 'src/job/', ERRORS, LOGGER, METRICS),
    may(
      'src/pipeline',
      'src/job/',
      ERRORS,
      LOGGER,
      METRICS,
      'src/file/',
      'src/store/',
      'src/queue/',
      'src/unpack/open-nameless',
    ),
    may('apps/api', ...BACK, ...SHARED, 'src/dialect/'),
    may('apps/worker', ...BACK, ...SHARED, 'src/dialect/'),
    may('apps/migrate', ...BACK, UPDATE),
    may('apps/admin', ...BACK, UPDATE, 'apps/standalone/'),
    may(
      'apps/cli',
      'src/client/',
      'src/job/',
      ERRORS,
      'src/unpack/',
      'src/pipeline/cut/',
      'src/pipeline/(read-row|create-row-reader|seen-ids|exact-numbers)\\.ts$',
      'src/file/(name-columns|detect-delimiter|format-of-name)',
      'src/store/api-keys',
      'apps/admin/',
      'apps/standalone/main',
    ),
    may('apps/standalone', ...BACK, ...SHARED, UPDATE, 'src/client/', 'apps/api/', 'apps/worker/'),
    {
      name: 'dialects-apart',
      comment: 'a dialect never imports another one',
      severity: 'error',
      from: { path: '^src/dialect/([^/]+)/' },
      to: { path: '^src/dialect/([^/]+)/', pathNot: '^src/dialect/$1/' },
    },
    {
      name: 'vendors-in-their-folders',
      comment:
        'what knows a vendor: its folder of apps/api/dialects, the reference, own-dialect, and app.ts, which mounts them',
      severity: 'error',
      from: {
        path: '^apps/api/',
        pathNot: '^apps/api/(dialects|reference)/|^apps/api/(app|own-dialect)\\.ts$',
      },
      to: { path: '^apps/api/dialects/|^src/dialect/[^/]+/' },
    },
    {
      name: 'routes-of-dialects-apart',
      comment: 'the routes of a vendor never import another vendor',
      severity: 'error',
      from: { path: '^apps/api/dialects/([^/]+)/' },
      to: {
        path: '^(apps/api/dialects|src/dialect)/[^/]+/',
        pathNot: '^(apps/api/dialects|src/dialect)/$1/',
      },
    },
    {
      name: 'dialects-use-verbs',
      comment: 'routes of a vendor upsert now or upsert later; jean alone keeps data of its own, domains',
      severity: 'error',
      from: { path: '^apps/api/dialects/', pathNot: '^apps/api/dialects/jean/' },
      to: { path: '^src/(store|queue)/' },
    },
    owns('@prisma/[^/]+|pg-copy-streams', 'src/store/'),
    owns('pg', 'src/store/', 'src/queue/', 'apps/standalone/postgres/', 'apps/standalone/embedded-postgres'),
    owns('bullmq|ioredis', 'src/queue/'),
    owns('express|express-rate-limit|multer|helmet|csv-stringify', 'apps/api/'),
    owns('@asteasolutions/zod-to-openapi', 'apps/api/reference/', 'apps/api/dialects/[^/]+/reference'),
    owns('swagger-ui-dist', 'apps/api/reference/'),
    owns('chardet', 'src/file/'),
    owns('yauzl|saxes', 'src/unpack/'),
    owns('lossless-json', 'src/pipeline/', 'src/dialect/'),
    owns('pino|pino-pretty', 'src/logger'),
    owns('standardwebhooks|ipaddr.js', 'src/webhook/'),
    owns('prom-client', 'src/metrics'),
    owns('zod', 'src/settings/', 'src/job/mapping-schema', 'src/dialect/', 'apps/api/', 'apps/cli/'),
    owns('wink-nlp|wink-eng-lite-web-model', 'src/dialect/jean/language/'),
    owns('preact|uplot|vite|buffer|eventsource-parser', 'apps/dashboard/'),
    owns('commander', 'apps/cli/'),
    owns('cli-progress', 'apps/cli/', 'apps/standalone/demo'),
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules|^src/store/generated' },
    // The parser cannot read JSX: biome.json has the rules of the dashboard.
    exclude: { path: '^dist/|^apps/dashboard/' },
    // `#folder/file` stands for the sources here, for the build at run time (package.json, imports).
    enhancedResolveOptions: {
      conditionNames: ['source', 'require', 'node', 'default', 'types'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.js', '.json', '.d.ts'],
    },
  },
};
