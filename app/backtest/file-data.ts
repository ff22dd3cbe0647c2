import { createFeatureSchema, type FeatureType } from "../../core/feature-schema.ts";
import { LeewayError } from "../../core/errors.ts";
import { silentLogger } from "../../core/logger.ts";
import type { FeatureSpec, ModelSpec, Task } from "../../core/model.ts";
import { dayMs, nextWindow, weekMs, windowContaining, type Window } from "../../core/window.ts";
import { fewestSubWindows } from "../../detectors/baselines/baseline.ts";
import {
  areYesNo,
  countUnreadableNumbers,
  createOutcomes,
  insertBacktestRows,
  outcomeText,
  readColumnContents,
  readOutcomeValues,
  readRowTimes,
  readTimeSpan,
  type BacktestColumn,
  type BacktestLayout,
  type BacktestTime,
  type TimeSpan,
} from "../../store/facts/backtest-rows.ts";
import type { Facts } from "../../store/facts/client.ts";
import { writeFeatureSchemas } from "../../store/facts/feature-schemas.ts";
import type { ComparisonSource, SourceColumn } from "../../store/facts/file-comparison-source.ts";
import { lookAtColumn } from "../../store/facts/file-events.ts";
import {
  describeLocatedFile,
  locateFile,
  maxComparedColumns,
  type DescribedFile,
  type FileRequest,
  type LocatedFile,
} from "../comparison/file-source.ts";
import { nearestName } from "../config/fault.ts";
import { listed, mapColumns } from "../files/column-mapping.ts";
import type { BacktestRun, PlannedWindow } from "./backtest.ts";
import { decisionThreshold } from "./window-performance.ts";

export interface FileBacktestRequest {
  readonly reference: NamedFile;
  readonly current: NamedFile;
  /** How it is judged: the built-in defaults, or a configured model. */
  readonly model: ModelSpec;
  /** Null: a day where there are times, else so many rows that there are about twenty windows. */
  readonly window:
    | { readonly kind: "time"; readonly lengthMs: number }
    | { readonly kind: "rows"; readonly rows: number }
    | null;
  readonly timeColumn: string | null;
  /** Null: every column that is nothing else. */
  readonly columns: readonly string[] | null;
  readonly types: ReadonlyMap<string, FeatureType>;
  readonly prediction: string | null;
  readonly score: string | null;
  readonly label: string | null;
}

interface NamedFile {
  readonly name: string;
  readonly path: string;
}

const command = "backtest";
const environment = "backtest";
const labelledEnvironment = "backtest-labelled";
const usualWindows = 20;
/** A reference that is short is cut into so many blocks to learn from. */
const shortReferenceBlocks = 28;
const fewestRowsPerBlock = 30;
/** More windows than these are a mistake, such as one row of another century. */
const mostWindows = 5_000;
const daysPerWeek = 7;
/** Before all synthetic times of the current rows. */
const rowsEpochMs = Date.UTC(2001, 0, 1);
const outcomeValuesShown = 21;

/**
 * Stores two files as the events of one model, the reference before the current rows, in an engine of the backtest's own.
 *
 * @param facts A new store, with its tables.
 * @throws LeewayError `file_unreadable`, `usage` (a column that is not there; no time where one is needed).
 */
