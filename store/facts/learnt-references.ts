import type { Facts } from "./client.ts";
import { readBlocks } from "./native/reader.ts";
import { dateTimeText } from "./row-scope.ts";

interface Key {
  readonly environment: string;
  readonly model: string;
  readonly baselineId: string;
  /** sha256 in hexadecimal of what was learnt from, and how. */
  readonly digest: string;
}

/** What deciding needs of a baseline's windows, as JSON; null: it is not stored. */
export async function readLearntReference(facts: Facts, key: Key): Promise<string | null> {
  // Megabytes of text: within JSON they would be escaped, and read twice.
  const bytes = await facts.queryNative(
    `SELECT learnt FROM learnt_references
     WHERE environment = {environment:String} AND model = {model:String} AND baseline_id = {baselineId:String}
       AND digest = {digest:String}
     ORDER BY learnt_at DESC LIMIT 1`,
    { ...key },
  );
  for (const { columns } of readBlocks(bytes)) {
    const learnt = columns.get("learnt");
    if (learnt?.kind === "texts") return learnt.texts[0] ?? null;
  }
  return null;
}

export async function insertLearntReference(facts: Facts, key: Key, learnt: string, learntAtMs: number): Promise<void> {
  const { environment, model, baselineId, digest } = key;
  await facts.insertRows(
    "learnt_references",
    [{ environment, model, baseline_id: baselineId, digest, learnt, learnt_at: dateTimeText(learntAtMs) }],
    `learnt-reference/${environment}/${model}/${baselineId}/${digest}/${learntAtMs}`,
  );
}
