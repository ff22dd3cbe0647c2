import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { systemClock } from "../core/clock.ts";
import type { Clock } from "../core/clock.ts";
import { LeewayError } from "../core/errors.ts";
import type { Finding } from "../core/finding.ts";
import type { Logger } from "../core/logger.ts";
import type { ModelSpec } from "../core/model.ts";
import { noTracing } from "../core/tracing.ts";
import type { Tracing } from "../core/tracing.ts";
import { dayMs, hourMs, minuteMs } from "../core/window.ts";
import type { Facts } from "../store/facts/client.ts";
import { pollFindings } from "../store/facts/finding-poll.ts";
import { incidentHistoryRow, insertMirrorBatch } from "../store/facts/incident-history.ts";
import { latestAcceptedBaselines } from "../store/state/accepted-baselines.ts";
import { readCursor, writeCursor } from "../store/state/cursors.ts";
import { countFeedback } from "../store/state/feedback.ts";
import { forgottenThroughMs, readForgottenIncident } from "../store/state/forgotten-incidents.ts";
import {
  appendIncidentDecision,
  countIncidents,
  listDueIncidents,
  listHeldIncidents,
  listIncidents,
  readIncident,
  writeIncident,
} from "../store/state/incidents.ts";
import { enqueueMirror, mirrorDestinations, nextMirrorBatch, settleMirrorBatch } from "../store/state/mirror-queue.ts";
import { enqueueNotification, receiversTold } from "../store/state/outbox.ts";
import { readReceiverMemory, writeReceiverMemory } from "../store/state/receiver-memory.ts";
import { listActiveSilences } from "../store/state/silences.ts";
import type { State } from "../store/state/state.ts";
import { createActions } from "./actions.ts";
import type { Actions } from "./actions.ts";
import { createDelivery, defaultRetryPolicy, outboxAges } from "./delivery.ts";
import type { DeliveryReport, RetryPolicy } from "./delivery.ts";
import { forgetOld, forgottenText } from "./forgetting.ts";
import { incidentDetail, incidentView } from "./incident-view.ts";
import type { IncidentDetail, IncidentView } from "./incident-view.ts";
import { parseFindingRecord } from "./incidents/finding-record.ts";
import { incidentStartMs } from "./incidents/incident.ts";
import type { IncidentState } from "./incidents/incident.ts";
import { findingLabels } from "./incidents/labels.ts";
import { closeGroup, nextDueMs, reconcile } from "./incidents/reconcile.ts";
import type { Decision, Rules } from "./incidents/reconcile.ts";
import { incidentHarm, incidentSeverity } from "./incidents/severity.ts";
import { incidentMessage } from "./message.ts";
import type { AlertingMetrics } from "./metrics.ts";
import type { Notifier, NotifierDeps, TextOutput } from "./notifiers/notifier.ts";
import { createReceiver } from "./notifiers/registry.ts";
import type { ReceiverSpec } from "./notifiers/registry.ts";
import { routeReceivers, undefinedReceivers } from "./routing/route.ts";
import type { Route } from "./routing/route.ts";
import { matches } from "./silences/matchers.ts";

export interface AlertingOptions {
  readonly facts: Facts;
  /** Owned by the caller; alerting is its only writer. */
  readonly state: State;
  readonly models: () => readonly ModelSpec[];
  readonly receivers: readonly ReceiverSpec[];
  readonly route: Route;
  readonly externalUrl: string;
  /** The service's clock: ages, group_wait and staleness are measured on it. */
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: AlertingMetrics;
  /** Absent: nothing is traced. */
  readonly tracing?: Tracing | undefined;
  readonly pollIntervalMs: number;
  /** How long the findings of an evaluation are waited for before they are told; 0: not at all. */
  readonly groupWaitMs?: number;
  /** Nothing is announced of windows that ended longer ago. */
  readonly notifyMaxAgeMs?: number;
  /** What is over for so long, on the wall clock, is removed from the state file; absent: nothing is. */
  readonly retentionMs?: number;
  readonly retry?: RetryPolicy;
  /** Where the console notifier prints. */
  readonly printedTo?: TextOutput;
  /** How `leeway sql` is called here, as messages say it. */
  readonly sqlCommand?: string;
  /** Deliveries and their retries are on the wall clock, whatever the service's. */
  readonly wallClock?: Clock;
  readonly random?: () => number;
}

export interface PassReport extends DeliveryReport {
  /** Records of findings that were read for the first time. */
  readonly records: number;
  /** Notifications decided, before routing. */
  readonly notifications: number;
}