export async function loadFiles(
  facts: Facts,
  request: FileBacktestRequest,
  workDir: string,
): Promise<{ readonly run: BacktestRun; readonly notes: readonly string[] }> {
  const notes: string[] = [];
  const described = {
    reference: await openFile(facts, { side: "reference", command, ...request.reference }, workDir),
    current: await openFile(facts, { side: "current", command, ...request.current }, workDir),
  };
  const named = namedColumns(request, described);
  const load = (file: DescribedFile) =>
    file.load(file.columns.filter(({ name }) => named.has(name)).map((column) => withType(column, request)));
  const sources = { reference: await load(described.reference), current: await load(described.current) };
  for (const side of ["reference", "current"] as const) {
    if (sources[side].rows > 0) continue;
    throw unreadable(request[side].name, "it has no rows", "write it again with some");
  }

  const timeColumn = await usableTime(facts, sources, request, notes);
  const kind = request.window?.kind ?? (timeColumn === null ? "rows" : "time");
  if (kind === "time" && timeColumn === null) {
    throw usage(
      `--window is a time, but no column of ${request.current.name} looks like one; name it with --time-column, or cut by rows with --window-rows`,
    );
  }
  const results = await resultsOf(facts, sources, request);
  notes.push(...results.notes);
  const features = await featuresOf(facts, sources, request, { timeColumn, notes });
  if (features.length === 0) {
    throw usage("no column is left to watch; name some with --columns, or leave --columns out");
  }
  const model: ModelSpec = {
    ...request.model,
    origin: "declared",
    task: results.task,
    features: features.map(({ spec }) => spec),
    cohorts: [],
    monitoring: { ...request.model.monitoring, environments: [environment] },
  };
  const schema = createFeatureSchema(
    model.name,
    model.features.map(({ name, type }) => ({ name, type })),
  );
  await writeFeatureSchemas(facts, [schema], Date.now());
  await createOutcomes(facts);
  const placed =
    kind === "rows"
      ? await placeByRows(facts, sources, request, timeColumn, notes)
      : await placeByTime(facts, sources, request, timeColumn!, model, notes);
  const measurable = results.label !== null && results.task.kind !== "unknown";
  for (const side of ["reference", "current"] as const) {
    const source = sources[side];
    const column = (found: BacktestColumn | null) => {
      const own = found === null ? undefined : source.columns.get(found.column.name);
      return own === undefined ? null : { column: own, categories: found!.categories };
    };
    const layout: BacktestLayout = {
      environment,
      time: placed.times[side],
      schema,
      task: model.task,
      features: features.map(({ column: found }) => column(found)),
      prediction: column(results.prediction),
      score: column(results.score)?.column ?? null,
      label: column(results.label),
      yesNo: results.yesNo,
      labelled: measurable
        ? {
            environment: labelledEnvironment,
            idPrefix: `${side} `,
            decisionThreshold: results.probabilities ? decisionThreshold : null,
          }
        : null,
    };
    await described[side].readable(() => insertBacktestRows(facts, source, layout));
  }
  const { fromMs, toMs } = placed.baseline;
  return {
    run: {
      facts,
      model: {
        ...model,
        monitoring: {
          ...model.monitoring,
          windowMs: placed.windowMs,
          falseIncidentsPerModelWeek: model.monitoring.falseIncidentsPerModelWeek * placed.budgetFactor,
        },
      },
      environment,
      baseline: { kind: "range", fromMs, toMs },
      schemas: [schema],
      windows: () => Promise.resolve(placed.windows),
      rowsPerWindow: placed.rowsPerWindow,
      referenceOutcomes: { environment, fromMs, toMs },
      labelled: measurable ? { environment: labelledEnvironment, dueByMs: null } : null,
      hasOutcomes: results.prediction !== null || results.score !== null,
      probabilities: results.probabilities,
      log: silentLogger,
    },
    notes,
  };
}

type OpenedFile = DescribedFile & Pick<LocatedFile, "readable">;

async function openFile(facts: Facts, request: FileRequest, workDir: string): Promise<OpenedFile> {
  const located = await locateFile(request, workDir);
  return { ...(await describeLocatedFile(facts, request, located)), readable: located.readable };
}

interface Sources {
  readonly reference: ComparisonSource;
  readonly current: ComparisonSource;
}

/** Where rows lie in time, and the windows of the current ones. */
interface Placed {
  readonly times: Readonly<Record<keyof Sources, BacktestTime>>;
  readonly baseline: { readonly fromMs: number; readonly toMs: number };
  readonly windowMs: number;
  readonly windows: readonly PlannedWindow[];
  readonly rowsPerWindow: number | null;
  /** Of row windows, which are taken for days: how many times the budget of a week there is for seven of them. */
  readonly budgetFactor: number;
}

