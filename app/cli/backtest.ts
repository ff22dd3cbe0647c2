import { resolve } from "node:path";
import { LeewayError } from "../../core/errors.ts";
import { featureTypes, type FeatureType } from "../../core/feature-schema.ts";
import type { ModelSpec } from "../../core/model.ts";
import { minuteMs } from "../../core/window.ts";
import type { BacktestRun } from "../backtest/backtest.ts";
import type { FileBacktestRequest } from "../backtest/file-data.ts";
import type { BacktestResult } from "../backtest/result.ts";
import { backtestText, comparedText } from "../backtest/terminal.ts";
import { parseDuration } from "../config/duration.ts";
import { parseInstant } from "../config/instant.ts";
import { requireConfig, type LoadedConfig } from "../config/load.ts";
import { modelSpec } from "../config/model-spec.ts";
import { builtInModelDefaults, modelSchema } from "../config/schema.ts";
import { listenForEnd, signalExitCode } from "../lifecycle/signals.ts";
import { defineCommand, type CommandContext, type OptionSpec, type OptionValues } from "./command.ts";
import { configOptions, configRequest } from "./config-options.ts";
import { modelNamed } from "./model-option.ts";
import { createProgress } from "./progress.ts";

const column = (what: string) => ({ type: "string", placeholder: "COLUMN", description: what }) as const;

const options = {
  reference: { type: "string", placeholder: "FILE", description: "What is normal." },
  current: { type: "string", placeholder: "FILE", description: "What is lived again." },
  window: {
    type: "string",
    placeholder: "DURATION",
    description: "Length of a window, such as 1d or 1h (default: 1d).",
  },
  "window-rows": {
    type: "string",
    placeholder: "N",
    description:
      "Windows of exactly N consecutive rows, in the file's order or that of --time-column. Without times: about 20 windows.",
  },
  "time-column": column("When a row happened; else guessed by its name."),
  prediction: column("The predicted class, or the estimate."),
  score: column("The probability of the positive class."),
  label: column("The known outcome."),
  columns: {
    type: "string",
    placeholder: "A,B",
    description: "Watch these columns only; else every other one of the reference.",
  },
  types: {
    type: "string",
    placeholder: "A=TYPE,…",
    description: `What columns are, where the file says otherwise: ${featureTypes.join(", ")}.`,
  },
  ...configOptions,
  model: {
    type: "string",
    placeholder: "NAME",
    description: "Model of the configuration: its budget, floors, severities and features.",
  },
  environment: {
    type: "string",
    placeholder: "NAME",
    description: "Of the model's events in the store (default: the first that is watched).",
  },
  from: { type: "string", placeholder: "TIME", description: "First time of the store's events, such as 2026-02-01." },
  to: { type: "string", placeholder: "TIME", description: "Their end, exclusive." },
  compare: {
    type: "string",
    placeholder: "FILE",
    description: "Another leeway.yaml: the same data under both, side by side.",
  },
  json: { type: "boolean", description: "Print JSON instead of a table." },
} as const satisfies Readonly<Record<string, OptionSpec>>;

