/** Settings have the contract's defaults, and a wrong one is refused by name, never by value. */
import { describe, expect, it } from '@jest/globals';
import { readSettings, requireDatabaseUrl, SettingsError } from './settings';

describe('settings', () => {
  it('have the defaults of the contract', () => {
    expect(readSettings({})).toEqual({
      port: 3000,
      host: '127.0.0.1',
      allowPrivateTargets: false,
      databaseUrl: undefined,
      migrateDatabaseUrl: undefined,
      redisUrl: undefined,
      dataDir: undefined,
      apiKey: undefined,
      usersPerMinute: 1_800,
      maxRows: 10_000,
      maxBytes: 52_428_800,
      workerConcurrency: 1,
      retentionDays: 30,
      maxStoredBytes: 34_359_738_368,
      maxProfileBytes: 1_048_576,
      identifyPerMinute: 600,
      track: 'reject',
      metricsToken: undefined,
      metricsPort: undefined,
      metricsEnvironments: false,
      contextRetentionDays: undefined,
      extraction: undefined,
      embeddings: undefined,
      trustProxy: 0,
      publicUrl: undefined,
      logLevel: 'info',
      logFormat: undefined,
      production: false,
    });
  });

  it('that are empty count as unset', () => {
    expect(readSettings({ PORT: '', DATABASE_URL: '', API_KEY: '' })).toEqual(readSettings({}));
  });

  it.each([
    ['https://Example.com', 'https://example.com'],
    ['https://example.com:8443/team/muster/', 'https://example.com:8443/team/muster'],
  ])('PUBLIC_URL=%s is read without a slash at the end', (text, publicUrl) => {
    expect(readSettings({ PUBLIC_URL: text })).toMatchObject({ publicUrl });
  });

  it.each([
    ['PORT', '70000'],
    ['PORT', 'http'],
    ['USERS_PER_MINUTE', '-1'],
    ['USERS_PER_MINUTE', '1e3'],
    ['MAX_ROWS', '99999999'],
    ['DATABASE_URL', 'mysql://secret@host/db'],
    ['MIGRATE_DATABASE_URL', 'mysql://secret@host/db'],
    ['REDIS_URL', 'secret'],
    ['API_KEY', 'short-secret'],
    ['API_KEY', 'secret with a space in it'],
    ['LOG_LEVEL', 'loud'],
    ['LOG_FORMAT', 'xml'],
    ['WORKER_CONCURRENCY', '777'],
    ['PUBLIC_URL', 'example.com'],
    ['PUBLIC_URL', 'ftp://example.com'],
    ['PUBLIC_URL', 'https://user:secret@example.com'],
    ['PUBLIC_URL', 'https://example.com/?a=secret'],
    ['CONTEXT_RETENTION_DAYS', '-3'],
    ['EXTRACTION_URL', 'secret'],
  ])('%s=%s is refused by name', (name, value) => {
    const read = () => readSettings({ [name]: value });
    expect(read).toThrow(SettingsError);
    expect(read).toThrow(name);
    expect(read).not.toThrow(value);
  });

  it('name the model of a provider', () => {
    const url = 'http://127.0.0.1:1/v1';
    expect(() => readSettings({ EMBEDDINGS_URL: url })).toThrow('EMBEDDINGS_MODEL must be set');
    expect(readSettings({ EXTRACTION_URL: url, EXTRACTION_MODEL: 'm' }).extraction).toEqual({
      url,
      model: 'm',
      apiKey: undefined,
    });
  });

  it('say together what is wrong', () => {
    expect(() => readSettings({ PORT: 'x', MAX_ROWS: 'x' })).toThrow(/PORT.*MAX_ROWS/);
  });

  it('without DATABASE_URL are refused by a process that needs one', () => {
    expect(() => requireDatabaseUrl(readSettings({}))).toThrow('DATABASE_URL');
  });
});
