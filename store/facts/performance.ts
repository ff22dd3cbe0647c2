import type { Task } from "../../core/model.ts";
import type { Facts } from "./client.ts";
import { scopeCondition, scopeParams, sqlText } from "./row-scope.ts";
import type { RowScope } from "./row-scope.ts";
import { resultExpressions } from "./series-expressions.ts";

/** How well one version did over a window's events whose labels have come. */
export interface VersionPerformance {
  readonly version: string;
  readonly rows: number;
  /** Events with a label. */
  readonly labelled: number;
  /** Named numbers; those that could not be measured are left out. Means are weighted. */
  readonly measures: Readonly<Record<string, number>>;
}

/** Probabilities are kept this far from 0 and 1, so that one certain mistake does not make the loss infinite. */
const clip = 1e-15;

/**
 * Measures each version over the events of a window. The label of an event is the one with the latest label time, then the
 * highest offset; labels that name an entity go to the entity's latest event at or before the label's time, if that is
 * within `labelWindowMs`, and count like the event's own.
 *
 * accuracy: share of labelled events whose class is the label. log_loss: mean of −ln(score of the true class), natural
 * logarithm. calibration: mean score − share of positive labels (above 0: the model says it too often). Regression:
 * mean_absolute_error, root_mean_squared_error, bias (estimate − label).
 */
export async function measurePerformance(
  facts: Facts,
  scope: RowScope,
  task: Exclude<Task, { readonly kind: "unknown" }>,
): Promise<VersionPerformance[]> {
  const { sql, params } = await labelledRows(facts, scope, task);
  const rows = await facts.query<
    { version: string; row_count: number; labelled: number } & Record<string, number | null>
  >(
    `SELECT version, count() AS row_count, countIf(has_label) AS labelled, ${measureColumns(task)}
     FROM (${sql})
     GROUP BY version ORDER BY version`,
    params,
    { settings: { join_use_nulls: 0 } },
  );
  return rows.map(({ version, row_count, labelled, ...measures }) => ({
    version,
    rows: row_count,
    labelled,
    measures: {
      label_coverage: row_count === 0 ? 0 : labelled / row_count,
      ...Object.fromEntries(
        Object.entries(measures).filter((entry): entry is [string, number] => Number.isFinite(entry[1])),
      ),
    },
  }));
}

/**
 * A SELECT of a window's events, each with its label: event_time, version, w (weight), score, class, true_class_score, label,
 * label_number, has_label. It wants `join_use_nulls = 0`.
 */
export async function labelledRows(
  facts: Facts,
  scope: RowScope,
  task: Exclude<Task, { readonly kind: "unknown" }>,
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
       winning.label.1 AS label, winning.label.2 AS label_number, winning.event_id != '' AS has_label
     FROM (SELECT * FROM events WHERE ${scopeCondition}) AS events LEFT JOIN winning ON events.event_id = winning.event_id`,
    params: {
      ...scopeParams(scope),
      labelFrom: scope.fromMs,
      labelWindow: task.labelWindowMs,
      entityTo: scope.toMs + task.labelWindowMs,
    },
  };
}

/** A label is never known before its event. */
const labelCondition =
  "environment = {scopeEnvironment:String} AND model = {scopeModel:String}" +
  " AND label_time >= fromUnixTimestamp64Milli({labelFrom:Int64}, 'UTC')";

// The entity's latest event may lie behind the window: it must be looked for there too, or the label would go to an older one.
const entityLabels = `entity AS (
  SELECT found.event_id AS event_id, label_class, label_num, label_time, offset
  FROM (
    SELECT entity_key, label_class, label_num, label_time, offset FROM labels
    WHERE ${labelCondition} AND event_id = '' AND entity_key != ''
  ) AS entity_label
  ASOF JOIN (
    SELECT entity_key, event_id, event_time FROM events
    WHERE environment = {scopeEnvironment:String} AND model = {scopeModel:String} AND entity_key != ''
      AND event_time >= fromUnixTimestamp64Milli({scopeFrom:Int64}, 'UTC')
      AND event_time < fromUnixTimestamp64Milli({entityTo:Int64}, 'UTC')
  ) AS found ON entity_label.entity_key = found.entity_key AND entity_label.label_time >= found.event_time
  WHERE label_time <= found.event_time + toIntervalMillisecond({labelWindow:Int64})
    AND found.event_time < fromUnixTimestamp64Milli({scopeTo:Int64}, 'UTC')
)`;

function measureInputs(task: Exclude<Task, { readonly kind: "unknown" }>): string {
  const results = resultExpressions(task);
  const score = results.find(({ role }) => role === "score")?.sql ?? "NULL";
  const className = results.find(({ role }) => role === "class")?.sql ?? "NULL";
  const trueClass =
    task.kind === "multiclass"
      ? "if(mapContains(scores, winning.label.1), scores[winning.label.1], NULL)"
      : "CAST(NULL, 'Nullable(Float64)')";
  return `${score} AS score, ${className} AS class, ${trueClass} AS true_class_score`;
}

function measureColumns(task: Exclude<Task, { readonly kind: "unknown" }>): string {
  const mean = (value: string, condition: string) =>
    `sumIf(w * (${value}), has_label AND (${condition})) / sumIf(w, has_label AND (${condition}))`;
  const accuracy = `${mean("class = label", "isNotNull(class)")} AS accuracy`;
  switch (task.kind) {
    case "binary": {
      const positive = `(ifNull(label, '') = ${sqlText(task.positive)})`;
      const clipped = `least(greatest(ifNull(score, 0.5), ${clip}), 1 - ${clip})`;
      return [
        accuracy,
        `${mean(`-log(if(${positive}, ${clipped}, 1 - ${clipped}))`, "isNotNull(score)")} AS log_loss`,
        `${mean(`ifNull(score, 0) - ${positive}`, "isNotNull(score)")} AS calibration`,
        `${mean(positive, "true")} AS positive_share`,
        `${mean("ifNull(score, 0)", "isNotNull(score)")} AS mean_score`,
      ].join(", ");
    }
    case "multiclass":
      return [
        accuracy,
        `${mean(`-log(least(greatest(ifNull(true_class_score, 0.5), ${clip}), 1))`, "isNotNull(true_class_score)")} AS log_loss`,
      ].join(", ");
    case "regression": {
      const error = "(ifNull(score, 0) - ifNull(label_number, 0))";
      const known = "isNotNull(score) AND isNotNull(label_number)";
      return [
        `${mean(`abs(${error})`, known)} AS mean_absolute_error`,
        `sqrt(${mean(`${error} * ${error}`, known)}) AS root_mean_squared_error`,
        `${mean(error, known)} AS bias`,
      ].join(", ");
    }
  }
}

/** Start of the newest window whose performance is stored; null if there is none. */
export async function lastPerformanceWindow(
  facts: Facts,
  key: { readonly environment: string; readonly model: string },
): Promise<number | null> {
  const [row] = await facts.query<{ row_count: number; start_ms: number }>(
    `SELECT count() AS row_count, toUnixTimestamp64Milli(max(window_start)) AS start_ms FROM evaluations
     WHERE environment = {environment:String} AND model = {model:String} AND signal = 'performance'`,
    { ...key },
  );
  return row === undefined || row.row_count === 0 ? null : row.start_ms;
}
