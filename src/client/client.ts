/** The client of the API, on fetch alone, so that it runs in Node and in a browser. */
import type {
  Company,
  Environment,
  JeanContextBody,
  JeanDomain,
  JeanSchema,
  JeanSchemaBody,
  JeanSimilar,
  JeanUser,
  JeanUserBody,
  Job,
  Property,
  RowResult,
  User,
} from './api';
import {
  appendContext,
  type DomainUserOptions,
  listDomainsOfUser,
  listSimilarUsers,
  putSchema,
  readDomainUser,
  readSchema,
  type SimilarOptions,
  upsertUser,
} from './domains';
import { readEnvironment } from './environment';
import type { MusterError } from './errors';
import { type Health, readHealth } from './health';
import { connect, type Fetch } from './http/request';
import { type Sleep, sleep } from './http/retry';
import { type ImportOptions, importRows, type SlotOptions } from './import-rows';
import {
  type CallOptions,
  cancelJob,
  type JobOptions,
  type JobsOptions,
  listJobs,
  readJob,
  retryJob,
} from './jobs';
import {
  type CompaniesOptions,
  eraseProfiles,
  listProfiles,
  openProfilesNdjson,
  type ProfilesNdjsonOptions,
  readProfile,
  type UsersOptions,
} from './profiles';
import { listProperties, type PropertiesOptions } from './properties';
import { type InputFile, openInput, openResultsCsv, type ResultsOptions, readResults } from './results';
import { watchJob } from './watch';
import type { CompanyRow, FileInput, RowsInput, UserRow } from './write-rows';

export interface ClientOptions {
  /** Where the API is, such as `http://127.0.0.1:3000`. */
  url: string | URL;
  apiKey: string;
  /** Default: the global one. */
  fetch?: Fetch;
  /** How often a request that may succeed later is sent again. Default 5; 0 = never. */
  retries?: number;
  /** Longest Retry-After that is waited for before a request is sent again, in seconds. Default 60. */
  patienceSeconds?: number;
  /** Told before each wait for a request that is sent again, or for the slot, with the answer and the milliseconds. */
  onRetry?: (error: MusterError, waitMs: number) => void;
  /** Ends all calls of this client at once, with the signal's reason. */
  signal?: AbortSignal;
  /** Browsers send their own instead. */
  userAgent?: string;
  /** How it waits between two requests. Default: by a timer. */
  sleep?: Sleep;
}

/**
 * Every function throws MusterError for an answer that is not a success or for none (rejects, where it is a promise; an
 * iterator throws when it is asked for the next value), and the signal's reason when a signal is aborted.
 */
export interface Client {
  /**
   * Imports users: rows as objects, or a file in NDJSON, CSV or JSON.
   * @returns the accepted job. Also throws TypeError for a row that JSON cannot say, and whatever the input throws.
   */
  importUsers(input: RowsInput<UserRow> | FileInput, options?: ImportOptions): Promise<Job>;
  /** Imports companies, as importUsers does users. */
  importCompanies(input: RowsInput<CompanyRow> | FileInput, options?: ImportOptions): Promise<Job>;
  job(jobId: string, options?: JobOptions): Promise<Job>;
  /** Newest first. Pages are fetched as they are needed. */
  jobs(options?: JobsOptions): AsyncGenerator<Job, void, undefined>;
  /** The job whenever it has changed, from now until its end; the last one is final. */
  watch(jobId: string, options?: CallOptions): AsyncGenerator<Job, void, undefined>;
  /** What became of each row, in the order of the input, read as it comes in. */
  results(jobId: string, options?: ResultsOptions): AsyncGenerator<RowResult, void, undefined>;
  /** The same as a table in CSV. */
  resultsCsv(jobId: string, options?: ResultsOptions): Promise<ReadableStream<Uint8Array>>;
  /** The rows as they were sent, byte for byte, ready to be mended and imported again. */
  input(jobId: string, options?: ResultsOptions): Promise<InputFile>;
  /** Ends the job: no row is written after the answer. Throws job_finished when it has ended already. */
  cancel(jobId: string, options?: CallOptions): Promise<Job>;
  /** Imports the failed and unprocessed rows of a finished job again. @returns the new job */
  retry(jobId: string, options?: SlotOptions): Promise<Job>;
  user(userId: string, options?: CallOptions): Promise<User>;
  /** In the order of their ids, read as they come in. */
  users(options?: UsersOptions): AsyncGenerator<User, void, undefined>;
  /** The same as the service writes them, NDJSON with every digit of their numbers. */
  usersNdjson(options?: ProfilesNdjsonOptions): Promise<ReadableStream<Uint8Array>>;
  /** Erases users, also from the rows and results of jobs. @returns how many were stored */
  deleteUsers(userIds: readonly string[], options?: CallOptions): Promise<number>;
  /**
   * Stores what is said about a user in a domain: free text, typed fields, or both. Replaces the row of before, but
   * explicit values stay until they are sent anew or as null.
   */
  upsertUser(user: JeanUserBody, options?: CallOptions): Promise<JeanUser>;
  /** Merges one more text about a user into what is known. */
  appendContext(context: JeanContextBody, options?: CallOptions): Promise<JeanUser>;
  /** A user in a domain. */
  domainUser(userId: string, domain: string, options?: DomainUserOptions): Promise<JeanUser>;
  /** The domains that a user is in; none for an unknown user. */
  userDomains(userId: string, options?: CallOptions): Promise<JeanDomain[]>;
  /** The nearest users of a domain, best first. */
  similarUsers(userId: string, domain: string, options?: SimilarOptions): Promise<JeanSimilar>;
  schema(domain: string, options?: CallOptions): Promise<JeanSchema>;
  /** Installs the schema of a domain, as an object or as the text of a file. @returns it with its version */
  putSchema(domain: string, schema: JeanSchemaBody | string, options?: CallOptions): Promise<JeanSchema>;
  company(companyId: string, options?: CallOptions): Promise<Company>;
  /** In the order of their ids, read as they come in. */
  companies(options?: CompaniesOptions): AsyncGenerator<Company, void, undefined>;
  /** The same as the service writes them, NDJSON with every digit of their numbers. */
  companiesNdjson(options?: Omit<ProfilesNdjsonOptions, 'userId'>): Promise<ReadableStream<Uint8Array>>;
  /** Erases companies, also from the rows and results of jobs. @returns how many were stored */
  deleteCompanies(companyIds: readonly string[], options?: CallOptions): Promise<number>;
  /** The metadata keys that users or companies have, in the order of the keys. Pages are fetched as they are needed. */
  properties(options?: PropertiesOptions): AsyncGenerator<Property, void, undefined>;
  /** What the key opens, and the limits that hold there. */
  environment(options?: CallOptions): Promise<Environment>;
  /** Whether the service can work, part by part. Asked once: `not_ready` is an answer, not an error. */
  health(options?: CallOptions): Promise<Health>;
}