/** Every column that is read. @throws usage if one that was named is in neither file. */
function namedColumns(
  request: FileBacktestRequest,
  { reference, current }: { readonly reference: DescribedFile; readonly current: DescribedFile },
): ReadonlySet<string> {
  const known = new Set([...reference.columns, ...current.columns].map(({ name }) => name));
  const asked: readonly (readonly [option: string, names: readonly string[]])[] = [
    ["--columns", request.columns ?? []],
    ["--types", [...request.types.keys()]],
    ...(
      [
        ["--time-column", request.timeColumn],
        ["--prediction", request.prediction],
        ["--score", request.score],
        ["--label", request.label],
      ] as const
    ).map(([option, name]): [string, string[]] => [option, name === null ? [] : [name]]),
  ];
  const taken = new Map<string, string>();
  for (const [option, names] of asked) {
    for (const name of names) {
      if (!known.has(name)) {
        const nearest = nearestName(name, [...known]);
        const remedy =
          nearest === null ? `they have ${listed([...known])}` : `did you mean ${JSON.stringify(nearest)}?`;
        throw usage(`${option}: neither file has a column ${JSON.stringify(name)}; ${remedy}`);
      }
      if (option === "--types") continue;
      const before = taken.get(name);
      if (before !== undefined && before !== option) {
        throw usage(`column ${JSON.stringify(name)} cannot be both ${before} and ${option}`);
      }
      taken.set(name, option);
    }
  }
  if (request.timeColumn !== null) {
    for (const file of [reference, current]) {
      if (file.columns.some(({ name }) => name === request.timeColumn)) continue;
      throw usage(`--time-column: ${file.request.name} has no column ${JSON.stringify(request.timeColumn)}`);
    }
  }
  for (const [option, name] of [
    ["--prediction", request.prediction],
    ["--score", request.score],
  ] as const) {
    if (name === null || current.columns.some((column) => column.name === name)) continue;
    throw usage(`${option}: ${current.request.name} has no column ${JSON.stringify(name)}`);
  }
  if (known.size > maxComparedColumns) {
    throw usage(`the files have ${count(known.size)} columns, at most ${count(maxComparedColumns)} are read`);
  }
  // A column of times is found among all of them.
  return known;
}

/** A column with the type that was given: text is loaded as text, with its zeros in front. */
function withType(column: SourceColumn, { types, model }: FileBacktestRequest): SourceColumn {
  const type = types.get(column.name) ?? model.features.find(({ name }) => name === column.name)?.type;
  if (type === "categorical") return { ...column, kind: "text" };
  return type === "numeric" && column.kind === "text" ? { ...column, kind: "number" } : column;
}

/** As `findTime`; a guess that rows cannot have happened by, such as dates of birth, is none. */
async function usableTime(
  facts: Facts,
  sources: Sources,
  request: FileBacktestRequest,
  notes: string[],
): Promise<string | null> {
  const found = await findTime(facts, sources, request);
  if (found === null || found === request.timeColumn || request.window !== null) return found;
  const { fromMs, toMs } = await readTimeSpan(facts, sources.current, sources.current.columns.get(found)!);
  const lengthMs = windowLengthMs(request);
  if (fromMs === null || toMs === null || (toMs - fromMs) / lengthMs <= mostWindows) return found;
  notes.push(
    `column ${found} holds times, from ${minute(fromMs)} to ${minute(toMs)}: too far apart to be when rows happened; name another with --time-column, or a longer --window`,
  );
  return null;
}

/** Of windows of time: as it was asked for, else as the model's file says, else a day. */
function windowLengthMs({ window, model }: FileBacktestRequest): number {
  const configured = model.monitoring.windowMs;
  if (window?.kind === "time") return window.lengthMs;
  return configured === "auto" ? dayMs : configured;
}

