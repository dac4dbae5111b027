/** Answers that are read while they come in, in constant memory. */
import { unexpectedAnswer } from '../errors';
import { readLines } from './read-lines';
import type { ApiRequest, Connection } from './request';

export const NDJSON_TYPE = 'application/x-ndjson';

export interface AnswerStream {
  headers: Headers;
  /** Breaks off with the same errors as a request: a MusterError, or the reason of the signal. */
  stream: ReadableStream<Uint8Array>;
}

/** Sends the request and opens its answer. @throws MusterError */
export function openStream(connection: Connection, request: ApiRequest): Promise<AnswerStream> {
  return connection.request(request, async (answer) => {
    // An empty answer may have no body at all.
    const body = answer.body ?? new Blob([]).stream();
    return {
      headers: answer.headers,
      stream: withFaults(body, (thrown) => connection.faultOf(thrown, request.signal)),
    };
  });
}

/** The objects of an answer in NDJSON. A consumer that stops early ends the request. @throws MusterError */
export async function* readRows<Row>(
  connection: Connection,
  request: ApiRequest,
): AsyncGenerator<Row, void, undefined> {
  const { stream } = await openStream(connection, {
    ...request,
    headers: { ...request.headers, Accept: NDJSON_TYPE },
  });
  for await (const line of readLines(stream)) {
    let row: Row;
    try {
      row = JSON.parse(line) as Row;
    } catch {
      // Without the parser's error, which quotes the line.
      throw unexpectedAnswer({ status: 200 }, 'A line of the answer is not JSON.');
    }
    yield row;
  }
}

function withFaults(
  body: ReadableStream<Uint8Array>,
  faultOf: (thrown: unknown) => unknown,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (thrown) {
          controller.error(faultOf(thrown));
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    // Nothing is read ahead of the consumer.
    { highWaterMark: 0 },
  );
}
