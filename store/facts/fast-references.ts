import type { Facts } from "./client.ts";
import { dateTimeText } from "./row-scope.ts";

interface Key {
  readonly environment: string;
  readonly model: string;
  readonly baselineId: string;
  /** sha256 in hexadecimal of what was counted, and how. */
  readonly digest: string;
}

/** What was learnt of a baseline's rows, as JSON; null: it is not stored. */
export async function readFastReference(facts: Facts, key: Key): Promise<string | null> {
  const [row] = await facts.query<{ learnt: string }>(
    `SELECT learnt FROM fast_references
     WHERE environment = {environment:String} AND model = {model:String} AND baseline_id = {baselineId:String}
       AND digest = {digest:String}
     ORDER BY learnt_at DESC LIMIT 1`,
    { ...key },
  );
  return row?.learnt ?? null;
}

export async function insertFastReference(facts: Facts, key: Key, learnt: string, learntAtMs: number): Promise<void> {
  const { environment, model, baselineId, digest } = key;
  await facts.insertRows(
    "fast_references",
    [{ environment, model, baseline_id: baselineId, digest, learnt, learnt_at: dateTimeText(learntAtMs) }],
    `fast-reference/${environment}/${model}/${baselineId}/${digest}/${learntAtMs}`,
  );
}