/** The column of both files that holds times: as it was named, else as its name says. */
async function findTime(facts: Facts, sources: Sources, request: FileBacktestRequest): Promise<string | null> {
  const { timeColumn } = request;
  const isTime = async (source: ComparisonSource, column: SourceColumn) => {
    if (column.kind === "time") return true;
    const seen = await lookAtColumn(facts, source, column, 10_000);
    // Numbers since 1970 are large; others are none.
    return column.kind === "number" ? (seen.largest ?? 0) >= 1e8 : seen.times > 0;
  };
  const inBoth = (name: string) => sources.reference.columns.has(name) && sources.current.columns.has(name);
  if (timeColumn !== null) {
    for (const side of ["reference", "current"] as const) {
      if (await isTime(sources[side], sources[side].columns.get(timeColumn)!)) continue;
      throw usage(
        `--time-column: no value of ${JSON.stringify(timeColumn)} in ${request[side].name} can be read as a time; write 2026-01-31T08:15:00Z or ms since 1970`,
      );
    }
    return timeColumn;
  }
  const given = Object.fromEntries(
    (["prediction", "score", "label"] as const).flatMap((role) =>
      request[role] === null ? [] : [[role, request[role]]],
    ),
  );
  const mapping = mapColumns([...sources.current.columns.values()], {
    kind: "events",
    command,
    fileName: request.current.name,
    given: Object.fromEntries(Object.entries(given).filter(([, name]) => sources.current.columns.has(String(name)))),
    cohorts: [],
    features: null,
    spec: request.model,
  });
  const found = mapping.roles.get("time-column")?.column.name;
  if (found === undefined || !inBoth(found) || request.columns?.includes(found) === true) return null;
  const [before, now] = [sources.reference.columns.get(found)!, sources.current.columns.get(found)!];
  return (await isTime(sources.reference, before)) && (await isTime(sources.current, now)) ? found : null;
}

interface WatchedColumn {
  readonly spec: FeatureSpec;
  readonly column: BacktestColumn;
}

/** What is watched, by the reference's types; what is not is said. */
async function featuresOf(
  facts: Facts,
  { reference, current }: Sources,
  request: FileBacktestRequest,
  { timeColumn, notes }: { readonly timeColumn: string | null; readonly notes: string[] },
): Promise<WatchedColumn[]> {
  const { columns, types, model } = request;
  const declared = new Map(model.features.map((feature) => [feature.name, feature]));
  const roles = new Set([timeColumn, request.prediction, request.score, request.label]);
  const wanted = columns ?? (declared.size > 0 ? [...declared.keys()] : [...reference.columns.keys()]);
  const candidates = wanted.filter((name) => !roles.has(name) && reference.columns.has(name));
  const unknown = wanted.filter((name) => !reference.columns.has(name) && !roles.has(name));
  if (unknown.length > 0) notes.push(`not watched, since the reference has no such column: ${listed(unknown)}`);
  if (columns === null && declared.size === 0) {
    const added = [...current.columns.keys()].filter((name) => !reference.columns.has(name) && !roles.has(name));
    if (added.length > 0) notes.push(`not watched, since the reference has no such column: ${listed(added)}`);
  }
  const contents = await readColumnContents(
    facts,
    reference,
    candidates.map((name) => reference.columns.get(name)!),
  );
  const absent = candidates.filter((name) => !current.columns.has(name));
  if (absent.length > 0) {
    notes.push(`${request.current.name} has no column ${listed(absent)}: in all of its rows that counts as missing`);
  }
  const identifiers: string[] = [];
  const others: string[] = [];
  const watched: WatchedColumn[] = [];
  for (const name of candidates) {
    const before = reference.columns.get(name)!;
    const now = current.columns.get(name) ?? null;
    const given = types.get(name) ?? declared.get(name)?.type;
    const chosen = given !== undefined || columns !== null;
    if (given === undefined && (before.kind === "time" || before.kind === "other")) {
      others.push(name);
      continue;
    }
    const held = contents.get(name)!;
    // Nearly all: a text of which hardly any comes twice tells rows apart, and is new in every row to come.
    const unique = before.kind === "text" && held.present >= 50 && held.distinct >= 0.97 * held.present;
    if (!chosen && (unique || held.countsRows)) {
      identifiers.push(name);
      continue;
    }
    const known = before.kind === "nothing" && now !== null ? now : before;
    const type: FeatureType =
      given ?? (known.kind === "number" ? "numeric" : known.kind === "boolean" ? "boolean" : "categorical");
    if (type === "numeric") await requireNumbers(facts, { reference, current }, request, { name, notes });
    watched.push({
      spec: { name, type, unit: declared.get(name)?.unit ?? null },
      column: { column: before, categories: categoriesOf(before, now) },
    });
  }
  if (identifiers.length > 0) notes.push(`left out, since nearly every row has its own value: ${listed(identifiers)}`);
  if (others.length > 0) notes.push(`left out, since times, lists and objects are no features: ${listed(others)}`);
  return watched;
}

