/**
 * `npm run compose:check`: checks docker-compose.yml, or the file that is named behind it. Its form with docker compose
 * itself where that is installed, otherwise against the schema of the Compose specification; and what neither can know:
 * that the topology is whole, can be scaled, keeps its data, serves as a role of its own, has images by digest and no secret
 * in it, and fits our settings and .env.example.
 * Prints a sentence for each fault.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { parseDocument } from 'yaml';
import { SETTINGS } from '../src/settings/settings';

const SECRETS = ['POSTGRES_PASSWORD', 'POSTGRES_SERVICE_PASSWORD', 'API_KEY'];
const PRODUCT = ['migrate', 'api', 'worker'];
const SCALED = ['api', 'worker'];
const SERVERS = ['postgres', 'redis'];
const REDIS_OPTIONS = { '--appendonly': 'yes', '--maxmemory-policy': 'noeviction' };
/** `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:?message}` and the like; `$$` stands for a dollar. */
const VARIABLE = /\$(?:\$|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-?+])([^}]*))?\})/g;

type Environment = Record<string, string | number | boolean | null>;

interface Service {
  image?: string;
  build?: unknown;
  container_name?: string;
  command?: string | string[];
  restart?: string;
  environment?: Environment | string[];
  healthcheck?: { test?: unknown; disable?: boolean };
  depends_on?: string[] | Record<string, { condition?: string }>;
  ports?: (string | number | { published?: string | number })[];
  volumes?: (string | { type?: string; source?: string })[];
}

interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
}

interface Variable {
  name: string;
  /** What stands behind the name, such as `:-` or `:?`; empty for none. */
  operator: string;
}

function hasDockerCompose(): boolean {
  return spawnSync('docker', ['compose', 'version'], { stdio: 'ignore' }).status === 0;
}

/** The schema comes with the linter dclint, which keeps a copy of the official one. */
function askSchema(compose: unknown): string[] {
  const dclint = path.dirname(require.resolve('dclint/package.json'));
  const text = readFileSync(path.join(dclint, 'schemas', 'compose.schema.json'), 'utf8');
  const { $schema: _, ...schema } = JSON.parse(text);
  const validate = new Ajv({ allErrors: true, strict: false }).compile(schema);
  if (validate(interpolate(compose))) return [];
  const faults = (validate.errors ?? []).map(
    ({ instancePath, message, params }) =>
      `${instancePath || 'The file'} ${message}${params.additionalProperty ? ` (${params.additionalProperty})` : ''}.`,
  );
  return [...new Set(faults)];
}

function askDocker(file: string): string[] {
  const secrets = Object.fromEntries(SECRETS.map((name) => [name, '0123456789abcdef']));
  const { status, stderr } = spawnSync('docker', ['compose', '-f', file, 'config', '-q'], {
    encoding: 'utf8',
    env: { ...process.env, ...secrets },
  });
  return status === 0 ? [] : [`docker compose config: ${stderr.trim()}`];
}

/** The value with every variable replaced, as by an environment that has the secrets and nothing else. */
function interpolate(value: unknown): unknown {
  if (typeof value === 'string') {
    return value.replace(VARIABLE, (whole, bare, braced, operator = '', rest = '') => {
      if (whole === '$$') return '$';
      if (SECRETS.includes(bare ?? braced)) return '0123456789abcdef';
      return operator.endsWith('-') ? rest : '';
    });
  }
  if (Array.isArray(value)) return value.map(interpolate);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, interpolate(inner)]));
}

/** Every variable that the file uses. */
function variablesOf(value: unknown): Variable[] {
  if (typeof value === 'string') {
    return [...value.matchAll(VARIABLE)]
      .filter(([whole]) => whole !== '$$')
      .map(([, bare, braced, operator = '']) => ({ name: bare ?? braced ?? '', operator }));
  }
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(variablesOf) : [];
}