const DEFAULT_RETRIES = 5;
const DEFAULT_PATIENCE_SECONDS = 60;

/** @throws TypeError for a url that is not one of HTTP or holds a password, or a key that no header can carry */
export function createClient(options: ClientOptions): Client {
  const connection = connect({
    url: readUrl(options.url),
    apiKey: readKey(options.apiKey),
    // Browsers' fetch wants to be called on its window.
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    retries: options.retries ?? DEFAULT_RETRIES,
    patienceSeconds: options.patienceSeconds ?? DEFAULT_PATIENCE_SECONDS,
    onRetry: options.onRetry,
    signal: options.signal,
    userAgent: options.userAgent,
    sleep: options.sleep ?? sleep,
  });
  return {
    importUsers: (input, importOptions = {}) => importRows(connection, 'users', input, importOptions),
    importCompanies: (input, importOptions = {}) => importRows(connection, 'companies', input, importOptions),
    job: async (jobId, jobOptions) => (await readJob(connection, jobId, jobOptions)).job,
    jobs: (jobsOptions = {}) => listJobs(connection, jobsOptions),
    watch: (jobId, callOptions = {}) => watchJob(connection, jobId, callOptions),
    results: (jobId, resultsOptions = {}) => readResults(connection, jobId, resultsOptions),
    resultsCsv: (jobId, resultsOptions = {}) => openResultsCsv(connection, jobId, resultsOptions),
    input: (jobId, resultsOptions = {}) => openInput(connection, jobId, resultsOptions),
    cancel: async (jobId, callOptions = {}) => cancelJob(connection, jobId, callOptions),
    retry: async (jobId, slotOptions = {}) => retryJob(connection, jobId, slotOptions),
    user: (userId, callOptions = {}) => readProfile(connection, 'users', userId, callOptions),
    users: (usersOptions = {}) => listProfiles(connection, 'users', usersOptions),
    usersNdjson: (ndjsonOptions = {}) => openProfilesNdjson(connection, 'users', ndjsonOptions),
    deleteUsers: (ids, callOptions = {}) => eraseProfiles(connection, 'users', ids, callOptions),
    upsertUser: (user, callOptions = {}) => upsertUser(connection, user, callOptions),
    appendContext: (context, callOptions = {}) => appendContext(connection, context, callOptions),
    domainUser: (userId, domain, userOptions = {}) => readDomainUser(connection, userId, domain, userOptions),
    userDomains: (userId, callOptions = {}) => listDomainsOfUser(connection, userId, callOptions),
    similarUsers: (userId, domain, similarOptions = {}) =>
      listSimilarUsers(connection, userId, domain, similarOptions),
    schema: (domain, callOptions = {}) => readSchema(connection, domain, callOptions),
    putSchema: (domain, schema, callOptions = {}) => putSchema(connection, domain, schema, callOptions),
    company: (companyId, callOptions = {}) => readProfile(connection, 'companies', companyId, callOptions),
    companies: (companiesOptions = {}) => listProfiles(connection, 'companies', companiesOptions),
    companiesNdjson: (ndjsonOptions = {}) => openProfilesNdjson(connection, 'companies', ndjsonOptions),
    deleteCompanies: (ids, callOptions = {}) => eraseProfiles(connection, 'companies', ids, callOptions),
    properties: (propertiesOptions = {}) => listProperties(connection, propertiesOptions),
    environment: (callOptions = {}) => readEnvironment(connection, callOptions),
    health: (callOptions = {}) => readHealth(connection, callOptions),
  };
}

function readUrl(text: string | URL): URL {
  const url = new URL(text);
  if (!/^https?:$/.test(url.protocol)) throw new TypeError('The url must begin with http:// or https://.');
  // No fetch takes them, and its error would quote them.
  if (url.username !== '' || url.password !== '') throw new TypeError('The url must not hold a password.');
  return url;
}

/** Checked here, because fetch would quote it in its error. */
function readKey(text: string): string {
  const key = text.trim();
  if (!/^[\x21-\x7e]+$/.test(key))
    throw new TypeError('The apiKey is empty or has characters that no key has.');
  return key;
}
