/**
 * A job as it goes: by Server-Sent Events, read with fetch because an EventSource cannot send the key; by the client's
 * own watch where something in between does not let them through. Goes on by itself after every break.
 */
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { isFinished, isMusterError, type Job } from '#client/index';
import { pause } from '../../parts/wait';
import type { Session } from '../../session/session';

const RECONNECT_MS = 2_000;

/**
 * Every state that is seen; the last one is final.
 * @throws MusterError when the service says no
 */
export async function* followJob(
  session: Session,
  jobId: string,
  signal: AbortSignal,
): AsyncGenerator<Job, void, undefined> {
  while (!signal.aborted) {
    try {
      const job = await session.client.job(jobId, { signal });
      yield job;
      if (isFinished(job)) return;
      const events = await openEvents(session, jobId, signal);
      for await (const next of events ?? session.client.watch(jobId, { signal })) {
        session.noteReached();
        yield next;
        if (isFinished(next)) return;
      }
    } catch (thrown) {
      if (signal.aborted) return;
      const willPass = !isMusterError(thrown) || thrown.is('unreachable', 'unavailable', 'rate_limited');
      if (!willPass) throw thrown;
    }
    await pause(RECONNECT_MS, signal);
  }
}

/** @returns undefined when the answer is none of events */
async function openEvents(
  session: Session,
  jobId: string,
  signal: AbortSignal,
): Promise<AsyncGenerator<Job, void, undefined> | undefined> {
  const path = `/v1/background_jobs/${encodeURIComponent(jobId)}/events`;
  const answer = await session.fetch(path, { headers: { Accept: 'text/event-stream' }, signal });
  const isStream = answer.headers.get('content-type')?.startsWith('text/event-stream') === true;
  if (answer.ok && isStream && answer.body !== null) return readEvents(answer.body);
  await answer.body?.cancel();
  return undefined;
}

async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<Job, void, undefined> {
  const reader = body
    .pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      if (value.event === 'job') yield JSON.parse(value.data) as Job;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
