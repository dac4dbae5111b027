/**
 * POST /v1/identify and /v1/companies/identify: one user or company at once, beside whatever imports are running. The rules
 * are those of a row of bulk_identify; the answer comes after the commit.
 */
import { type Request, type Response, Router } from 'express';
import { readIdentify } from '#dialect/userpilot/read-identify';
import { AppError } from '#errors';
import type { Entity } from '#job/entity';
import { type JobWarning, warnOfRow } from '#job/observations';
import type { NestedMode } from '#job/options';
import { createLiveCatalogue } from '#pipeline/catalogue-live';
import { type ReadRow, readParsedRow, readRow } from '#pipeline/read-row';
import type { LiveCall, LiveRow, LiveUpserter } from '#pipeline/upsert-now';
import type { Authentication } from '../../authenticate';
import { type ApiDeps, callerOf, requireScope } from '../../context';
import { limitCalls } from '../../limit-calls';
import { methodNotAllowed } from '../../method-not-allowed';
import { readQuery } from '../../parameters';
import { readJsonText } from '../../read-json-body';
import { sendJson } from '../../send-json';
import { IDENTIFY_PARAMETERS } from './parameters';

export function identify(
  { settings, store, logger }: ApiDeps,
  upserter: LiveUpserter,
  caller: Authentication,
): Router {
  const router = Router({ caseSensitive: true });
  const catalogue = createLiveCatalogue(store, logger);
  const limit = limitCalls(store.pool, settings.identifyPerMinute);
  const route = (
    path: string,
    read: (body: { text: string; value: unknown }, nested: NestedMode) => ReadCall,
  ) =>
    router
      .route(path)
      // The statement that writes proves the key; a key that it does not know is looked up for its own answer.
      .post(caller.recent, limit, async (req: Request, res: Response) => {
        requireScope(res, 'import');
        const { nested } = readQuery(req, IDENTIFY_PARAMETERS);
        const { user, company } = read(await readJsonText(req, res), nested);
        const prefix = user === undefined ? '' : 'company.';
        const refused = [...refusals(user), ...refusals(company, prefix)];
        if (refused.length > 0) throw new AppError('row_refused', { rowErrors: refused });
        const call: LiveCall = {
          user: user && toLiveRow(user, res),
          company: company && toLiveRow(company, res),
        };
        const { environmentId } = callerOf(res);
        const outcome = await upserter.upsert(call).catch(async (error: unknown) => {
          if (error instanceof AppError && error.code === 'unauthorized') await caller.prove(req, res);
          throw error;
        });
        if (user !== undefined) void catalogue.add(environmentId, 'user', user.properties);
        if (company !== undefined) void catalogue.add(environmentId, 'company', company.properties);
        sendJson(res, 202, { outcome, warnings: [...warningsOf(user), ...warningsOf(company)] });
      })
      .all(methodNotAllowed('POST'));

  route('/v1/identify', ({ text, value }, nested) => {
    const rows = readIdentify(text, value);
    const company = rows.company === undefined ? undefined : read(rows.company, 'company', nested);
    const user =
      rows.user === text ? readParsedRow(text, value, 'user', nested) : read(rows.user, 'user', nested);
    return { user, company };
  });
  route('/v1/companies/identify', ({ text, value }, nested) => ({
    company: readParsedRow(text, value, 'company', nested),
  }));
  return router;
}

interface ReadCall {
  user?: ReadRow | undefined;
  company?: ReadRow | undefined;
}

function read(text: string, entity: Entity, nested: NestedMode): ReadRow {
  return readRow(Buffer.from(text), entity, nested);
}

/** Faults of a row; those of a company within the call of a user are placed there. */
function refusals(row: ReadRow | undefined, prefix = ''): ReadRow['errors'] {
  return (row?.errors ?? []).map((error) => ({ ...error, path: `${prefix}${error.path}` }));
}

function warningsOf(row: ReadRow | undefined): JobWarning[] {
  return row === undefined ? [] : warnOfRow(row);
}

function toLiveRow({ id, companyId, metadata }: ReadRow, res: Response): LiveRow {
  const { environmentId, keyId } = callerOf(res);
  return { environmentId, keyId, id: id ?? '', companyId, metadata };
}
