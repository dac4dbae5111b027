/** `npm run imports`: checks who imports whom (.dependency-cruiser.cjs), and that the modules were really read. */
import { spawnSync } from 'node:child_process';

const LEAST_MODULES = 60;

const { stdout, stderr, status } = spawnSync(
  process.execPath,
  ['node_modules/dependency-cruiser/bin/dependency-cruise.mjs', 'src', 'apps', '--output-type', 'err'],
  { encoding: 'utf8' },
);
process.stdout.write(stdout);
process.stderr.write(stderr);

const modules = Number(/(\d+) modules/.exec(stdout)?.[1] ?? 0);
if (modules < LEAST_MODULES) {
  process.stderr.write(`Only ${modules} modules were read: the import rules have not been checked.\n`);
  process.exitCode = 1;
} else {
  process.exitCode = status ?? 1;
}