/** @throws usage if none of the reference's values is a number, where somebody says that they are. */
async function requireNumbers(
  facts: Facts,
  sources: Sources,
  request: FileBacktestRequest,
  { name, notes }: { readonly name: string; readonly notes: string[] },
): Promise<void> {
  for (const side of ["reference", "current"] as const) {
    const column = sources[side].columns.get(name);
    // Where all values are numbers they are stored as such.
    if (column === undefined || (column.kind !== "text" && !/String/.test(column.type))) continue;
    const { present, unreadable: broken } = await countUnreadableNumbers(facts, sources[side], column);
    if (side === "reference" && broken > 0 && broken === present) {
      const says = request.types.has(name) ? "--types" : "the model's file";
      throw usage(
        `${says}: ${JSON.stringify(name)} is numeric, but no value of it in ${request.reference.name} can be read as a number; say categorical`,
      );
    }
    if (broken > 0) {
      notes.push(`${count(broken)} values of ${name} in ${request[side].name} are no numbers: they count as missing`);
    }
  }
}

function categoriesOf(before: SourceColumn, now: SourceColumn | null): BacktestColumn["categories"] {
  const kinds = [before, now].flatMap((column) => (column === null || column.kind === "nothing" ? [] : [column.kind]));
  if (kinds.every((kind) => kind === "number")) return "number";
  return kinds.every((kind) => kind === "boolean") ? "boolean" : "text";
}

interface Results {
  readonly task: Task;
  readonly prediction: BacktestColumn | null;
  readonly score: BacktestColumn | null;
  readonly label: BacktestColumn | null;
  readonly yesNo: boolean;
  readonly probabilities: boolean;
  readonly notes: readonly string[];
}

/** What is predicted, from the columns that were named for it. */
async function resultsOf(facts: Facts, sources: Sources, request: FileBacktestRequest): Promise<Results> {
  const columnOf = (name: string | null): BacktestColumn | null => {
    const [before, now] = [sources.reference, sources.current].map((source) =>
      name === null ? null : (source.columns.get(name) ?? null),
    );
    const column = before ?? now ?? null;
    return column === null
      ? null
      : { column, categories: before && now ? categoriesOf(before, now) : categoriesOf(column, null) };
  };
  const valuesOf = async (found: BacktestColumn | null) => {
    const values = new Set<string>();
    let [numeric, outside] = [true, 0];
    if (found === null) return { values: [], numeric: false, outside: 0 };
    for (const source of [sources.reference, sources.current]) {
      const column = source.columns.get(found.column.name);
      if (column === undefined) continue;
      const seen = await readOutcomeValues(facts, source, { ...found, column }, outcomeValuesShown);
      for (const value of seen.values) values.add(value);
      numeric &&= seen.numeric;
      outside += seen.outsideUnit;
    }
    return { values: [...values].toSorted(), numeric, outside };
  };
  const [prediction, score, label] = [columnOf(request.prediction), columnOf(request.score), columnOf(request.label)];
  const [decided, scored, labels] = [await valuesOf(prediction), await valuesOf(score), await valuesOf(label)];
  const base = { prediction, score, label, probabilities: scored.outside === 0 };
  if (score !== null && !scored.numeric) {
    throw usage(
      `--score: ${JSON.stringify(request.score)} holds other things than numbers; a class is named with --prediction`,
    );
  }
  const labelTimes = { labelDelayMs: 0, labelWindowMs: 0 };
  const configured = request.model.task;
  const outcomes = label === null ? decided : labels;
  const many = (seen: { readonly values: readonly string[] }) => seen.values.length >= outcomeValuesShown;
  if (
    configured.kind === "regression" ||
    (configured.kind === "unknown" && score === null && outcomes.numeric && many(outcomes))
  ) {
    return { ...base, task: { kind: "regression", ...labelTimes }, yesNo: false, notes: [] };
  }
  const yesNo = areYesNo(outcomes.values) && (prediction === null || areYesNo(decided.values));
  const classes = [...new Set(outcomes.values.map((value) => outcomeText(value, yesNo)))].toSorted();
  if (score !== null && classes.length > 2) {
    const what = label === null ? `--prediction ${request.prediction}` : `--label ${request.label}`;
    throw usage(
      `${what} has ${many(outcomes) ? `more than ${outcomeValuesShown - 1}` : classes.length} different values (${listed(classes.map((name) => JSON.stringify(name)))}); with --score there are two outcomes, written alike in both files`,
    );
  }
  if (label !== null && prediction !== null) {
    const strange = decided.values
      .map((value) => outcomeText(value, yesNo))
      .filter((value) => !classes.includes(value));
    if (many(decided) && decided.numeric && strange.length > 0) {
      throw usage(
        `--prediction: ${JSON.stringify(request.prediction)} holds many different numbers where --label has ${classes.length} classes; if it is a probability, name it with --score`,
      );
    }
  }
  if (prediction === null && score === null)
    return {
      ...base,
      task: { kind: "unknown" },
      yesNo,
      notes:
        label === null ? [] : ["performance is not measured: name what was predicted with --prediction or --score"],
    };
  if (configured.kind === "multiclass" || classes.length > 2) {
    return { ...base, task: { kind: "multiclass", ...labelTimes }, yesNo, notes: [] };
  }
  const positive = configured.kind === "binary" ? outcomeText(configured.positive, yesNo) : positiveOf(classes);
  const notes: string[] = [];
  if (!yesNo && classes.length === 2) notes.push(`the positive class is ${JSON.stringify(positive)}`);
  if (!base.probabilities) {
    notes.push(
      `scores lie outside of 0…1: they are ranked and calibrated, but are no probabilities, so that log loss, Brier score and calibration error are not measured${prediction === null ? ", nor is any decision" : ""}`,
    );
  }
  if (label === null)
    notes.push("performance is not measured: no column was named with --label, so scores cannot be calibrated either");
  return { ...base, task: { kind: "binary", positive, ...labelTimes }, yesNo, notes };
}

