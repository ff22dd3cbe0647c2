import { z } from "zod";
import { harms, signals } from "../../core/finding.ts";

/** What the page needs of `GET /api/v1/incidents` and `GET /api/v1/incidents/:id`. */
export interface IncidentPort {
  readonly list: (filter: {
    readonly status: string | null;
    readonly model: string | null;
    readonly limit: number;
    readonly after: string | null;
  }) => readonly object[];
  readonly get: (incidentId: string) => object | null;
  /** What became of one that is no longer kept; null if there was none. */
  readonly forgotten: (incidentId: string) => string | null;
  /** RFC 3339: every incident that ended later is listed; null if all are. */
  readonly knownSince: () => string | null;
}

const time = z.string().transform((text) => Date.parse(text));
const share = z.object({
  name: z.string(),
  reference: z.number(),
  current: z.number(),
  carried: z.number().optional(),
});

const finding = z.object({
  id: z.string(),
  state: z.string(),
  harm: z.enum(harms),
  signal: z.enum(signals),
  role: z.enum(["feature", "score", "class"]),
  feature: z.string(),
  version: z.string(),
  slice: z.string(),
  name: z.string(),
  headline: z.string(),
  change: z.string().nullable(),
  size: z.string(),
  provisional: z.boolean(),
  opened: time,
  window_end: time,
  closed: time.nullable(),
  evidence: z.object({
    contrast: z.string(),
    horizon: z.string(),
    effect: z.number(),
    effectLow: z.number(),
    pValue: z.number(),
    threshold: z.number(),
    rows: z.number(),
    referenceRows: z.number(),
    control: z.string().optional(),
    minimumDetectableEffect: z.number(),
    methods: z.record(z.string(), z.number()),
    contributors: z.array(share),
    slices: z.array(share),
    alike: z.array(z.string()).default([]),
    mix: z.array(z.object({ attribute: z.string(), part: z.number() })).default([]),
  }),
});

const summary = z.object({
  id: z.string(),
  model: z.string(),
  environment: z.string(),
  status: z.string(),
  harm: z.enum(harms),
  severity: z.string(),
  title: z.string(),
  started: time,
  window_end: time,
  ended: time.nullable(),
  acknowledged: z.object({ by: z.string(), at: time, comment: z.string().nullable().default(null) }).nullable(),
  accepted: z
    .object({
      by: z.string(),
      at: time,
      comment: z.string().nullable(),
      baseline: z.object({ from: time, to: time }).nullable(),
    })
    .nullable()
    .default(null),
  findings: z.array(finding),
});

const detail = summary.extend({
  predictions: z.string(),
  next_steps: z.array(z.string()),
  silences: z
    .array(z.object({ id: z.string(), by: z.string(), until: time, comment: z.string().nullable() }))
    .default([]),
  feedback: z
    .array(z.object({ by: z.string(), verdict: z.string(), comment: z.string().nullable(), at: time }))
    .default([]),
  notifications: z.array(
    z.object({
      receiver: z.string(),
      reason: z.string(),
      severity: z.string(),
      status: z.string(),
      title: z.string(),
      text: z.string(),
      attempts: z.number(),
      last_error: z.string().nullable(),
      created: time,
      settled: time.nullable(),
    }),
  ),
  decisions: z.array(z.object({ kind: z.string(), reason: z.string(), findings: z.array(z.string()), at: time })),
});

export type IncidentSummary = z.infer<typeof summary>;
export type IncidentDetail = z.infer<typeof detail>;
export type IncidentFinding = z.infer<typeof finding>;

/** @throws ZodError if alerting shows incidents in another form than this page knows. */
export function listIncidents(
  port: IncidentPort,
  filter: { readonly status?: string; readonly model?: string; readonly limit: number },
): readonly IncidentSummary[] {
  const { status = null, model = null, limit } = filter;
  return port.list({ status, model, limit, after: null }).map((each) => summary.parse(each));
}

/** Null if there is no such incident. @throws ZodError like `listIncidents`. */
export function getIncident(port: IncidentPort, incidentId: string): IncidentDetail | null {
  const found = port.get(incidentId);
  return found === null ? null : detail.parse(found);
}

/** Open, or not heard of lately: in neither case over. */
export function isLasting({ status }: { readonly status: string }): boolean {
  return status === "open" || status === "stale";
}
