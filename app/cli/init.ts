import { mkdir, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "../../core/clock.ts";
import { LeewayError } from "../../core/errors.ts";
import type { RawMessage } from "../../collector/partition-batch.ts";
import { displayPath } from "../config/fault.ts";
import { type LoadedConfig, loadConfig, requireConfig } from "../config/load.ts";
import type { ModelDraft, SampledEvent } from "../draft/model-draft.ts";
import type { DraftOrigin } from "../draft/model-file-text.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { configOptions, configRequest } from "./config-options.ts";
import { listed } from "../files/column-mapping.ts";
import { eventFileRequest, fileOptions } from "./file-options.ts";

/** Messages that are looked at. */
const sampleRows = 1000;
/** A compacted topic has fewer messages than offsets: when none has come for so long, these were all. */
const quietMs = 3_000;
/** So long the first one is waited for. */
const patienceMs = 30_000;

export const initCommand = defineCommand({
  name: "init",
  summary: "draft a model file from events that are there",
  description: `Reads up to ${sampleRows.toLocaleString("en-US")} events, from a file or from a Kafka topic, and writes models/NAME.yaml for each model they name: task, features with their types, cohorts, and comments on everything that events do not say, such as the baseline. Lines with a ? are guesses. Nothing that exists is overwritten without --force. Where there is no leeway.yaml yet, a short one is written as well.`,
  options: {
    ...configOptions,
    from: { type: "string", placeholder: "FILE", description: "NDJSON, CSV or Parquet; for the latter give --model." },
    topic: { type: "string", placeholder: "NAME", description: "The latest events of this topic." },
    out: { type: "string", placeholder: "FILE", description: "Write this file instead; for one model." },
    force: { type: "boolean", description: "Overwrite model files that exist." },
    ...fileOptions,
  },
  audience: "start",
  exits: {
    0: "written; the configuration is valid",
    2: "the command line or the configuration is wrong, the file is there already, or there are no events to look at",
    3: "Kafka or the embedded engine could not be reached",
  },
  examples: [
    "leeway init --from events.ndjson",
    "leeway init --topic leeway.events --model churn",
    "leeway init --from scores.csv --model churn --score proba --cohorts country",
  ],
  run: async ({ options }, context) => {
    if ((options.from === undefined) === (options.topic === undefined)) {
      throw new LeewayError(
        "usage",
        "init: where are the events? Give --from FILE or --topic NAME; see leeway help init",
      );
    }
    const config = requireConfig(configRequest(options, context));
    const [{ draftModels }, { modelFileText }] = await Promise.all([
      import("../draft/model-draft.ts"),
      import("../draft/model-file-text.ts"),
    ]);
    const sampled =
      options.from === undefined
        ? await sampleTopic(options.topic!, config)
        : await sampleFile(options.from, options, config, context);
    const { events, origin } = await judged(sampled, config);
    const drafts = draftModels(events).filter(({ model }) => options.model === undefined || model === options.model);
    if (drafts.length === 0) throw nothingFound(origin, options.model, events);
    if (options.out !== undefined && drafts.length > 1) {
      const names = drafts.map(({ model }) => model).join(", ");
      throw new LeewayError(
        "usage",
        `init: --out: ${origin.source} has several models (${names}); choose one with --model`,
      );
    }

    const home = config.service.file === null ? context.cwd : dirname(config.service.file);
    const targets = drafts.map((draft) => ({
      draft,
      path: resolve(context.cwd, options.out ?? join(home, "models", `${fileName(draft.model)}.yaml`)),
    }));
    for (const { path } of targets) if (options.force !== true) await mustNotExist(path, context);
    const written: string[] = [];
    if (config.service.file === null && options.out === undefined) {
      const path = join(home, "leeway.yaml");
      await write(path, serviceFileText, false, context);
      written.push(path);
    }
    for (const { draft, path } of targets) {
      await write(path, modelFileText(draft, origin), options.force === true, context);
      written.push(path);
      context.write(`${displayPath(path, context.cwd)}: ${draftText(draft)}\n`);
    }
    const [first] = targets;
    context.write(
      `Next: see to the lines with ? in ${displayPath(first!.path, context.cwd)}, the baseline first, then leeway check-config\n`,
    );
    if (options.out === undefined) sayWhatIsNotRead(targets, options, context);
    return 0;
  },
});

interface Sample extends Pick<DraftOrigin, "source" | "mapping" | "shownBy"> {
  readonly messages: readonly RawMessage[];
}

async function sampleFile(
  name: string,
  options: Parameters<typeof eventFileRequest>[2],
  config: LoadedConfig,
  context: CommandContext,
): Promise<Sample> {
  const { openEventFile } = await import("../files/event-file.ts");
  const request = eventFileRequest("init", name, options, {
    kind: "events",
    environment: "production",
    config,
    context,
    sampleRows,
  });
  await using file = await openEventFile(request);
  const rows = await file.after(null, sampleRows);
  const messages = rows.map(({ row, message }): RawMessage => ({
    topic: "",
    partition: 0,
    offset: row,
    value: Buffer.from(message),
    timestampMs: systemClock.now(),
  }));
  const mapping = file.mapping.map(({ part, columns, detail, guessed }) => {
    const remarks = [columns.length === 0 ? null : detail, guessed ? "a guess" : null].filter((text) => text !== null);
    const what = columns.length === 0 ? (detail ?? "") : listed(columns);
    return `${part}: ${what}${remarks.length === 0 ? "" : ` (${remarks.join("; ")})`}`;
  });
  return { messages, source: name, mapping, shownBy: "leeway ingest" };
}

async function sampleTopic(topic: string, config: LoadedConfig): Promise<Sample> {
  const [{ createKafkaTap }, { kafkaConnection, requireKafka }] = await Promise.all([
    import("../../collector/sources/kafka-tap.ts"),
    import("../lifecycle/collector-role.ts"),
  ]);
  const messages: RawMessage[] = [];
  let lastAtMs = performance.now();
  const enough = Promise.withResolvers<void>();
  await using tap = await createKafkaTap({
    connection: kafkaConnection(requireKafka(config.service.kafka)),
    topics: [topic],
    latest: sampleRows,
    received: (batch) => {
      lastAtMs = performance.now();
      messages.push(...batch);
      if (messages.length >= sampleRows) enough.resolve();
    },
  });
  if (tap.before === 0) {
    throw new LeewayError(
      "insufficient_data",
      `init: the topic ${topic} is empty; send an event, or name another with --topic`,
    );
  }
  lastAtMs = performance.now();
  const quiet = async () => {
    const silentFor = () => performance.now() - lastAtMs;
    while (messages.length < tap.before && silentFor() < (messages.length === 0 ? patienceMs : quietMs))
      await delay(50);
  };
  await Promise.race([enough.promise, quiet(), tap.stopped]);
  return { messages: messages.slice(0, sampleRows), source: `topic ${topic}`, mapping: [], shownBy: "leeway tap" };
}

/** Only events that would be stored say something about their model. */
async function judged(
  { messages, ...origin }: Sample,
  config: LoadedConfig,
): Promise<{ readonly events: readonly SampledEvent[]; readonly origin: DraftOrigin }> {
  const [{ createMessageJudge }, { decodingOptions }, { parseMessageTime }] = await Promise.all([
    import("../../collector/message-verdicts.ts"),
    import("../lifecycle/collector-role.ts"),
    import("../../collector/validation/message-time.ts"),
  ]);
  const judge = createMessageJudge({ ...decodingOptions(config, [], systemClock), discovery: "auto", models: [] });
  const refused = new Map<string, number>();
  const events: SampledEvent[] = [];
  for (const { verdict, object } of judge("events", messages)) {
    if (verdict.kind === "stored" && object !== null) {
      events.push({ timeMs: parseMessageTime(object["event_time"]), fields: object });
    } else if (verdict.kind !== "stored") refused.set(verdict.reason, (refused.get(verdict.reason) ?? 0) + 1);
  }
  return { events, origin: { ...origin, messages: messages.length, refused } };
}

function nothingFound(origin: DraftOrigin, model: string | undefined, events: readonly SampledEvent[]): LeewayError {
  const reasons = [...origin.refused].map(([reason, count]) => `${reason} ${count}`).join(", ");
  const message =
    events.length > 0
      ? `init: no event of ${origin.source} is of model ${JSON.stringify(model)}; it has ${[...new Set(events.map(({ fields }) => String(fields["model"])))].slice(0, 10).join(", ")}`
      : `init: none of the ${origin.messages} messages of ${origin.source} would be stored (${reasons}); mend them as docs/events.md says`;
  return new LeewayError("insufficient_data", message);
}

/** A model's name as the name of a file. */
function fileName(model: string): string {
  const name = model.replaceAll(/[^A-Za-z0-9._-]+/g, "-").replaceAll(/^[.-]+|-+$/g, "");
  return name === "" ? "model" : name.slice(0, 100);
}

async function mustNotExist(path: string, context: CommandContext): Promise<void> {
  if ((await stat(path).catch(() => null)) === null) return;
  throw new LeewayError(
    "usage",
    `init: ${displayPath(path, context.cwd)} is there already; --force overwrites it, --out FILE writes elsewhere`,
  );
}

async function write(path: string, text: string, overwrite: boolean, context: CommandContext): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text, { flag: overwrite ? "w" : "wx" });
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    const message = `init: ${displayPath(path, context.cwd)} cannot be written (${reason}); see to its folder, or write elsewhere with --out`;
    throw new LeewayError("usage", message, { cause: error });
  }
}

