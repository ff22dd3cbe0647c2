import { findingLabels } from "../../alerting/incidents/labels.ts";
import { notificationReasons, recordReasons } from "../../alerting/incidents/reconcile.ts";
import { type Route, routeReceivers } from "../../alerting/routing/route.ts";
import { durationText } from "../../alerting/text/quantities.ts";
import type { Series } from "../../core/baseline.ts";
import type { Harm, Signal } from "../../core/finding.ts";
import type { ModelSpec } from "../../core/model.ts";
import type { ServiceConfig } from "../config/service-config.ts";

/** What `GET /api/v1/incidents/:id` answers, as far as it says who was told. */
export interface IncidentRecord {
  readonly id: string;
  readonly model: string;
  readonly environment: string;
  readonly status: string;
  readonly harm: Harm;
  readonly severity: string;
  readonly title: string;
  readonly started: string;
  readonly window_end: string;
  readonly ended: string | null;
  readonly acknowledged: { readonly by: string; readonly at: string } | null;
  readonly notified: boolean;
  readonly findings: readonly {
    readonly id: string;
    readonly state: string;
    readonly signal: Signal;
    readonly role: Series["role"];
    readonly feature: string;
    readonly version: string;
    readonly slice: string;
    readonly name: string;
    readonly headline: string;
    readonly provisional: boolean;
    readonly opened: string;
  }[];
  readonly notifications: readonly {
    readonly receiver: string;
    readonly reason: string;
    readonly severity: string;
    readonly status: string;
    readonly attempts: number;
    readonly last_error: string | null;
    readonly created: string;
    readonly settled: string | null;
  }[];
  readonly decisions: readonly {
    readonly kind: string;
    readonly reason: string;
    readonly findings: readonly string[];
    readonly at: string;
    /** With `silenced`: which held it back. */
    readonly silences?: readonly { readonly id: string; readonly by: string; readonly until: string }[];
  }[];
  /** Those that match a finding of it now. */
  readonly silences: readonly {
    readonly id: string;
    readonly by: string;
    readonly until: string;
    readonly comment: string | null;
  }[];
  readonly accepted: { readonly by: string; readonly at: string } | null;
}

/** One link of the chain from a finding to a person. */
export interface ChainStep {
  readonly step:
    | "severity"
    | "age"
    | "group_wait"
    | "decision"
    | "route"
    | "silence"
    | "delivery"
    | "acknowledgement"
    | "acceptance";
  /** Whether it let the notification pass; `not_measured` where that is not known here. */
  readonly verdict: "passed" | "stopped" | "not_measured";
  readonly detail: string;
}

export interface NotificationExplanation {
  readonly incident: string;
  readonly title: string;
  /** One sentence: who was told, or why nobody was. */
  readonly conclusion: string;
  readonly chain: readonly ChainStep[];
}

/**
 * Why somebody was, or was not, notified of an incident: from what alerting recorded, and today's configuration for what
 * would happen now.
 *
 * @param model Null if no file declares it.
 */
export function explainNotifications(
  incident: IncidentRecord,
  context: {
    readonly model: ModelSpec | null;
    readonly alerting: ServiceConfig["alerting"];
    readonly route: Route;
  },
): NotificationExplanation {
  const { model, alerting, route } = context;
  const chain: ChainStep[] = [];
  const words = incident.harm.replaceAll("_", " ");
  const configured = model?.alerting.severity[incident.harm] ?? null;
  const provisional = incident.findings.some((finding) => finding.provisional);
  chain.push({
    step: "severity",
    verdict: incident.severity === "none" ? "stopped" : "passed",
    detail: `its harm is "${words}", which ${
      configured === null
        ? "no model file ranks here: a ticket"
        : `is worth ${configured === "none" ? "no notification" : `a ${configured}`} for ${incident.model} (alerting.severity${tierOf(model)})`
    }; it has severity ${incident.severity}${provisional ? ". Provisional findings make a ticket at most" : ""}`,
  });
  const tooOld = incident.decisions.find(({ reason }) => reason === "too_old_to_notify");
  chain.push({
    step: "age",
    verdict: tooOld === undefined ? "passed" : "stopped",
    detail:
      tooOld === undefined
        ? `nothing was held back for its age (notify_max_age is ${durationText(alerting.notifyMaxAgeMs)})`
        : `when it was decided (${minute(tooOld.at)}) its window was older than notify_max_age, ${durationText(alerting.notifyMaxAgeMs)}: history notifies nobody`,
  });
  const notified = incident.decisions.filter(({ kind }) => kind === "notify");
  const held = incident.decisions.findLast(({ reason }) => reason === "silenced");
  const stillHeld = held !== undefined && incident.decisions.lastIndexOf(held) > lastNotified(incident);
  const waits =
    !incident.notified &&
    incident.severity !== "none" &&
    tooOld === undefined &&
    incident.status === "open" &&
    held === undefined;
  chain.push({
    step: "group_wait",
    verdict: waits ? "stopped" : "passed",
    detail: `findings of one evaluation are told together, ${
      alerting.groupWaitMs === 0 ? "at once" : `${durationText(alerting.groupWaitMs)} after the first`
    } (group_wait)${waits ? ": it may still be waiting" : ""}`,
  });
  for (const decision of incident.decisions) {
    const told = decision.kind === "notify";
    chain.push({
      step: "decision",
      verdict: told ? "passed" : "stopped",
      detail: `${minute(decision.at)} ${told ? "notify" : "not sent"}, ${decision.reason}: ${reasonText(decision.reason)}${findingNames(incident, decision.findings)}`,
    });
  }
  const lead = incident.findings.find(({ state }) => state === "open") ?? incident.findings[0];
  let receivers: readonly string[] = [];
  if (lead !== undefined) {
    const { role, feature, version, slice, signal } = lead;
    const labels = {
      ...findingLabels(
        { model: incident.model, environment: incident.environment, series: { role, feature, version, slice }, signal },
        model,
      ),
      severity: incident.severity,
    };
    receivers = routeReceivers(route, labels);
    chain.push({
      step: "route",
      verdict: "passed",
      detail: `today's route leads ${Object.entries(labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(" ")} to ${receivers.join(", ")}`,
    });
  }
  chain.push(silenceStep(incident, receivers, stillHeld));
  for (const {
    receiver,
    reason,
    severity,
    status,
    attempts,
    last_error: error,
    settled,
    created,
  } of incident.notifications) {
    const outcome =
      {
        delivered: `delivered ${minute(settled ?? created)}${attempts > 1 ? ` at attempt ${attempts}` : ""}`,
        pending: `waiting since ${minute(created)}${attempts > 0 ? `, ${attempts} attempts failed` : ""}`,
        dead: `given up after ${attempts} attempts`,
      }[status] ?? status;
    chain.push({
      step: "delivery",
      verdict: status === "delivered" ? "passed" : "stopped",
      detail: `${receiver}, ${reason} (${severity}): ${outcome}${error === null ? "" : `: ${error}`}`,
    });
  }
  if (incident.acknowledged !== null) {
    const { by, at } = incident.acknowledged;
    chain.push({ step: "acknowledgement", verdict: "passed", detail: `${by} acknowledged it ${minute(at)}` });
  }
  if (incident.accepted !== null) {
    const { by, at } = incident.accepted;
    chain.push({
      step: "acceptance",
      verdict: "passed",
      detail: `${by} accepted the change ${minute(at)}, which ended it`,
    });
  }
  return {
    incident: incident.id,
    title: incident.title,
    conclusion: conclusionOf(incident, notified.length, waits),
    chain,
  };
}

