import * as z from "zod";
import { findingStates, harms, severities, signals } from "../../core/finding.ts";
import { incidentStatuses } from "../incidents/incident.ts";
import { notificationReasons } from "../incidents/reconcile.ts";
import type { NotificationReason } from "../incidents/reconcile.ts";
import type { IncidentMessage } from "../message.ts";

/**
 * The body that webhooks receive: a contract of its own, so that the inside may change without it. Fields are only added
 * within version 1; receivers ignore what they do not know. Times are RFC 3339, shares 0…1.
 */
const share = z.object({
  name: z.string().describe("A category, a bin such as `350 to 412`, or a slice such as `origin_state=NY`"),
  reference: z.number(),
  current: z.number(),
  carried: z.number().exactOptional().describe("Slices: share of the whole change's rows that this one carries, -1…1"),
});
const labels = z
  .record(z.string(), z.string())
  .describe("alertname, model, environment, team, signal, feature, slice; empty ones are left out");
const reasons = Object.keys(notificationReasons) as [NotificationReason, ...NotificationReason[]];

export const webhookBodySchema = z
  .object({
    version: z.literal(1),
    idempotency_key: z.string().describe("The same in every attempt to deliver this notification"),
    reason: z.enum(reasons),
    drill: z.literal(true).exactOptional().describe("Sent by `leeway receivers test`: nothing is wrong"),
    incident: z.object({
      id: z.string(),
      status: z.enum(incidentStatuses),
      severity: z.enum(severities),
      severity_before: z.enum(severities).nullable(),
      harm: z.enum(harms),
      model: z.string(),
      environment: z.string(),
      labels,
      fingerprint: z.string().describe("Over the labels: the same condition at another time has the same"),
      link: z.string(),
    }),
    title: z.string(),
    since: z.object({ window_start: z.iso.datetime(), window_end: z.iso.datetime(), text: z.string() }),
    predictions: z.object({ verdict: z.enum(["moved", "did not move", "not known"]), text: z.string() }),
    findings: z.array(
      z.object({
        id: z.string(),
        role: z.enum(["new", "worsened", "withdrawn", "present"]).describe("Why this notification names it"),
        state: z.enum(findingStates),
        harm: z.enum(harms),
        signal: z.enum(signals),
        labels,
        fingerprint: z.string(),
        name: z.string(),
        headline: z.string(),
        change: z.string().nullable(),
        size: z.string(),
        rows: z.string(),
        magnitude: z.number(),
        effect: z.number(),
        effect_low: z.number().describe("Lower 90 % bound of the effect"),
        reference: z.number(),
        current: z.number(),
        provisional: z.boolean(),
        contributors: z.array(share),
        slices: z.array(share),
      }),
    ),
    next_steps: z.array(z.string()),
    query: z.string().describe("A shell line that shows the rows"),
  })
  .meta({ title: "Leeway notification, version 1" });

export type WebhookBody = z.input<typeof webhookBodySchema>;

export function webhookBody(message: IncidentMessage): WebhookBody {
  return {
    version: 1,
    idempotency_key: message.idempotencyKey,
    reason: message.reason,
    ...(message.drill === true && { drill: true }),
    incident: {
      id: message.incidentId,
      status: message.status,
      severity: message.severity,
      severity_before: message.severityBefore,
      harm: message.harm,
      model: message.model,
      environment: message.environment,
      labels: { ...message.labels },
      fingerprint: message.fingerprint,
      link: message.link,
    },
    title: message.title,
    since: {
      window_start: new Date(message.since.windowStartMs).toISOString(),
      window_end: new Date(message.since.windowEndMs).toISOString(),
      text: message.since.text,
    },
    predictions: { ...message.predictions },
    findings: message.findings.map((finding) => ({
      id: finding.findingId,
      role: finding.role,
      state: finding.state,
      harm: finding.harm,
      signal: finding.signal,
      labels: { ...finding.labels },
      fingerprint: finding.fingerprint,
      name: finding.name,
      headline: finding.headline,
      change: finding.change,
      size: finding.size,
      rows: finding.rows,
      magnitude: finding.magnitude,
      effect: finding.effect,
      effect_low: finding.effectLow,
      reference: finding.reference,
      current: finding.current,
      provisional: finding.provisional,
      contributors: finding.contributors.map((each) => ({ ...each })),
      slices: finding.slices.map((each) => ({ ...each })),
    })),
    next_steps: [...message.nextSteps],
    query: message.query,
  };
}

/** The published JSON Schema, as committed in `webhook.schema.json`. */
export function webhookJsonSchema(): object {
  // Receivers ignore fields they do not know, so the schema leaves room for them.
  return z.toJSONSchema(webhookBodySchema, { io: "input" });
}
