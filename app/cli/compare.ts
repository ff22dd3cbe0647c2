import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { LeewayError } from "../../core/errors.ts";
import type { Verdict } from "../../detectors/comparison/column-decision.ts";
import { comparableMethods } from "../../detectors/comparison/method-scores.ts";
import type { MethodName } from "../../detectors/methods/registry.ts";
import { compareFiles, type ComparisonRequest } from "../comparison/compare-files.ts";
import { columnTypes, type ColumnType } from "../comparison/comparison.ts";
import { comparisonPage } from "../comparison/html.ts";
import { terminalText } from "../comparison/terminal.ts";
import { nearestName } from "../config/fault.ts";
import { defineCommand, type CommandContext } from "./command.ts";
import { createProgress } from "./progress.ts";

/** In the table unless others are asked for; JSON and the page hold all. */
const tableMethods: readonly MethodName[] = ["psi", "ks", "chi_square"];
/** Names matter more than scores: below this width the table has one. */
const roomForScores = 100;
const failures: readonly Verdict[] = ["drift", "insufficient_data"];

export const compareCommand = defineCommand({
  name: "compare",
  summary: "compare two files, column by column; no service needed",
  operands: "REFERENCE CURRENT",
  maxOperands: 2,
  description:
    "Says which columns of CURRENT are distributed otherwise than in REFERENCE, by how much, and whether that is beyond chance. CSV, Parquet or NDJSON, by the file's name. The embedded engine reads and counts both files on this machine; nothing is kept and nothing is sent. Two samples of the same say drift in at most one comparison of a hundred, whatever the number of columns.",
  options: {
    json: { type: "boolean", description: "Print JSON instead of a table." },
    html: {
      type: "string",
      placeholder: "FILE",
      description: "Also write a page with every distribution side by side, in one file.",
    },
    columns: { type: "string", placeholder: "A,B", description: "Compare these columns only." },
    methods: {
      type: "string",
      placeholder: "A,B",
      description: `Report these scores only: ${comparableMethods.join(", ")}.`,
    },
    types: {
      type: "string",
      placeholder: "A=TYPE,…",
      description: `What columns are, where the file does not say or says otherwise: ${columnTypes.join(", ")}.`,
    },
    "fail-on": {
      type: "string",
      placeholder: "VERDICT",
      description:
        "Exit with 1 if this is the verdict: drift, or drift,insufficient_data for a gate that must be sure.",
    },
    example: { type: "boolean", description: "Compare two small files that come with Leeway." },
  },
  examples: [
    "leeway compare --example --html example.html",
    "leeway compare train.parquet today.parquet",
    "leeway compare train.csv today.csv --types zip=categorical --json",
    "leeway compare train.parquet candidate.parquet --fail-on drift",
  ],
  audience: "start",
  exits: {
    0: "compared, whatever the verdict",
    1: "the verdict is one that --fail-on names",
    2: "the command line is wrong, or a file is not there or not what its name says",
    3: "the embedded engine is not installed or did not answer",
  },
  run: async ({ options, operands }, context) => {
    const failOn = listOf(options["fail-on"], "--fail-on", failures) ?? [];
    const wanted = listOf(options.methods, "--methods", comparableMethods);
    const illustrated = await compared(context, {
      files: filesOf(operands, options.example ?? false, context),
      columns: options.columns === undefined ? null : splitNames(options.columns, "--columns"),
      types: typesOf(options.types),
      methods: wanted,
    });
    const { comparison } = illustrated;
    if (options.html !== undefined) await writePage(options.html, comparisonPage(illustrated), context);
    context.write(
      options.json === true
        ? `${JSON.stringify(comparison, null, 2)}\n`
        : terminalText(comparison, context, wanted ?? shownMethods(context)),
    );
    return failOn.includes(comparison.verdict) ? 1 : 0;
  },
});

function shownMethods({ output }: CommandContext): readonly MethodName[] {
  return (output?.columns ?? roomForScores) < roomForScores ? tableMethods.slice(0, 1) : tableMethods;
}

async function compared(context: CommandContext, request: ComparisonRequest) {
  using progress = createProgress(context, { label: "comparing", unit: "columns" });
  return await compareFiles({ ...request, progress: progress.update });
}

function filesOf(operands: readonly string[], example: boolean, { cwd }: CommandContext): ComparisonRequest["files"] {
  if (example) {
    if (operands.length > 0) throw usage("--example brings its own two files; leave yours out, or --example");
    return "example";
  }
  const [reference, current] = operands;
  if (reference === undefined || current === undefined) {
    throw usage("two files are needed, the reference and the current one; or try --example");
  }
  const file = (name: string) => ({ name, path: resolve(cwd, name) });
  return { reference: file(reference), current: file(current) };
}

function usage(message: string): LeewayError {
  return new LeewayError("usage", `compare: ${message}; see leeway help compare`);
}

function splitNames(text: string, option: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.includes("")) throw usage(`${option} ${JSON.stringify(text)} holds an empty name`);
  return names;
}

/** A comma list of known words; null if the option was not given. */
function listOf<Word extends string>(text: string | undefined, option: string, known: readonly Word[]): Word[] | null {
  if (text === undefined) return null;
  return splitNames(text, option).map((word) => {
    const found = known.find((candidate) => candidate === word);
    if (found !== undefined) return found;
    const nearest = nearestName(word, known);
    const remedy = nearest === null ? `use ${known.join(", ")}` : `did you mean ${nearest}?`;
    throw new LeewayError("usage", `compare: ${option} does not know ${JSON.stringify(word)}; ${remedy}`);
  });
}

function typesOf(text: string | undefined): ReadonlyMap<string, ColumnType> {
  const types = new Map<string, ColumnType>();
  for (const pair of text === undefined ? [] : splitNames(text, "--types")) {
    // A name may hold an equals sign, a type never does.
    const at = pair.lastIndexOf("=");
    if (at <= 0) throw usage(`--types ${JSON.stringify(pair)} is not NAME=TYPE`);
    const [type] = listOf(pair.slice(at + 1), "--types", columnTypes)!;
    types.set(pair.slice(0, at), type!);
  }
  return types;
}

async function writePage(file: string, page: string, { cwd }: CommandContext): Promise<void> {
  try {
    await writeFile(resolve(cwd, file), page);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LeewayError("usage", `compare: --html ${file} cannot be written: ${reason}`, { cause: error });
  }
}
