import { baselineEnvironmentPrefix } from "../../core/inference-event.ts";
import type { FeatureSchema } from "../../core/feature-schema.ts";
import { labelledModelView, modelView } from "../../core/model.ts";
import type { FeatureSpec, Task } from "../../core/model.ts";
import type { Facts } from "./client.ts";
import { labelsByEntity } from "./labels-by-entity.ts";
import { sqlText } from "./row-scope.ts";
import { featureExpressions, resultExpressions } from "./series-expressions.ts";

const contractColumns = [
  "event_id",
  "environment",
  "version",
  "arm",
  "event_time",
  "prediction_class",
  "prediction_num",
  "scores",
  "entity_key",
  "trace_id",
  "latency_ms",
  "weight",
  "cohorts",
  "attributions",
  "extra",
  "topic",
  "partition",
  "offset",
  "ingest_time",
] as const;

const taken = new Set<string>([
  ...contractColumns,
  "model",
  "schema_id",
  "num",
  "cat",
  "expires_on",
  "score",
  "label_class",
  "label_num",
  "label_time",
]);

/** A name as a quoted SQL identifier. */
export function sqlIdentifier(name: string): string {
  return `\`${name.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``;
}

/** A feature's column in the view: its own name, or `feature_…` where the contract has that name already or it has none. */
export function viewColumn(feature: string): string {
  return feature === "" || taken.has(feature) ? `feature_${feature}` : feature;
}

export interface ViewedModel {
  readonly name: string;
  readonly task: Task;
  readonly features: readonly FeatureSpec[];
}

/**
 * (Re)makes what analysts read: `v_<model>` with one column per feature under its real name and type (the reference rows of
 * baselines left out), and
 * `v_<model>_labelled` with the winning label beside each event: the latest `label_time`, then the highest offset. A
 * label with an entity key goes to that entity's latest event at or before it, within the task's label window.
 *
 * @param schemas Every schema under which the model's rows may be stored.
 */
export async function createModelViews(
  facts: Facts,
  model: ViewedModel,
  schemas: readonly FeatureSchema[],
): Promise<void> {
  const view = sqlIdentifier(modelView(model.name));
  await facts.command(
    `CREATE OR REPLACE VIEW ${view} AS ${viewRows(model, schemas)} AND NOT startsWith(environment, ${sqlText(baselineEnvironmentPrefix)})`,
  );
  const labelled = sqlIdentifier(labelledModelView(model.name));
  await facts.command(`CREATE OR REPLACE VIEW ${labelled} AS ${labelledViewRows(model)}`);
}

/** The SELECT behind `v_<model>`, reference rows of baselines included; it ends with its WHERE, so that `AND …` may follow. */
export function viewRows(model: ViewedModel, schemas: readonly FeatureSchema[]): string {
  const score = resultExpressions(model.task).find((expression) => expression.role === "score");
  const columns = [
    ...contractColumns,
    ...(score === undefined ? [] : [`${score.sql} AS score`]),
    ...featureExpressions(model.features, schemas).map(
      (expression) => `${expression.sql} AS ${sqlIdentifier(viewColumn(expression.feature))}`,
    ),
  ];
  return `SELECT ${columns.join(", ")} FROM events WHERE model = ${sqlText(model.name)}`;
}

/** The SELECT behind `v_<model>_labelled`, over what `v_<model>` is where it stands. */
export function labelledViewRows(model: ViewedModel): string {
  const name = sqlText(model.name);
  const view = sqlIdentifier(modelView(model.name));
  const labelWindowMs = model.task.kind === "unknown" ? 0 : model.task.labelWindowMs;
  // Nullable values inside a tuple: argMax itself would skip them.
  return `SELECT events.*, labels.winner.1 AS label_class, labels.winner.2 AS label_num, labels.winner.3 AS label_time
    FROM ${view} AS events
    LEFT JOIN (
      SELECT environment, event_id,
        argMax(tuple(CAST(label_class, 'Nullable(String)'), label_num, CAST(label_time, 'Nullable(DateTime64(3, \\'UTC\\'))')),
          tuple(label_time, offset)) AS winner
      FROM (
        SELECT environment, event_id, label_class, label_num, label_time, offset
        FROM labels WHERE model = ${name} AND name = '' AND event_id != ''
        UNION ALL
        ${labelsByEntity("label_class, label_num", `model = ${name} AND name = ''`, {
          keys: ["environment"],
          events: `model = ${name}`,
          labelWindow: String(labelWindowMs),
          given: null,
        })}
      )
      GROUP BY environment, event_id
    ) AS labels ON events.environment = labels.environment AND events.event_id = labels.event_id`;
}
