/** The value of a JSON text; undefined when it is none, which a schema then refuses like any other wrong value. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
