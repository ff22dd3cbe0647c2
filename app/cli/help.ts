import { LeewayError } from "../../core/errors.ts";
import { nearestName } from "../config/fault.ts";
import { type Command, defineCommand } from "./command.ts";

/** The page of `leeway`, `leeway help` and `leeway --help`. */
export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map((command) => command.name.length));
  return [
    "Usage: leeway <command> [options]",
    "",
    "Watches machine-learning models: keeps every inference event and tells when a model's inputs or results move.",
    "",
    "Commands:",
    ...commands.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`),
    "",
    "leeway help <command> says more. Exit codes: 0 done; 1 not as it should be; 2 usage or configuration;",
    "3 a part that is needed could not be reached; 130 and 143 ended by a signal.",
    "",
  ].join("\n");
}

/** The page of one command. */
export function commandHelp(command: Command): string {
  const rows = [
    ...Object.entries(command.options).map(([name, option]) => {
      const short = option.short === undefined ? "" : `-${option.short}, `;
      const placeholder = option.placeholder === undefined ? "" : ` ${option.placeholder}`;
      return [`${short}--${name}${placeholder}`, option.description] as const;
    }),
    ["--help", "Show this page."] as const,
  ];
  const width = Math.max(...rows.map(([flag]) => flag.length));
  const operands = command.operands === "" ? "" : ` ${command.operands}`;
  const examples =
    command.examples.length === 0 ? [] : ["", "Examples:", ...command.examples.map((line) => `  ${line}`)];
  return [
    `Usage: leeway ${command.name}${operands} [options]`,
    "",
    command.description,
    "",
    "Options:",
    ...rows.map(([flag, description]) => `  ${flag.padEnd(width)}  ${description}`),
    ...examples,
    "",
  ].join("\n");
}

/** @throws usage if there is no such command. */
export function findCommand(commands: readonly Command[], name: string): Command {
  const command = commands.find((candidate) => candidate.name === name);
  if (command !== undefined) return command;
  const nearest = nearestName(
    name,
    commands.map((candidate) => candidate.name),
  );
  const remedy = nearest === null ? "leeway help lists the commands" : `did you mean ${nearest}?`;
  throw new LeewayError("usage", `${JSON.stringify(name)} is not a command; ${remedy}`);
}

/** `leeway help`, over the commands that there are. */
export function createHelpCommand(commands: () => readonly Command[]): Command {
  return defineCommand({
    name: "help",
    summary: "show this page, or that of a command",
    operands: "[COMMAND]",
    maxOperands: 1,
    description: "Shows what there is, or what a command does.",
    options: {},
    run: async ({ operands: [name] }, context) => {
      context.write(name === undefined ? overview(commands()) : commandHelp(findCommand(commands(), name)));
      return 0;
    },
  });
}