export const backtestCommand = defineCommand({
  name: "backtest",
  summary: "what would have been found in past data, window by window",
  description:
    "Decides past data window by window with the service's own decisions, as if they were arriving, and says what would have been found, when, and how the model did. The data are two files (CSV, Parquet or NDJSON): --reference is what is normal, --current is lived again; or the events of a model in the store, between --from and --to. Everything happens in a store of its own: nothing reaches a running service, and nobody is told.",
  options,
  examples: [
    "leeway backtest --reference january.parquet --current february.parquet --window 1d",
    "leeway backtest --reference train.csv --current live.csv --window-rows 5000 --score p --label y",
    "leeway backtest --config leeway.yaml --model churn --from 2026-02-01 --to 2026-03-01",
    "leeway backtest --config leeway.yaml --model churn --from 2026-02-01 --to 2026-03-01 --compare stricter.yaml",
  ],
  audience: "data",
  exits: {
    0: "lived again, whatever was found",
    2: "the command line or the configuration is wrong, or a file is not there or not what its name says",
    3: "the embedded engine is not installed, or the store did not answer",
    130: "ended by Ctrl-C",
    143: "ended by SIGTERM",
  },
  run: async ({ options: given }, context) => {
    const isFiles = given.reference !== undefined || given.current !== undefined;
    const prepare = isFiles ? fileRuns(given, context) : storeRuns(given, context);
    const sides = [given.config ?? null, ...(given.compare === undefined ? [] : [given.compare])];
    const [{ createScratchStore }, { runBacktest }] = await Promise.all([
      import("../backtest/scratch-store.ts"),
      import("../backtest/backtest.ts"),
    ]);
    using signals = listenForEnd(() => {});
    await using scratch = await createScratchStore();
    const done: { config: string; result: BacktestResult; notes: readonly string[] }[] = [];
    for (const [index, path] of sides.entries()) {
      using progress = createProgress(context, { label: "deciding", unit: "windows" });
      try {
        const { facts, directory } = await scratch.open(`side_${index}`);
        const { run, notes } = await prepare[index]!(facts, directory);
        const found = await runBacktest({ ...run, progress: progress.update, abort: signals.abort });
        done.push({
          config: path ?? (isFiles ? "defaults" : "leeway.yaml"),
          result: found.result,
          notes: [...notes, ...found.notes],
        });
      } catch (error) {
        // The engine hears Ctrl-C too: what failed of it then is no news.
        if (!signals.abort.aborted) throw error;
        return signalExitCode(await signals.first);
      }
    }
    if (given.json === true) {
      for (const note of new Set(done.flatMap(({ notes }) => notes))) context.complain(note);
      const view =
        done.length === 1 ? done[0]!.result : { configs: done.map(({ config, result }) => ({ config, ...result })) };
      context.write(`${JSON.stringify(view, null, 2)}\n`);
    } else if (done.length === 1) context.write(backtestText(done[0]!.result, done[0]!.notes, context));
    else context.write(comparedText(done, context));
    return 0;
  },
});

type Given = OptionValues<typeof options>;
/** Brings the data into a store of the backtest's own. */
type Prepare = (
  facts: BacktestRun["facts"],
  directory: string,
) => Promise<{ readonly run: BacktestRun; readonly notes: readonly string[] }>;

function fileRuns(given: Given, context: CommandContext): Prepare[] {
  const { reference, current } = given;
  if (reference === undefined || current === undefined) {
    throw usage(`two files are needed: ${reference === undefined ? "--reference" : "--current"} is missing`);
  }
  for (const option of ["from", "to", "environment", "data"] as const) {
    if (given[option] !== undefined) throw usage(`--${option} is for the store; leave it out beside files`);
  }
  if (given.compare !== undefined && given.config === undefined) {
    throw usage("--compare holds another configuration against --config; give that too");
  }
  for (const option of ["time-column", "prediction", "score", "label"] as const) {
    if (given[option] === "") throw usage(`--${option} is empty; write a column's name`);
  }
  const file = (name: string) => ({ name, path: resolve(context.cwd, name) });
  const request = {
    reference: file(reference),
    current: file(current),
    window: windowOf(given),
    timeColumn: given["time-column"] ?? null,
    columns: given.columns === undefined ? null : splitNames(given.columns, "--columns"),
    types: typesOf(given.types),
    prediction: given.prediction ?? null,
    score: given.score ?? null,
    label: given.label ?? null,
  };
  const models =
    given.config === undefined
      ? [defaultModel(given, context)]
      : configsOf(given, context).map((config) => modelNamed(given.model, config.models, "backtest"));
  return models.map((model) => async (facts, directory) => {
    const { loadFiles } = await import("../backtest/file-data.ts");
    return loadFiles(facts, { ...request, model }, directory);
  });
}

