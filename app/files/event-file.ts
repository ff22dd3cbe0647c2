import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { LeewayError } from "../../core/errors.ts";
import type { FeatureType } from "../../core/feature-schema.ts";
import type { ModelSpec, Task } from "../../core/model.ts";
import { startEngine } from "../../store/engine/engine.ts";
import { createFacts, type Facts } from "../../store/facts/client.ts";
import {
  firstLines,
  lookAtColumn,
  messagesAfter,
  type ColumnFacts,
  type FileMessage,
  type FileMessages,
  type MessageColumn,
  type MessageLayout,
  type MessageTime,
  writeEventMessages,
  writeLineMessages,
} from "../../store/facts/file-events.ts";
import type { SourceColumn } from "../../store/facts/file-comparison-source.ts";
import { describeLocatedFile, locateFile, maxComparedColumns, type LocatedFile } from "../comparison/file-source.ts";
import { listed, mapColumns, type ColumnMapping, type ColumnRole } from "./column-mapping.ts";

export interface EventFileRequest {
  /** As it was named. */
  readonly name: string;
  readonly path: string;
  /** As `ingest`, for messages. */
  readonly command: string;
  readonly kind: "events" | "labels";
  /** Null: each line names its own, which only NDJSON in the words of docs/events.md does. */
  readonly model: string | null;
  /** Of a model that a file declares; null for one that is learning. */
  readonly spec: ModelSpec | null;
  readonly environment: string;
  readonly given: Readonly<Partial<Record<ColumnRole, string>>>;
  readonly cohorts: readonly string[];
  readonly features: readonly string[] | null;
  readonly types: ReadonlyMap<string, FeatureType>;
  /** One time for all rows. */
  readonly atMs: number | null;
  /** For times that name no zone. */
  readonly zone: string;
  /** The class that `score` is the score of; null: the model's `positive`. */
  readonly positive: string | null;
  /** Whether lines that name another model than `model` are an oversight, or are left to the caller. */
  readonly otherModels: "refuse" | "leave";
  /** Only a look: this many rows, and no time is needed. Null: all rows. */
  readonly sampleRows: number | null;
}

/** A file as messages, in the order of their time. */
export interface EventFile extends AsyncDisposable {
  readonly name: string;
  /** Of its content, in hex. */
  readonly sha256: string;
  readonly messages: FileMessages;
  /** What each part of a message is taken from, to be said aloud; empty for lines that are messages already. */
  readonly mapping: readonly MappedPart[];
  /** Worth knowing before the rows are stored. */
  readonly notes: readonly string[];
  /** How many messages `after` should be asked for at once: few, where they are long. */
  readonly pageRows: number;
  readonly after: (
    last: { readonly timeMs: number; readonly row: number } | null,
    limit: number,
    beforeMs?: number,
  ) => Promise<FileMessage[]>;
}

export interface MappedPart {
  readonly part: string;
  readonly columns: readonly string[];
  /** What else is to be said of it. */
  readonly detail: string | null;
  readonly guessed: boolean;
}

const rowsLookedAt = 10_000;
const linesLookedAt = 100;
const pageBytes = 32 * 1024 * 1024;
const maxPageRows = 50_000;

/**
 * Opens a CSV, Parquet or NDJSON file on this machine. An embedded engine of its own reads it, whatever store the rows go to.
 *
 * @throws LeewayError `file_unreadable`, `usage` (a column that is not there; no time), `engine_missing`.
 */
