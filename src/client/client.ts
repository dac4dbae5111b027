/** The client of the API, on fetch alone, so that it runs in Node and in a browser. */

/** A job as the API shows it. */
export interface ClientJob {
  job_id: string;
  type: string;
  status: string;
  end_time: string | null;
  elapsed_time: number;
  total_rows: number;
  completed_rows: number;
  created_rows: number;
  updated_rows: number;
  unchanged_rows: number;
  failed_rows: number;
  eta_seconds: number;
  error: { code: string; message: string } | null;
}

/** An answer that is not a success. */
export class MusterError extends Error {
  constructor(
    readonly status: number,
    /** Code of the API's table of errors. */
    readonly code: string,
    message: string,
    readonly details: string,
    /** From Retry-After; undefined when the API does not say. */
    readonly retryAfterSeconds: number | undefined,
  ) {
    super(message);
    this.name = 'MusterError';
  }
}

export interface Client {
  /**
   * Uploads an NDJSON file.
   * @param collection what its rows are
   * @throws MusterError
   */
  importFile(collection: 'users' | 'companies', file: Blob, filename: string): Promise<ClientJob>;
  /** @throws MusterError */
  job(jobId: string): Promise<ClientJob>;
  /** The job again and again until it has ended; the last one is the final one. @throws MusterError */
  watch(jobId: string): AsyncGenerator<ClientJob, void>;
}

/** How often a watched job is asked for, in milliseconds. */
const POLL_MS = 500;

/** @param options.url where the API is, such as `http://127.0.0.1:3000` */
export function createClient(options: { url: string; apiKey: string }): Client {
  const call = async (path: string, init: RequestInit = {}): Promise<ClientJob> => {
    const answer = await fetch(new URL(path, options.url), {
      ...init,
      headers: { Authorization: `Token ${options.apiKey}`, Accept: 'application/json' },
    });
    if (!answer.ok) throw await readError(answer);
    return (await answer.json()) as ClientJob;
  };
  const job = (jobId: string) => call(`/v1/background_jobs/${encodeURIComponent(jobId)}`);
  return {
    importFile(collection, file, filename) {
      const form = new FormData();
      form.set('file', file, filename);
      return call(`/v1/${collection}/bulk_identify`, { method: 'POST', body: form });
    },
    job,
    async *watch(jobId) {
      for (;;) {
        const seen = await job(jobId);
        yield seen;
        if (seen.end_time !== null) return;
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    },
  };
}

async function readError(answer: Response): Promise<MusterError> {
  const body = (await answer.json().catch(() => ({}))) as {
    errors?: { error_code: string; message: string; details: string }[];
  };
  const first = body.errors?.[0];
  const retryAfter = answer.headers.get('retry-after');
  return new MusterError(
    answer.status,
    first?.error_code ?? 'unknown',
    first?.message ?? `The service answered ${answer.status}.`,
    first?.details ?? '',
    retryAfter === null ? undefined : Number(retryAfter),
  );
}
