import { open, type FileHandle } from "node:fs/promises";
import { resolve } from "node:path";
import { systemClock } from "../../core/clock.ts";
import { LeewayError } from "../../core/errors.ts";
import { environments } from "../../core/inference-event.ts";
import type { EventFile } from "../files/event-file.ts";
import type { RefusedRow, StoredFile } from "../files/store-file.ts";
import { requireConfig } from "../config/load.ts";
import { listenForEnd, signalExitCode } from "../lifecycle/signals.ts";
import { defineCommand } from "./command.ts";
import { configOptions, configRequest } from "./config-options.ts";
import { eventFileRequest, fileOptions, labelFileOptions, mappingText, mappingView } from "./file-options.ts";
import { createProgress } from "./progress.ts";

export const ingestCommand = defineCommand({
  name: "ingest",
  summary: "store the rows of a file: batch scores, history, labels",
  operands: "FILE",
  maxOperands: 1,
  description:
    "Stores each row of a CSV, Parquet or NDJSON file as an event (with --labels: as a label), once: the same file brought twice, or again after a kill, adds nothing that is there. Which column is what it guesses by name, and says so; columns that are nothing else are features. NDJSON in the words of docs/events.md is taken as it stands, and names its models itself. Rows go through the same checks as messages from Kafka; what is refused is written beside the file, with the reason. It works beside a running service, and alone.",
  options: {
    ...configOptions,
    ...fileOptions,
    ...labelFileOptions,
    environment: {
      type: "string",
      placeholder: "NAME",
      description: `${environments.join(", ")} or replay-<name> (default: production).`,
    },
    labels: { type: "boolean", description: "The rows are labels for events that are stored already, or will be." },
    refused: {
      type: "string",
      placeholder: "FILE",
      description: "Where refused rows go (default: beside the file, as FILE.refused.ndjson).",
    },
    "dry-run": { type: "boolean", description: "Say what would become of the rows, and store nothing." },
    json: { type: "boolean", description: "Print JSON instead of text." },
  },
  audience: "data",
  exits: {
    0: "every row is stored",
    1: "some rows were refused; they are in the file of refused rows",
    2: "the command line or the configuration is wrong, or the file is not there or not what its name says",
    3: "ClickHouse or the embedded engine could not be reached; repeating the command goes on where it ended",
    130: "ended by Ctrl-C; repeating the command goes on where it ended",
    143: "ended by SIGTERM; repeating the command goes on where it ended",
  },
  examples: [
    "leeway ingest scores.parquet --model churn",
    "leeway ingest scores.csv --model churn --time-column scored_at --score proba --cohorts country,plan",
    "leeway ingest outcomes.csv --model churn --labels --id request_id --label churned",
    "leeway ingest revenue.csv --model churn --labels --id request_id --name kind --label amount",
    "leeway ingest events.ndjson",
  ],
  run: async ({ options, operands: [name] }, context) => {
    if (name === undefined) throw new LeewayError("usage", "ingest: which file? See leeway help ingest");
    const config = requireConfig(configRequest(options, context));
    const kind: "events" | "labels" = options.labels === true ? "labels" : "events";
    const environment = environmentOf(options.environment);
    const request = eventFileRequest("ingest", name, options, { kind, environment, config, context });
    // Loaded here: the other commands start faster without.
    const [
      { openEventFile },
      { createFileStoring },
      { decodingOptions },
      { createBatchMaker },
      { connectStore },
      log,
      facts,
    ] = await Promise.all([
      import("../files/event-file.ts"),
      import("../files/store-file.ts"),
      import("../lifecycle/collector-role.ts"),
      import("../../collector/partition-batch.ts"),
      import("../lifecycle/store-connection.ts"),
      import("../telemetry/log.ts"),
      import("../../store/facts/feature-schemas.ts"),
    ]);

    using signals = listenForEnd(() => {});
    await using file = await openEventFile(request);
    if (options.json !== true)
      context.write(`${name}: ${count(file.messages.rows)} rows\n${mappingText(file, context)}`);

    const isServer = config.service.store.url !== null;
    const dryRun = options["dry-run"] === true;
    await using store = await connectStore({
      service: config.service,
      // Nobody needs to be running: the embedded engine is started, and its tables are made. On a server that is not ours to do.
      owner: !isServer,
      patienceMs: 0,
      log: log.createLog({ level: context.environment["LEEWAY_LOG"] || "error" }),
      abort: signals.abort,
    });
    await using refused = refusedFile(resolve(context.cwd, options.refused ?? `${name}.refused.ndjson`), name);
    const storing = await createFileStoring({
      facts: dryRun ? withoutWriting(store.facts) : store.facts,
      batchMaker: createBatchMaker(decodingOptions(config, await facts.readFeatureSchemas(store.facts), systemClock)),
      file,
      kind,
      model: file.mapping.length === 0 ? null : request.model,
      environment: file.mapping.length === 0 ? null : environment,
      clock: systemClock,
      keepRefused: refused.keep,
      abort: signals.abort,
    });
    const { outcome } = storing;
    {
      using progress = createProgress(context, { label: `storing ${name}`, unit: "rows" });
      let last: { readonly timeMs: number; readonly row: number } | null = null;
      for (;;) {
        const page = await file.after(last, file.pageRows);
        const end = page.at(-1);
        if (end === undefined || signals.abort.aborted) break;
        await storing.write(page);
        last = end;
        progress.update(outcome.rows, file.messages.rows);
      }
    }
    const done = { file, outcome, dryRun, kind, refusedTo: await refused.finish() };
    if (options.json === true)
      context.write(`${JSON.stringify(summaryView(done, request.model, environment), null, 2)}\n`);
    else context.write(summaryText(done));
    if (signals.abort.aborted) {
      context.complain("leeway: ended early; the same command goes on where it ended");
      return signalExitCode(await signals.first);
    }
    if (options.json !== true && !dryRun && kind === "events") {
      const undeclared = request.model !== null && request.spec === null;
      if (undeclared) {
        context.write(
          `${request.model} is learning: it is shown, not judged. leeway init --from ${name} --model ${request.model} writes a model file to begin with.\n`,
        );
      }
    }
    return sum(outcome.refused) + sum(outcome.labels.refused) > 0 ? 1 : 0;
  },
});