export async function openEventFile(request: EventFileRequest): Promise<EventFile> {
  await using resources = new AsyncDisposableStack();
  const workDir = await temporaryDirectory(request.command);
  resources.defer(() => rm(workDir, { recursive: true, force: true }));
  const located = await locateFile({ ...request, side: "current" }, workDir);
  const sha256 = await contentHash(request);
  const engine = resources.use(await startReader(join(workDir, "engine"), request.command));
  const facts = resources.use(createFacts({ url: engine.url, token: engine.token }));

  const read = (await isMessageFile(facts, located, request))
    ? await readLines(facts, located, request)
    : await readColumns(facts, located, request, sha256);
  const { messages } = read;
  if (messages.rows === 0) throw unreadable(request, "it has no rows", "write it again with some");
  const held = resources.move();
  return {
    ...read,
    name: request.name,
    sha256,
    pageRows: Math.max(1, Math.min(maxPageRows, Math.floor(pageBytes / (messages.bytes / messages.rows + 1)))),
    after: (last, limit, beforeMs) => messagesAfter(facts, messages.table, last, limit, beforeMs ?? null),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

type Read = Pick<EventFile, "messages" | "mapping" | "notes">;

async function temporaryDirectory(command: string): Promise<string> {
  try {
    return await mkdtemp(join(tmpdir(), "leeway-file-"));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `${command}: no temporary directory can be made: ${reason}; free some space, or set TMPDIR`;
    throw new LeewayError("file_unreadable", message, { cause: error });
  }
}

async function startReader(dataDir: string, command: string) {
  try {
    return await startEngine({ dataDir });
  } catch (error) {
    if (!(error instanceof LeewayError) || error.code !== "engine_missing") throw error;
    const message = `${command} reads files with the embedded engine, which is not installed here: run \`npm install chdb\`, or send the rows over HTTP`;
    throw new LeewayError("engine_missing", message, { cause: error });
  }
}

async function contentHash(request: EventFileRequest): Promise<string> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(resolve(request.path)), hash);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw unreadable(request, `it cannot be read (${code})`, "check its permissions and its disk", error);
  }
  return hash.digest("hex");
}

/** Lines that are objects of docs/events.md, not rows of a table. */
async function isMessageFile(facts: Facts, located: LocatedFile, request: EventFileRequest): Promise<boolean> {
  if (located.address.format !== "JSONEachRow") return false;
  const lines = await located.readable(() => firstLines(facts, located.address, linesLookedAt));
  const objects = lines.map(parsedObject).filter((object) => object !== null);
  if (lines.length > 0 && objects.length === 0) {
    throw unreadable(request, `none of its first ${lines.length} lines is a JSON object`, "write one object a line");
  }
  const shaped = objects.filter((object) =>
    request.kind === "events"
      ? typeof object["features"] === "object" ||
        (typeof object["event_id"] === "string" && typeof object["model"] === "string")
      : typeof object["model"] === "string" && "label" in object,
  );
  if (shaped.length * 2 <= objects.length) return false;
  const other = shaped.find(
    ({ model }) => typeof model === "string" && request.model !== null && model !== request.model,
  );
  if (other !== undefined && request.otherModels === "refuse") {
    const message = `${request.command}: ${request.name} holds events of model ${JSON.stringify(other["model"])}, not ${JSON.stringify(request.model)}; leave --model out: its lines name their model`;
    throw new LeewayError("usage", message);
  }
  return true;
}

