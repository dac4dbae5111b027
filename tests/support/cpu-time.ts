/** How much work something is, whatever else the machine does meanwhile. */

/** Runs it. Returns the CPU time of this process for it, in milliseconds: that of the service too, where it is in here. */
export async function cpuMsOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
