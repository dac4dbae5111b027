// Generated from docs/openapi.json by npm run docs

/** State of a job, Userpilot’s closed list. completed and failed are final. A canceled job is failed with error.code canceled. */
export type JobStatus = 'queued' | 'validating' | 'processing' | 'pending_refresh' | 'completed' | 'failed';

/** Every error that is answered; /docs/errors explains each. */
export type ErrorCode =
  | 'invalid_json'
  | 'missing_users'
  | 'missing_companies'
  | 'empty_import'
  | 'invalid_multipart'
  | 'file_missing'
  | 'unexpected_field'
  | 'too_many_files'
  | 'invalid_parameter'
  | 'target_not_allowed'
  | 'invalid_webhook'
  | 'row_refused'
  | 'invalid_request'
  | 'upload_aborted'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'job_not_found'
  | 'environment_not_found'
  | 'webhook_not_found'
  | 'user_not_found'
  | 'domain_not_found'
  | 'company_not_found'
  | 'method_not_allowed'
  | 'request_timeout'
  | 'job_in_progress'
  | 'job_finished'
  | 'job_not_finished'
  | 'nothing_to_retry'
  | 'idempotency_key_in_flight'
  | 'payload_too_large'
  | 'too_many_rows'
  | 'unsupported_media_type'
  | 'idempotency_key_reused'
  | 'rate_limited'
  | 'headers_too_large'
  | 'not_supported'
  | 'storage_full'
  | 'internal'
  | 'unavailable';

/** Every reason for which a row can fail; /docs/errors explains each. */
export type RowErrorCode =
  | 'invalid_json'
  | 'too_many_cells'
  | 'quote_not_closed'
  | 'invalid_closing_quote'
  | 'invalid_encoding'
  | 'not_an_object'
  | 'id_missing'
  | 'id_invalid'
  | 'company_id_invalid'
  | 'metadata_invalid'
  | 'metadata_key_invalid'
  | 'metadata_value_invalid'
  | 'metadata_too_large'
  | 'number_out_of_range'
  | 'invalid_character'
  | 'row_too_large'
  | 'already_exists'
  | 'does_not_exist'
  | 'repeated_id'
  | 'storage_error';

/** What became of a row. unprocessed: the job has not come to it, or never will. */
export type Outcome = 'created' | 'updated' | 'unchanged' | 'failed' | 'unprocessed';

/** What a webhook can be told of. */
export type WebhookEvent =
  'job.completed' | 'job.failed' | 'job.canceled' | 'sync.completed' | 'sync.failed' | 'sync.skipped';

/** Something that was accepted and may still be a mistake. A job has at most 100, in a list of jobs 10; of more the last one is more_warnings, whose message begins with their number. */
export interface JobWarning {
  code:
    | 'unknown_key_ignored'
    | 'nested_value_ignored'
    | 'properties_not_catalogued'
    | 'encoding_detected'
    | 'delimiter_detected'
    | 'id_column_detected'
    | 'column_renamed'
    | 'column_left_out'
    | 'read_as_json'
    | 'read_as_objects'
    | 'read_as_csv'
    | 'read_as_ndjson'
    | 'sheet_detected'
    | 'cells_without_value'
    | 'repeated_ids'
    | 'similar_ids'
    | 'type_changed'
    | 'more_warnings';
  /** Where in the rows, such as metadata.age, or which column of the file. */
  path: string;
  /** Number of rows that it concerns. */
  rows: number;
  /** Of repeated_ids and similar_ids: how many ids. */
  ids?: number;
  message: string;
}

/** Why a job as a whole failed. */
export interface JobError {
  code: 'no_rows_applied' | 'canceled' | 'internal';
  message: string;
}

