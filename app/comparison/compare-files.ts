import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Binning } from "../../core/baseline.ts";
import { LeewayError } from "../../core/errors.ts";
import type { SeriesCounts } from "../../core/profile.ts";
import {
  decideColumns,
  verdictOf,
  type ComparedCounts,
  type DecidedColumn,
} from "../../detectors/comparison/column-decision.ts";
import { explanationOf } from "../../detectors/comparison/explanation.ts";
import { mayFollowRows, rowOrderCorrelation } from "../../detectors/comparison/row-order.ts";
import { methodScores } from "../../detectors/comparison/method-scores.ts";
import type { MethodName } from "../../detectors/methods/registry.ts";
import { startEngine } from "../../store/engine/engine.ts";
import { createFacts, type Facts } from "../../store/facts/client.ts";
import {
  countCategories,
  countNumbers,
  countPresence,
  countTimes,
  numericColumnsPerStatement,
  numericReferences,
  placeCorrelation,
  type ColumnCounts,
  type NumericReference,
} from "../../store/facts/file-comparison.ts";
import type { ComparisonSource, SourceColumn, StoredKind } from "../../store/facts/file-comparison-source.ts";
import { nearestName } from "../config/fault.ts";
import type { ColumnType, ComparedColumn, IllustratedComparison, Picture, SideSummary } from "./comparison.ts";
import { exampleNames, writeExampleFiles } from "./example.ts";
import {
  describeLocatedFile,
  locateFile,
  maxComparedColumns,
  type DescribedFile,
  type FileRequest,
} from "./file-source.ts";
import { pictureOf } from "./picture.ts";

export interface ComparisonRequest {
  /** `example`: the two files that come with Leeway. */
  readonly files: { readonly reference: NamedFile; readonly current: NamedFile } | "example";
  /** Null: every column of either file. */
  readonly columns: readonly string[] | null;
  /** Types that the files do not say, or say otherwise. */
  readonly types: ReadonlyMap<string, ColumnType>;
  /** Null: all. */
  readonly methods: readonly MethodName[] | null;
  readonly progress?: (done: number, total: number) => void;
}

type NamedFile = Omit<FileRequest, "side">;

/**
 * Compares two files on this machine. The embedded engine reads and counts them; only counts come here.
 *
 * @throws LeewayError `file_unreadable`, `usage` (a column that neither file has; too many columns), `engine_missing`.
 */
export async function compareFiles(request: ComparisonRequest): Promise<IllustratedComparison> {
  await using resources = new AsyncDisposableStack();
  const workDir = await mkdtemp(join(tmpdir(), "leeway-compare-"));
  resources.defer(() => rm(workDir, { recursive: true, force: true }));
  const files = request.files === "example" ? await exampleFiles(workDir) : request.files;
  const asked = {
    reference: { side: "reference", ...files.reference },
    current: { side: "current", ...files.current },
  } as const;
  // A wrong name is said at once, not when the engine is up.
  const located = {
    reference: await locateFile(asked.reference, workDir),
    current: await locateFile(asked.current, workDir),
  };
  const engine = resources.use(await startLocalEngine(join(workDir, "engine")));
  const facts = resources.use(createFacts({ url: engine.url, token: engine.token }));
  const described = {
    reference: await describeLocatedFile(facts, asked.reference, located.reference),
    current: await describeLocatedFile(facts, asked.current, located.current),
  };
  const names = chosenNames(request, described);
  const chosen = new Set(names);
  const load = (file: DescribedFile) => file.load(file.columns.filter(({ name }) => chosen.has(name)));
  const reference = await load(described.reference);
  const current = await load(described.current);

  const added = [...current.columns.keys()].filter((name) => !reference.columns.has(name));
  const plans = names.map((name) => planOf(name, { reference, current, added }, request.types.get(name)));
  const sides = { reference, current };
  const inAnyOrder = await countColumns(facts, sides, plans, request.progress ?? (() => {}));
  const counted: (Counted | Uncounted)[] = [];
  for (const column of inAnyOrder) {
    const follows = column.kind === "counted" && (await followsRows(facts, sides, column));
    counted.push(follows ? { ...column, counts: { ...column.counts, valuesMove: "row_order" } } : column);
  }
  const comparable = counted.filter((column) => column.kind === "counted");
  const decisions = new Map(
    decideColumns(comparable.map(({ counts }) => counts)).map((decided, index) => [comparable[index]!, decided]),
  );
  const wanted = request.methods === null ? null : new Set(request.methods);
  const columns = counted.map((column) => describeColumn(column, decisions.get(column as Counted), wanted));
  return {
    comparison: {
      reference: { source: files.reference.name, rows: reference.rows },
      current: { source: files.current.name, rows: current.rows },
      columns,
      verdict: verdictOf(columns.map(({ decision }) => decision)),
    },
    pictures: new Map(
      counted.flatMap((column): [string, Picture][] => {
        const picture = column.kind === "counted" ? column.picture : null;
        return picture === null ? [] : [[column.plan.name, picture]];
      }),
    ),
  };
}

