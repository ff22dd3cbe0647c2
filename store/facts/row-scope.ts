import type { Window } from "../../core/window.ts";

/** Rows of `events` of one environment and model, `fromMs` ≤ event_time < `toMs`. */
export interface RowScope {
  readonly environment: string;
  readonly model: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Rows of this model version alone; of every version if it is absent. */
  readonly version?: string;
}

/** Needs the parameters of `scopeParams`. */
export const scopeCondition =
  "environment = {scopeEnvironment:String} AND model = {scopeModel:String}" +
  " AND event_time >= fromUnixTimestamp64Milli({scopeFrom:Int64}, 'UTC')" +
  " AND event_time < fromUnixTimestamp64Milli({scopeTo:Int64}, 'UTC')" +
  " AND ({scopeVersion:String} = '' OR version = {scopeVersion:String})";

export function scopeParams(scope: RowScope): Record<string, unknown> {
  return {
    scopeEnvironment: scope.environment,
    scopeModel: scope.model,
    scopeFrom: scope.fromMs,
    scopeTo: scope.toMs,
    scopeVersion: scope.version ?? "",
  };
}

/** SQL for the start (ms) of the window that a row of `events` lies in; rows must lie in one of the ascending windows. */
export function windowStartExpression(windows: readonly Window[]): string {
  if (windows.length === 1) return `toInt64(${windows[0]?.startMs ?? 0})`;
  const starts = windows.map((window) => window.startMs).join(", ");
  // roundDown is a binary search for the largest start that is not after the row's time.
  return `toInt64(roundDown(toUnixTimestamp64Milli(event_time), [${starts}]))`;
}

/** SQL text literal. */
export function sqlText(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/** DateTime64 as ClickHouse's JSON input reads it: seconds with three decimals. */
export function dateTimeText(ms: number): string {
  return (ms / 1000).toFixed(3);
}

/** `2026-03-14`, within the range of ClickHouse's Date. */
export function dateText(ms: number): string {
  return new Date(Math.min(ms, Date.UTC(2149, 5, 1))).toISOString().slice(0, 10);
}

/** Rows that must not expire while something refers to them. */
export const neverExpires = "2149-06-01";
