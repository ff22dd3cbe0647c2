import type { Series } from "../../core/baseline.ts";
import type { FeatureType } from "../../core/feature-schema.ts";
import type { Signal } from "../../core/finding.ts";
import { labelledModelView, modelView } from "../../core/model.ts";
import { hourMs, minuteMs } from "../../core/window.ts";
import { sqlIdentifier, viewColumn } from "./model-views.ts";

/** What a person should look at: one series of a model, in an interval of event time. */
export interface RowsQuestion {
  readonly environment: string;
  readonly model: string;
  readonly series: Series;
  readonly signal: Signal;
  readonly type: FeatureType;
  /** The window in which it changed. */
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  /** The version that it differs from in the same windows, if that is what was found. */
  readonly control?: string | undefined;
}

/**
 * The SELECT over `v_<model>` that shows the rows behind a finding. It holds no single quote (texts are dollar-quoted),
 * so it can be pasted between single quotes into a shell.
 */
export function rowsQuery(question: RowsQuestion): string {
  const { environment, model, series, signal, windowStartMs, windowEndMs } = question;
  const lengthMs = windowEndMs - windowStartMs;
  const column = seriesColumn(series);
  const view = sqlIdentifier(modelView(model));
  const labelled = sqlIdentifier(labelledModelView(model));
  const ofVersions = (fromMs: number, versions: readonly string[], ...more: readonly string[]) =>
    [
      `WHERE environment = ${dollarQuoted(environment)}`,
      `event_time >= ${timeText(fromMs)}`,
      `event_time < ${timeText(windowEndMs)}`,
      ...versions,
      ...sliceConditions(series.slice),
      ...more,
    ].join(" AND ");
  const own = series.version === "" ? [] : [`version = ${dollarQuoted(series.version)}`];
  const where = (fromMs: number, ...more: readonly string[]) => ofVersions(fromMs, own, ...more);
  // The window before it stands beside it, in a dozen steps each: the jump shows.
  const step = `toStartOfInterval(event_time, ${stepText(lengthMs / 12)})`;
  const before = windowStartMs - lengthMs;

  switch (signal) {
    case "missing":
      return `SELECT event_time, event_id, version, cohorts FROM ${view} ${where(windowStartMs, `${column} IS NULL`)} ORDER BY event_time LIMIT 20`;
    case "unseen":
      return `SELECT ${column} AS value, count() AS rows, min(event_time) AS first FROM ${view} ${where(before)} GROUP BY value ORDER BY first DESC, rows DESC LIMIT 20`;
    case "type_mismatch":
    case "out_of_range":
      return `SELECT event_time, event_id, version, ${column} AS value, cohorts FROM ${view} ${where(windowStartMs)} ORDER BY event_time DESC LIMIT 20`;
    case "constant":
      return `SELECT ${step} AS time, count() AS rows, uniq(${column}) AS distinct, any(${column}) AS example FROM ${view} ${where(before)} GROUP BY time ORDER BY time`;
    case "error":
      return `SELECT event_time, event_id, version, cohorts FROM ${view} ${where(windowStartMs, "prediction_class IS NULL AND prediction_num IS NULL")} ORDER BY event_time DESC LIMIT 20`;
    case "latency":
      return `SELECT ${step} AS time, count() AS rows, quantiles(0.5, 0.9, 0.99)(latency_ms) AS latency_ms FROM ${view} ${where(before)} GROUP BY time ORDER BY time`;
    case "custom":
    case "joint":
      // The statement of a monitor is its model's file's; these are the rows it ran on.
      return `SELECT * FROM ${view} ${where(windowStartMs)} ORDER BY event_time LIMIT 20`;
    case "performance":
      return series.role === "class"
        ? `SELECT prediction_class AS predicted, label_class AS label, count() AS rows FROM ${labelled} ${where(windowStartMs, "isNotNull(label_time)")} GROUP BY predicted, label ORDER BY rows DESC LIMIT 20`
        : `SELECT event_time, event_id, version, score, label_class, label_num, cohorts FROM ${labelled} ${where(windowStartMs, "isNotNull(label_time)")} ORDER BY event_time LIMIT 20`;
    case "volume":
    case "silence":
      return `SELECT ${step} AS time, count() AS rows, max(ingest_time) AS ingested FROM ${view} ${where(before)} GROUP BY time ORDER BY time`;
    case "distribution":
      if (question.control !== undefined) {
        const both = [question.control, series.version].map(dollarQuoted).join(", ");
        const rows = ofVersions(windowStartMs, [`version IN (${both})`]);
        return question.type === "numeric"
          ? `SELECT version, count() AS rows, avg(${column}) AS mean, quantiles(0.1, 0.5, 0.9)(${column}) AS deciles FROM ${view} ${rows} GROUP BY version ORDER BY version`
          : `SELECT version, ${column} AS value, count() AS rows, count() / sum(count()) OVER (PARTITION BY version) AS share FROM ${view} ${rows} GROUP BY version, value ORDER BY value, version LIMIT 20`;
      }
      return question.type === "numeric"
        ? `SELECT ${step} AS time, count() AS rows, avg(${column}) AS mean, quantiles(0.1, 0.5, 0.9)(${column}) AS deciles FROM ${view} ${where(before)} GROUP BY time ORDER BY time`
        : `SELECT ${column} AS value, countIf(event_time < ${timeText(windowStartMs)}) AS before, countIf(event_time >= ${timeText(windowStartMs)}) AS after FROM ${view} ${where(before)} GROUP BY value ORDER BY abs(toInt64(after) - toInt64(before)) DESC LIMIT 20`;
  }
}

function seriesColumn(series: Series): string {
  switch (series.role) {
    case "feature":
      return sqlIdentifier(viewColumn(series.feature));
    case "score":
      return "score";
    case "class":
      return "prediction_class";
  }
}

function stepText(ms: number): string {
  const minutes = Math.max(1, Math.round(ms / minuteMs));
  return minutes % 60 === 0 ? `INTERVAL ${(minutes * minuteMs) / hourMs} HOUR` : `INTERVAL ${minutes} MINUTE`;
}

function timeText(ms: number): string {
  return dollarQuoted(new Date(ms).toISOString().slice(0, 19).replace("T", " "));
}

/** `$$text$$`: what stands between is literal. Single quotes are left to the shell's own quoting. */
function dollarQuoted(text: string): string {
  let tag = "$$";
  for (let attempt = 0; text.includes("$"); attempt += 1) {
    tag = `$t${attempt}$`;
    if (!text.includes(tag)) break;
  }
  return `${tag}${text}${tag}`;
}

/** Conditions for a slice as `formatSlice` wrote it. */
function sliceConditions(slice: string): readonly string[] {
  if (slice === "") return [];
  return slice.split(/(?<!\\),/).map((part) => {
    const [attribute = "", value = ""] = part.split(/(?<!\\)=/).map((text) => text.replaceAll(/\\([\\,=])/g, "$1"));
    return `cohorts[${dollarQuoted(attribute)}] = ${dollarQuoted(value)}`;
  });
}
