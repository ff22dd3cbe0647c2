import * as z from "zod";
import { findingStates, harms, signals } from "../../core/finding.ts";
import type { Finding } from "../../core/finding.ts";

const share = z.object({
  name: z.string(),
  reference: z.number(),
  current: z.number(),
  carried: z.number().exactOptional(),
});
const numbers = z.record(z.string(), z.number());

const findingRecord = z.object({
  findingId: z.string().min(1),
  incidentId: z.string().min(1),
  environment: z.string(),
  model: z.string(),
  series: z.object({
    role: z.enum(["feature", "score", "class"]),
    feature: z.string(),
    version: z.string(),
    slice: z.string(),
  }),
  signal: z.enum(signals),
  baselineId: z.string(),
  harm: z.enum(harms),
  state: z.enum(findingStates),
  revision: z.number(),
  openedWindowStartMs: z.number(),
  openedWindowEndMs: z.number(),
  windowEndMs: z.number(),
  closedWindowEndMs: z.number().nullable(),
  magnitude: z.number(),
  incidentMagnitude: z.number(),
  reopened: z.boolean(),
  provisional: z.boolean(),
  evidence: z.object({
    contrast: z.string(),
    horizon: z.enum(["short", "long", "fast"]),
    reference: z.number(),
    current: z.number(),
    effect: z.number(),
    effectLow: z.number(),
    pValue: z.number(),
    threshold: z.number(),
    rows: z.number(),
    referenceRows: z.number(),
    weekdays: z.string().exactOptional(),
    control: z.string().exactOptional(),
    minimumDetectableEffect: z.number(),
    methods: numbers,
    summary: numbers,
    contributors: z.array(share),
    slices: z.array(share),
    alike: z.array(z.string()).exactOptional(),
    mix: z.array(z.object({ attribute: z.string(), part: z.number() })).exactOptional(),
    labels: z
      .object({ rows: z.number(), labelled: z.number(), referenceCoverage: z.number(), dueMs: z.number() })
      .exactOptional(),
    predictions: z.object({
      verdict: z.enum(["moved", "did_not_move", "not_known"]),
      effect: z.number().nullable(),
      effectHigh: z.number().nullable(),
    }),
  }),
  evaluatedAtMs: z.number(),
  traceparent: z.string().exactOptional(),
});

/** Parses the JSON of one row of `finding_history`; a row that is not a finding is a value, so that it cannot stop the others. */
export function parseFindingRecord(
  json: string,
): { readonly kind: "finding"; readonly finding: Finding } | { readonly kind: "unreadable"; readonly detail: string } {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return { kind: "unreadable", detail: "not JSON" };
  }
  const parsed = findingRecord.safeParse(value);
  if (parsed.success) return { kind: "finding", finding: parsed.data };
  const issue = parsed.error.issues[0];
  return { kind: "unreadable", detail: `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not a finding"}` };
}
