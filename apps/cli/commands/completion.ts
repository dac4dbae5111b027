import { Argument, type Command } from 'commander';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** `completion`: a script for the shell, made from the commands themselves. */
export function addCompletion(program: Command): void {
  program
    .command('completion')
    .summary('write a completion script for your shell')
    .description('Writes a script by which the shell completes commands, options and their values.')
    .configureHelp({ showGlobalOptions: false })
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText(
      'after',
      `
Examples:
  muster completion bash > ~/.local/share/bash-completion/completions/muster
  muster completion zsh >> ~/.zshrc
  muster completion fish > ~/.config/fish/completions/muster.fish
`,
    )
    .action((shell: Shell) => {
      process.stdout.write(shell === 'fish' ? writeFish(program) : writeBash(program, shell));
    });
}

/** A command with the words that may follow it. */
interface Place {
  /** Names of the command and of those above it, without the program's. */
  path: string[];
  commands: readonly Command[];
  options: readonly { flag: string; choices: readonly string[] }[];
}

function placesOf(command: Command, path: string[] = []): Place[] {
  const commands = command.commands.filter((one) => one.name() !== 'help');
  const options = command.options.flatMap(({ long, argChoices = [] }) =>
    long ? [{ flag: long, choices: argChoices }] : [],
  );
  const help = { flag: '--help', choices: [] };
  return [
    { path, commands, options: [...options, help] },
    ...commands.flatMap((one) => placesOf(one, [...path, one.name()])),
  ];
}

/** Runs in zsh too, by its bashcompinit. Where nothing of ours fits, files are completed. */
function writeBash(program: Command, shell: 'bash' | 'zsh'): string {
  const places = placesOf(program);
  const choices = new Map(places.flatMap(({ options }) => options.map((one) => [one.flag, one.choices])));
  const values = [...choices]
    .filter(([, words]) => words.length > 0)
    .map(([flag, words]) => `    ${flag}) words="${words.join(' ')}" ;;\n`)
    .join('');
  const below = places
    .toReversed()
    .map(({ path, commands, options }) => {
      const words = [...commands.map((one) => one.name()), ...options.map(({ flag }) => flag)];
      return `    "${path.join(' ')}"*) words="${words.join(' ')}" ;;\n`;
    })
    .join('');
  return `${shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : ''}_muster() {
  local words=""
  local typed="\${COMP_WORDS[*]:1:$((COMP_CWORD - 1))}"
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
${values}  esac
  [ -n "$words" ] || case "$typed" in
${below}  esac
  COMPREPLY=( $(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}") )
}
complete -o default -F _muster muster
`;
}

function writeFish(program: Command): string {
  const lines = placesOf(program).flatMap(({ path, commands, options }) => {
    const when =
      path.length === 0
        ? '__fish_use_subcommand'
        : path.map((name) => `__fish_seen_subcommand_from ${name}`).join('; and ');
    return [
      ...commands.map(
        (one) =>
          `complete -c muster -f -n '${when}' -a ${one.name()} -d '${quote(one.summary() || one.description())}'`,
      ),
      ...options.map(({ flag, choices }) => {
        const values = choices.length > 0 ? ` -x -a '${choices.join(' ')}'` : '';
        return `complete -c muster -n '${when}' -l ${flag.slice(2)}${values}`;
      }),
    ];
  });
  return `${lines.join('\n')}\n`;
}

function quote(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
}
