/** What the API's handlers work with, and what authentication has found out about a request. */
import type { Request, Response } from 'express';
import type { Dialect } from '#dialect/dialect';
import { AppError } from '#errors';
import type { Logger } from '#logger';
import type { DeliveryQueue } from '#queue/delivery-queue';
import type { Settings } from '#settings/settings';
import { SCOPES, type Scope, type Tenant } from '#store/api-keys';
import type { Store } from '#store/client';
import type { ProcessLock } from '#store/process-lock';
import type { JobWatch } from './jobs/job-watch';
import type { LongAnswers } from './limit-at-once';
import { publicUrlOf } from './public-address';

export interface ApiDeps {
  store: Store;
  queue: DeliveryQueue;
  jobWatch: JobWatch;
  longAnswers: LongAnswers;
  /** Tells others that this process is alive; without one the claims of its requests end by their lease alone. */
  processLock?: Pick<ProcessLock, 'number'>;
  logger: Logger;
  settings: Pick<
    Settings,
    | 'usersPerMinute'
    | 'maxRows'
    | 'maxBytes'
    | 'maxStoredBytes'
    | 'trustProxy'
    | 'identifyPerMinute'
    | 'track'
  > &
    Partial<
      Pick<
        Settings,
        'metricsToken' | 'maxProfileBytes' | 'allowPrivateTargets' | 'publicUrl' | 'extraction' | 'embeddings'
      >
    >;
}

/** The caller, as the contract scopes everything: its environment and the throttle that holds there. */
export interface Caller extends Tenant {
  usersPerMinute: number;
}

interface Locals {
  requestId: string;
  caller?: Caller;
}

/** The caller of an authenticated request. @throws Error when the route is not behind authenticate */
export function callerOf(res: Response): Caller {
  const { caller } = res.locals as Locals;
  if (caller === undefined) throw new Error('route without authentication');
  return caller;
}

/** @throws AppError forbidden when the key may not do what takes this scope */
export function requireScope(res: Response, scope: Scope): void {
  if (SCOPES.indexOf(callerOf(res).scope) < SCOPES.indexOf(scope)) {
    throw new AppError('forbidden', { details: `It takes a key of the scope ${scope}.` });
  }
}

export function requestIdOf(res: Response): string {
  return (res.locals as Locals).requestId;
}

/** Answers with one job in the words of the dialect. */
export function jobContextOf(req: Request, res: Response, now: Date): Parameters<Dialect['writeJob']>[1] {
  return { baseUrl: publicUrlOf(req), usersPerMinute: callerOf(res).usersPerMinute, now };
}
