/**
 * A client of sockets and bytes: writes what it is given, piece by piece, and takes down whatever comes back. It never
 * builds or repairs a request.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, readAnswers } from './read-answers';

/** What is sent over one connection. */
export interface Transmission {
  /** Everything, in order. */
  wire: Buffer;
  /** Sizes of the writes, in turn. */
  writes: readonly number[];
  /** Nothing from here on is written before the server has answered something, 100 Continue at best. */
  waitAt?: number;
  /** Where and how long after the client goes away: with a reset, or an orderly end, and no ear for an answer. */
  leave?: { at: number; how: 'reset' | 'end'; afterMs: number };
  /** How many answers are due when all is well; then the connection is asked for a last one, of the probe. */
  answers: number;
  /** Whether the server may be waiting for bytes that never come: then the client ends its stream after a while. */
  mayStarve: boolean;
}

export interface Received {
  /** Answers that are not 1xx, without the probe's. */
  answers: Answer[];
  /** How many 1xx came. */
  informational: number;
  /** What came behind the last whole answer. */
  rest: Buffer;
  /** How it ended: the server closed, the probe was answered, or neither within the limit. */
  end: 'closed' | 'usable' | 'open';
  /** Whether the client had to end its stream to get there. */
  starved: boolean;
}

const LIMIT_MS = 15_000;
const STARVED_AFTER_MS = 800;
const PROBE_ID = 'fuzz-probe';
const PROBE = `GET /healthz HTTP/1.1\r\nHost: muster.test\r\nX-Request-Id: ${PROBE_ID}\r\n\r\n`;

/** Sends it and waits until the connection has nothing more to say. Never throws. */
export function send(url: string, transmission: Transmission): Promise<Received> {
  const { hostname, port } = new URL(url);
  return new Exchange(connect(Number(port), hostname), transmission).run();
}

class Exchange {
  private received = Buffer.alloc(0);
  private closed = false;
  private starved = false;
  private timedOut = false;
  private wake: () => void = () => undefined;

  constructor(
    private readonly socket: Socket,
    private readonly transmission: Transmission,
  ) {
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => {
      this.received = Buffer.concat([this.received, bytes]);
      this.wake();
    });
    // A server that hangs up while we still write resets the connection; what it said before counts.
    socket.on('error', () => undefined);
    socket.on('connect', () => this.wake());
    socket.on('drain', () => this.wake());
    socket.on('close', () => {
      this.closed = true;
      this.wake();
    });
    // The server has said its last word. Ours may still be on its way, and nobody reads it.
    socket.on('end', () => {
      this.closed = true;
      this.wake();
    });
  }

  async run(): Promise<Received> {
    const { wire, leave } = this.transmission;
    const timer = setTimeout(() => {
      this.timedOut = true;
      this.wake();
    }, LIMIT_MS);
    try {
      await this.until(() => !this.socket.connecting);
      await this.write(leave === undefined ? wire : wire.subarray(0, leave.at));
      if (leave === undefined) await this.listen();
      // The moment at which a client dies is no condition that could be waited for.
      else await sleep(leave.afterMs);
    } finally {
      clearTimeout(timer);
    }
    const result = this.result();
    if (leave?.how === 'reset' && !this.closed) this.socket.resetAndDestroy();
    else if (leave?.how === 'end') this.socket.end().destroySoon();
    else this.socket.destroy();
    return result;
  }

  private async write(wire: Buffer): Promise<void> {
    const { writes, waitAt = wire.length } = this.transmission;
    for (let at = 0, n = 0; at < wire.length && !this.closed && !this.timedOut; n++) {
      if (at === waitAt) {
        await this.until(() => this.received.length > 0);
        // A final answer instead of 100 Continue: the body is not wanted.
        if (this.read().answers.length > 0) return;
      }
      const end = Math.min(
        at + (writes[n % writes.length] ?? wire.length),
        at < waitAt ? waitAt : wire.length,
      );
      if (!this.socket.write(wire.subarray(at, end)))
        await this.until(() => this.socket.writableNeedDrain === false);
      at = end;
    }
  }

  /** Waits for the answers that are due, then asks whether the connection is still of use. */
  private async listen(): Promise<void> {
    const { answers, mayStarve } = this.transmission;
    const isDone = () => this.read().answers.length >= answers;
    if (mayStarve) {
      const timer = setTimeout(() => {
        if (isDone() || this.closed) return;
        this.starved = true;
        this.socket.end();
      }, STARVED_AFTER_MS);
      await this.until(isDone).finally(() => clearTimeout(timer));
    } else await this.until(isDone);
    if (this.closed || this.starved || this.timedOut) return this.until(() => false);
    this.socket.write(PROBE);
    const starving = setTimeout(() => this.socket.end(), mayStarve ? STARVED_AFTER_MS : LIMIT_MS);
    await this.until(() => this.read().answers.some(isProbe)).finally(() => clearTimeout(starving));
  }

  /** Waits for a condition, the end of the connection or the end of the time, whichever comes first. */
  private async until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.closed && !this.timedOut) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  private read() {
    return readAnswers(this.received, this.closed);
  }

  private result(): Received {
    const { answers, informational, rest } = this.read();
    const probed = answers.some(isProbe);
    const end = probed ? 'usable' : this.closed ? 'closed' : 'open';
    return {
      answers: answers.filter((one) => !isProbe(one)),
      informational,
      rest,
      end,
      starved: this.starved,
    };
  }
}

function isProbe({ headers }: Answer): boolean {
  return headers['x-request-id'] === PROBE_ID;
}