/** Who was not told because of which silence. */
function silenceStep(incident: IncidentRecord, receivers: readonly string[], stillHeld: boolean): ChainStep {
  const recorded = incident.decisions.flatMap(({ reason, at, silences = [], findings }) =>
    reason === "silenced" ? silences.map((silence) => ({ ...silence, at, findings })) : [],
  );
  const now = incident.silences.filter(({ id }) => !recorded.some((one) => one.id === id));
  const parts = [
    ...recorded.map(({ id, by, until, at, findings }) => {
      const active = incident.silences.some((one) => one.id === id);
      return `silence ${id} of ${by}, until ${minute(until)}${active ? "" : " (over now)"}, held it back ${minute(at)}${findingNames(incident, findings)}`;
    }),
    ...now.map(
      ({ id, by, until }) =>
        `silence ${id} of ${by} matches it until ${minute(until)}, and nothing had to be held back so far`,
    ),
  ];
  if (parts.length === 0) return { step: "silence", verdict: "passed", detail: "no silence matched it" };
  const untold = stillHeld && incident.status === "open" ? `. Not told until then: ${receivers.join(", ")}` : "";
  return { step: "silence", verdict: stillHeld ? "stopped" : "passed", detail: `${parts.join("; ")}${untold}` };
}

function lastNotified(incident: IncidentRecord): number {
  return incident.decisions.findLastIndex(({ kind }) => kind === "notify");
}

function conclusionOf(incident: IncidentRecord, notified: number, waits: boolean): string {
  const delivered = [
    ...new Set(incident.notifications.filter(({ status }) => status === "delivered").map(({ receiver }) => receiver)),
  ];
  if (delivered.length > 0) return `${delivered.join(", ")} ${delivered.length === 1 ? "was" : "were"} notified`;
  if (notified > 0 && incident.notifications.length > 0)
    return "a notification was decided, and none was delivered so far";
  if (incident.severity === "none") return "nobody was notified: its severity is none";
  const last = incident.decisions.findLast(({ kind }) => kind === "record");
  const silence = last?.reason === "silenced" ? last.silences?.[0] : undefined;
  if (silence !== undefined)
    return `nobody was notified: silence ${silence.id} of ${silence.by} holds it back until ${minute(silence.until)}`;
  if (last !== undefined) return `nobody was notified: ${reasonText(last.reason)}`;
  return waits ? "nobody was notified yet: it waits for its group" : "nobody was notified";
}

function reasonText(reason: string): string {
  const known: Readonly<Record<string, string>> = { ...notificationReasons, ...recordReasons };
  return known[reason] ?? reason.replaceAll("_", " ");
}

function findingNames(incident: IncidentRecord, ids: readonly string[]): string {
  const names = ids.flatMap((id) => incident.findings.find((finding) => finding.id === id)?.name ?? []);
  return names.length === 0 ? "" : ` (${[...new Set(names)].join(", ")})`;
}

function tierOf(model: ModelSpec | null): string {
  const tier = model?.tags["tier"];
  return tier === undefined ? "" : `, tier ${tier}`;
}

/** `2026-11-25 04:05`, in UTC. */
function minute(timestamp: string): string {
  return timestamp.slice(0, 16).replace("T", " ");
}
