/**
 * The address that clients reach the API at, as far as an answer has to name it. With PUBLIC_URL nothing of a request counts;
 * what proxies say in X-Forwarded-* or Forwarded (RFC 7239) counts only with TRUST_PROXY.
 */
import type { Request } from 'express';
import type { Settings } from '#settings/settings';

export type AddressSettings = Pick<Settings, 'publicUrl' | 'trustProxy'>;

/** Scheme, host and path prefix, without a slash at the end: `https://example.com/muster`. */
export function publicUrlOf(req: Request): string {
  const settings = settingsOf(req);
  if (settings.publicUrl !== undefined) return settings.publicUrl;
  const scheme = SCHEME.exec(forwarded(req, settings, 'proto') ?? '')?.[0].toLowerCase() ?? 'http';
  const host = [forwarded(req, settings, 'host'), req.get('host')].find(isHost) ?? reachedHost(req);
  return `${scheme}://${host}${prefixOf(req)}`;
}

/**
 * What `Location`, `type` of an error and `servers` begin with. Without PUBLIC_URL that is the path prefix alone: a client
 * completes it with the host that it has used.
 */
export function publicBaseOf(req: Request): string {
  return settingsOf(req).publicUrl ?? prefixOf(req);
}

/** The path prefix that a proxy says it has removed, such as `/muster`; empty as a rule. */
function prefixOf(req: Request): string {
  const prefix = forwarded(req, settingsOf(req), 'prefix')?.replace(/\/$/, '') ?? '';
  return PREFIX.test(prefix) ? prefix : '';
}

/** Whether the prefix of an answer's addresses depends on a header of the request. */
export function isPrefixForwarded(req: Request): boolean {
  const { publicUrl, trustProxy } = settingsOf(req);
  return publicUrl === undefined && trustProxy > 0;
}

const SCHEME = /^https?$/i;
const HOST = /^(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/;
/** Not `//`, which would begin the address of another host. */
const PREFIX = /^(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*){1,16}$/;

function settingsOf(req: Request): AddressSettings {
  return req.app.locals.address as AddressSettings;
}

/** Whether a Host header is a host name or address, with or without a port. */
export function isHost(text: string | undefined): text is string {
  return text !== undefined && HOST.test(text) && URL.canParse(`http://${text}`);
}

/** The address of this end of the connection. */
function reachedHost(req: Request): string {
  const { localAddress = '127.0.0.1', localPort } = req.socket;
  return localAddress.includes(':') ? `[${localAddress}]:${localPort}` : `${localAddress}:${localPort}`;
}

/** What the proxies say of the request that they got; X-Forwarded-* before Forwarded. */
function forwarded(
  req: Request,
  { trustProxy }: AddressSettings,
  name: 'proto' | 'host' | 'prefix',
): string | undefined {
  if (trustProxy === 0) return undefined;
  const header = req.get(`x-forwarded-${name}`);
  if (header !== undefined)
    return ofOutermost(
      header.split(',').map((text) => text.trim()),
      trustProxy,
    );
  if (name === 'prefix') return undefined;
  const elements = splitOutsideQuotes(req.get('forwarded') ?? '', ',');
  return parameter(ofOutermost(elements, trustProxy) ?? '', name);
}

/** What the outermost trusted proxy has written: each appends its own, and what is before came from the client. */
function ofOutermost(values: string[], trustProxy: number): string | undefined {
  return values[Math.max(0, values.length - trustProxy)];
}

/** A parameter of a forwarded-element: `for=192.0.2.1;host="example.com:8443";proto=https`. */
function parameter(element: string, name: string): string | undefined {
  for (const pair of splitOutsideQuotes(element, ';')) {
    const at = pair.indexOf('=');
    if (pair.slice(0, at).trim().toLowerCase() !== name) continue;
    const value = pair.slice(at + 1).trim();
    return value.startsWith('"') ? value.slice(1, -1).replaceAll(/\\(.)/g, '$1') : value;
  }
  return undefined;
}

function splitOutsideQuotes(text: string, separator: ',' | ';'): string[] {
  const parts = [''];
  let isQuoted = false;
  for (let n = 0; n < text.length; n++) {
    const character = text[n] as string;
    if (character === separator && !isQuoted) {
      parts.push('');
      continue;
    }
    if (character === '"') isQuoted = !isQuoted;
    parts[parts.length - 1] += character;
    // The next one is escaped.
    if (isQuoted && character === '\\') parts[parts.length - 1] += text[++n] ?? '';
  }
  return parts;
}
