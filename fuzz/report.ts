/**
 * Tells how the fuzzing goes: one line of progress, each violation with what reproduces it, a table at the end. The whole
 * request of a violation is kept in fuzz/failures, which git ignores.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Case } from './cases/case';
import type { Verdict } from './judge';

/** This file is in dist/fuzz. */
const FAILURES = path.resolve(__dirname, '..', '..', 'fuzz', 'failures');
const SHOWN_BYTES = 2_000;
/** Where the line cannot be written over, as in CI. */
const LINE_EVERY_MS = 10_000;

export interface Report {
  add(one: Case, verdict: Verdict): void;
  /** A violation of the service as a whole, not of one case. */
  addGeneral(sentence: string): void;
  /** Cases so far, and violations so far. */
  readonly cases: number;
  readonly violations: number;
  /** The table by kind of case and outcome. */
  table(): string;
}

/** @param write takes what is for the terminal */
export function createReport(seed: number, endsAtMs: number, write: (text: string) => void): Report {
  const counts = new Map<string, Map<string, number>>();
  const begunMs = performance.now();
  let [cases, violations, lineAtMs] = [0, 0, 0];

  function progress(): void {
    const nowMs = performance.now();
    if (!process.stdout.isTTY && nowMs - lineAtMs < LINE_EVERY_MS) return;
    lineAtMs = nowMs;
    const statuses = [...sumOf(counts)].map(([outcome, count]) => `${outcome}: ${count}`).join('  ');
    const rate = (cases / ((nowMs - begunMs) / 1000)).toFixed(0);
    const leftSeconds = Math.max(0, Math.round((endsAtMs - nowMs) / 1000));
    const line = `${cases} cases, ${rate}/s, ${leftSeconds} s left, ${violations} violations | ${statuses}`;
    write(
      process.stdout.isTTY ? `\r\x1b[K${line.slice(0, (process.stdout.columns ?? 110) - 1)}` : `${line}\n`,
    );
  }

  return {
    add(one, verdict) {
      cases++;
      const ofKind = counts.get(one.kind) ?? new Map<string, number>();
      counts.set(one.kind, ofKind.set(verdict.outcome, (ofKind.get(verdict.outcome) ?? 0) + 1));
      if (verdict.violations.length > 0) {
        violations++;
        write(`\n${describe(seed, one, verdict)}\n`);
        keep(`${seed}-${one.number}.bin`, one.transmission.wire);
      }
      progress();
    },
    addGeneral(sentence) {
      violations++;
      write(`\nVIOLATION  ${sentence}\n`);
    },
    get cases() {
      return cases;
    },
    get violations() {
      return violations;
    },
    table: () => tableOf(counts),
  };
}

function keep(name: string, wire: Buffer): void {
  mkdirSync(FAILURES, { recursive: true });
  writeFileSync(path.join(FAILURES, name), wire);
}

/** What went wrong, what was sent and what came back, in printable characters. */
export function describe(seed: number, one: Case, { violations, received, outcome }: Verdict): string {
  const { transmission, prelude } = one;
  const { leave } = transmission;
  const facts = [
    `${transmission.wire.length} bytes, ${one.mutations} mutations`,
    ...(prelude === undefined ? [] : ['after a first import']),
    ...(leave === undefined ? [] : [`left by ${leave.how} at byte ${leave.at} after ${leave.afterMs} ms`]),
    ...(received.starved ? ['ended its stream'] : []),
    `the connection was ${received.end}`,
  ];
  const answers = received.answers.map(({ raw }) => raw);
  return [
    ...violations.map((violation) => `VIOLATION  ${violation}`),
    `case       --seed ${seed} --case ${one.number}, ${one.kind} (${outcome}): ${facts.join(', ')}`,
    `request    ${printable(transmission.wire)}`,
    `answer     ${printable(Buffer.concat([...answers, received.rest]))}`,
  ].join('\n');
}

/** Bytes as one line; of long ones the beginning and the end. */
function printable(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  const shown =
    text.length <= SHOWN_BYTES ? text : `${text.slice(0, SHOWN_BYTES - 500)} [...] ${text.slice(-500)}`;
  return shown
    .replaceAll('\\', '\\\\')
    .replaceAll('\r\n', '\\r\\n')
    .replaceAll(/[^\x20-\x7e]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function sumOf(counts: ReadonlyMap<string, ReadonlyMap<string, number>>): Map<string, number> {
  const sums = new Map<string, number>();
  for (const ofKind of counts.values()) {
    for (const [outcome, count] of ofKind) sums.set(outcome, (sums.get(outcome) ?? 0) + count);
  }
  return new Map([...sums].sort(([a], [b]) => a.localeCompare(b)));
}

function tableOf(counts: ReadonlyMap<string, ReadonlyMap<string, number>>): string {
  const sums = sumOf(counts);
  const outcomes = [...sums.keys()];
  const line = (name: string, ofKind: ReadonlyMap<string, number>) => {
    const all = [...ofKind.values()].reduce((sum, count) => sum + count, 0);
    return [name, String(all), ...outcomes.map((outcome) => String(ofKind.get(outcome) ?? ''))];
  };
  const lines = [
    ['kind of case', 'cases', ...outcomes],
    ...[...counts].sort(([a], [b]) => a.localeCompare(b)).map(([kind, ofKind]) => line(kind, ofKind)),
    line('all', sums),
  ];
  const widths =
    lines[0]?.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0))) ?? [];
  const pad = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0);
  return `${lines.map((cells) => cells.map(pad).join('  ')).join('\n')}\n`;
}
