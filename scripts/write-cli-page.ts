/** docs/cli.md: the help of every command, and what is the same for all of them. */
import type { Command } from 'commander';
import { EXIT_CODES } from '../apps/cli/exit-codes';
import { createProgram } from '../apps/cli/program';

const HELP_COLUMNS = 100;

/** @param notice says that the page is generated */
export function writeCliPage(notice: string): string {
  const program = createProgram(new AbortController().signal);
  const [first, ...commands] = allCommands(program).map(section);
  const exits = Object.values(EXIT_CODES).map(([code, meaning]) => `| ${code} | ${meaning} |`);
  return `# The command line
${notice}
From \`apps/cli\`. Install it with \`npm install --global\` and the package that \`npm pack\` makes, or run
\`node dist/apps/cli/main.js\` after \`npm run build\`.

\`\`\`sh
export MUSTER_API_KEY=mst_...
muster import users.csv --id-column uuid --errors failed.csv
\`\`\`

## Settings
Where the server is and by which key is taken from the flags, else from the environment (\`MUSTER_URL\`,
\`MUSTER_API_KEY\`), else from a profile in \`~/.config/muster/config.json\` (or \`$XDG_CONFIG_HOME/muster\`), chosen by
\`--profile\`, \`MUSTER_PROFILE\` or \`default\`:

\`\`\`json
{
  "default": "local",
  "profiles": {
    "local": { "url": "http://127.0.0.1:3000", "api_key": "mst_..." },
    "userpilot": { "url": "https://analytex.userpilot.io", "api_key": "..." }
  }
}
\`\`\`

The file holds keys: \`chmod 600\` it, else every command says so. No command ever shows a key, but \`keys create\` the one
that it makes, once.

## Exit codes
| code | meaning |
|---|---|
${exits.join('\n')}

## Imports
A file is cut into jobs of at most 10,000 rows and 49 MB, which run one after another; memory does not grow with the file.
While another import of the environment runs, it waits as long as the server says (\`Retry-After\`). While the server is
away or overloaded it tries again, \`--retries\` times with pauses that grow to a minute. Each part has an
Idempotency-Key, so that a part whose answer was lost is not imported twice.

Before a part is sent and after its job has ended, that is noted on disk. \`muster import --resume\` goes on from there,
after Ctrl-C, a crash of the machine or a server that stayed away. It knows the rows that were sent by their bytes: when
they are not in the file any more, it refuses. For standard input, pipe the same bytes again: \`... | muster import -
--resume\`. A job that was canceled or failed on the server has its part sent again as a whole. For a nightly run whose
file is new each time use \`--restart\`, which forgets what was interrupted.

Format and compression are known by the content and the name. Of a CSV, columns become metadata; columns of numbers or of
\`true\` and \`false\` get that type by the first 10,000 rows, but only where nothing is lost: \`007\`, \`1e3\` and numbers of more
than 15 digits stay text. A later cell that does not fit is sent as text, and counted. \`--types text\` is what the server
itself does with a CSV.

The server may be a plain Userpilot: then only its documented endpoints are used, what became of each row is not known, and
\`--dry-run\`, \`--metadata\` and \`--existing\` are refused, because it would not heed them.

${first}
${commands.join('\n')}`;
}

/** A command and all below it, but not the \`help\` that commander adds. */
function allCommands(command: Command): Command[] {
  return [command, ...command.commands.filter((one) => one.name() !== 'help').flatMap(allCommands)];
}

function section(command: Command): string {
  let help = '';
  const writeOut = (text: string) => {
    help += text;
  };
  command
    .configureHelp({ showGlobalOptions: false, helpWidth: HELP_COLUMNS })
    .configureOutput({ writeOut, getOutHasColors: () => false })
    .outputHelp();
  return `## ${pathOf(command)}\n\`\`\`text\n${help.trimEnd()}\n\`\`\`\n`;
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