export interface Alerting extends AsyncDisposable {
  /** Polls and delivers by itself from now on. */
  readonly start: () => void;
  /**
   * Reads new findings, reconciles, and tries each notification that is due once.
   *
   * @throws LeewayError of the store; what waited in the outbox has been tried nevertheless.
   */
  readonly pass: () => Promise<PassReport>;
  /**
   * For a caller who knows that nothing more will come: tells what waits for its group at once, and resolves when
   * everything stored has been reconciled, delivered (or given up) and mirrored.
   */
  readonly idle: () => Promise<void>;
  readonly incidents: {
    /** Those that started last first. `open` includes stale ones. */
    readonly list: (filter?: {
      readonly status?: string | null;
      readonly model?: string | null;
      readonly limit?: number;
      /** Id of the last incident of the page before. */
      readonly after?: string | null;
    }) => readonly IncidentView[];
    readonly get: (incidentId: string) => IncidentDetail | null;
    /** What is to be said of one that was removed from the state file, being long over; null if this one was not. */
    readonly forgotten: (incidentId: string) => string | null;
    /** RFC 3339: every incident that ended later is listed; null if all are. */
    readonly knownSince: () => string | null;
  };
  /** What people do. */
  readonly actions: Actions;
}

const cursorName = "finding_history";
/** Rows of slow inserts become visible late: so far back is read again. Their ids make it harmless. */
const overlapMs = 5 * minuteMs;
const pageRows = 5000;
/** How often what is long over is looked for. */
const forgettingIntervalMs = hourMs;
const defaultGroupWaitMs = 30_000;
const defaultNotifyMaxAgeMs = 2 * dayMs;
/** On shutdown, attempts in flight may still be answered for so long. */
const graceMs = 5000;

/** For incidents of models that are no longer configured. */
const orphanRules = {
  severity: { data_broken: "ticket", performance_fell: "ticket", predictions_moved: "ticket", inputs_moved: "ticket" },
  effectFloor: 0.02,
  qualityFloor: 0.003,
} as const;

/**
 * From findings to people: polls `finding_history`, reconciles incidents, and delivers notifications through an outbox.
 * A declared singleton: one process per state file.
 *
 * @throws LeewayError `config_invalid` if a receiver is wrong or the route names one that is not defined.
 */