const positiveWords = ["positive", "pos", "churn", "churned", "fraud", "spam", "bad", "default"];

/** Which of two classes is the positive one: by its name, else the last in alphabetical order. */
function positiveOf(classes: readonly string[]): string {
  return classes.find((name) => positiveWords.includes(name.toLowerCase())) ?? classes.at(-1) ?? "1";
}

async function placeByRows(
  facts: Facts,
  { reference, current }: Sources,
  request: FileBacktestRequest,
  timeColumn: string | null,
  notes: string[],
): Promise<Placed> {
  // Only a column that was named orders rows: a file's own order is the next best thing to know.
  const ordering = request.timeColumn === null ? null : timeColumn;
  const orderedBy = (source: ComparisonSource) => (ordering === null ? null : source.columns.get(ordering)!);
  const rowsOf = async (side: keyof Sources, source: ComparisonSource) =>
    ordering === null
      ? source.rows
      : timedRows(request[side].name, await readTimeSpan(facts, source, orderedBy(source)!), notes);
  const rows = { reference: await rowsOf("reference", reference), current: await rowsOf("current", current) };
  const perWindow =
    request.window?.kind === "rows"
      ? request.window.rows
      : Math.max(fewestRowsPerBlock, Math.floor(rows.current / usualWindows));
  if (request.window === null)
    notes.push(`no column looks like a time: windows of ${count(perWindow)} rows in the file's order`);
  let perBlock = perWindow;
  if (Math.floor(rows.reference / perWindow) < fewestSubWindows) {
    perBlock = Math.max(fewestRowsPerBlock, Math.floor(rows.reference / shortReferenceBlocks));
    notes.push(
      `the reference has ${count(rows.reference)} rows, fewer than ${fewestSubWindows} windows of ${count(perWindow)}: how much the data vary by themselves was learnt from blocks of ${count(perBlock)} rows, which hides variation slower than that`,
    );
  }
  const blocks = Math.ceil(rows.reference / perBlock);
  const firstDayMs = rowsEpochMs + blocks * dayMs;
  const times = ordering === null ? null : await readRowTimes(facts, current, orderedBy(current)!, perWindow);
  const windows = Array.from({ length: Math.ceil(rows.current / perWindow) }, (_, index): PlannedWindow => {
    const startMs = firstDayMs + index * dayMs;
    const from = index * perWindow;
    const span = times?.[index];
    return {
      window: { startMs, endMs: startMs + dayMs },
      from: span === undefined ? from : new Date(span.fromMs).toISOString(),
      to: span === undefined ? Math.min(rows.current, from + perWindow) : new Date(span.toMs).toISOString(),
    };
  });
  if (windows.length > mostWindows) {
    throw usage(
      `${count(windows.length)} windows of ${count(perWindow)} rows are more than ${count(mostWindows)}; take larger ones with --window-rows`,
    );
  }
  // Without times nobody knows how many windows a week has: the budget is then for the whole file.
  const span = ordering === null ? null : await readTimeSpan(facts, reference, orderedBy(reference)!);
  const weeks = span === null ? null : (span.toMs! - span.fromMs! + 1) / weekMs;
  const windowsPerWeek = weeks === null ? Math.max(daysPerWeek, windows.length) : rows.reference / weeks / perWindow;
  return {
    times: {
      reference: { kind: "rows", rowsPerDay: perBlock, firstDayMs: rowsEpochMs, orderedBy: orderedBy(reference) },
      current: { kind: "rows", rowsPerDay: perWindow, firstDayMs, orderedBy: orderedBy(current) },
    },
    baseline: { fromMs: rowsEpochMs, toMs: firstDayMs },
    windowMs: dayMs,
    windows,
    rowsPerWindow: perWindow,
    budgetFactor: daysPerWeek / windowsPerWeek,
  };
}

