import type { Facts } from "./client.ts";

/** One row of `finding_history`, unparsed. */
export interface FindingRow {
  readonly findingId: string;
  readonly incidentId: string;
  readonly ingestMs: number;
  /** The row's identity: reading it again changes nothing. */
  readonly key: string;
  /** JSON of a core `Finding`. */
  readonly finding: string;
}

/**
 * Rows ingested after `afterMs` in the order of their ingestion, at least `limit` of them if there are: rows of one
 * ingest time are never parted, so the next page begins after the last row's.
 */
export async function pollFindings(
  facts: Facts,
  range: { readonly afterMs: number; readonly limit: number },
): Promise<readonly FindingRow[]> {
  const rows = await facts.query<
    Omit<FindingRow, "key"> & { evaluatedMs: number; windowEndMs: number; revision: number }
  >(
    `SELECT finding_id AS findingId, incident_id AS incidentId, toUnixTimestamp64Milli(ingest_time) AS ingestMs,
       toUnixTimestamp64Milli(evaluated_at) AS evaluatedMs, toUnixTimestamp64Milli(window_end) AS windowEndMs,
       revision, finding
     FROM finding_history
     WHERE ingest_time > fromUnixTimestamp64Milli({afterMs:Int64}, 'UTC')
     ORDER BY ingest_time LIMIT {limit:UInt32} WITH TIES`,
    { ...range },
  );
  return rows.map(({ findingId, incidentId, ingestMs, evaluatedMs, windowEndMs, revision, finding }) => ({
    findingId,
    incidentId,
    ingestMs,
    key: `${findingId}/${windowEndMs}/${revision}/${evaluatedMs}`,
    finding,
  }));
}
