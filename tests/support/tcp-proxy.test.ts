/** The proxy that fault tests partition: what it drops, holds and passes. */
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { startTcpProxy, type TcpProxy } from './tcp-proxy';
import { waitFor } from './wait';

let server: net.Server;
let proxy: TcpProxy;
/** What the server was sent, and its connections. */
let received: string;
let accepted: net.Socket[];

beforeEach(async () => {
  received = '';
  accepted = [];
  server = net.createServer((socket) => {
    accepted.push(socket);
    socket
      .on('error', () => undefined)
      .on('data', (bytes) => {
        received += bytes;
      });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  proxy = await startTcpProxy((server.address() as AddressInfo).port);
});
afterEach(async () => {
  for (const socket of accepted) socket.destroy();
  await proxy.close();
  server.close();
});

async function connect(): Promise<{ socket: net.Socket; answers: () => string }> {
  const socket = net.connect(proxy.port, '127.0.0.1');
  let answers = '';
  socket
    .on('error', () => undefined)
    .on('data', (bytes) => {
      answers += bytes;
    });
  await once(socket, 'connect');
  const before = accepted.length;
  await waitFor('the connection', () => accepted.length > before - 1 && accepted.length > 0);
  return { socket, answers: () => answers };
}

it('drops bytes of one direction for good and passes those of the other', async () => {
  const { socket, answers } = await connect();
  socket.write('a');
  await waitFor('the first byte', () => received === 'a');
  proxy.partition('requests', 'drop');
  socket.write('b');
  accepted[0]?.write('1');
  await waitFor('the answer', () => answers() === '1');
  proxy.heal();
  socket.write('c');
  accepted[0]?.write('2');
  await waitFor('the second answer', () => answers() === '12');
  // The connection has lost bytes: it stays dead in that direction. A new one works.
  const other = await connect();
  other.socket.write('d');
  await waitFor('the new connection', () => received.length > 1);
  expect(received).toBe('ad');
  socket.destroy();
  other.socket.destroy();
});

it('holds bytes of one direction until it is healed', async () => {
  const { socket, answers } = await connect();
  proxy.partition('answers', 'hold');
  accepted[0]?.write('1');
  socket.write('a');
  await waitFor('the request', () => received === 'a');
  expect(answers()).toBe('');
  proxy.heal();
  await waitFor('the answer', () => answers() === '1');
  socket.destroy();
});

it('hides from the server that a client has gone while its direction is dropped', async () => {
  const { socket } = await connect();
  proxy.partition('requests', 'drop');
  socket.write('lost');
  socket.end();
  socket.destroy();
  accepted[0]?.write('into nothing');
  const other = await connect();
  other.socket.destroy();
  expect(accepted[0]?.destroyed).toBe(false);
  expect(received).toBe('');
});
