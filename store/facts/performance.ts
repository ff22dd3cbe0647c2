import type { Task } from "../../core/model.ts";
import type { Window } from "../../core/window.ts";
import type { Facts } from "./client.ts";
import type { CohortExpression } from "./cohort-expressions.ts";
import { eventsInScope, labelsByEntity } from "./labels-by-entity.ts";
import { scopeCondition, scopeParams, sqlText, windowStartExpression } from "./row-scope.ts";
import type { RowScope } from "./row-scope.ts";
import { resultExpressions } from "./series-expressions.ts";
import { measureParts, type MeasuredAttribute } from "./window-parts.ts";

/** Σw, Σw², Σw·x and Σw·x² of a number x over rows of weight w; zeros without rows. */
export type Moments = readonly [weight: number, weightSquares: number, sum: number, squares: number];

/** What the metrics of one part of a window's events are computed from; their size does not depend on the number of rows. */
export interface PerformanceCounts {
  readonly version: string;
  /** `formatSlice`: a watched slice, or `arm=…`; empty for the version as a whole. */
  readonly slice: string;
  readonly rows: number;
  /** Rows with a label. */
  readonly labelled: number;
  /** Of these rows and their labels: another one once a label counts that did not, or another in its place. */
  readonly fingerprint: string;
  readonly counts: TaskCounts;
}

export type TaskCounts =
  | {
      readonly kind: "binary";
      /** Rows with a decided class and a label: Σw of true and false positives, false and true negatives, and Σw² of all. */
      readonly confusion: readonly [tp: number, fp: number, fn: number, tn: number, weightSquares: number];
      /** 1 where the positive class was decided; rows with a decided class, labelled or not. */
      readonly selection: Moments;
      /** 1 where the label is the positive class. */
      readonly positive: Moments;
      /** Of labelled rows with a score: −ln(probability of what happened), (score − outcome)², score − outcome, score. */
      readonly log_loss: Moments;
      readonly brier: Moments;
      readonly calibration: Moments;
      readonly mean_score: Moments;
      /** Labelled scores outside 0…1: the scores are then no probabilities. */
      readonly outside: number;
      /** By tenth of the score: Σw, Σw·score, Σw·outcome of labelled rows. */
      readonly tenths: readonly [bin: number[], weight: number[], score: number[], positive: number[]];
      /** All rows with a score. */
      readonly scored: Moments;
      /**
       * By score, in bins that are at most a thousandth of the score wide: Σw and Σw·score, and Σw of rows with the positive
       * label, with another label, with the positive class decided, with another one decided.
       */
      readonly histogram: readonly [
        bin: number[],
        weight: number[],
        score: number[],
        positive: number[],
        negative: number[],
        called: number[],
        uncalled: number[],
      ];
    }
  | {
      readonly kind: "multiclass";
      /** 1 where the decided class is the label. */
      readonly accuracy: Moments;
      /** −ln(score of the true class). */
      readonly log_loss: Moments;
      /** By class, of rows with a decided class and a label: Σw of rows that are rightly called it, called it, labelled it. */
      readonly classes: readonly [name: string[], right: number[], called: number[], labelled: number[]];
    }
  | {
      readonly kind: "regression";
      /** Of rows with an estimate and a label: e = estimate − label, its size, its square. */
      readonly bias: Moments;
      readonly absolute: Moments;
      readonly squared: Moments;
      /** |e / label|, where the label is not 0. */
      readonly relative: Moments;
      /** Σw·d, d², d³, d⁴, e²·d, e²·d², with d = label less a number near the labels' mean. */
      readonly spread: readonly [d: number, d2: number, d3: number, d4: number, e2d: number, e2d2: number];
    };

export type KnownTask = Exclude<Task, { readonly kind: "unknown" }>;

/** Probabilities are kept this far from 0 and 1, so that one certain mistake does not make the loss infinite. */
const clip = 1e-15;
/** float32 has 23 bits after the leading one: with 10 left, a bin is at most 1/1024 of its score wide. */
const droppedBits = 13;

/**
 * Counts the events of a window by version, by version and arm (where there are several), and by version and watched slice,
 * in one pass in the engine. The label of an event is the one with the latest label time, then the highest offset; labels that
 * name an entity go to the entity's latest event at or before the label's time, if that is within `labelWindowMs`, and count
 * like the event's own.
 */