function storeRuns(given: Given, context: CommandContext): Prepare[] {
  const fileOptions = ["window-rows", "time-column", "prediction", "score", "label", "columns", "types"] as const;
  for (const option of fileOptions) {
    if (given[option] !== undefined)
      throw usage(`--${option} is about files; name them with --reference and --current`);
  }
  if (given.config === undefined && given.from === undefined) {
    throw usage("which data? Give --reference and --current, or a model of the store with --config, --from and --to");
  }
  const fromMs = timeOf(given.from, "--from");
  const toMs = timeOf(given.to, "--to");
  if (toMs <= fromMs) throw usage(`--to ${given.to} is not after --from ${given.from}`);
  const window = windowOf(given);
  const configs = configsOf(given, context);
  // Both look at the same rows: those of the first one's store.
  const { service } = configs[0]!;
  return configs.map((config) => {
    const named = modelNamed(given.model, config.models, "backtest");
    const windowMs = window?.kind === "time" ? window.lengthMs : named.monitoring.windowMs;
    const model: ModelSpec = { ...named, monitoring: { ...named.monitoring, windowMs } };
    const environment = given.environment ?? model.monitoring.environments[0] ?? "production";
    return async (facts, directory) => {
      const { loadFromStore } = await import("../backtest/store-data.ts");
      return loadFromStore(facts, { service, model, environment, fromMs, toMs }, directory);
    };
  });
}

function configsOf(given: Given, context: CommandContext): LoadedConfig[] {
  const configs = [requireConfig(configRequest(given, context))];
  if (given.compare !== undefined)
    configs.push(requireConfig(configRequest({ ...given, config: given.compare }, context)));
  return configs;
}

/** What applies to a model that no file declares. */
function defaultModel(given: Given, { cwd }: CommandContext): ModelSpec {
  if (given.model !== undefined) throw usage("--model names a model of the configuration; give --config too");
  return modelSpec("files", "declared", modelSchema.parse(builtInModelDefaults), cwd);
}

function windowOf(given: Given): FileBacktestRequest["window"] {
  const { window, "window-rows": rows } = given;
  if (window !== undefined && rows !== undefined) {
    throw usage("--window cuts by time, --window-rows by rows; give one");
  }
  if (rows !== undefined) {
    const count = /^\d+$/.test(rows) ? Number(rows) : 0;
    if (count >= 1 && Number.isSafeInteger(count)) return { kind: "rows", rows: count };
    throw usage(`--window-rows ${JSON.stringify(rows)} is not a number of rows; write it as 5000`);
  }
  if (window === undefined) return null;
  const lengthMs = parseDuration(window);
  if (lengthMs !== null && lengthMs >= minuteMs) return { kind: "time", lengthMs };
  throw usage(`--window ${JSON.stringify(window)} is not a length of at least a minute; write it as 1d or 1h`);
}

function timeOf(text: string | undefined, option: string): number {
  if (text === undefined) throw usage(`${option} is missing; write it as 2026-02-01 or 2026-02-01T06:00:00Z`);
  const timeMs = parseInstant(text);
  if (timeMs !== null) return timeMs;
  throw usage(`${option} ${JSON.stringify(text)} is not a time; write 2026-02-01 or 2026-02-01T06:00:00Z`);
}

function splitNames(text: string, option: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.includes("")) throw usage(`${option} ${JSON.stringify(text)} holds an empty name`);
  return names;
}

function typesOf(text: string | undefined): ReadonlyMap<string, FeatureType> {
  const types = new Map<string, FeatureType>();
  for (const pair of text === undefined ? [] : splitNames(text, "--types")) {
    // A name may hold an equals sign, a type never does.
    const at = pair.lastIndexOf("=");
    const type = featureTypes.find((known) => known === pair.slice(at + 1).trim());
    if (at <= 0 || type === undefined) {
      throw usage(`--types ${JSON.stringify(pair)} is not NAME=TYPE with one of ${featureTypes.join(", ")}`);
    }
    types.set(pair.slice(0, at).trim(), type);
  }
  return types;
}

function usage(message: string): LeewayError {
  return new LeewayError("usage", `backtest: ${message}; see leeway help backtest`);
}
