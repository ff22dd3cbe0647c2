import type { Facts } from "./client.ts";

/** What was noted of a request before its rows were written. */
export interface IngestRequest {
  readonly kind: "events" | "labels";
  /** sha256 over the idempotency key, in hex. */
  readonly request: string;
  /** sha256 of the inflated body, in hex. */
  readonly bodySha256: string;
  readonly messages: number;
  /** What the decoding depended on (`Decoding.hash`). */
  readonly decoding: string;
  /** What the decoding took for now. */
  readonly decodedAtMs: number;
}

/** The first note of a request; null if there is none, or if it has expired (7 days). */
export async function readIngestRequest(
  facts: Facts,
  kind: IngestRequest["kind"],
  request: string,
): Promise<IngestRequest | null> {
  const [row] = await facts.query<{
    body_sha256: string;
    messages: number;
    decoding: string;
    decoded_ms: number;
  }>(
    `SELECT body_sha256, messages, decoding, toUnixTimestamp64Milli(decoded_at) AS decoded_ms
    FROM ingest_requests
    WHERE request = {request:String} AND kind = {kind:String}
    ORDER BY decoded_at
    LIMIT 1`,
    { kind, request },
  );
  if (row === undefined) return null;
  return {
    kind,
    request,
    bodySha256: row.body_sha256,
    messages: Number(row.messages),
    decoding: row.decoding,
    decodedAtMs: Number(row.decoded_ms),
  };
}

export async function writeIngestRequest(facts: Facts, note: IngestRequest): Promise<void> {
  const row = {
    kind: note.kind,
    request: note.request,
    body_sha256: note.bodySha256,
    messages: note.messages,
    decoding: note.decoding,
    decoded_at: (note.decodedAtMs / 1000).toFixed(3),
  };
  await facts.insertRows("ingest_requests", [row], null);
}