export async function countPerformance(
  facts: Facts,
  scope: RowScope,
  task: KnownTask,
  attributes: readonly MeasuredAttribute[] = [],
): Promise<PerformanceCounts[]> {
  const measures = [
    "countIf(has_label) AS labelled",
    `${fingerprintSql(["event_id", "label"], "has_label")} AS fingerprint`,
    ...countColumns(task).map(({ name, sql }) => `${sql} AS ${name}`),
  ];
  const rows = (columns: readonly string[]) =>
    labelledRows(facts, scope, task, ["events.event_id AS event_id", ...columns]);
  const parts = await measureParts(facts, attributes, rows, measures);
  return parts.map(({ measured: { labelled, fingerprint, ...counts }, ...part }) => ({
    ...part,
    labelled: labelled as number,
    fingerprint: fingerprint as string,
    counts: { kind: task.kind, ...counts } as unknown as TaskCounts,
  }));
}

/** What the metrics of one window's rows, over all versions, are computed from. */
export interface WindowPerformance {
  readonly window: Window;
  readonly rows: number;
  readonly labelled: number;
  readonly counts: TaskCounts;
}

/** The same over all versions, for each of many windows at once; those without rows are left out. @param windows Ascending, one after the other. */
export async function countPerformanceByWindow(
  facts: Facts,
  scope: RowScope,
  task: KnownTask,
  windows: readonly Window[],
): Promise<WindowPerformance[]> {
  const [first, last] = [windows[0], windows.at(-1)];
  if (first === undefined || last === undefined) return [];
  const of = { ...scope, fromMs: first.startMs, toMs: last.endMs };
  const { sql, params } = await labelledRows(facts, of, task, [`${windowStartExpression(windows)} AS start_ms`]);
  const names = countColumns(task).map(({ name }) => name);
  const rows = await facts.query<{ start_ms: number; row_count: number; labelled: number } & Record<string, unknown>>(
    `SELECT start_ms, count() AS row_count, countIf(has_label) AS labelled,
       ${countColumns(task)
         .map(({ name, sql: column }) => `${column} AS ${name}`)
         .join(", ")}
     FROM (${sql}) GROUP BY start_ms ORDER BY start_ms`,
    params,
    { settings: { join_use_nulls: 0 } },
  );
  const found = new Map(rows.map((row) => [Number(row.start_ms), row]));
  return windows.flatMap((window) => {
    const row = found.get(window.startMs);
    if (row === undefined) return [];
    const counts = Object.fromEntries(names.map((name) => [name, row[name]]));
    return [
      { window, rows: row.row_count, labelled: row.labelled, counts: { kind: task.kind, ...counts } as TaskCounts },
    ];
  });
}

/** One value of a cohort attribute: how often the positive class was decided, and how often where it was right. */
export interface SelectionCounts {
  readonly version: string;
  readonly attribute: string;
  readonly value: string;
  /** Rows with a decided class; of those, rows with a label. */
  readonly rows: number;
  readonly labelled: number;
  /** 1 where the positive class was decided. */
  readonly selection: Moments;
  /** The same, of rows whose label is the positive class. */
  readonly found: Moments;
}

/** Values of one attribute that are compared, those with the most rows. */
const mostGroups = 20;

/** Of a binary model's window, by version and value of each attribute; values with fewer than `minRows` rows are left out. */
export async function countSelections(
  facts: Facts,
  scope: RowScope,
  task: Extract<Task, { readonly kind: "binary" }>,
  { cohorts, minRows }: { readonly cohorts: readonly CohortExpression[]; readonly minRows: number },
): Promise<SelectionCounts[]> {
  if (cohorts.length === 0) return [];
  const { sql, params } = await labelledRows(
    facts,
    scope,
    task,
    cohorts.map((cohort, index) => `toString(${cohort.sql}) AS part${index}`),
  );
  const chosen = (text: (index: number) => string) =>
    `multiIf(${cohorts.map((_, index) => `grouping(part${index}) = 0, ${text(index)}`).join(", ")}, '')`;
  const called = `ifNull(class, '') = ${sqlText(task.positive)}`;
  return facts.query<SelectionCounts>(
    `SELECT version, ${chosen((index) => sqlText(cohorts[index]!.attribute))} AS attribute, ${chosen((index) => `part${index}`)} AS value,
       count() AS rows, countIf(has_label) AS labelled, ${momentsSql(called, "true")} AS selection,
       ${momentsSql(called, `has_label AND ifNull(label, '') = ${sqlText(task.positive)}`)} AS found
     FROM (${sql}) WHERE isNotNull(class)
     GROUP BY GROUPING SETS (${cohorts.map((_, index) => `(version, part${index})`).join(", ")})
     HAVING value != '' AND rows >= {minRows:UInt64}
     ORDER BY rows DESC, version, attribute, value LIMIT ${mostGroups} BY version, attribute`,
    { ...params, minRows: Math.ceil(minRows) },
    { settings: { join_use_nulls: 0 } },
  );
}

/** Tells sets of rows apart by some of their columns, in whatever order they are read; those for which a condition holds. */
export function fingerprintSql(columns: readonly string[], condition: string): string {
  // As text, since JSON's numbers do not hold 64 bits. A sum, since equal rows would cancel out in an exclusive or.
  return `hex(sumIf(sipHash64(${columns.map((column) => `ifNull(toString(${column}), '')`).join(", ")}), ${condition}))`;
}