function draftText({ task, features, cohorts, events }: ModelDraft): string {
  const counted = (value: number, noun: string) => `${value.toLocaleString("en-US")} ${noun}${value === 1 ? "" : "s"}`;
  const what = task.kind === "unknown" ? "task not known" : task.kind;
  return `${what}, ${counted(features.length, "feature")}, ${counted(cohorts.length, "cohort")}, from ${counted(events, "event")}`;
}

/** A model file that leeway.yaml does not name has no effect. */
function sayWhatIsNotRead(
  targets: readonly { readonly draft: ModelDraft; readonly path: string }[],
  options: Parameters<typeof configRequest>[0],
  context: CommandContext,
): void {
  const result = loadConfig(configRequest(options, context));
  if (result.kind === "invalid") {
    context.complain("leeway: the configuration has faults now: see leeway check-config");
    return;
  }
  const read = new Set(result.config.files);
  for (const { path } of targets) {
    if (!read.has(path))
      context.complain(`leeway: ${displayPath(path, context.cwd)} is not read: add it to models: in leeway.yaml`);
  }
}

const serviceFileText = `# Written by leeway init. Every field is optional, and docs/configuration.md lists them all.
# Model files are read from models/*.yaml beside this file.
# kafka: { brokers: "localhost:9092" }  # else KAFKA_BROKERS; without either, events come over HTTP and from files
# store: { url: "http://localhost:8123" }  # else CLICKHOUSE_URL; without either, the embedded engine
http: { listen: 127.0.0.1:8686 }
`;