async function placeByTime(
  facts: Facts,
  { reference, current }: Sources,
  request: FileBacktestRequest,
  timeColumn: string,
  model: ModelSpec,
  notes: string[],
): Promise<Placed> {
  const lengthMs = windowLengthMs(request);
  if (request.timeColumn === null) notes.push(`times are those of column ${timeColumn}`);
  const column = (source: ComparisonSource) => source.columns.get(timeColumn)!;
  const spanOf = async (side: keyof Sources, source: ComparisonSource) => {
    const span = await readTimeSpan(facts, source, column(source));
    timedRows(request[side].name, span, notes);
    return { fromMs: span.fromMs!, toMs: span.toMs! };
  };
  const before = await spanOf("reference", reference);
  const now = await spanOf("current", current);
  const alignment = { lengthMs, zone: model.monitoring.zone };
  const first = windowContaining(now.fromMs, alignment);
  const windows: Window[] = [];
  for (let window = first; window.startMs <= now.toMs; window = nextWindow(window, alignment)) {
    windows.push(window);
    if (windows.length <= mostWindows) continue;
    throw usage(
      `${request.current.name} reaches from ${minute(now.fromMs)} to ${minute(now.toMs)}, which is more than ${count(mostWindows)} windows, by its column ${timeColumn}; take a longer --window, or name another column with --time-column`,
    );
  }
  // A reference that is not before the current rows is taken whole weeks back, so that weekdays and hours stay the same.
  const weeks = Math.max(0, Math.floor((before.toMs - first.startMs) / weekMs) + 1);
  const shiftMs = before.toMs >= first.startMs ? -weeks * weekMs : 0;
  return {
    times: {
      reference: { kind: "time", column: column(reference), shiftMs },
      current: { kind: "time", column: column(current), shiftMs: 0 },
    },
    baseline: { fromMs: windowContaining(before.fromMs + shiftMs, alignment).startMs, toMs: first.startMs },
    windowMs: lengthMs,
    windows: windows.map((window) => ({
      window,
      from: new Date(window.startMs).toISOString(),
      to: new Date(window.endMs).toISOString(),
    })),
    rowsPerWindow: null,
    budgetFactor: 1,
  };
}

function timedRows(name: string, { rows, timed, fromMs }: TimeSpan, notes: string[]): number {
  if (fromMs === null)
    throw unreadable(name, "no row has a time that can be read", "name another column with --time-column");
  if (timed < rows) notes.push(`${count(rows - timed)} rows of ${name} have no time that can be read: left out`);
  return timed;
}

function usage(message: string): LeewayError {
  return new LeewayError("usage", `${command}: ${message}; see leeway help ${command}`);
}

function unreadable(name: string, reason: string, remedy: string): LeewayError {
  return new LeewayError("file_unreadable", `${command}: ${name}: ${reason}; ${remedy}`);
}

function minute(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace("T", " ");
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}
