/**
 * Lets so many do something at a time; the others wait as long as it takes. Owners take turns among each other, so that one
 * with a hundred pieces of work keeps nobody else from theirs; the work of one owner is first come, first served.
 */

/** @param owner whose work it is */
export type InTurn = <T>(owner: number, work: () => Promise<T>) => Promise<T>;

/** @param most at a time, of all and of one owner */
export function createTurns(most: { ofAll: number; ofOne: number }): InTurn {
  let active = 0;
  const activeOf = new Map<number, number>();
  /** In the order in which it is the owners' turn. */
  const waiting = new Map<number, (() => void)[]>();

  const beginNext = () => {
    if (active >= most.ofAll) return;
    for (const [owner, line] of waiting) {
      const ofOwner = activeOf.get(owner) ?? 0;
      if (ofOwner >= most.ofOne) continue;
      const begin = line.shift();
      waiting.delete(owner);
      if (line.length > 0) waiting.set(owner, line);
      active++;
      activeOf.set(owner, ofOwner + 1);
      begin?.();
      return;
    }
  };

  const end = (owner: number) => {
    active--;
    const ofOwner = (activeOf.get(owner) ?? 1) - 1;
    if (ofOwner > 0) activeOf.set(owner, ofOwner);
    else activeOf.delete(owner);
    beginNext();
  };

  return async (owner, work) => {
    await new Promise<void>((begin) => {
      waiting.set(owner, [...(waiting.get(owner) ?? []), begin]);
      beginNext();
    });
    try {
      return await work();
    } finally {
      end(owner);
    }
  };
}
