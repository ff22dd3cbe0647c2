import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { LeewayError } from "../../core/errors.ts";
import { nearestName } from "../config/fault.ts";

/** What standard output or standard error is connected to. */
export interface OutputStream {
  readonly isTerminal: boolean;
  /** Width of the terminal; null if it is none. */
  readonly columns: number | null;
}

/** What a command may touch. Everything else it reaches through the modules it imports. */
export interface CommandContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Standard output, whole lines or parts of them. */
  readonly write: (text: string) => void;
  /** Standard output, at the speed of whoever reads it. */
  readonly writeBytes: (bytes: Uint8Array) => Promise<void>;
  /** Standard error, one line. */
  readonly complain: (line: string) => void;
  /** What `write` writes to; absent: no terminal. For colours see colour.ts. */
  readonly output?: OutputStream;
  /** Standard error; absent: no terminal. `write` draws a line in place, for progress.ts alone. */
  readonly errors?: OutputStream & { readonly write: (text: string) => void };
  /** `--no-color` was given; every command takes it. */
  readonly noColour?: boolean;
}

export interface OptionSpec {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** `FILE` in `--config FILE`; absent for booleans. */
  readonly placeholder?: string;
  readonly description: string;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

export type OptionValues<Options extends OptionSpecs> = {
  readonly [Name in keyof Options]?: Options[Name]["type"] extends "boolean" ? boolean : string;
};

/** Exit code of a command that did what it was asked. Signals are answered by the lifecycle. */
export type CommandExit = 0 | 1 | 2 | 3 | 130 | 143;

/** Who needs a command; `leeway help` groups by it, in this order. */
export const audiences = {
  start: "Start",
  look: "See what is wrong, and why",
  act: "Answer",
  data: "Bring data",
  operate: "Operate",
  other: "Other",
} as const;

export type Audience = keyof typeof audiences;

/** What the exit codes mean where a command says nothing of its own. */
const usualExits: Readonly<Record<0 | 2 | 3, string>> = {
  0: "done",
  2: "the command line or the configuration is wrong",
  3: "a part that is needed could not be reached",
};

export interface Command {
  readonly name: string;
  /** Half a sentence for the list of commands. */
  readonly summary: string;
  /** What follows the name in the usage line, without `[options]`. */
  readonly operands: string;
  /** Between usage and options. */
  readonly description: string;
  readonly options: OptionSpecs;
  readonly examples: readonly string[];
  readonly audience: Audience;
  /** Every exit code of the command, in one clause each. */
  readonly exits: Readonly<Partial<Record<CommandExit, string>>>;
  /** As `run` does before it begins. @throws usage */
  readonly parse: (args: readonly string[]) => ParsedArguments<OptionSpecs>;
  readonly run: (args: readonly string[], context: CommandContext) => Promise<CommandExit>;
}

interface ParsedArguments<Options extends OptionSpecs> {
  readonly options: OptionValues<Options>;
  readonly operands: readonly string[];
}

/**
 * A command with its options parsed.
 * @throws usage (from `run`) for unknown options and for operands beyond `maxOperands`.
 */
export function defineCommand<const Options extends OptionSpecs>(spec: {
  readonly name: string;
  readonly summary: string;
  readonly operands?: string;
  readonly maxOperands?: number;
  readonly description: string;
  readonly options: Options;
  readonly examples?: readonly string[];
  /** Default: other. */
  readonly audience?: Audience;
  /** Beside the usual 0, 2 and 3, or instead of them; null: this command never ends so. */
  readonly exits?: Readonly<Partial<Record<CommandExit, string | null>>>;
  readonly run: (input: ParsedArguments<Options>, context: CommandContext) => Promise<CommandExit>;
}): Command {
  const { name, maxOperands = 0 } = spec;
  const parse = (args: readonly string[]) => {
    const parsed = parseOptions(name, spec.options, args);
    const extra = parsed.operands[maxOperands];
    if (extra === undefined) return parsed;
    throw new LeewayError(
      "usage",
      `${name}: ${JSON.stringify(extra)} is one operand too many; see leeway help ${name}`,
    );
  };
  return {
    name,
    summary: spec.summary,
    operands: spec.operands ?? "",
    description: spec.description,
    options: spec.options,
    examples: spec.examples ?? [],
    audience: spec.audience ?? "other",
    exits: exitsOf(spec.exits ?? {}),
    parse,
    run: (args, context) => spec.run(parse(args), context),
  };
}

function exitsOf(own: Readonly<Partial<Record<CommandExit, string | null>>>): Command["exits"] {
  const exits: Partial<Record<CommandExit, string>> = {};
  // Keys that are integers stay in ascending order, whatever the order of the entries.
  for (const [code, meaning] of Object.entries({ ...usualExits, ...own })) {
    if (typeof meaning === "string") exits[Number(code) as CommandExit] = meaning;
  }
  return exits;
}

function parseOptions<Options extends OptionSpecs>(
  command: string,
  specs: Options,
  args: readonly string[],
): ParsedArguments<Options> {
  const config: ParseArgsOptionsConfig = {};
  for (const [name, spec] of Object.entries(specs)) {
    config[name] = { type: spec.type, ...(spec.short !== undefined && { short: spec.short }) };
  }
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: config,
      allowPositionals: true,
      strict: true,
    });
    return { options: values as OptionValues<Options>, operands: positionals };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const unknown = /Unknown option '--?([^']+)'/.exec(message)?.[1];
    if (unknown === undefined) {
      const first = message.split(/\.\s|\n/)[0] ?? message;
      throw new LeewayError("usage", `${command}: ${first}; see leeway help ${command}`, { cause: error });
    }
    const nearest = nearestName(unknown, Object.keys(specs));
    const remedy = nearest === null ? `see leeway help ${command}` : `did you mean --${nearest}?`;
    throw new LeewayError("usage", `${command}: --${unknown} is not a known option; ${remedy}`, { cause: error });
  }
}
