import type { CommandContext, OutputStream } from "./command.ts";

/** Colours and weights by what they are used for. Without colours every function returns its text as it is. */
export interface Palette {
  readonly strong: (text: string) => string;
  readonly faint: (text: string) => string;
  /** As it should be. */
  readonly good: (text: string) => string;
  /** Worth a look. */
  readonly warning: (text: string) => string;
  /** Not as it should be. */
  readonly bad: (text: string) => string;
}

const escape = (code: number, end: number) => (text: string) =>
  text === "" ? text : `\u001b[${code}m${text}\u001b[${end}m`;

const colours: Palette = {
  strong: escape(1, 22),
  faint: escape(2, 22),
  good: escape(32, 39),
  warning: escape(33, 39),
  bad: escape(31, 39),
};

const plain = (text: string) => text;
const none: Palette = { strong: plain, faint: plain, good: plain, warning: plain, bad: plain };

/**
 * Whether what is written to a stream may have colours. The first that applies: `--no-color`, `FORCE_COLOR` (0 and false
 * say no, anything else yes), `NO_COLOR` (https://no-color.org: anything but the empty text says no), `TERM=dumb`, and
 * last whether the stream is a terminal.
 */
export function coloursWanted(
  stream: OutputStream | undefined,
  { environment, noColour = false }: Pick<CommandContext, "environment" | "noColour">,
): boolean {
  if (noColour) return false;
  const force = environment["FORCE_COLOR"];
  if (force !== undefined) return force !== "0" && force !== "false";
  if ((environment["NO_COLOR"] ?? "") !== "" || environment["TERM"] === "dumb") return false;
  return stream?.isTerminal ?? false;
}

/** The palette for standard output. */
export function outputPalette(context: CommandContext): Palette {
  return coloursWanted(context.output, context) ? colours : none;
}

/** The palette for standard error. */
export function errorPalette(context: CommandContext): Palette {
  return coloursWanted(context.errors, context) ? colours : none;
}

/** How many columns a text takes on a terminal, escapes of colours left out. Wide characters count as one. */
export function visibleLength(text: string): number {
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/\u001b\[[\d;]*m/g, "").length;
}
