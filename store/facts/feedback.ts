import type { Facts } from "./client.ts";

/** What people said of the incidents of one monitor; the last word of each person for each incident. */
export interface MonitorFeedback {
  readonly model: string;
  readonly feature: string;
  readonly signal: string;
  readonly noise: number;
  readonly useful: number;
}

/** Feedback given since a time (wall clock), from the mirror of the alerting role's state; the noisiest first. */
export async function feedbackByMonitor(facts: Facts, sinceMs: number): Promise<readonly MonitorFeedback[]> {
  return facts.query(
    `SELECT JSONExtractString(last, 'model') AS model, JSONExtractString(monitor, 'feature') AS feature,
       JSONExtractString(monitor, 'signal') AS signal, countIf(JSONExtractString(last, 'verdict') = 'noise') AS noise,
       countIf(JSONExtractString(last, 'verdict') = 'useful') AS useful
     FROM (
       SELECT argMax(value, sequence) AS last FROM state_history WHERE kind = 'feedback' GROUP BY key
       HAVING max(recorded_at) >= fromUnixTimestamp64Milli({sinceMs:Int64}, 'UTC')
     )
     ARRAY JOIN JSONExtractArrayRaw(last, 'monitors') AS monitor
     GROUP BY model, feature, signal ORDER BY noise DESC, model, feature, signal`,
    { sinceMs },
  );
}
