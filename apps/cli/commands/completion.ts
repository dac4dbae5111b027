import { Argument, type Command } from 'commander';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** `completion`: a script for the shell, made from the commands themselves. */
export function addCompletion(program: Command): void {
  program
    .command('completion')
    .summary('write a completion script for your shell')
    .description('Writes a script by which the shell completes commands and options.')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText('after', '\nExample:\n  muster completion bash > /etc/bash_completion.d/muster\n')
    .action((shell: Shell) => {
      process.stdout.write(writeScript(shell, program));
    });
}

/** The words that may follow each command, by the command's own words. */
function wordsOf(command: Command, path: string[] = []): [path: string[], words: string[]][] {
  const options = command.options.flatMap(({ long }) => long ?? []);
  const below = command.commands.filter((one) => one.name() !== 'help');
  return [
    [path, [...below.map((one) => one.name()), ...options, '--help']],
    ...below.flatMap((one) => wordsOf(one, [...path, one.name()])),
  ];
}

function writeScript(shell: Shell, program: Command): string {
  const all = wordsOf(program);
  if (shell === 'fish') {
    return all
      .flatMap(([path, words]) =>
        words.map((word) => {
          const when =
            path.length === 0 ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${path.at(-1)}`;
          return word.startsWith('--')
            ? `complete -c muster -n '${when}' -l ${word.slice(2)}\n`
            : `complete -c muster -f -n '${when}' -a ${word}\n`;
        }),
      )
      .join('');
  }
  const cases = all
    .toReversed()
    .map(([path, words]) => `    "${['muster', ...path].join(' ')}"*) words="${words.join(' ')}" ;;\n`)
    .join('');
  const script = `_muster() {
  local words
  case "\${COMP_WORDS[*]:0:COMP_CWORD}" in
${cases}  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -o default -F _muster muster
`;
  return shell === 'zsh' ? `autoload -U +X bashcompinit && bashcompinit\n${script}` : script;
}