async function exampleFiles(directory: string) {
  const paths = await writeExampleFiles(directory);
  return {
    reference: { name: exampleNames.reference, path: paths.reference },
    current: { name: exampleNames.current, path: paths.current },
  };
}

async function startLocalEngine(dataDir: string) {
  try {
    return await startEngine({ dataDir });
  } catch (error) {
    if (!(error instanceof LeewayError) || error.code !== "engine_missing") throw error;
    const message = "compare reads files with the embedded engine, which is not installed: run `npm install chdb`";
    throw new LeewayError("engine_missing", message, { cause: error });
  }
}

function chosenNames(
  request: ComparisonRequest,
  { reference, current }: { readonly reference: DescribedFile; readonly current: DescribedFile },
): string[] {
  const known = new Set([...reference.columns, ...current.columns].map(({ name }) => name));
  for (const [option, names] of [
    ["--columns", request.columns ?? []],
    ["--types", [...request.types.keys()]],
  ] as const) {
    for (const name of names) {
      if (known.has(name)) continue;
      const nearest = nearestName(name, [...known]);
      const remedy = nearest === null ? "look at the header of either file" : `did you mean ${nearest}?`;
      throw new LeewayError(
        "usage",
        `compare: ${option}: neither file has a column ${JSON.stringify(name)}; ${remedy}`,
      );
    }
  }
  const names = request.columns === null ? [...known] : [...new Set(request.columns)];
  if (names.length > maxComparedColumns) {
    const files = reference.columns.length >= current.columns.length ? reference : current;
    const have = `${files.request.name} has ${files.columns.length.toLocaleString("en-US")} columns`;
    throw new LeewayError(
      "usage",
      `compare: ${have}, at most ${maxComparedColumns.toLocaleString("en-US")} are compared at once; choose some with --columns`,
    );
  }
  return names;
}

/** One column of the comparison before anything was counted. */
interface Plan {
  readonly name: string;
  readonly type: ColumnType;
  readonly reference: SourceColumn | null;
  readonly current: SourceColumn | null;
  /** Why nothing is counted; null if it is. */
  readonly refusal: string | null;
  /** Worth knowing whatever the decision. */
  readonly notes: readonly string[];
}

const typeOfKind: Readonly<Record<StoredKind, ColumnType>> = {
  number: "numeric",
  boolean: "boolean",
  text: "categorical",
  time: "time",
  nothing: "categorical",
  other: "categorical",
};

const kindText: Readonly<Record<StoredKind, string>> = {
  number: "numbers",
  boolean: "booleans",
  text: "text",
  time: "times",
  nothing: "nothing",
  other: "lists or objects",
};

/** The reference says what a column is; values of the current file that are not of that kind count as missing, or as other categories. */
function planOf(
  name: string,
  { reference, current, added }: Sides & { readonly added: readonly string[] },
  given: ColumnType | undefined,
): Plan {
  const before = reference.columns.get(name) ?? null;
  const now = current.columns.get(name) ?? null;
  const known = [before, now].find((column) => column !== null && column.kind !== "nothing") ?? before ?? now!;
  const type = given ?? typeOfKind[known.kind];
  const plan = { name, type, reference: before, current: now };
  if (before === null) {
    return { ...plan, notes: [], refusal: "The reference has no such column: there is nothing to hold it against." };
  }
  const nested = [before, now].find((column) => column?.kind === "other");
  if (nested !== undefined && nested !== null && given === undefined) {
    return { ...plan, notes: [], refusal: "Its values are lists or objects, which are not compared." };
  }
  if (now === null) {
    const renamed = nearestName(name, added) ?? (added.length === 1 ? added[0] : undefined);
    const guess = renamed === undefined ? "" : `; ${JSON.stringify(renamed)} is new there: was it renamed?`;
    return {
      ...plan,
      refusal: null,
      notes: [`The current file has no such column: all of its rows count as missing${guess || "."}`],
    };
  }
  const differ = given === undefined && before.kind !== now.kind && before.kind !== "nothing" && now.kind !== "nothing";
  const asText =
    type === "categorical" ? "text" : type === "boolean" ? "booleans" : type === "numeric" ? "numbers" : "times";
  const notes = differ
    ? [
        `The types differ: ${kindText[before.kind]} in the reference, ${kindText[now.kind]} in the current file; compared as ${asText}.`,
      ]
    : [];
  return { ...plan, refusal: null, notes };
}