function environmentOf(text: string | undefined): string {
  if (text === undefined) return "production";
  if ((environments as readonly string[]).includes(text) || /^replay-./.test(text)) return text;
  const message = `ingest: --environment ${JSON.stringify(text)} is none; use ${environments.join(", ")} or replay-<name>`;
  throw new LeewayError("usage", message);
}

/** The store as it is, for reading; what is written goes nowhere. */
function withoutWriting<Store extends { readonly insertRows: unknown; readonly insertBlock: unknown }>(
  facts: Store,
): Store {
  return { ...facts, insertRows: async () => {}, insertBlock: async () => {} };
}

interface RefusedFile extends AsyncDisposable {
  readonly keep: (rows: readonly RefusedRow[]) => Promise<void>;
  /** @returns The file's path; null if nothing was refused, and then an earlier run's file is gone. */
  readonly finish: () => Promise<string | null>;
}

/** Refused rows, one JSON object a line; the file is begun when there is one. */
function refusedFile(path: string, source: string): RefusedFile {
  let handle: FileHandle | null = null;
  const failed = (error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `ingest: refused rows cannot be written to ${path}: ${reason}; name another place with --refused. The rows stored so far stay, and the same command goes on`;
    return new LeewayError("file_unreadable", message, { cause: error });
  };
  return {
    keep: async (rows) => {
      try {
        handle ??= await open(path, "w");
        await handle.writeFile(rows.map((row) => `${JSON.stringify({ file: source, ...row })}\n`).join(""));
        // They are refused for good only once they are safe.
        await handle.datasync();
      } catch (error) {
        throw failed(error);
      }
    },
    finish: async () => {
      if (handle !== null) return path;
      return null;
    },
    [Symbol.asyncDispose]: async () => {
      await handle?.close();
    },
  };
}

interface Done {
  readonly file: EventFile;
  readonly outcome: StoredFile;
  readonly kind: "events" | "labels";
  readonly dryRun: boolean;
  readonly refusedTo: string | null;
}

function summaryText({ file, outcome, kind, dryRun, refusedTo }: Done): string {
  const noun = kind === "events" ? "event" : "label";
  const verb = dryRun ? "would be stored" : "stored";
  const lines: string[] = [];
  const { stored, storedBefore, refused, labels } = outcome;
  if (stored === 0 && storedBefore > 0 && refused.size === 0) {
    lines.push(`nothing new: all ${counted(storedBefore, noun)} of this file were stored before`);
  } else {
    const before = storedBefore > 0 ? `, ${count(storedBefore)} were stored before` : "";
    lines.push(`${counted(stored, noun)} ${verb}${before}${rangeText(file)}`);
  }
  if (file.messages.labels > 0) {
    const before = labels.storedBefore > 0 ? `, ${count(labels.storedBefore)} were stored before` : "";
    lines.push(`${counted(labels.stored, "label")} ${verb}${before}`);
  }
  for (const [what, reasons] of [
    [noun, refused],
    ["label", labels.refused],
  ] as const) {
    if (reasons.size === 0) continue;
    const each = [...reasons].toSorted(([, a], [, b]) => b - a).map(([reason, rows]) => `${reason} ${count(rows)}`);
    lines.push(`${counted(sum(reasons), what)} refused: ${each.join(", ")}`);
  }
  if (refusedTo !== null) lines.push(`refused rows, with their reasons: ${refusedTo}`);
  return `${lines.join("\n")}\n`;
}

function rangeText({ messages: { fromMs, toMs } }: EventFile): string {
  if (fromMs === null || toMs === null) return "";
  const minute = (ms: number) => new Date(ms).toISOString().slice(0, 16).replace("T", " ");
  return fromMs === toMs ? `, at ${minute(fromMs)}` : `, from ${minute(fromMs)} to ${minute(toMs)}`;
}

function summaryView({ file, outcome, kind, dryRun, refusedTo }: Done, model: string | null, environment: string) {
  const { fromMs, toMs } = file.messages;
  const time = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  return {
    file: file.name,
    sha256: file.sha256,
    kind,
    model,
    environment: file.mapping.length === 0 ? null : environment,
    dry_run: dryRun,
    rows: outcome.rows,
    stored: outcome.stored,
    stored_before: outcome.storedBefore,
    refused: Object.fromEntries(outcome.refused),
    labels: {
      stored: outcome.labels.stored,
      stored_before: outcome.labels.storedBefore,
      refused: Object.fromEntries(outcome.labels.refused),
    },
    refused_file: refusedTo,
    from: time(fromMs),
    to: time(toMs),
    columns: mappingView(file.mapping),
    notes: file.notes,
  };
}

function sum(reasons: ReadonlyMap<string, number>): number {
  return [...reasons.values()].reduce((total, rows) => total + rows, 0);
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}
