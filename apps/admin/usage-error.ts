/** The command line is not one of those in the help. */
export class UsageError extends Error {}