interface Counted {
  readonly kind: "counted";
  readonly plan: Plan;
  readonly counts: ComparedCounts;
  readonly reference: SideSummary;
  readonly current: SideSummary;
  readonly unreadable: { readonly reference: number; readonly current: number };
  readonly picture: Picture | null;
}

/** A column that could not be counted says why, and does not keep the others from being so. */
interface Uncounted {
  readonly kind: "uncounted";
  readonly plan: Plan;
  readonly reason: string;
  readonly reference: SideSummary;
  readonly current: SideSummary;
}

interface Sides {
  readonly reference: ComparisonSource;
  readonly current: ComparisonSource;
}

async function countColumns(
  facts: Facts,
  sides: Sides,
  plans: readonly Plan[],
  progress: (done: number, total: number) => void,
): Promise<(Counted | Uncounted)[]> {
  const results = new Map<Plan, Counted | Uncounted>();
  const settle = (result: Counted | Uncounted) => {
    results.set(result.plan, result);
    progress(results.size, plans.length);
  };
  const attempt = async (plan: Plan, work: () => Promise<Counted>): Promise<void> => {
    try {
      settle(await work());
    } catch (error) {
      settle(uncounted(sides, plan, columnReason(error)));
    }
  };
  for (const plan of plans) {
    if (plan.refusal !== null) settle(await withPresence(facts, sides, uncounted(sides, plan, plan.refusal)));
  }

  const open = plans.filter(({ refusal }) => refusal === null);
  const numeric = open.filter(({ type }) => type === "numeric");
  const few: Plan[] = [];
  const perStatement = numericColumnsPerStatement(Math.max(sides.reference.rows, 1));
  for (let start = 0; start < numeric.length; start += perStatement) {
    const chunk = numeric.slice(start, start + perStatement);
    try {
      few.push(...(await countNumeric(facts, sides, chunk, settle)));
    } catch (error) {
      if (!isOfOneColumn(error)) throw error;
      // One of them cannot be read: each on its own, so that the others can.
      for (const plan of chunk) {
        if (results.has(plan)) continue;
        try {
          few.push(...(await countNumeric(facts, sides, [plan], settle)));
        } catch (single) {
          settle(uncounted(sides, plan, columnReason(single)));
        }
      }
    }
  }
  for (const plan of few) await attempt(plan, () => countCategorical(facts, sides, plan));
  for (const plan of open) {
    if (plan.type === "categorical" || plan.type === "boolean") {
      await attempt(plan, () => countCategorical(facts, sides, plan));
    } else if (plan.type === "time") await attempt(plan, () => countTime(facts, sides, plan));
  }
  return plans.map((plan) => results.get(plan)!);
}

function isOfOneColumn(error: unknown): error is LeewayError {
  return error instanceof LeewayError && (error.code === "store_rejected" || error.code === "store_busy");
}

/** @throws the error, if it is not of this column alone. */
function columnReason(error: unknown): string {
  if (!isOfOneColumn(error)) throw error;
  const text = error.message.replace(/^ClickHouse at \S+ (?:refused|pushed back) \(\d+\): /, "");
  return `It could not be read: ${text.replace(/:? \(?while [^]*$/i, "").slice(0, 200)}.`;
}

function uncounted({ reference, current }: Sides, plan: Plan, reason: string): Uncounted {
  const side = (source: ComparisonSource, column: SourceColumn | null): SideSummary => ({
    rows: column === null ? 0 : source.rows,
    missing: 0,
    distinct: 0,
  });
  return {
    kind: "uncounted",
    plan,
    reason,
    reference: side(reference, plan.reference),
    current: side(current, plan.current),
  };
}

