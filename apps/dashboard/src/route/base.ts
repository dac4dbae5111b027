/** Where the service is: the folder above the one that this script was loaded from, which a proxy may have put anywhere. */

/** Ends with a slash. */
export const BASE_URL = new URL(/* @vite-ignore */ '../', import.meta.url);

/** What is before the path of every page, without a slash at its end; empty as a rule. */
export const BASE_PATH = BASE_URL.pathname.slice(0, -1);
