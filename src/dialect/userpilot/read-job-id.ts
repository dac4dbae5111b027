/**
 * Job ids in paths: a bare uuid, or Userpilot's `bulk:jobs:{environment}:{uuid}`. Its page writes the uuid in braces, and so
 * do those who copy from it.
 */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const PREFIXED = /^bulk:jobs:([^:]+):([^:]+)$/;

/**
 * The uuid of a job id.
 * @param environment slug of the caller's environment
 * @returns undefined when it is no job id, or one of another environment
 */
export function readJobId(text: string, environment: string): string | undefined {
  const [, slug, uuid] = PREFIXED.exec(text) ?? [text, environment, text];
  const bare = uuid?.replace(/^\{(.*)\}$/, '$1');
  return slug === environment && bare !== undefined && UUID.test(bare) ? bare.toLowerCase() : undefined;
}
