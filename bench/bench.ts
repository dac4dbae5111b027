/** What a bench is: a name, a sentence, and a run that gives figures. */
import type { Backend } from './service';

export interface Goal {
  /** As the table shows it, such as `< 64 MB`. */
  text: string;
  met: boolean;
}

/** One line of the table: a quantity that was measured once or several times. */
export interface Figure {
  name: string;
  unit: string;
  samples: number[];
  /** Absent when the figure is for information only. */
  goal?: Goal;
  /** Of a ratio to a yardstick: which way is better. Such figures are watched by the guard. */
  better?: 'higher' | 'lower';
}

export interface BenchOptions {
  repetitions: number;
  /** Queue of the benches that do not compare both. */
  backend: Backend;
  /** Folder for CPU profiles of API and worker; undefined = none are taken. */
  cpuProfile: string | undefined;
  /** Tells whoever waits how far it is. */
  progress(words: string): void;
}

export interface Bench {
  name: string;
  /** What it measures, in one sentence. */
  about: string;
  /** @throws Error when the service does not do what is measured; a missed goal is no error */
  run(options: BenchOptions): Promise<Figure[]>;
}
