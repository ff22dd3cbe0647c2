import type { FeatureSchema } from "../../core/feature-schema.ts";
import { LeewayError } from "../../core/errors.ts";
import { labelledModelView, modelView } from "../../core/model.ts";
import type { Facts } from "./client.ts";
import { labelledViewRows, sqlIdentifier, viewRows } from "./model-views.ts";
import type { ViewedModel } from "./model-views.ts";
import { dateTimeText, scopeCondition, scopeParams } from "./row-scope.ts";
import type { RowScope } from "./row-scope.ts";

/** What a person's statement gave for one window. */
export type MonitorValue =
  | { readonly kind: "value"; readonly value: number }
  /** No row, NULL, NaN or infinite. */
  | { readonly kind: "none" }
  /** It cannot be run, or gives something else than one number. */
  | { readonly kind: "failed"; readonly why: string };

/** The same limits that the embedded engine's reader has: it refuses any others. */
const limits = { max_memory_usage: "1000000000", max_execution_time: "60", max_result_bytes: "256000000" } as const;

/**
 * Runs a monitor's statement on the rows of one window. In it `v_<model>` and `v_<model>_labelled` hold that window's rows
 * alone, those of a baseline's file too; `{from:DateTime64(3)}`, `{to:DateTime64(3)}` and `{environment:String}` are its
 * bounds. It stands as a subquery, so it can be nothing but a SELECT.
 *
 * @param reader Facts with a reader's rights where there are such.
 * @throws LeewayError `store_unreachable`; what the statement itself does wrong comes back as `failed`.
 */
export async function monitorValue(
  reader: Facts,
  scope: RowScope,
  of: { readonly model: ViewedModel; readonly schemas: readonly FeatureSchema[]; readonly sql: string },
): Promise<MonitorValue> {
  const { model } = of;
  const sql = of.sql.trim().replace(/;\s*$/, "");
  const view = sqlIdentifier(modelView(model.name));
  const views = [`${view} AS (${viewRows(model, of.schemas)} AND ${scopeCondition})`];
  // Joining labels costs a look at all of them: only who asks for them pays.
  if (sql.includes("_labelled")) {
    views.push(`${sqlIdentifier(labelledModelView(model.name))} AS (${labelledViewRows(model)})`);
  }
  let rows: Record<string, unknown>[];
  try {
    // The statement may end with a comment.
    rows = await reader.query(
      `WITH ${views.join(", ")} SELECT * FROM (\n${sql}\n) LIMIT 2`,
      {
        ...scopeParams(scope),
        environment: scope.environment,
        from: dateTimeText(scope.fromMs),
        to: dateTimeText(scope.toMs),
      },
      { settings: limits },
    );
  } catch (error) {
    if (!(error instanceof LeewayError) || !["store_rejected", "store_busy"].includes(error.code)) throw error;
    return { kind: "failed", why: reasonOf(error) };
  }
  const [row, another] = rows;
  if (another !== undefined) return { kind: "failed", why: "it gives several rows, and one value is wanted" };
  if (row === undefined) return { kind: "none" };
  const values = Object.values(row);
  if (values.length !== 1) {
    const names = Object.keys(row).join(", ");
    return { kind: "failed", why: `it gives ${values.length} columns (${names}), and one value is wanted` };
  }
  const [value] = values;
  if (value === null) return { kind: "none" };
  if (typeof value === "boolean") return { kind: "value", value: Number(value) };
  if (typeof value !== "number") return { kind: "failed", why: "it gives a text or a list, and a number is wanted" };
  return Number.isFinite(value) ? { kind: "value", value } : { kind: "none" };
}

/** What ClickHouse said of the statement, without what we put around it. */
function reasonOf(error: LeewayError): string {
  return error.message
    .replace(/^ClickHouse at \S+ (refused|pushed back) /, "ClickHouse refused it ")
    .replace(/ Expected one of: .*?(?=: In scope|: While|\. \(|$)/, "")
    .replace(/: (In scope|While executing|While processing) .*(?= \([A-Z_]+\))/, "")
    .replace(/: In scope .*$/, "")
    .replace(/[.\s]+$/, "")
    .slice(0, 300);
}
