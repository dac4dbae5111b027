/** Lets so many do something at a time; the others wait for their turn, first come, first served, as long as it takes. */

export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/** @param most at a time */
export function createTurns(most: number): InTurn {
  let active = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    // Whoever ends hands its place on, so that nobody can come in between.
    if (active < most) active++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) active--;
      else next();
    }
  };
}