/** An import, from its acceptance to its end. Times are ISO 8601 in UTC with milliseconds. */
export interface Job {
  job_id: string;
  type: 'bulk_identify_users' | 'bulk_identify_companies';
  status: JobStatus;
  submitted_at: string;
  /** When work began; until then, when the job was submitted. */
  start_time: string;
  /** Null until the job has ended. */
  end_time: string | null;
  /** Whole seconds from start_time to end_time, or to now. */
  elapsed_time: number;
  /** Base name of the uploaded file; empty for a plain body. */
  filename: string;
  /** Bytes of the file or body, after decompression. */
  file_size: number;
  /** Where this job is found. */
  links: string;
  total_rows: number;
  /** created + updated + unchanged + failed; never falls. */
  completed_rows: number;
  created_rows: number;
  updated_rows: number;
  /** Rows that would not have changed what is stored. */
  unchanged_rows: number;
  failed_rows: number;
  /** Honest whole seconds until the job ends; 0 when it has ended. */
  eta_seconds: number;
  /** 1 = next; null unless the job waits for its turn (on_busy=queue). */
  queue_position: number | null;
  warnings: JobWarning[];
  error: JobError | null;
  dry_run: boolean;
  /** The job whose rows this one tries again. */
  parent_job_id: string | null;
}

/** Userpilot’s list of errors and the members of RFC 9457 in one object. As application/problem+json when Accept asks for it. */
export interface ErrorBody {
  /** Address of the explanation: /docs/errors#code. */
  type: string;
  title: string;
  status: number;
  /** What went wrong. Never quotes what was sent. */
  detail: string;
  /** The X-Request-Id of this answer; it is in the log, too. */
  request_id: string;
  /** @minItems 1 */
  errors: {
    /** Of row_refused: the fault of the row, with its place as details. */
    error_code: ErrorCode | RowErrorCode;
    error: string;
    message: string;
    /** More about this case; may be empty. */
    details: string;
  }[];
}

/** One user of an import. Other keys are ignored, with a warning. */
export interface UserRow {
  /** Kept character by character: no trimming, no case folding. */
  user_id: string;
  /** Absent leaves the company, null detaches it. */
  company_id?: string | null;
  /** Strings, numbers, booleans and null, which removes the key. At most 1,000 keys. */
  metadata?: {
    [k: string]: string | number | boolean | null;
  } | null;
  [k: string]: unknown;
}

/** One company of an import. Other keys are ignored, with a warning. */
export interface CompanyRow {
  company_id: string;
  /** Strings, numbers, booleans and null, which removes the key. At most 1,000 keys. */
  metadata?: {
    [k: string]: string | number | boolean | null;
  } | null;
  [k: string]: unknown;
}

/** What became of one row, in the order in which the rows were sent. */
export interface RowResult {
  /** Position among the rows of the import. */
  row: number;
  /** Line of the file; the first one of a CSV record; null for a JSON body. */
  line: number | null;
  /** Null when the row has no usable id, or was erased. */
  id: string | null;
  outcome: Outcome;
  errors: RowError[];
  /** Only there when the user or company was erased; the row keeps its place. */
  erased?: true;
  /** Only there when another row of the same id was applied on top of it, or instead of it. */
  superseded?: true;
}

/** Why a row was refused; /docs/errors explains each code. */
export interface RowError {
  code:
    | 'invalid_json'
    | 'too_many_cells'
    | 'quote_not_closed'
    | 'invalid_closing_quote'
    | 'invalid_encoding'
    | 'not_an_object'
    | 'id_missing'
    | 'id_invalid'
    | 'company_id_invalid'
    | 'metadata_invalid'
    | 'metadata_key_invalid'
    | 'metadata_value_invalid'
    | 'metadata_too_large'
    | 'number_out_of_range'
    | 'invalid_character'
    | 'row_too_large'
    | 'already_exists'
    | 'does_not_exist'
    | 'repeated_id'
    | 'storage_error';
  /** Where in the row, such as metadata.age; empty for the whole row. */
  path: string;
  message: string;
  /** With values=true: the beginning of the value that it is about, where there is one. */
  value?: string;
}

/** A stored user. */
export interface User {
  user_id: string;
  company_id: string | null;
  /** Strings and numbers with every character and digit as they were sent. */
  metadata: {
    [k: string]: string | number | boolean;
  };
  created_at: string;
  updated_at: string;
  /** The job that last changed it. */
  last_job_id: string | null;
  /** Only there when one was sent, and only for one user. */
  memory?: {
    [k: string]: unknown;
  };
}

/** A stored company. */
export interface Company {
  company_id: string;
  /** Strings and numbers with every character and digit as they were sent. */
  metadata: {
    [k: string]: string | number | boolean;
  };
  created_at: string;
  updated_at: string;
  /** The job that last changed it. */
  last_job_id: string | null;
}

