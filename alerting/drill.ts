import { createHash } from "node:crypto";
import { minuteMs } from "../core/window.ts";
import type { Labels } from "./incidents/labels.ts";
import { fingerprint } from "./incidents/labels.ts";
import type { IncidentMessage } from "./message.ts";
import { timeText } from "./text/quantities.ts";

/**
 * What a receiver is sent to see whether it arrives: it looks like an incident (chart included), says at every place where
 * one looks first that it is a drill, and belongs to no incident.
 *
 * @param options.nowMs Also tells one drill from another.
 */
export function drillMessage(options: {
  readonly receiver: string;
  readonly externalUrl: string;
  readonly nowMs: number;
}): IncidentMessage {
  const { receiver, externalUrl, nowMs } = options;
  const identity = createHash("sha256")
    .update(JSON.stringify([receiver, nowMs]))
    .digest("hex")
    .slice(0, 16);
  const windowEndMs = Math.floor(nowMs / minuteMs) * minuteMs;
  const labels: Labels = { alertname: "LeewayDrill", model: "leeway-drill", environment: "drill", feature: "hour" };
  return {
    idempotencyKey: `drill-${identity}`,
    incidentId: `drill-${identity}`,
    reason: "opened",
    status: "open",
    severity: "ticket",
    severityBefore: null,
    harm: "inputs_moved",
    model: "leeway-drill",
    environment: "drill",
    labels,
    fingerprint: fingerprint(labels),
    title: "DRILL: nothing is wrong, somebody tests this receiver",
    since: {
      windowStartMs: windowEndMs - 60 * minuteMs,
      windowEndMs,
      text: `${timeText(windowEndMs, "UTC")} (invented, as everything here)`,
    },
    predictions: { verdict: "not known", text: "not known: this is a drill" },
    findings: [
      {
        findingId: identity,
        labels,
        fingerprint: fingerprint(labels),
        harm: "inputs_moved",
        signal: "distribution",
        state: "open",
        role: "new",
        name: "hour",
        headline: "hour changed",
        change: "median 13 → 18 (an example)",
        size: "36.2 % of rows moved, at least 35.4 % (an example)",
        rows: "no rows: this is a drill",
        magnitude: 0.2,
        effect: 0.362,
        effectLow: 0.354,
        reference: 0.5,
        current: 0.68,
        provisional: false,
        contributors: [
          { name: "17 to 19", reference: 0.19, current: 0.41 },
          { name: "6 to 8", reference: 0.22, current: 0.08 },
          { name: "20 to 22", reference: 0.12, current: 0.21 },
          { name: "9 to 11", reference: 0.21, current: 0.1 },
        ],
        slices: [],
        mix: [],
      },
    ],
    nextSteps: ["Nothing: you see this, so the receiver works.", `It was sent by leeway receivers test ${receiver}.`],
    query: "leeway receivers list",
    link: `${externalUrl.replace(/\/+$/, "")}/`,
    drill: true,
  };
}
