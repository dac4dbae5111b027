/** What must be done when this process exits, such as after Ctrl-C: at once, what was asked for last first. */

const steps = new Set<() => void>();

/** Has it done at exit, unless it is called off before. It must not wait for anything. Returns what calls it off. */
export function atExit(step: () => void): () => void {
  // One listener for all: Node takes more than ten for a leak.
  if (steps.size === 0) process.on('exit', doAll);
  steps.add(step);
  return () => {
    steps.delete(step);
    if (steps.size === 0) process.off('exit', doAll);
  };
}

function doAll(): void {
  for (const step of [...steps].reverse()) step();
}