/** What can be said of either side of a column that is not compared. */
async function withPresence(facts: Facts, sides: Sides, column: Uncounted): Promise<Uncounted> {
  const summary = async (side: "reference" | "current"): Promise<SideSummary> => {
    const stored = column.plan[side];
    if (stored === null) return column[side];
    try {
      return { ...column[side], ...(await countPresence(facts, sides[side], stored)) };
    } catch (error) {
      if (isOfOneColumn(error)) return column[side];
      throw error;
    }
  };
  return { ...column, reference: await summary("reference"), current: await summary("current") };
}

/** Running numbers and times written as numbers: see `mayFollowRows`. */
async function followsRows(
  facts: Facts,
  sides: Sides,
  { plan, counts, reference, current }: Counted,
): Promise<boolean> {
  const distinct = { reference: reference.distinct, current: current.distinct };
  if (plan.type !== "numeric" || plan.current === null || !mayFollowRows(counts, distinct)) return false;
  for (const side of ["reference", "current"] as const) {
    const correlation = await placeCorrelation(facts, sides[side], plan[side]!);
    if (Math.abs(correlation) < rowOrderCorrelation) return false;
  }
  return true;
}

/** @returns Those with at most two different values: they are counted as categories. */
async function countNumeric(
  facts: Facts,
  sides: Sides,
  plans: readonly Plan[],
  settle: (result: Counted) => void,
): Promise<Plan[]> {
  const { reference, current } = sides;
  const binned = await numericReferences(
    facts,
    reference,
    plans.map((plan) => plan.reference!),
  );
  const planOfColumn = new Map(plans.map((plan) => [plan.reference!, plan]));
  const many = binned.filter(
    (one): one is NumericReference & { binning: Extract<Binning, { kind: "numeric" }> } => one.binning !== null,
  );
  const uncountedYet = many.filter(({ counted }) => counted === null);
  const filled = uncountedYet.length === 0 ? [] : await countNumbers(facts, reference, uncountedYet);
  const present = many.filter(({ column }) => planOfColumn.get(column)!.current !== null);
  const now =
    present.length === 0
      ? []
      : await countNumbers(
          facts,
          current,
          present.map(({ column, binning }) => ({ column: planOfColumn.get(column)!.current!, binning })),
        );
  for (const one of many) {
    const plan = planOfColumn.get(one.column)!;
    const before = one.counted ?? filled[uncountedYet.indexOf(one)]!;
    const found = now[present.indexOf(one)] ?? nothingThere(current, one.binning.edges.length + 1);
    settle(countedColumn(plan, one.binning, before, found));
  }
  const few = binned.filter(({ binning }) => binning === null).map(({ column }) => planOfColumn.get(column)!);
  return few;
}

async function countCategorical(facts: Facts, { reference, current }: Sides, plan: Plan): Promise<Counted> {
  const before = plan.reference!;
  const now = plan.current;
  const numbers = plan.type === "numeric" || (before.kind === "number" && now?.kind === "number");
  const categories = plan.type === "boolean" ? "boolean" : numbers ? "number" : "text";
  const found = await countCategories(
    facts,
    reference,
    now === null ? { ...reference, from: emptyOf(reference), rows: 0 } : current,
    {
      reference: before,
      current: now ?? before,
      categories,
    },
  );
  const absent = now === null ? nothingThere(current, found.binning.categories.length) : found.current;
  return countedColumn(plan, found.binning, found.reference, absent);
}

const emptyOf = ({ from }: ComparisonSource): string => `(SELECT * FROM ${from} LIMIT 0)`;

async function countTime(facts: Facts, { reference, current }: Sides, plan: Plan): Promise<Counted> {
  const before = await countTimes(facts, reference, plan.reference!);
  const now =
    plan.current === null
      ? { rows: current.rows, missing: current.rows, unreadable: 0, distinct: 0, fromMs: null, toMs: null }
      : await countTimes(facts, current, plan.current);
  const counts = (side: typeof before): ColumnCounts => ({
    ...nothingThere({ rows: side.rows }, 1),
    counts: presentCounts(side.rows, side.missing),
    distinct: side.distinct,
    unreadable: side.unreadable,
  });
  const binning: Binning = { kind: "numeric", edges: [], decileEdges: [] };
  const range = ({ fromMs, toMs }: typeof before) =>
    fromMs === null || toMs === null ? null : ([fromMs, toMs] as const);
  return {
    ...countedColumn(plan, binning, counts(before), counts(now)),
    picture: { kind: "time", reference: range(before), current: range(now) },
  };
}

