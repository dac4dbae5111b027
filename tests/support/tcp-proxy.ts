/** A TCP proxy between a process and a server, so that the server may move, and connections may die without a word. */
import net, { type AddressInfo } from 'node:net';

export interface TcpProxy {
  port: number;
  /** Where new connections go. */
  targetPort: number;
  /** From now on nothing gets through, on old and new connections, and nobody is told. */
  blackHole(): void;
  /** New connections work again; those that were black-holed stay dead, as after a firewall has forgotten them. */
  heal(): void;
  /** Resets all connections. */
  cut(): void;
  close(): Promise<void>;
}

/** Starts a proxy on a free port of the loopback address. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<[net.Socket, net.Socket]>();
  let isOpen = true;

  const server = net.createServer((client) => {
    const upstream = net.connect(proxy.targetPort, '127.0.0.1');
    const pair: [net.Socket, net.Socket] = [client, upstream];
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    if (isOpen) {
      client.pipe(upstream);
      upstream.pipe(client);
    } else {
      client.pause();
    }
  });
  const proxy: TcpProxy = {
    port: 0,
    targetPort,
    blackHole() {
      isOpen = false;
      for (const [client, upstream] of pairs) {
        // The end of one side must not reach the other either.
        for (const socket of [client, upstream]) {
          socket.unpipe();
          socket.pause();
          socket.removeAllListeners('close').on('error', () => undefined);
        }
      }
    },
    heal() {
      isOpen = true;
    },
    cut() {
      for (const [client] of pairs) client.resetAndDestroy();
    },
    close() {
      for (const [client, upstream] of pairs) {
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