function checkTopology({ services }: Compose): string[] {
  const faults = [...SERVERS, ...PRODUCT]
    .filter((name) => services[name] === undefined)
    .map((name) => `There is no service ${name}.`);
  for (const name of SERVERS) {
    const { healthcheck } = services[name] ?? {};
    if (healthcheck?.test === undefined || healthcheck.disable) faults.push(`${name} has no health check.`);
    if (conditionOf(services.migrate, name) !== 'service_healthy') {
      faults.push(`migrate does not wait until ${name} is healthy (service_healthy).`);
    }
  }
  for (const name of SCALED) {
    if (conditionOf(services[name], 'migrate') !== 'service_completed_successfully') {
      faults.push(`${name} does not wait until migrate has ended well (service_completed_successfully).`);
    }
  }
  if (services.migrate?.restart !== 'no') {
    faults.push('migrate is restarted when it has ended: restart must be "no".');
  }
  const command = wordsOf(services.redis);
  for (const [option, value] of Object.entries(REDIS_OPTIONS)) {
    if (!command.includes(option) || command[command.indexOf(option) + 1] !== value) {
      faults.push(`redis does not run with ${option} ${value}.`);
    }
  }
  return faults;
}

/** The owner of the tables is for migrate alone: whoever takes over an API or a worker must not get him. */
function checkRoles({ services }: Compose): string[] {
  const owner = environmentOf(services.postgres).POSTGRES_USER;
  const faults = SCALED.filter((name) => 'MIGRATE_DATABASE_URL' in environmentOf(services[name])).map(
    (name) => `${name} has MIGRATE_DATABASE_URL, which is for migrate alone.`,
  );
  for (const name of PRODUCT) {
    const { DATABASE_URL } = environmentOf(services[name]);
    if (new RegExp(`//${owner}[:@]`).test(String(DATABASE_URL)))
      faults.push(`DATABASE_URL of ${name} is the owner's: it serves as a role of its own.`);
  }
  return faults;
}

/** A tag may be another image tomorrow. */
function checkDigests({ services }: Compose): string[] {
  return SERVERS.filter((name) => !/:[^@]+@sha256:[0-9a-f]{64}$/.test(services[name]?.image ?? '')).map(
    (name) => `The image of ${name} is not given by tag and digest (name:tag@sha256:...).`,
  );
}

function conditionOf(service: Service | undefined, other: string): string | undefined {
  const { depends_on: dependsOn = {} } = service ?? {};
  return Array.isArray(dependsOn) ? undefined : dependsOn[other]?.condition;
}

function wordsOf(service: Service | undefined): string[] {
  const { command = [] } = service ?? {};
  return typeof command === 'string' ? command.split(/\s+/) : command;
}