/** Counts of a file without the column: every row is missing. */
function nothingThere({ rows }: { readonly rows: number }, bins: number): ColumnCounts {
  return {
    counts: { ...presentCounts(rows, rows), bins: new Float64Array(bins) },
    distinct: 0,
    unreadable: 0,
    newCategories: [],
  };
}

function presentCounts(rows: number, missing: number): SeriesCounts {
  const present = rows - missing;
  return {
    rows,
    weight: rows,
    weightSquares: rows,
    presentRows: present,
    presentWeight: present,
    presentWeightSquares: present,
    missing,
    nonFinite: 0,
    bins: [present],
    unlisted: 0,
    unseen: 0,
    unseenTop: 0,
    unseenTopValue: null,
    unseenDistinct: 0,
    min: null,
    max: null,
    sum: 0,
    sumSquares: 0,
  };
}

function countedColumn(plan: Plan, binning: Binning, reference: ColumnCounts, current: ColumnCounts): Counted {
  const summary = (side: ColumnCounts, column: SourceColumn | null): SideSummary => ({
    rows: column === null ? 0 : side.counts.rows,
    missing: column === null ? 0 : side.counts.missing + side.counts.nonFinite,
    distinct: side.distinct,
  });
  const counts = {
    binning,
    reference: reference.counts,
    current: current.counts,
    valuesMove: plan.type === "time" ? ("time" as const) : null,
  };
  return {
    kind: "counted",
    plan,
    counts,
    reference: summary(reference, plan.reference),
    current: summary(current, plan.current),
    unreadable: { reference: reference.unreadable, current: current.unreadable },
    picture: pictureOf(binning, reference.counts, current),
  };
}

function describeColumn(
  column: Counted | Uncounted,
  decided: DecidedColumn | undefined,
  wanted: ReadonlySet<MethodName> | null,
): ComparedColumn {
  const { plan, reference, current } = column;
  const shared = { name: plan.name, type: plan.type, reference, current };
  if (column.kind === "uncounted" || decided === undefined) {
    const reason = column.kind === "uncounted" ? column.reason : "Nothing could be measured.";
    return { ...shared, methods: {}, effect: null, decision: "insufficient_data", explanation: reason };
  }
  if (plan.type === "numeric" && plan.reference?.kind === "text" && reference.missing === reference.rows) {
    const reason =
      "No value of the reference can be read as a number, which --types says it is: leave it out there, or say categorical.";
    return { ...shared, methods: {}, effect: null, decision: "insufficient_data", explanation: reason };
  }
  const { leading } = decided;
  const methods = plan.type === "time" ? {} : methodScores(column.counts, decided.distributionAlpha, wanted);
  const { unreadable } = column;
  const kind = plan.type === "time" ? "times" : "numbers";
  const broken = (["reference", "current"] as const)
    .filter((side) => unreadable[side] > 0)
    .map((side) => {
      const file = side === "reference" ? "the reference" : "the current file";
      return `${unreadable[side].toLocaleString("en-US")} values of ${file} are not ${kind}; they count as missing.`;
    });
  const infinite = (["reference", "current"] as const)
    .filter((side) => column.counts[side].nonFinite > 0)
    .map((side) => {
      const file = side === "reference" ? "the reference" : "the current file";
      return `${column.counts[side].nonFinite.toLocaleString("en-US")} values of ${file} are NaN or infinite; they count as missing.`;
    });
  const numeric = column.counts.binning.kind === "numeric";
  return {
    ...shared,
    methods,
    // Missing values alone say nothing of how far the values themselves moved.
    effect:
      leading === null || (decided.notJudged !== null && decided.decision !== "drift")
        ? null
        : { value: leading.effect, low: leading.effectLow, high: leading.effectHigh, unit: "share_of_rows_moved" },
    decision: decided.decision,
    explanation: [explanationOf(column.counts, decided, numeric), ...plan.notes, ...broken, ...infinite].join(" "),
  };
}
