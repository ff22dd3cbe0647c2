import { audiences, type Audience, type Command } from "./command.ts";
import { exitRows, optionRows, usageLine } from "./help.ts";

/** `docs/cli.md`: every command with its options, examples and exit codes, listed by the commands themselves. */
export function commandsPage(commands: readonly Command[]): string {
  const groups = (Object.keys(audiences) as Audience[]).flatMap((audience) => {
    const members = commands.filter((command) => command.audience === audience);
    if (members.length === 0) return [];
    const links = members.map(
      (command) => `- [\`leeway ${command.name}\`](#leeway-${command.name}): ${command.summary}`,
    );
    return [`**${audiences[audience]}**\n\n${links.join("\n")}`];
  });
  const ordered = (Object.keys(audiences) as Audience[]).flatMap((audience) =>
    commands.filter((command) => command.audience === audience),
  );
  return `<!-- Written by \`npm run docs\` from the commands in app/cli/; a test compares. -->

# Commands

In a clone \`npx leeway\` runs them. Every command answers \`--help\`; an unknown name or option is refused with the nearest
one that exists. What a command found goes to standard output, what went wrong is one line on standard error: what,
where, what to do.

- Colours are for terminals alone. \`--no-color\` and \`NO_COLOR\` take them away; \`FORCE_COLOR=1\` keeps them in a pipe (and
  beats \`NO_COLOR\`).
- Tables are cut to the terminal's width; in a pipe they are whole. \`--json\` is for programs.
- Long work draws one line of progress on standard error: in place on a terminal, every ten seconds elsewhere.
- Exit codes mean the same everywhere: 0 done; 1 not as it should be; 2 usage or configuration; 3 a part that is needed
  could not be reached; 130 and 143 ended by a signal.

${groups.join("\n\n")}

${ordered.map(section).join("\n\n")}
`;
}

function section(command: Command): string {
  const options = optionRows(command);
  const parts = [
    `## leeway ${command.name}`,
    `\`${usageLine(command)}\``,
    command.description,
    ...(options.length === 0 ? [] : [table(["option", "meaning"], options)]),
    command.examples.map((line) => `    ${line}`).join("\n"),
    table(["exit code", "meaning"], exitRows(command)),
  ];
  return parts.join("\n\n");
}

function table(head: readonly [string, string], rows: readonly (readonly [string, string])[]): string {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  return [
    `| ${head.join(" | ")} |`,
    "| --- | --- |",
    ...rows.map(([name, meaning]) => `| \`${cell(name)}\` | ${cell(meaning)} |`),
  ].join("\n");
}
