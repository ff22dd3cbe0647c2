import type { AcceptedBaseline } from "../../core/accepted-baseline.ts";
import type { Facts } from "./client.ts";

/**
 * The newest accepted baseline of each model and environment, from the mirror of the alerting role's state: detectors run
 * in other processes and on other machines.
 */
export async function readAcceptedBaselines(facts: Facts): Promise<readonly AcceptedBaseline[]> {
  const rows = await facts.query<{ value: string }>(
    "SELECT value FROM state_history WHERE kind = 'accepted_baseline' ORDER BY recorded_at, key",
  );
  const latest = new Map<string, AcceptedBaseline>();
  for (const { value } of rows) {
    const accepted = JSON.parse(value) as AcceptedBaseline;
    latest.set(JSON.stringify([accepted.environment, accepted.model]), accepted);
  }
  return [...latest.values()];
}
