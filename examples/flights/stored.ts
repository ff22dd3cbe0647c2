import type { ProducerReport } from "./producer-report.ts";
import type { Warehouse } from "./warehouse.ts";
import { modelName } from "./wire.ts";

/** What the tables hold of one topic's messages. */
export interface StoredMessages {
  readonly rows: number;
  readonly ids: number;
  /** Sum of the flights' sequences: with count and distinct ids equal, it says that they are the ids that were sent. */
  readonly sequences: number;
  readonly offsets: number;
}

/** The baseline's rows stand in the same table, in an environment of their own. */
const sent = `environment = 'production' AND model = '${modelName}'`;

/** Rows stored so far; cheap enough to ask every second. */
export async function countStored(warehouse: Warehouse): Promise<{ readonly events: number; readonly labels: number }> {
  const [counts] = await warehouse.query<{ events: number; labels: number }>(
    `SELECT (SELECT count() FROM events WHERE ${sent}) AS events, (SELECT count() FROM labels WHERE ${sent}) AS labels`,
  );
  return counts ?? { events: 0, labels: 0 };
}

export async function storedMessages(warehouse: Warehouse, kind: "events" | "labels"): Promise<StoredMessages> {
  const [stored] = await warehouse.query<StoredMessages>(
    `SELECT count() AS rows, uniqExact(event_id) AS ids, sum(toUInt64(substring(event_id, 8))) AS sequences,
       uniqExact(partition, offset) AS offsets
     FROM ${kind} WHERE ${sent}`,
  );
  return stored ?? { rows: 0, ids: 0, sequences: 0, offsets: 0 };
}

/** What is wrong with the stored messages of a topic, a sentence each; none if each sent one is stored exactly once. */
export function storedOnce(
  kind: "events" | "labels",
  stored: StoredMessages,
  produced: Pick<ProducerReport, "events" | "labels" | "eventSequences" | "labelSequences">,
): readonly string[] {
  const count = produced[kind];
  const sequences = kind === "events" ? produced.eventSequences : produced.labelSequences;
  const faults: string[] = [];
  if (stored.rows !== count) faults.push(`${count} ${kind} were sent, ${stored.rows} rows are stored`);
  if (stored.ids !== count) faults.push(`${count} ${kind} were sent, ${stored.ids} different ids are stored`);
  if (stored.offsets !== stored.rows) faults.push(`${stored.rows - stored.offsets} ${kind} are stored twice`);
  if (stored.sequences !== sequences) faults.push(`the ids of the stored ${kind} are not those that were sent`);
  return faults;
}
