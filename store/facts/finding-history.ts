import { createHash } from "node:crypto";
import type { Finding } from "../../core/finding.ts";
import type { Window } from "../../core/window.ts";
import type { Facts } from "./client.ts";
import { dateTimeText } from "./row-scope.ts";

/**
 * Writes the present state of findings. The token follows their content, evaluation times and traces aside: a repeated
 * evaluation with the same outcome is stored once, one with another outcome is stored as well and is the newer one.
 */
export async function insertFindings(facts: Facts, findings: readonly Finding[], ingestTimeMs: number): Promise<void> {
  if (findings.length === 0) return;
  const content = JSON.stringify(findings.map(({ traceparent: _, ...finding }) => ({ ...finding, evaluatedAtMs: 0 })));
  const token = `findings/${createHash("sha256").update(content).digest("hex").slice(0, 32)}`;
  const rows = findings.map((finding) => ({
    environment: finding.environment,
    model: finding.model,
    finding_id: finding.findingId,
    incident_id: finding.incidentId,
    window_end: dateTimeText(finding.windowEndMs),
    revision: finding.revision,
    state: finding.state,
    finding: JSON.stringify(finding),
    evaluated_at: dateTimeText(finding.evaluatedAtMs),
    ingest_time: dateTimeText(ingestTimeMs),
  }));
  await facts.insertRows("finding_history", rows, token);
}

/** The newest record of each finding that speaks of a window ending after `endAfterMs`. */
export async function readLatestFindings(
  facts: Facts,
  key: { readonly environment: string; readonly model: string; readonly endAfterMs: number },
): Promise<Finding[]> {
  const rows = await facts.query<{ finding: string }>(
    `SELECT finding FROM finding_history
     WHERE environment = {environment:String} AND model = {model:String}
       AND window_end > fromUnixTimestamp64Milli({endAfterMs:Int64}, 'UTC')
     ORDER BY finding_id, window_end DESC, revision DESC, ingest_time DESC LIMIT 1 BY finding_id`,
    { ...key },
  );
  return rows.map((row) => JSON.parse(row.finding) as Finding);
}

/**
 * The newest record of each finding that the fast cadence wrote of a stretch that ended within the window, oldest stretch
 * first: what it held open while the window lasted.
 */
export async function readFastFindings(
  facts: Facts,
  key: { readonly environment: string; readonly model: string; readonly window: Window },
): Promise<Finding[]> {
  const { environment, model, window } = key;
  const rows = await facts.query<{ finding: string }>(
    `SELECT finding FROM (
       SELECT finding, finding_id, window_end FROM finding_history
       WHERE environment = {environment:String} AND model = {model:String}
         AND window_end > fromUnixTimestamp64Milli({startMs:Int64}, 'UTC')
         AND window_end <= fromUnixTimestamp64Milli({endMs:Int64}, 'UTC')
         AND JSONExtractString(finding, 'evidence', 'horizon') = 'fast'
       ORDER BY finding_id, window_end DESC, ingest_time DESC LIMIT 1 BY finding_id
     ) ORDER BY window_end, finding_id`,
    { environment, model, ...window },
  );
  return rows.map((row) => JSON.parse(row.finding) as Finding);
}
