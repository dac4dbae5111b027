/** The wire of what belongs to no vendor, such as bytes that are no request: Userpilot's, which Muster's own routes speak. */
import type { Dialect } from '#dialect/dialect';
import { userpilot } from '#dialect/userpilot/dialect';

export const ownDialect: Dialect = userpilot;