export function createAlerting(options: AlertingOptions): Alerting {
  const { facts, state, models, route, externalUrl, clock, log, metrics, pollIntervalMs } = options;
  const wallClock = options.wallClock ?? systemClock;
  const groupWaitMs = options.groupWaitMs ?? defaultGroupWaitMs;
  const notifyMaxAgeMs = options.notifyMaxAgeMs ?? defaultNotifyMaxAgeMs;
  const sqlCommand = options.sqlCommand ?? "leeway sql";
  const receiverNames = options.receivers.map((receiver) => receiver.name);
  const notifiers = createNotifiers(options, receiverNames);

  const stopping = new AbortController();
  const breakingOff = new AbortController();
  const wake = new EventTarget();
  const delivery = createDelivery({
    state,
    notifiers,
    retry: options.retry ?? defaultRetryPolicy,
    wallClock,
    random: options.random ?? Math.random,
    log,
    metrics,
    tracing: options.tracing ?? noTracing,
    stop: stopping.signal,
    abort: breakingOff.signal,
  });

  /** Rows read within the overlap, by key, with their ingest time. */
  const seen = new Map<string, number>();
  let turn: Promise<unknown> = Promise.resolve();
  let loops: Promise<unknown> = Promise.resolve();
  let started = false;

  const modelNamed = (name: string) => models().find((model) => model.name === name) ?? null;

  const rulesFor = (model: string): Rules => {
    const spec = modelNamed(model);
    const active = listActiveSilences(state, wallClock.now());
    const shared: Pick<Rules, "groupWaitMs" | "notifyMaxAgeMs" | "silencesOf"> = {
      groupWaitMs,
      notifyMaxAgeMs,
      silencesOf: (finding, severity) =>
        active
          .filter(({ matchers }) => matches(matchers, { ...findingLabels(finding, spec), severity }))
          .map(({ silenceId: id, by, untilMs }) => ({ id, by, untilMs })),
    };
    if (spec === null) return { ...orphanRules, ...shared };
    const { effectFloor, qualityFloor } = spec.monitoring;
    return { severity: spec.alerting.severity, effectFloor, qualityFloor, ...shared };
  };

  /** Writes an incident, what was decided about it, and its notifications: all in the caller's transaction. */
  const record = (incident: IncidentState, decisions: readonly Decision[], rules: Rules): number => {
    const { incidentId, environment, model } = incident;
    const nowMs = wallClock.now();
    const harm = incidentHarm(incident);
    const severity = incident.told?.severity ?? incidentSeverity(incident, rules.severity);
    writeIncident(state, {
      incidentId,
      environment,
      model,
      status: incident.status,
      harm,
      severity,
      startedMs: incidentStartMs(incident),
      windowEndMs: incident.windowEndMs,
      endedMs: incident.endedWindowEndMs,
      nextDueMs: nextDueMs(incident),
      waiting: incident.pending !== null && incident.pending.dueMs !== null,
      held: incident.pending?.held === true,
      writtenMs: nowMs,
      state: JSON.stringify(incident),
    });
    let notifications = 0;
    for (const decision of decisions) {
      const { kind, reason } = decision;
      const findingIds =
        kind === "record" ? decision.findingIds : [...decision.joined, ...decision.worsened, ...decision.withdrawn];
      const silences = kind === "record" ? (decision.silences ?? []) : [];
      appendIncidentDecision(state, incidentId, { kind, reason, findingIds, decidedAtMs: clock.now(), silences });
      if (reason === "silenced") metrics.silenced(model);
      log.debug({ incident: incidentId, model, reason }, kind === "notify" ? "notification decided" : "recorded");
      if (kind === "record") continue;
      notifications += 1;
      enqueue(decision);
    }
    mirrorIncident(incidentId, nowMs);
    return notifications;
  };

  const enqueue = (decision: Extract<Decision, { kind: "notify" }>) => {
    const { incident, reason, severity } = decision;
    const context = { model: modelNamed(incident.model), externalUrl, sqlCommand };
    const message = incidentMessage(decision, context);
    // Who was told goes on being told, so that nobody is left with an incident that never ends.
    const told = receiversTold(state, incident.incidentId).filter((receiver) => notifiers.has(receiver));
    const over = reason === "ended" || reason === "withdrawn";
    const routed = over && told.length > 0 ? [] : routeReceivers(route, { ...message.labels, severity });
    for (const receiver of new Set([...routed, ...told])) {
      const { idempotencyKey, incidentId } = message;
      const entry = { receiver, idempotencyKey, incidentId, reason, severity, message: JSON.stringify(message) };
      enqueueNotification(state, entry, wallClock.now());
    }
  };

  const mirrorIncident = (incidentId: string, nowMs: number) => {
    const row = readIncident(state, incidentId);
    if (row === null) return;
    const { environment, model, sequence, status, harm, severity } = row;
    const incident = JSON.stringify(incidentView(row, { model: modelNamed(model), externalUrl }));
    const content = { environment, model, incidentId, sequence, status, harm, severity, incident, recordedAtMs: nowMs };
    enqueueMirror(state, "incident_history", incidentHistoryRow(content));
  };

  const reconcileStored = (incidentId: string, records: readonly Finding[], nowMs: number): number => {
    const stored = readIncident(state, incidentId);
    // The same findings, seen again: what is over and was told is not told once more.
    if (stored === null && readForgottenIncident(state, incidentId) !== null) return 0;
    const before = stored === null ? null : (JSON.parse(stored.state) as IncidentState);
    const model = before?.model ?? records[0]?.model ?? "";
    const rules = rulesFor(model);
    const [after, decisions] = reconcile(before, records, nowMs, rules);
    if (after === null || after === before) return 0;
    return record(after, decisions, rules);
  };

  /** Against a baseline that a person replaced nothing is found any more, whatever a detector still says that lags behind. */
  const withoutReplaced = (findings: readonly Finding[]): readonly Finding[] => {
    const accepted = findings.length === 0 ? [] : latestAcceptedBaselines(state);
    return findings.filter(
      ({ environment, model, baselineId }) =>
        !accepted.some(
          (one) => one.environment === environment && one.model === model && one.replaced.includes(baselineId),
        ),
    );
  };

  const poll = async (closeGroups: boolean): Promise<Pick<PassReport, "records" | "notifications">> => {
    const cursorMs = readCursor(state, cursorName);
    let afterMs = cursorMs === null ? 0 : cursorMs - overlapMs;
    let fresh = 0;
    let notifications = 0;
    for (;;) {
      const rows = await pollFindings(facts, { afterMs, limit: pageRows });
      const news = rows.filter((row) => !seen.has(row.key));
      const findings: Finding[] = [];
      let unreadable = 0;
      for (const row of news) {
        const parsed = parseFindingRecord(row.finding);
        if (parsed.kind === "finding") findings.push(parsed.finding);
        else {
          unreadable += 1;
          log.warn({ finding: row.findingId, detail: parsed.detail }, "a finding's record cannot be understood");
        }
      }
      const last = rows.at(-1);
      const nowMs = clock.now();
      state.transaction(() => {
        const standing = withoutReplaced(findings);
        for (const [incidentId, records] of Map.groupBy(standing, (finding) => finding.incidentId)) {
          notifications += reconcileStored(incidentId, records, nowMs);
        }
        if (last !== undefined) writeCursor(state, cursorName, last.ingestMs);
      });
      for (const row of news) seen.set(row.key, row.ingestMs);
      if (unreadable > 0) metrics.unreadable(unreadable);
      fresh += news.length;
      if (last === undefined || rows.length < pageRows) break;
      afterMs = last.ingestMs;
    }
    notifications += decideDue(closeGroups);
    forgetBeyondOverlap();
    forgetOver();
    metrics.polled(wallClock.now(), fresh);
    return { records: fresh, notifications };
  };

  /** What falls due by time alone, or because a silence no longer holds it; or all that waits for its group. */
  const decideDue = (closeGroups: boolean): number => {
    const nowMs = clock.now();
    return state.transaction(() => {
      let notifications = 0;
      for (const row of listDueIncidents(state, nowMs, closeGroups)) {
        if (row.waiting && closeGroups) {
          const rules = rulesFor(row.model);
          const [after, decisions] = closeGroup(JSON.parse(row.state) as IncidentState, nowMs, rules);
          notifications += record(after, decisions, rules);
        } else notifications += reconcileStored(row.incidentId, [], nowMs);
      }
      for (const row of listHeldIncidents(state)) {
        const rules = rulesFor(row.model);
        const before = JSON.parse(row.state) as IncidentState;
        const [after, decisions] = closeGroup(before, nowMs, rules);
        if (decisions.length > 0 || !isDeepStrictEqual(after, before)) notifications += record(after, decisions, rules);
      }
      return notifications;
    });
  };

  const forgetBeyondOverlap = () => {
    const cursorMs = readCursor(state, cursorName) ?? 0;
    for (const [key, ingestMs] of seen) {
      if (ingestMs <= cursorMs - overlapMs) seen.delete(key);
    }
  };

  let forgetAtMs = 0;
  const forgetOver = () => {
    const nowMs = wallClock.now();
    if (options.retentionMs === undefined || nowMs < forgetAtMs) return;
    forgetAtMs = nowMs + forgettingIntervalMs;
    const { incidents, silences } = forgetOld(state, { retentionMs: options.retentionMs, nowMs });
    if (incidents + silences > 0)
      log.info({ incidents, silences }, "what is long over was removed from the state file");
  };

  const mirror = async () => {
    for (const destination of mirrorDestinations) {
      for (let batch = nextMirrorBatch(state, destination, 1000); batch !== null;) {
        await insertMirrorBatch(facts, batch);
        settleMirrorBatch(state, batch);
        batch = nextMirrorBatch(state, destination, 1000);
      }
    }
  };

  const showGauges = () => {
    const names = models().map((model) => model.name);
    metrics.incidentsOpen(names, countIncidents(state));
    metrics.outbox(receiverNames, outboxAges(state, wallClock.now()));
    metrics.people(listActiveSilences(state, wallClock.now()).length, countFeedback(state));
  };

  /** Polls wait for each other: two at once would read the same rows. */
  const pollInTurn = (closeGroups: boolean): ReturnType<typeof poll> => {
    const mine = turn.then(() => poll(closeGroups));
    turn = mine.catch(() => {});
    return mine;
  };
  let mirrorTurn: Promise<unknown> = Promise.resolve();
  const mirrorInTurn = (): Promise<void> => {
    const mine = mirrorTurn.then(mirror);
    mirrorTurn = mine.catch(() => {});
    return mine;
  };

  const pass = async (): Promise<PassReport> => {
    const polled = await settled(pollInTurn(false));
    const delivered = await delivery.deliverDue();
    const mirrored = await settled(mirrorInTurn());
    showGauges();
    if (polled.kind === "failed") {
      metrics.pollFailed();
      throw polled.error;
    }
    if (mirrored.kind === "failed") throw mirrored.error;
    return { ...polled.value, ...delivered };
  };

  const deliverAll = async () => {
    for (;;) {
      await delivery.deliverDue();
      const next = delivery.nextAttemptMs();
      if (next === null || stopping.signal.aborted) return;
      await pause(next - wallClock.now(), stopping.signal);
    }
  };

  const idle = async () => {
    for (;;) {
      const { records } = await pollInTurn(true);
      if (records === 0) break;
    }
    await deliverAll();
    await mirrorInTurn();
    showGauges();
  };

  const pollLoop = async () => {
    while (!stopping.signal.aborted) {
      const polled = await settled(pollInTurn(false));
      if (polled.kind === "failed") {
        metrics.pollFailed();
        log.warn({ err: polled.error }, "findings could not be read; the next poll tries again");
      } else if (polled.value.notifications > 0) wake.dispatchEvent(new Event("notifications"));
      const mirrored = await settled(mirrorInTurn());
      if (mirrored.kind === "failed") log.warn({ err: mirrored.error }, "incidents are not mirrored yet");
      showGauges();
      await pause(pollIntervalMs, stopping.signal);
    }
  };

  const deliveryLoop = async () => {
    while (!stopping.signal.aborted) {
      const woken = new AbortController();
      const either = AbortSignal.any([stopping.signal, woken.signal]);
      const notified = once(wake, "notifications", { signal: either }).then(
        () => woken.abort(),
        () => {},
      );
      await delivery.deliverDue();
      const next = delivery.nextAttemptMs();
      await pause(next === null ? 60_000 : next - wallClock.now(), either);
      woken.abort();
      await notified;
    }
  };

  const get = (incidentId: string): IncidentDetail | null =>
    incidentDetail(state, incidentId, { modelNamed, externalUrl, nowMs: wallClock.now() });

  const actions = createActions({
    facts,
    state,
    modelNamed,
    wallClock,
    detail: get,
    record: (incident, decisions) => void record(incident, decisions, rulesFor(incident.model)),
    mirrorIncident,
    wake: () => wake.dispatchEvent(new Event("notifications")),
  });

  return {
    start: () => {
      if (started) return;
      started = true;
      loops = Promise.all([pollLoop(), deliveryLoop()]);
      loops.catch((error: unknown) => log.error({ err: error }, "alerting stopped"));
    },
    pass,
    idle,
    incidents: {
      list: ({ status = null, model = null, limit = 100, after = null } = {}) =>
        listIncidents(state, {
          statuses: status === null ? [] : status === "open" ? ["open", "stale"] : [status],
          ...(model !== null && { model }),
          ...(after !== null && { after }),
          limit,
        }).map((row) => incidentView(row, { model: modelNamed(row.model), externalUrl })),
      get,
      forgotten: (incidentId) => {
        const forgotten = readForgottenIncident(state, incidentId);
        return forgotten === null ? null : forgottenText(forgotten);
      },
      knownSince: () => {
        const throughMs = forgottenThroughMs(state);
        return throughMs === null ? null : new Date(throughMs).toISOString();
      },
    },
    actions,
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      const grace = setTimeout(() => breakingOff.abort(), graceMs);
      await Promise.allSettled([loops, turn, mirrorTurn]);
      // Nothing of this one may write after its state file is closed.
      await delivery.settle();
      await actions.settle();
      clearTimeout(grace);
      breakingOff.abort();
    },
  };
}

