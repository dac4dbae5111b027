/** Conversations: several requests over one connection, and a client that asks before it sends. */
import type { Composed, Maker } from './case';
import { frame, type Message, withLength, writeHead } from './frame';
import { anyBody, expectImport, post } from './wrap';

/** Many failed keys a minute are too many. */
const FAILED_KEY = [401, 429];

interface Turn {
  wire: Buffer;
  statuses: readonly number[];
}

/** Several requests at once, at least one of them an import: each has its answer, in order. */
export function pipelined(maker: Maker): Composed {
  const { random } = maker;
  const isRace = random.chance(0.3);
  const imports = Array.from({ length: isRace ? 2 + random.whole(3) : 1 }, () => importTurn(maker, isRace));
  const others = Array.from({ length: 1 + random.whole(5) }, () => bystander(maker));
  const all = [...imports, ...others]
    .map((turn) => ({ turn, at: random.next() }))
    .sort((a, b) => a.at - b.at);
  return {
    wire: Buffer.concat(all.map(({ turn }) => turn.wire)),
    payload: isRace ? undefined : imports[0]?.payload,
    statuses: all.map(({ turn }) => turn.statuses),
    mutations: 0,
    answers: all.length,
  };
}

/** An import; in a race it may come too late for the slot. */
function importTurn(maker: Maker, isRace: boolean): Turn & Pick<Composed, 'payload'> {
  const { message, payload, sound } = anyBody(maker);
  const { statuses = [[202, 400, 413]] } = expectImport(maker, payload, sound);
  const wire = frame(maker.random, message);
  return {
    wire,
    payload: sound ? payload : undefined,
    statuses: [...statuses.flat(), ...(isRace ? [409] : [])],
  };
}

/** A request that imports nothing, with the statuses that it may have beside an import. */
function bystander(maker: Maker): Turn {
  const { random } = maker;
  const read = (target: string): Message => ({ ...post(maker, 'x'), method: 'GET', target });
  const body = Buffer.from('{"users":[{"user_id":"u"}],"companies":[{"company_id":"c"}]} x');
  return random.pick([
    () => ({ wire: writeHead(read('/healthz')), statuses: [200] }),
    () => ({ wire: writeHead(read('/v1/background_jobs?limit=5')), statuses: [200] }),
    () => ({ wire: writeHead(read('/v1/users/none')), statuses: [404] }),
    () => ({ wire: withLength({ ...read('/v1/nothing'), body }), statuses: [404] }),
    () => ({
      wire: withLength({ ...post({ ...maker, key: 'wrong' }, 'application/json'), body }),
      statuses: FAILED_KEY,
    }),
    () => ({ wire: frame(random, { ...post(maker, 'text/plain'), body }), statuses: [415, 409] }),
    () => ({ wire: frame(random, { ...post(maker, 'application/json'), body }), statuses: [400, 409] }),
    () => ({
      wire: withLength({ ...post(maker, 'multipart/form-data; boundary=x'), body }),
      statuses: [400, 409],
    }),
  ])();
}

/** A client that asks before it sends the body: it is told to go on only when the body is wanted. */
export function expecting(maker: Maker): Composed {
  const { random } = maker;
  const { message, payload, sound } = anyBody(maker);
  const expect = (value: Message): Message => ({
    ...value,
    headers: [...value.headers, ['Expect', '100-continue']],
  });
  const wrong = random.weighted<readonly [string, string, readonly number[]] | undefined>([
    [3, undefined],
    [1, ['Authorization', 'Token wrong', FAILED_KEY]],
    [1, ['Content-Type', 'text/plain', [415]]],
  ]);
  const headers = message.headers.map(
    ([name, value]) => [name, name === wrong?.[0] ? wrong[1] : value] as const,
  );
  const wire = withLength(expect({ ...message, headers }));
  return {
    ...{ wire, mutations: 0, waitAt: wire.indexOf('\r\n\r\n') + 4 },
    ...(wrong === undefined
      ? { ...expectImport(maker, payload, sound), informational: 1 }
      : { payload: undefined, statuses: [wrong[2]], informational: 0, mayStarve: true }),
  };
}
