/** A TCP proxy between a process and a server, so that the server may move, and connections may die without a word. */
import net, { type AddressInfo } from 'node:net';
import { Transform, type TransformCallback } from 'node:stream';

/** Which way bytes go: from the process to the server, or back. */
export type Direction = 'requests' | 'answers';

/** What becomes of bytes of one direction: lost for good, or kept and passed on when it is over. */
export type OneWayFault = 'drop' | 'hold';

export interface TcpProxy {
  port: number;
  /** Where new connections go. */
  targetPort: number;
  /** From now on nothing gets through, on old and new connections, and nobody is told. */
  blackHole(): void;
  /** From now on bytes of one direction do not get through, on old and new connections; those of the other one do. */
  partition(direction: Direction, fault: OneWayFault): void;
  /**
   * New connections work again, and what was held arrives. Connections that were black-holed or have lost bytes stay dead,
   * as after a firewall has forgotten them.
   */
  heal(): void;
  /** Resets all connections. */
  cut(): void;
  close(): Promise<void>;
}

/** One direction of a connection. */
class Lane extends Transform {
  /** It has lost bytes: nothing that comes after them makes sense. */
  isDead = false;
  private waiting: (() => void)[] = [];

  constructor(private readonly fault: () => OneWayFault | undefined) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.pass(
      () => done(null, chunk),
      () => done(),
    );
  }

  /** The end of a direction is lost or late as its bytes are. */
  override _flush(done: TransformCallback): void {
    this.pass(
      () => done(),
      () => undefined,
    );
  }

  release(): void {
    for (const pass of this.waiting.splice(0)) pass();
  }

  private pass(onward: () => void, lost: () => void): void {
    const fault = this.fault();
    if (fault === 'drop') this.isDead = true;
    if (this.isDead) lost();
    else if (fault === 'hold') this.waiting.push(onward);
    else onward();
  }
}

interface Pair {
  client: net.Socket;
  upstream: net.Socket;
  lanes: Record<Direction, Lane>;
}

/** Starts a proxy on a free port of the loopback address. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  const faults = new Map<Direction, OneWayFault>();
  let isOpen = true;

  const server = net.createServer((client) => {
    const upstream = net.connect(proxy.targetPort, '127.0.0.1');
    const lane = (direction: Direction) => new Lane(() => faults.get(direction));
    const pair: Pair = { client, upstream, lanes: { requests: lane('requests'), answers: lane('answers') } };
    const { requests, answers } = pair.lanes;
    pairs.add(pair);
    const endBoth = () => {
      pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    // Whoever sends into a lane that is dead is not heard when it goes away either.
    const end = (own: Direction) => () => {
      if (!pair.lanes[own].isDead && !faults.has(own)) endBoth();
    };
    client.on('error', end('requests')).on('close', end('requests'));
    upstream.on('error', end('answers')).on('close', end('answers'));
    if (isOpen) {
      client.pipe(requests).pipe(upstream);
      upstream.pipe(answers).pipe(client);
    } else {
      client.pause();
    }
  });
  const proxy: TcpProxy = {
    port: 0,
    targetPort,
    blackHole() {
      isOpen = false;
      for (const { client, upstream } of pairs) {
        // The end of one side must not reach the other either.
        for (const socket of [client, upstream]) {
          socket.unpipe();
          socket.pause();
          socket.removeAllListeners('close').on('error', () => undefined);
        }
      }
    },
    partition(direction, fault) {
      faults.set(direction, fault);
    },
    heal() {
      isOpen = true;
      faults.clear();
      for (const { client, upstream, lanes } of pairs) {
        for (const lane of [lanes.requests, lanes.answers]) lane.release();
        // One side went away while nobody could hear it: the other one hears so behind what was held.
        if (client.destroyed && !lanes.requests.isDead) lanes.requests.end();
        if (upstream.destroyed && !lanes.answers.isDead) lanes.answers.end();
      }
    },
    cut() {
      for (const { client } of pairs) client.resetAndDestroy();
    },
    close() {
      for (const { client, upstream } of pairs) {
        client.destroy();
        upstream.destroy();
      }
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy.port = (server.address() as AddressInfo).port;
  return proxy;
}