/** A metadata key of an environment. It stays in the list when nobody has it any more. */
export interface Property {
  /** Key in the metadata. */
  key: string;
  /** Seen so far. Date is a string in ISO 8601. */
  types: ('String' | 'Numeric' | 'Date' | 'Boolean')[];
  /** Users, or companies, that have it. */
  count: number;
  /** The same as a share of all. */
  coverage: number;
  /** Whether count and coverage come from a sample, as they do with more than 10000 users. */
  estimated: boolean;
  first_seen_at: string;
  last_seen_at: string;
  /** The job that first sent it. */
  first_job_id: string | null;
}

/** The environment of a key, and the limits that hold there. */
export interface Environment {
  /** Its name. */
  slug: string;
  /** What the key may do: read (GET), import (imports too), admin (everything, as erasing). */
  scope: 'read' | 'import' | 'admin';
  /** The throttle of imports; 0 = none. */
  users_per_minute: number;
  /** Rows of one request. */
  max_rows: number;
  /** Bytes of the file or body of one request. */
  max_bytes: number;
}

/** How many of the ids were stored; they are gone. */
export interface Deleted {
  count: number;
  message: string;
}

/** The process is up. */
export interface Health {
  status: 'up';
}

/** Whether the service can do its work, one by one. */
export interface Ready {
  status: 'ready' | 'not_ready';
  database: 'up' | 'down';
  queue: 'up' | 'down';
  queue_backend: 'postgresql' | 'redis';
  /** Other installations of Muster that use the same Redis. Their queues are apart. */
  foreign_installations?: number;
}

/** One user, and the company that it belongs to. */
export interface IdentifyBody {
  user_id: string;
  metadata?: {
    [k: string]: unknown;
  } | null;
  /** Its id as id or company_id; its other keys are the company’s metadata. {} = none. */
  company?: {
    id?: string;
    company_id?: string;
    [k: string]: unknown;
  };
  [k: string]: unknown;
}

/** One company. */
export interface IdentifyCompanyBody {
  company_id: string;
  metadata?: {
    [k: string]: unknown;
  } | null;
  [k: string]: unknown;
}

/** What became of it, and what of it was not stored. */
export interface Identified {
  outcome: 'created' | 'updated' | 'unchanged';
  warnings: JobWarning[];
}

/** Who is told how jobs end. */
export interface Webhook {
  id: string;
  url: string;
  events: WebhookEvent[];
  format: 'standard' | 'slack';
  description: string;
  enabled: boolean;
  /** Why the service has disabled it. */
  disabled_reason: string | null;
  created_at: string;
}

/** A webhook with its new secret. */
export interface WebhookWithSecret {
  id: string;
  url: string;
  events: WebhookEvent[];
  format: 'standard' | 'slack';
  description: string;
  enabled: boolean;
  /** Why the service has disabled it. */
  disabled_reason: string | null;
  created_at: string;
  /** whsec_ and the secret in base64. It is shown this once. */
  secret: string;
}

/** A message to a webhook and what became of it. */
export interface WebhookDelivery {
  /** The header webhook-id of the message. */
  id: string;
  event: WebhookEvent | 'webhook.test';
  /** Null for a test. */
  job_id: string | null;
  status: 'pending' | 'delivered' | 'failed';
  attempts: number;
  /** Of the last attempt; null without an answer. */
  response_status: number | null;
  /** The first 1,000 characters of the answer. */
  response_body: string | null;
  latency_ms: number | null;
  /** Why there was no answer. */
  error: string | null;
  /** Null when no attempt is left. */
  next_attempt_at: string | null;
  created_at: string;
  ended_at: string | null;
}

/** Users with their memory: any JSON object of at most 1 MiB and 100 levels, replaced as a whole. */
export interface GurubaseBody {
  users: {
    external_user_id: string;
    /** Free JSON of the user, as Gurubase’s clients send it. */
    memory: {
      [k: string]: unknown;
    };
    [k: string]: unknown;
  }[];
  [k: string]: unknown;
}

/** What became of each user, in their order. */
export interface GurubaseResults {
  status: 'success';
  total_users: number;
  processed_users: number;
  users_results: {
    user_index: number;
    external_user_id: string | null;
    success: boolean;
    errors: string[];
  }[];
}

