/**
 * Which addresses are sent to: those of the public internet, unless the operator allows others. A name may lead anywhere, and
 * somewhere else a moment later; so it is checked when a webhook is saved, and again at each connection.
 */
import { lookup as lookUp } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { AppError } from '#errors';

/** Whether the address is one of the public internet: not private, loopback, link-local, CGNAT, multicast or a way to such. */
export function isPublicAddress(address: string): boolean {
  // IPv6 that holds an IPv4 address is that address; translations such as NAT64 are ranges of their own.
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';
}

/** The address of a host is none of the public internet. */
export class NotPublicError extends Error {
  constructor() {
    super('the address leads to a network that is not public');
  }
}

/** False when the host is an address that is not public. A name may be allowed or not: that is seen when it is looked up. */
export function isAllowedHost({ hostname }: URL): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  return isIP(host) === 0 || isPublicAddress(host);
}

/** For a connection: what it gives is what is connected to, so that a name cannot lead elsewhere after it was checked. */
export const checkedLookup: LookupFunction = (host, options, callback) => {
  lookUp(host, { ...options, all: true }, (error, addresses) => {
    const [first] = addresses ?? [];
    if (error !== null || first === undefined) return callback(error ?? new NotPublicError(), '', 4);
    if (!addresses.every(({ address }) => isPublicAddress(address)))
      return callback(new NotPublicError(), '', 4);
    if (options.all) return callback(null, addresses);
    callback(null, first.address, first.family);
  });
};

/**
 * @param allowsPrivate whether every address may be sent to
 * @throws AppError target_not_allowed
 */
export async function requireAllowedTarget(text: string, allowsPrivate: boolean): Promise<void> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    refuse('The address must begin with https:// or http://.');
  if (url.username !== '' || url.password !== '')
    refuse('The address must not hold a user name or password.');
  if (allowsPrivate) return;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = isIP(host) ? [host] : await addressesOf(host);
  if (!addresses.every(isPublicAddress)) refuse('The address leads to a network that is not public.');
}

async function addressesOf(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch {
    return refuse('The name of the host is not known.');
  }
}

function refuse(details: string): never {
  throw new AppError('target_not_allowed', { details });
}