function createNotifiers(options: AlertingOptions, names: readonly string[]): ReadonlyMap<string, Notifier> {
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) {
    throw new LeewayError("config_invalid", `receiver ${JSON.stringify(repeated)} is defined twice`);
  }
  const [missing] = undefinedReceivers(options.route, names);
  if (missing !== undefined) {
    throw new LeewayError("config_invalid", `route names receiver ${JSON.stringify(missing)}, which is not defined`);
  }
  const { state } = options;
  const deps = (receiver: string): NotifierDeps => ({
    printedTo: options.printedTo ?? process.stdout,
    environment: process.env,
    memory: {
      read: (incidentId) => readReceiverMemory(state, receiver, incidentId),
      write: (incidentId, value) => writeReceiverMemory(state, receiver, incidentId, value),
    },
  });
  return new Map(options.receivers.map((receiver) => [receiver.name, createReceiver(receiver, deps(receiver.name))]));
}

type Settled<Value> =
  | { readonly kind: "done"; readonly value: Value }
  | { readonly kind: "failed"; readonly error: unknown };

async function settled<Value>(promise: Promise<Value>): Promise<Settled<Value>> {
  try {
    return { kind: "done", value: await promise };
  } catch (error) {
    return { kind: "failed", error };
  }
}

/** Ends early, and without an error, when the signal is given. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return;
  // A timer's delay is a signed 32-bit number.
  await delay(Math.min(ms, 2 ** 31 - 1), undefined, { signal }).catch(() => {});
}