function checkProduct({ services }: Compose): string[] {
  const faults: string[] = [];
  for (const name of PRODUCT) {
    const script = wordsOf(services[name])[1] ?? '';
    const source = script.replace(/^dist\//, '').replace(/\.js$/, '.ts');
    if (!script.startsWith('dist/') || !existsSync(source)) {
      faults.push(`${name} runs ${script || 'nothing'}, which the build does not make.`);
    }
    const settings = Object.keys(environmentOf(services[name]));
    const unknown = settings.filter((setting) => !(setting in SETTINGS.shape));
    faults.push(...unknown.map((setting) => `${name} has ${setting}, which is no setting of Muster.`));
  }
  for (const name of SCALED) {
    const { container_name: containerName, ports = [] } = services[name] ?? {};
    if (containerName !== undefined) faults.push(`${name} has a container_name and cannot be scaled.`);
    if (ports.some(hasFixedHostPort)) {
      faults.push(`${name} has a fixed port of the host and cannot be scaled.`);
    }
  }
  return [...faults, ...checkBuilds(services)];
}

/** Builds of one image run side by side, and the one that ends last fails: it exists already. */
function checkBuilds(services: Compose['services']): string[] {
  const builders = new Map<string, string[]>();
  for (const [name, { image = name, build }] of Object.entries(services)) {
    if (build !== undefined) builders.set(image, [...(builders.get(image) ?? []), name]);
  }
  return [...builders]
    .filter(([, names]) => names.length > 1)
    .map(
      ([image, names]) => `${names.join(', ')} all build the image ${image}: one must, the others use it.`,
    );
}

function environmentOf(service: Service | undefined): Environment {
  const { environment = {} } = service ?? {};
  if (!Array.isArray(environment)) return environment;
  return Object.fromEntries(environment.map((line) => [line.split('=')[0], line.replace(/^[^=]*=?/, '')]));
}

/** Whether only one container can have it: `8080:80` and `127.0.0.1:8080:80`, but not `80` and `8080-8089:80`. */
function hasFixedHostPort(port: NonNullable<Service['ports']>[number]): boolean {
  const published = typeof port === 'object' ? port.published : String(port).split(':').at(-2);
  return published !== undefined && published !== '' && !String(published).includes('-');
}

function checkVolumes({ services, volumes }: Compose): string[] {
  const used = new Map(Object.entries(services).map(([name, service]) => [name, namedVolumesOf(service)]));
  const all = new Set([...used.values()].flat());
  const undeclared = [...all].filter((name) => !(name in volumes));
  const idle = Object.keys(volumes).filter((name) => !all.has(name));
  const forgetful = SERVERS.filter((name) => !used.get(name)?.length);
  return [
    ...undeclared.map((name) => `The volume ${name} is not declared.`),
    ...idle.map((name) => `The volume ${name} is not used.`),
    ...forgetful.map((name) => `${name} keeps its data in no named volume.`),
  ];
}

function namedVolumesOf({ volumes = [] }: Service): string[] {
  return volumes.flatMap((volume) => {
    if (typeof volume === 'object') return volume.type === 'volume' && volume.source ? [volume.source] : [];
    const [source = '', target] = volume.split(':');
    return target !== undefined && /^\w/.test(source) ? [source] : [];
  });
}

function checkSecrets({ services }: Compose, variables: Variable[]): string[] {
  return SECRETS.flatMap((secret) => {
    const faults: string[] = [];
    const operators = variables.filter(({ name }) => name === secret).map(({ operator }) => operator);
    if (operators.length === 0) faults.push(`${secret} is not asked for.`);
    if (operators.some((operator) => operator !== ':?')) {
      faults.push(`${secret} may be empty or has a default: write \${${secret}:?...} wherever it is used.`);
    }
    const written = Object.entries(services).filter(([, service]) => {
      const value = environmentOf(service)[secret];
      return value !== undefined && !String(value).startsWith(`\${${secret}:?`);
    });
    return [...faults, ...written.map(([name]) => `${secret} of ${name} does not come from outside.`)];
  });
}

function checkExample(variables: Variable[], example: string): string[] {
  const offered = new Map(
    [...example.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name = '', value]) => [name, value]),
  );
  const used = new Set(variables.map(({ name }) => name));
  const filled = SECRETS.filter((secret) => offered.get(secret));
  const idle = [...offered.keys()].filter((name) => !used.has(name));
  const untold = [...used].filter((name) => !offered.has(name));
  return [
    ...filled.map((secret) => `.env.example has a value for ${secret}: somebody would use it.`),
    ...idle.map((name) => `.env.example has ${name}, which the file does not use.`),
    ...untold.map((name) => `The file uses ${name}, which .env.example does not have.`),
  ];
}

const [file = 'docker-compose.yml'] = process.argv.slice(2);
const document = parseDocument(readFileSync(file, 'utf8'), { merge: true });
const faults = document.errors.map(({ message }) => message.split('\n')[0] ?? '');
const byDocker = hasDockerCompose();
if (faults.length === 0) {
  const raw = document.toJS() as Partial<Compose> | null;
  const compose: Compose = { services: raw?.services ?? {}, volumes: raw?.volumes ?? {} };
  const variables = variablesOf(raw);
  faults.push(...(byDocker ? askDocker(file) : askSchema(raw)));
  faults.push(...checkTopology(compose), ...checkProduct(compose), ...checkVolumes(compose));
  faults.push(...checkRoles(compose), ...checkDigests(compose), ...checkSecrets(compose, variables));
  faults.push(...checkExample(variables, readFileSync('.env.example', 'utf8')));
}
process.stderr.write(faults.map((fault) => `${file}: ${fault}\n`).join(''));
if (faults.length > 0) process.exitCode = 1;
else {
  process.stdout.write(
    `${file}: no faults, by our rules and ${byDocker ? 'docker compose' : 'its schema'}.\n`,
  );
}
