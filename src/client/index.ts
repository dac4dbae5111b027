/** The SDK: everything that users of the client may import. */
export type * from './api';
export { type Client, type ClientOptions, createClient } from './client';
export type { DomainUserOptions, SimilarOptions } from './domains';
export { isMusterError, MusterError, type MusterErrorCode } from './errors';
export type { Health } from './health';
export { readLines } from './http/read-lines';
export type { Fetch } from './http/request';
export type { Sleep } from './http/retry';
export type { ImportOptions, SlotOptions } from './import-rows';
export { type ShownStatus, shownStatus } from './job-status';
export { type CallOptions, isFinished, type JobOptions, type JobsOptions } from './jobs';
export type { CompaniesOptions, ProfilesNdjsonOptions, UsersOptions } from './profiles';
export type { PropertiesOptions } from './properties';
export type { InputFile, ResultsOptions } from './results';
export type {
  CompanyRow,
  FileInput,
  Format,
  MetadataValue,
  RowsInput,
  UserRow,
} from './write-rows';