/** `Moments` of a number over the rows for which a condition holds. */
export function momentsSql(value: string, condition: string): string {
  const [w, x] = [`(${condition})`, `toFloat64(assumeNotNull(${value}))`];
  return `(sumIf(w, ${w}), sumIf(w * w, ${w}), sumIf(w * ${x}, ${w}), sumIf(w * ${x} * ${x}, ${w}))`;
}

/**
 * A SELECT of a window's events, each with its label: event_time, version, w (weight), score, class, true_class_score, label,
 * label_number, has_label. It wants `join_use_nulls = 0`.
 *
 * @param columns More of it: SQL over a row of `events`, with their names.
 */
export async function labelledRows(
  facts: Facts,
  scope: RowScope,
  task: KnownTask,
  columns: readonly string[] = [],
): Promise<{ readonly sql: string; readonly params: Record<string, unknown> }> {
  const [kinds] = await facts.query<{ entity_labels: number }>(
    `SELECT countIf(event_id = '') AS entity_labels FROM labels WHERE ${labelCondition}`,
    { ...scopeParams(scope), labelFrom: scope.fromMs },
  );
  const byEntity = (kinds?.entity_labels ?? 0) > 0;
  return {
    sql: `WITH
       own AS (
         SELECT event_id, label_class, label_num, label_time, offset FROM labels
         WHERE ${labelCondition} AND event_id != '' AND event_id IN (SELECT event_id FROM events WHERE ${scopeCondition})
       )
       ${byEntity ? `, ${entityLabels}` : ""},
       winning AS (
         SELECT event_id, argMax(tuple(coalesce(toString(label_class), toString(label_num)), label_num), (label_time, offset)) AS label
         FROM ${byEntity ? "(SELECT * FROM own UNION ALL SELECT * FROM entity)" : "own"}
         GROUP BY event_id
       )
     SELECT event_time, toString(version) AS version, weight AS w, ${measureInputs(task)},
       winning.label.1 AS label, winning.label.2 AS label_number, winning.event_id != '' AS has_label${columns.map((column) => `, ${column}`).join("")}
     FROM (SELECT * FROM events WHERE ${scopeCondition}) AS events LEFT JOIN winning ON events.event_id = winning.event_id`,
    params: {
      ...scopeParams(scope),
      labelFrom: scope.fromMs,
      labelWindow: task.labelWindowMs,
      entityTo: scope.toMs + task.labelWindowMs,
    },
  };
}

/** A label is never known before its event; those with a name are outcomes. */
const labelCondition =
  "environment = {scopeEnvironment:String} AND model = {scopeModel:String} AND name = ''" +
  " AND label_time >= fromUnixTimestamp64Milli({labelFrom:Int64}, 'UTC')";

const entityLabels = `entity AS (${labelsByEntity("label_class, label_num", labelCondition, eventsInScope)})`;

function measureInputs(task: KnownTask): string {
  const results = resultExpressions(task);
  const score = results.find(({ role }) => role === "score")?.sql ?? "NULL";
  const className = results.find(({ role }) => role === "class")?.sql ?? "NULL";
  const trueClass =
    task.kind === "multiclass"
      ? "if(mapContains(scores, winning.label.1), scores[winning.label.1], NULL)"
      : "CAST(NULL, 'Nullable(Float64)')";
  return `${score} AS score, ${className} AS class, ${trueClass} AS true_class_score`;
}

/** Labels that may belong to rows of the scope: those not known before its start. */
export async function countLabels(facts: Facts, scope: RowScope): Promise<number> {
  const [row] = await facts.query<{ labels: number }>(`SELECT count() AS labels FROM labels WHERE ${labelCondition}`, {
    ...scopeParams(scope),
    labelFrom: scope.fromMs,
  });
  return row?.labels ?? 0;
}