/** What failed; the users whose success is true are stored. */
export interface GurubaseFailure {
  error: string;
  details: string[];
  users_results: {
    user_index: number;
    external_user_id: string | null;
    success: boolean;
    errors: string[];
  }[];
}

/** An error. */
export interface GurubaseMessage {
  msg: string;
}

/** What is said about a user. */
export interface JeanUserBody {
  user_id: string;
  /** Name of the domain, such as `dating`. */
  domain: string;
  /** Free text, at most 100000 characters. Fields are extracted from it by the rules of the domain’s schema. */
  context?: string;
  /** Typed values. They win over what the text says, now and later; null takes one back. Keys that the schema does not know become extras. */
  fields?: {
    [k: string]: unknown;
  };
  /** URI of a memory store of yours. Never fetched. */
  memory_ref?: string;
  [k: string]: unknown;
}

/** One more text about a user. */
export interface JeanContextBody {
  user_id: string;
  /** Name of the domain, such as `dating`. */
  domain: string;
  /** Free text, at most 100000 characters. Fields are extracted from it by the rules of the domain’s schema. */
  context: string;
  [k: string]: unknown;
}

/** A user in a domain. */
export interface JeanUser {
  user_id: string;
  domain: string;
  schema_version: string;
  fields: {
    [k: string]: unknown;
  };
  /** Keys that the schema does not know. Never used for matching. */
  extras: {
    [k: string]: unknown;
  };
  derived: {
    [k: string]: unknown;
  };
  /** The user’s vectors by domain. */
  embeddings: {
    [k: string]: {
      dim: number;
      /** Changes with whatever makes the vector. */
      version: string;
      /** What makes the vector: `feature-hash-1` or a provider’s model. */
      model: string;
    };
  };
  last_enriched_at: string;
  memory_ref?: string;
  /** With a provider only: who has read the text, and why it was not the provider. */
  extraction?: {
    by: string;
    fallback?: string;
  };
  /** Keys of the body that were ignored; a vector that the provider did not make. */
  warnings?: {
    code: 'unknown_key' | 'embedding_failed';
    path: string;
  }[];
  /** With `explain=true`: where each value comes from. */
  provenance?: {
    [k: string]: {
      source: 'explicit' | 'extracted' | 'derived';
      rule?: string;
      spans?: {
        start: number;
        end: number;
        text: string | null;
      }[];
      [k: string]: unknown;
    };
  };
  /** With `explain=true`: the texts that are still kept. */
  contexts?: {
    id: string;
    text: string;
    received_at: string;
  }[];
}

/** What a domain knows about a user: fields, rules that find them in text, derived fields. */
export interface JeanSchemaBody {
  description: string;
  fields: {
    [k: string]: {
      type: 'string' | 'integer' | 'number' | 'boolean' | 'enum' | 'list' | 'location' | 'date';
      description: string;
      [k: string]: unknown;
    };
  };
  derived?: {
    [k: string]: {
      description: string;
      rules: unknown[];
      [k: string]: unknown;
    };
  };
}

/** One version of a domain’s schema. */
export interface JeanSchema {
  domain: string;
  schema_version: string;
  created_at: string;
  description: string;
  fields: {
    [k: string]: {
      type: 'string' | 'integer' | 'number' | 'boolean' | 'enum' | 'list' | 'location' | 'date';
      description: string;
      [k: string]: unknown;
    };
  };
  derived?: {
    [k: string]: {
      description: string;
      rules: unknown[];
      [k: string]: unknown;
    };
  };
}

/** The nearest candidates of the domain, best first, by the cosine of the vectors. */
export interface JeanSimilar {
  user_id: string;
  domain: string;
  embedding: {
    dim: number;
    /** Changes with whatever makes the vector. */
    version: string;
    /** What makes the vector: `feature-hash-1` or a provider’s model. */
    model: string;
  };
  similar: {
    user_id: string;
    score: number;
  }[];
}

/** That a user is in a domain. */
export interface JeanDomain {
  domain: string;
  schema_version: string;
  last_enriched_at: string;
}

/** An error. */
export interface JeanError {
  error: {
    code: string;
    message: string;
    /** For programs: `path`, `domains`, `reason`. */
    details: {
      [k: string]: unknown;
    };
  };
}
