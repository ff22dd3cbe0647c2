import { LeewayError } from "../../core/errors.ts";
import { nearestName } from "../config/fault.ts";
import { outputPalette, type Palette } from "./colour.ts";
import { audiences, type Audience, type Command, type CommandContext, defineCommand } from "./command.ts";
import { textWidth, wrapText } from "./wrap.ts";

/** Taken by every command, before its own options are read. */
const commonOptions = [
  ["--no-color", "No colours; NO_COLOR and FORCE_COLOR are respected, and a pipe gets none."],
  ["--help, -h", "Show this page."],
] as const;

/** How a page is laid out: for a terminal, a pipe, or the documentation. */
interface Layout {
  readonly palette: Palette;
  readonly width: number;
}

function layoutOf(context: CommandContext): Layout {
  return { palette: outputPalette(context), width: textWidth(context) };
}

/** The page of `leeway`, `leeway help` and `leeway --help`. */
export function overview(commands: readonly Command[], context: CommandContext): string {
  const { palette, width } = layoutOf(context);
  const names = Math.max(...commands.map((command) => command.name.length));
  const groups = (Object.keys(audiences) as Audience[]).flatMap((audience) => {
    const members = commands.filter((command) => command.audience === audience);
    if (members.length === 0) return [];
    const rows = members.map((command) => [command.name, command.summary] as const);
    return ["", palette.strong(`${audiences[audience]}:`), definitions(rows, names, width)];
  });
  return [
    `${palette.strong("Usage:")} leeway <command> [options]`,
    "",
    wrapText(
      "Watches machine-learning models: keeps every inference event and tells when a model's inputs or results move.",
      width,
    ),
    ...groups,
    "",
    wrapText(
      "leeway help <command> says more. Exit codes: 0 done; 1 not as it should be; 2 usage or configuration; 3 a part that is needed could not be reached; 130 and 143 ended by a signal.",
      width,
    ),
    "",
  ].join("\n");
}

/** The page of one command: usage, what it does, options, examples, exit codes; for every command in this order. */
export function commandHelp(command: Command, context: CommandContext): string {
  const { palette, width } = layoutOf(context);
  const options = [...optionRows(command), ...commonOptions];
  const exits = exitRows(command);
  const column = (rows: readonly (readonly [string, string])[]) => Math.max(...rows.map(([name]) => name.length));
  return [
    `${palette.strong("Usage:")} ${usageLine(command)}`,
    "",
    wrapText(command.description, width),
    "",
    palette.strong("Options:"),
    definitions(options, column(options), width),
    "",
    palette.strong("Examples:"),
    ...command.examples.map((line) => `  ${line}`),
    "",
    palette.strong("Exit codes:"),
    definitions(exits, column(exits), width),
    "",
  ].join("\n");
}

export function usageLine(command: Command): string {
  const operands = command.operands === "" ? "" : ` ${command.operands}`;
  return `leeway ${command.name}${operands} [options]`;
}

/** `--config FILE` and what it means. */
export function optionRows(command: Command): readonly (readonly [flag: string, description: string])[] {
  return Object.entries(command.options).map(([name, option]) => {
    const short = option.short === undefined ? "" : `-${option.short}, `;
    const placeholder = option.placeholder === undefined ? "" : ` ${option.placeholder}`;
    return [`${short}--${name}${placeholder}`, option.description];
  });
}

export function exitRows(command: Command): readonly (readonly [code: string, meaning: string])[] {
  return Object.entries(command.exits);
}

function definitions(rows: readonly (readonly [string, string])[], column: number, width: number): string {
  return rows.map(([name, meaning]) => `  ${name.padEnd(column)}  ${wrapText(meaning, width, column + 4)}`).join("\n");
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
    examples: ["leeway help", "leeway help explain"],
    exits: { 2: "there is no such command", 3: null },
    run: async ({ operands: [name] }, context) => {
      const page =
        name === undefined ? overview(commands(), context) : commandHelp(findCommand(commands(), name), context);
      context.write(page);
      return 0;
    },
  });
}
