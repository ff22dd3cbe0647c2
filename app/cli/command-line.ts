import { LeewayError } from "../../core/errors.ts";
import type { CommandContext, CommandExit } from "./command.ts";
import { commands } from "./commands.ts";
import { commandHelp, findCommand, overview } from "./help.ts";

/** Runs one command line. Never throws: what went wrong is one line on standard error and an exit code. */
export async function runCommandLine(
  args: readonly string[],
  { noColour = false, ...streams }: CommandContext,
): Promise<CommandExit> {
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const isFlag = (arg: string, index: number) => arg === "--no-color" && index < end;
  const context: CommandContext = { ...streams, noColour: noColour || args.some(isFlag) };
  try {
    return await dispatch(
      args.filter((arg, index) => !isFlag(arg, index)),
      context,
    );
  } catch (error) {
    if (!(error instanceof LeewayError)) {
      // A fault of this program: the stack is what a report needs.
      context.complain(
        `leeway: a fault in Leeway itself; please report it: ${error instanceof Error ? error.stack : String(error)}`,
      );
      return 3;
    }
    // Faults of configuration come as a line each; every other message is one line.
    for (const line of error.message.split("\n")) context.complain(`leeway: ${line}`);
    return error.exitCode;
  }
}

async function dispatch(args: readonly string[], context: CommandContext): Promise<CommandExit> {
  const [first, ...rest] = args;
  if (first === undefined || first === "--help" || first === "-h") {
    context.write(overview(commands, context));
    return 0;
  }
  if (first === "--version" || first === "-v") return findCommand(commands, "version").run([], context);
  const command = findCommand(commands, first);
  const options = rest.includes("--") ? rest.slice(0, rest.indexOf("--")) : rest;
  if (options.includes("--help") || options.includes("-h")) {
    context.write(commandHelp(command, context));
    return 0;
  }
  return command.run(rest, context);
}