function parsedObject(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

async function readLines(facts: Facts, located: LocatedFile, request: EventFileRequest): Promise<Read> {
  const options = [
    ...Object.keys(request.given),
    ...(request.cohorts.length > 0 ? ["cohorts"] : []),
    ...(request.features === null ? [] : ["features"]),
    ...(request.types.size > 0 ? ["types"] : []),
    ...(request.atMs === null ? [] : ["at"]),
  ];
  if (options.length > 0) {
    const message = `${request.command}: --${options[0]}: the lines of ${request.name} are ${request.kind} already (docs/events.md) and say so themselves; leave it out`;
    throw new LeewayError("usage", message);
  }
  const messages = await located.readable(() =>
    writeLineMessages(facts, located.address, request.kind, "leeway_messages", request.sampleRows),
  );
  return {
    messages,
    mapping: [],
    notes: [`its lines are ${request.kind} in the words of docs/events.md: taken as they stand`],
  };
}

async function readColumns(
  facts: Facts,
  located: LocatedFile,
  request: EventFileRequest,
  sha256: string,
): Promise<Read> {
  const { model, spec, command, name, kind } = request;
  if (model === null) {
    throw new LeewayError("usage", `${command}: whose rows are these? Name the model with --model`);
  }
  const described = await describeLocatedFile(facts, { ...request, side: "current" }, located);
  const mapping = mapColumns(described.columns, { ...request, fileName: name });
  const columns = usedColumns(mapping);
  if (columns.length > maxComparedColumns) {
    const limit = maxComparedColumns.toLocaleString("en-US");
    const message = `${command}: ${name} has ${columns.length.toLocaleString("en-US")} columns, at most ${limit} are read; choose some with --features`;
    throw new LeewayError("usage", message);
  }
  for (const type of request.types.keys()) {
    if (described.columns.some((column) => column.name === type)) continue;
    throw new LeewayError("usage", `${command}: --types: ${name} has no column ${JSON.stringify(type)}`);
  }
  const asText = columnsAsText(mapping, request);
  const source = await described.load(
    columns.map((column) => {
      if (asText.has(column.name)) return { ...column, kind: "text" };
      const isNumber = column.kind === "text" && givenType(column.name, request) === "numeric";
      return isNumber ? { ...column, kind: "number" } : column;
    }),
  );
  const notes: string[] = [];
  const parts: MappedPart[] = [];
  const loaded = (column: SourceColumn): SourceColumn => {
    const found = source.columns.get(column.name) ?? column;
    // The loader finds numbers in columns of text as well.
    return asText.has(column.name) && found.kind === "number" ? { ...found, kind: "text" } : found;
  };
  const roleColumn = (role: ColumnRole) => {
    const found = mapping.roles.get(role);
    return found === undefined ? null : { ...found, column: loaded(found.column) };
  };
  const look = (column: SourceColumn) => lookAtColumn(facts, source, column, rowsLookedAt);
  const say = (part: string, role: ColumnRole, detail: string | null) => {
    const found = mapping.roles.get(role);
    if (found !== undefined) parts.push({ part, columns: [found.column.name], detail, guessed: found.guessed });
  };

  const timed = roleColumn("time-column");
  const time = await timeOf(timed, request, look);
  if (time.kind === "fixed") {
    const at = new Date(time.timeMs).toISOString();
    const detail =
      request.atMs !== null ? `${at} for all rows` : `${at} (now) for all rows: no column looks like a time`;
    parts.push({ part: "time", columns: [], detail, guessed: request.atMs === null });
  } else say("time", "time-column", timeDetail(time));

  const id = roleColumn("id")?.column ?? null;
  const idPrefix = `${sha256.slice(0, 8)}-`;
  if (id !== null) say("id", "id", null);
  else if (kind === "events") {
    parts.push({ part: "id", columns: [], detail: `${idPrefix}<row>, from the file's content`, guessed: true });
  }
  const entityKey = roleColumn("entity-key")?.column ?? null;
  say("entity_key", "entity-key", null);
  if (kind === "labels" && id === null && entityKey === null) {
    const message = `${command}: ${name}: no column looks like the event's id; name it with --id, or with --entity-key`;
    throw new LeewayError("usage", message);
  }

  const task: Task = spec?.task ?? { kind: "unknown" };
  const outcome = async (role: ColumnRole): Promise<MessageColumn | null> => {
    const found = roleColumn(role);
    return found === null
      ? null
      : { column: found.column, as: await outcomeType(found.column, task, request.types, look) };
  };
  let prediction = kind === "events" ? await outcome("prediction") : null;
  const label = await outcome("label");
  const scoreColumn = roleColumn("score")?.column ?? null;
  const className = request.positive ?? (task.kind === "binary" ? task.positive : null) ?? "1";
  let score: MessageLayout["score"] = null;
  if (prediction !== null) say("prediction", "prediction", prediction.as === "number" ? "an estimate" : "a class");
  if (scoreColumn !== null && prediction === null && task.kind === "unknown" && request.positive === null) {
    // What a model without a task has of results is its prediction.
    prediction = { column: scoreColumn, as: "number" };
    say("prediction", "score", "an estimate; declare the model's task, or give --positive, to make it a score");
  } else if (scoreColumn !== null) {
    score = { column: scoreColumn, className };
    say("score", "score", `of the class ${JSON.stringify(className)}`);
  }
  if (label !== null) say("label", "label", label.as === "number" ? "a number" : "a class");
  if (kind === "labels") say("name", "name", "labels with a name are numbers of their own");
  if (kind === "labels" && label === null) {
    const message = `${command}: ${name}: no column looks like the label; name it with --label`;
    throw new LeewayError("usage", message);
  }
  const labelTimed = kind === "events" ? roleColumn("label-time") : null;
  const labelTime = labelTimed === null ? null : await timeOf(labelTimed, request, look);
  if (labelTime !== null && labelTime.kind !== "fixed") say("label_time", "label-time", timeDetail(labelTime));
  else if (kind === "events" && label !== null) {
    notes.push("labels take their event's time: name a column with --label-time if there is one");
  }
  for (const [part, role] of [
    ["version", "version"],
    ["arm", "arm"],
    ["latency_ms", "latency"],
    ["weight", "weight"],
  ] as const) {
    say(part, role, null);
  }

  const features = mapping.features.map((column) => {
    const found = loaded(column);
    return { name: column.name, column: found, as: featureForm(found, column, request) };
  });
  if (kind === "events") {
    parts.push({
      part: "features",
      columns: features.map((feature) => feature.name),
      detail: features.length === 0 ? "none" : typesText(features),
      guessed: request.features === null && spec === null,
    });
  }
  if (mapping.cohorts.length > 0) {
    parts.push({
      part: "cohorts",
      columns: mapping.cohorts.map((column) => column.name),
      detail: null,
      guessed: false,
    });
  }
  if (mapping.extra.length > 0) {
    const names = mapping.extra.map((column) => column.name);
    parts.push({
      part: "extra",
      columns: names,
      detail: "times and lists are no features: kept as text",
      guessed: true,
    });
  }
  if (mapping.absent.length > 0) {
    notes.push(
      `it has no column for the declared ${mapping.absent.length === 1 ? "feature" : "features"} ${listed(mapping.absent)}: missing in every row`,
    );
  }

  const layout: MessageLayout = {
    kind,
    model,
    environment: request.environment,
    time,
    id,
    idPrefix,
    entityKey,
    version: roleColumn("version")?.column ?? null,
    arm: roleColumn("arm")?.column ?? null,
    prediction,
    score,
    latencyMs: roleColumn("latency")?.column ?? null,
    weight: roleColumn("weight")?.column ?? null,
    features,
    cohorts: mapping.cohorts.map((column) => loaded(column)),
    extra: mapping.extra.map((column) => loaded(column)),
    label,
    labelName: kind === "labels" ? (roleColumn("name")?.column ?? null) : null,
    labelTime,
  };
  const messages = await located.readable(() =>
    writeEventMessages(facts, source, layout, "leeway_messages", request.sampleRows),
  );
  return { messages, mapping: parts, notes };
}

/** What the command line or the model file says of a column. */
function givenType(name: string, { types, spec }: EventFileRequest): FeatureType | undefined {
  return types.get(name) ?? spec?.features.find((feature) => feature.name === name)?.type;
}

/** Roles whose values count character by character: 007 is not 7. */
const textRoles: readonly ColumnRole[] = ["id", "entity-key", "name", "version", "arm"];

function columnsAsText(mapping: ColumnMapping, request: EventFileRequest): ReadonlySet<string> {
  const roles = textRoles.map((role) => mapping.roles.get(role)?.column.name);
  const categorical = mapping.features.filter(({ name }) => givenType(name, request) === "categorical");
  return new Set([
    ...roles.filter((name) => name !== undefined),
    ...[...categorical, ...mapping.cohorts, ...mapping.extra].map(({ name }) => name),
  ]);
}

function usedColumns(mapping: ColumnMapping): SourceColumn[] {
  return [
    ...[...mapping.roles.values()].map(({ column }) => column),
    ...mapping.features,
    ...mapping.cohorts,
    ...mapping.extra,
  ];
}

async function timeOf(
  found: { readonly column: SourceColumn; readonly guessed: boolean } | null,
  request: EventFileRequest,
  look: (column: SourceColumn) => Promise<ColumnFacts>,
): Promise<MessageTime> {
  const { command, name, kind } = request;
  if (request.atMs !== null) return { kind: "fixed", timeMs: request.atMs };
  if (found === null) {
    // A label is known at the latest when it is brought; when an event happened nobody can guess.
    const nowWillDo = request.sampleRows !== null || (kind === "labels" && request.given["entity-key"] === undefined);
    if (nowWillDo) return { kind: "fixed", timeMs: Date.now() };
    const message = `${command}: ${name}: no column looks like a time; name it with --time-column, or give all rows one with --at`;
    throw new LeewayError("usage", message);
  }
  const { column } = found;
  const seen = await look(column);
  const shown = JSON.stringify(column.name);
  if (column.kind === "number") {
    const unitMs = unitOf(seen.largest ?? 0);
    if (unitMs !== null) return { kind: "number", column, unitMs };
    const message = `${command}: ${name}: the numbers in ${shown} are too small for seconds or milliseconds since 1970; name another column with --time-column`;
    throw new LeewayError("usage", message);
  }
  if (seen.times === 0 && seen.present > 0) {
    const message = `${command}: ${name}: no value in ${shown} can be read as a time; write 2026-01-31T08:15:00Z, or name another column with --time-column`;
    throw new LeewayError("usage", message);
  }
  return { kind: "time", column, zone: request.zone };
}

/** What numbers since 1970 count, by their size: seconds, milliseconds, micro- or nanoseconds. */
function unitOf(largest: number): number | null {
  if (largest < 1e8) return null;
  if (largest < 1e11) return 1000;
  if (largest < 1e14) return 1;
  return largest < 1e17 ? 1e-3 : 1e-6;
}

function timeDetail(time: Exclude<MessageTime, { kind: "fixed" }>): string | null {
  if (time.kind === "time") return /String/.test(time.column.type) ? `${time.zone} where no zone is written` : null;
  const unit =
    time.unitMs === 1000
      ? "seconds"
      : time.unitMs === 1
        ? "milliseconds"
        : time.unitMs === 1e-3
          ? "microseconds"
          : "nanoseconds";
  return `${unit} since 1970`;
}

async function outcomeType(
  column: SourceColumn,
  task: Task,
  types: EventFileRequest["types"],
  look: (column: SourceColumn) => Promise<ColumnFacts>,
): Promise<MessageColumn["as"]> {
  const given = types.get(column.name);
  if (given !== undefined) return given === "numeric" ? "number" : "text";
  if (task.kind === "regression") return "number";
  if (task.kind !== "unknown" || column.kind !== "number") return "text";
  // Two numbers are two classes.
  return (await look(column)).distinct <= 2 ? "text" : "number";
}

function featureForm(loaded: SourceColumn, described: SourceColumn, request: EventFileRequest): MessageColumn["as"] {
  const type = givenType(described.name, request);
  if (type !== undefined) return type === "numeric" ? "number" : type === "boolean" ? "boolean" : "text";
  if (loaded.kind === "number") return "number";
  return loaded.kind === "boolean" ? "boolean" : "text";
}

function typesText(features: readonly MessageColumn[]): string {
  const count = (as: MessageColumn["as"]) => features.filter((feature) => feature.as === as).length;
  const texts = (
    [
      ["number", "numeric"],
      ["text", "categorical"],
      ["boolean", "boolean"],
    ] as const
  )
    .map(([as, word]) => [count(as), word] as const)
    .filter(([rows]) => rows > 0)
    .map(([rows, word]) => `${rows} ${word}`);
  return texts.join(", ");
}

function unreadable(request: EventFileRequest, reason: string, remedy: string, cause?: unknown): LeewayError {
  const message = `${request.command}: ${request.name}: ${reason}; ${remedy}`;
  return new LeewayError("file_unreadable", message, { cause });
}
