import type { Facts } from "./client.ts";

const timeColumn = { events: "event_time", labels: "label_time" } as const;

/**
 * Which offsets of a range of a Kafka partition have a row, and the month (`202611`) that each lies in. It reads the
 * columns topic, partition and offset of the whole table: only a recovery that cannot rely on tokens asks.
 */
export async function storedOffsets(
  facts: Facts,
  range: {
    readonly table: "events" | "labels";
    readonly topic: string;
    readonly partition: number;
    readonly lo: number;
    readonly hi: number;
  },
): Promise<ReadonlyMap<number, string>> {
  const { table, topic, partition, lo, hi } = range;
  const rows = await facts.query<{ offset: number; month: string }>(
    `SELECT DISTINCT offset, toString(toYYYYMM(${timeColumn[table]})) AS month
    FROM ${table}
    WHERE topic = {topic:String} AND partition = {partition:UInt32} AND offset BETWEEN {lo:Int64} AND {hi:Int64}`,
    { topic, partition, lo, hi },
  );
  return new Map(rows.map((row) => [Number(row.offset), row.month]));
}