/** SQL over `labelledRows`, by the names of `TaskCounts`. */
function countColumns(task: KnownTask): readonly { readonly name: string; readonly sql: string }[] {
  const of = (name: string, sql: string) => ({ name, sql });
  const decided = "has_label AND isNotNull(class)";
  switch (task.kind) {
    case "binary": {
      const positive = `(has_label AND ifNull(label, '') = ${sqlText(task.positive)})`;
      const called = `(ifNull(class, '') = ${sqlText(task.positive)})`;
      // -0 and 0 are one score.
      const score = "(ifNull(score, 0.) + 0.)";
      const scored = "ifNull(isFinite(score), 0)";
      const labelledScore = `has_label AND ${scored}`;
      const clipped = `least(greatest(${score}, ${clip}), 1 - ${clip})`;
      const cell = (is: string) => `sumIf(w, ${decided} AND ${is})`;
      // Bins are open below and closed above; 0 itself falls into the first.
      const tenth = `toInt32(least(9, greatest(0, ceil(${score} * 10) - 1)))`;
      const bin = `bitShiftRight(reinterpretAsUInt32(toFloat32(${score})), ${droppedBits})`;
      const one = (condition: string) => `[if(${condition}, w, 0.)]`;
      return [
        of(
          "confusion",
          `(${cell(`${called} AND ${positive}`)}, ${cell(`${called} AND NOT ${positive}`)}, ${cell(`NOT ${called} AND ${positive}`)}, ${cell(`NOT ${called} AND NOT ${positive}`)}, sumIf(w * w, ${decided}))`,
        ),
        of("selection", momentsSql(called, "isNotNull(class)")),
        of("positive", momentsSql(positive, "has_label")),
        of("log_loss", momentsSql(`-log(if(${positive}, ${clipped}, 1 - ${clipped}))`, labelledScore)),
        of("brier", momentsSql(`pow(${score} - ${positive}, 2)`, labelledScore)),
        of("calibration", momentsSql(`${score} - ${positive}`, labelledScore)),
        of("mean_score", momentsSql(score, labelledScore)),
        of("outside", `countIf(${labelledScore} AND (score < 0 OR score > 1))`),
        of("tenths", `sumMapIf([${tenth}], [w], [w * ${score}], [w * ${positive}], ${labelledScore})`),
        of("scored", momentsSql(score, scored)),
        of(
          "histogram",
          `sumMapIf([${bin}], [w], [w * ${score}], ${one(positive)}, ${one(`has_label AND NOT ${positive}`)}, ${one(`isNotNull(class) AND ${called}`)}, ${one(`isNotNull(class) AND NOT ${called}`)}, ${scored})`,
        ),
      ];
    }
    case "multiclass": {
      const right = "(ifNull(class, '') = ifNull(label, ''))";
      return [
        of("accuracy", momentsSql(right, decided)),
        of(
          "log_loss",
          momentsSql(
            `-log(least(greatest(ifNull(true_class_score, 0.5), ${clip}), 1))`,
            "has_label AND isNotNull(true_class_score)",
          ),
        ),
        of(
          "classes",
          `sumMapIf([ifNull(class, ''), ifNull(label, '')], [w * ${right}, 0.], [w, 0.], [0., w], ${decided})`,
        ),
      ];
    }
    case "regression": {
      const error = "(ifNull(score, 0) - ifNull(label_number, 0))";
      const known = "(has_label AND isNotNull(score) AND isNotNull(label_number))";
      // Powers of numbers far from 0 would lose their digits.
      const d = `(ifNull(label_number, 0) - assumeNotNull((SELECT ifNull(avg(label_num), 0) FROM labels WHERE ${labelCondition})))`;
      const sum = (value: string) => `sumIf(w * ${value}, ${known})`;
      return [
        of("bias", momentsSql(error, known)),
        of("absolute", momentsSql(`abs(${error})`, known)),
        of("squared", momentsSql(`${error} * ${error}`, known)),
        of("relative", momentsSql(`abs(${error} / label_number)`, `${known} AND label_number != 0`)),
        of(
          "spread",
          `(${sum(d)}, ${sum(`pow(${d}, 2)`)}, ${sum(`pow(${d}, 3)`)}, ${sum(`pow(${d}, 4)`)}, ${sum(`pow(${error}, 2) * ${d}`)}, ${sum(`pow(${error}, 2) * pow(${d}, 2)`)})`,
        ),
      ];
    }
  }
}

/** Starts of the newest window whose performance is stored, and of the newest one measured when its labels were due; null if none. */
export async function lastPerformanceWindows(
  facts: Facts,
  key: { readonly environment: string; readonly model: string },
): Promise<{ readonly closedMs: number | null; readonly dueMs: number | null }> {
  const [row] = await facts.query<{ closed: number; due: number; closed_ms: number; due_ms: number }>(
    `SELECT count() AS closed, countIf(methods[{dueMark:String}] = 1) AS due, toUnixTimestamp64Milli(max(window_start)) AS closed_ms,
       toUnixTimestamp64Milli(maxIf(window_start, methods[{dueMark:String}] = 1)) AS due_ms
     FROM evaluations WHERE environment = {environment:String} AND model = {model:String} AND signal = 'performance'`,
    { ...key, dueMark: labelsDue },
  );
  return {
    closedMs: row === undefined || row.closed === 0 ? null : row.closed_ms,
    dueMs: row === undefined || row.due === 0 ? null : row.due_ms,
  };
}

/** In `methods` of a performance, 1: labels had had their time when it was measured. */
export const labelsDue = "labels_due";
