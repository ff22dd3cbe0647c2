import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { Facts } from "./client.ts";
import { insertSettings } from "./client.ts";
import { readSettings } from "./file-comparison-source.ts";
import { readStatement, type ReaderAddress } from "./reader.ts";
import { neverExpires, sqlText } from "./row-scope.ts";
import type { RowScope } from "./row-scope.ts";

/** Event times that are wanted, `fromMs` ≤ t < `toMs`. */
export type TimeRange = Pick<RowScope, "fromMs" | "toMs">;

/**
 * Copies a model's events of some times, all labels since the first of them, and its feature schemas, from a store that is
 * only read into one that is the caller's. They never expire there.
 *
 * @param path Where the rows may lie on their way.
 * @throws LeewayError `store_unreachable`, `store_busy`, `usage` as `readStatement`.
 */
export async function copyModelRows(
  from: ReaderAddress,
  into: Facts,
  what: {
    readonly environment: string;
    readonly model: string;
    readonly ranges: readonly TimeRange[];
    readonly path: string;
  },
): Promise<void> {
  const time = (ms: number) => `fromUnixTimestamp64Milli(toInt64(${ms}), 'UTC')`;
  const model = `model = ${sqlText(what.model)}`;
  const own = `environment = ${sqlText(what.environment)} AND ${model}`;
  const within = what.ranges.map(
    ({ fromMs, toMs }) => `(event_time >= ${time(fromMs)} AND event_time < ${time(toMs)})`,
  );
  const firstMs = Math.min(...what.ranges.map(({ fromMs }) => fromMs));
  await copy(from, into, "events", `${own} AND (${within.join(" OR ")})`, what.path);
  await copy(from, into, "labels", `${own} AND label_time >= ${time(firstMs)}`, what.path);
  await copy(from, into, "feature_schemas", model, what.path);
}

async function copy(
  from: ReaderAddress,
  into: Facts,
  table: string,
  condition: string,
  directory: string,
): Promise<void> {
  const columns = await into.query<{ name: string }>(
    "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String} ORDER BY position",
    { table },
  );
  const names = columns.map(({ name }) => name).join(", ");
  const path = `${directory}/${table}.native`;
  const rows = await readStatement(from, `SELECT ${names} FROM ${table} WHERE ${condition}`, "Native");
  await pipeline(rows, createWriteStream(path));
  const wanted = columns.map(({ name }) => (name === "expires_on" ? `toDate('${neverExpires}')` : name)).join(", ");
  await into.command(
    `INSERT INTO ${table} (${names}) SELECT ${wanted} FROM file(${sqlText(path)}, Native)`,
    {},
    { ...readSettings, ...insertSettings(null), max_partitions_per_insert_block: 0 },
  );
}
