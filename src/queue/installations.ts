/**
 * Which installations of Muster use one Redis. Each says every few seconds that it is there; their queues are apart, by
 * their prefixes, so another one does no harm. But it shares the server, and whoever runs both may not know.
 */
import type { Redis } from 'ioredis';
import type { Logger } from '#logger';

/** A sorted set: ids of installations by the second in which they were last there. */
const KEY = 'muster:installations';
const EVERY_MS = 10_000;
/** An installation that was not there for so long is gone. */
const GONE_AFTER_SECONDS = 60;

export interface Installations {
  /** Others that were there at the last look. */
  readonly foreign: number;
  stop(): void;
}

export function watchInstallations(redis: Redis, id: string, logger: Logger): Installations {
  let foreign = 0;
  const look = async () => {
    const [seconds = 0] = await redis.time();
    const gone = Number(seconds) - GONE_AFTER_SECONDS;
    await redis.zadd(KEY, seconds, id);
    await redis.zremrangebyscore(KEY, 0, gone);
    const found = (await redis.zcard(KEY)) - 1;
    if (found > 0 && foreign === 0) {
      logger.warn({ foreign_installations: found }, 'another installation uses this Redis');
    }
    foreign = found;
  };
  const tryLook = () => void look().catch(() => undefined);
  tryLook();
  const timer = setInterval(tryLook, EVERY_MS);
  timer.unref();
  return {
    get foreign() {
      return foreign;
    },
    stop: () => clearInterval(timer),
  };
}
