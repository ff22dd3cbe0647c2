import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { AcceptedBaseline } from "../core/accepted-baseline.ts";
import { baselineInForce } from "../core/accepted-baseline.ts";
import type { BaselineSpec } from "../core/baseline.ts";
import type { Clock } from "../core/clock.ts";
import type { ModelSpec } from "../core/model.ts";
import { dayMs } from "../core/window.ts";
import { auditRow } from "../store/facts/audit.ts";
import { readBaselineHistory } from "../store/facts/baseline-history.ts";
import { readBaseline } from "../store/facts/baselines.ts";
import type { Facts } from "../store/facts/client.ts";
import { findDecidedWindow } from "../store/facts/decided-window.ts";
import type { DecidedWindow } from "../store/facts/decided-window.ts";
import { stateHistoryRow } from "../store/facts/incident-history.ts";
import {
  insertAcceptedBaseline,
  latestAcceptedBaselines,
  listAcceptedBaselines,
} from "../store/state/accepted-baselines.ts";
import { writeFeedback } from "../store/state/feedback.ts";
import type { FeedbackVerdict } from "../store/state/feedback.ts";
import { readForgottenIncident } from "../store/state/forgotten-incidents.ts";
import { acknowledgeIncident, listIncidents, readIncident } from "../store/state/incidents.ts";
import type { IncidentRow } from "../store/state/incidents.ts";
import { enqueueMirror } from "../store/state/mirror-queue.ts";
import { endSilence, insertSilence, listActiveSilences, listSilences, readSilence } from "../store/state/silences.ts";
import type { Matchers, Silence } from "../store/state/silences.ts";
import type { State } from "../store/state/state.ts";
import { baselineView } from "./baseline-view.ts";
import type { ModelBaselines } from "./baseline-view.ts";
import { enoughText, examineRange } from "./baselines/range.ts";
import { forgottenText } from "./forgetting.ts";
import { openLabels, silenceView } from "./incident-view.ts";
import type { IncidentDetail, SilenceView } from "./incident-view.ts";
import { acceptIncident } from "./incidents/accept.ts";
import { openFindings } from "./incidents/incident.ts";
import type { IncidentState } from "./incidents/incident.ts";
import { incidentMatchers, matches } from "./silences/matchers.ts";
import { timeText } from "./text/quantities.ts";

/** Why something was not done; what, where, and what to do in `detail`. */
export interface Refusal {
  readonly kind: "refused";
  readonly code:
    | "incident_unknown"
    | "incident_ended"
    | "silence_unknown"
    | "model_unknown"
    | "request_invalid"
    | "baseline_refused";
  readonly detail: string;
}

export type IncidentOutcome = { readonly kind: "done"; readonly incident: IncidentDetail } | Refusal;
export type SilenceOutcome = { readonly kind: "done"; readonly silence: SilenceView } | Refusal;
export type BaselineOutcome = { readonly kind: "done"; readonly baselines: ModelBaselines } | Refusal;

export interface Said {
  readonly by: string;
  readonly comment: string | null;
}

/** What people do to alerting's state. Whatever is answered `done` is durable. Times are on the wall clock. */
export interface Actions {
  readonly acknowledge: (incidentId: string, said: Said) => IncidentOutcome;
  readonly silence: (incidentId: string, said: Said & { readonly untilMs: number }) => IncidentOutcome;
  readonly feedback: (incidentId: string, said: Said & { readonly verdict: FeedbackVerdict }) => IncidentOutcome;
  /** @throws LeewayError of the store. */
  readonly accept: (incidentId: string, said: Said) => Promise<IncidentOutcome>;
  readonly silences: {
    /** Those that hold now, or all there were, the newest first. */
    readonly list: (which: "active" | "all") => readonly SilenceView[];
    readonly add: (silence: Said & { readonly matchers: Matchers; readonly untilMs: number }) => SilenceOutcome;
    readonly end: (silenceId: string, by: string) => SilenceOutcome;
  };
  readonly baselines: {
    /** @throws LeewayError of the store. */
    readonly list: (model: string) => Promise<BaselineOutcome>;
    /**
     * @param change.range Exclusive at its end; null: what the model's file names again.
     * @throws LeewayError of the store.
     */
    readonly set: (
      model: string,
      change: Said & {
        readonly environment: string;
        readonly range: { readonly fromMs: number; readonly toMs: number } | null;
      },
    ) => Promise<BaselineOutcome>;
  };
  /** Resolves when nothing that was begun will still write. */
  readonly settle: () => Promise<void>;
}

export function createActions(options: {
  readonly facts: Facts;
  readonly state: State;
  readonly modelNamed: (name: string) => ModelSpec | null;
  readonly wallClock: Clock;
  readonly detail: (incidentId: string) => IncidentDetail | null;
  /** Writes an incident and what was decided about it, within a transaction of the caller. */
  readonly record: (incident: IncidentState, decisions: ReturnType<typeof acceptIncident>[1]) => void;
  /** Queues the present state of an incident for ClickHouse. */
  readonly mirrorIncident: (incidentId: string, nowMs: number) => void;
  /** Something is to be delivered. */
  readonly wake: () => void;
}): Actions {
  const { facts, state, modelNamed, wallClock, record, mirrorIncident, wake } = options;

  const unknown = (incidentId: string): Refusal => {
    const forgotten = readForgottenIncident(state, incidentId);
    const detail =
      forgotten === null
        ? `no incident has the id ${JSON.stringify(incidentId)}; leeway incidents lists them`
        : forgottenText(forgotten);
    return { kind: "refused", code: "incident_unknown", detail };
  };
  const shown = (incidentId: string): IncidentOutcome => {
    const incident = options.detail(incidentId);
    return incident === null ? unknown(incidentId) : { kind: "done", incident };
  };
  const mirrorState = (change: Parameters<typeof stateHistoryRow>[0]) =>
    enqueueMirror(state, "state_history", stateHistoryRow(change));
  const audit = (action: Parameters<typeof auditRow>[0]) => enqueueMirror(state, "audit", auditRow(action));

  const acknowledge: Actions["acknowledge"] = (incidentId, { by, comment }) => {
    const atMs = wallClock.now();
    return state.transaction(() => {
      const already = readIncident(state, incidentId)?.acknowledgement ?? null;
      if (!acknowledgeIncident(state, incidentId, { by, atMs, comment })) return unknown(incidentId);
      if (already === null) {
        mirrorIncident(incidentId, atMs);
        const value = { by, comment };
        mirrorState({ kind: "acknowledgement", key: incidentId, sequence: 1, value, recordedAtMs: atMs });
        audit({ atMs, actor: by, action: "acknowledge", subject: incidentId, detail: { comment } });
      }
      return shown(incidentId);
    });
  };

  const addSilence = (silence: Said & { matchers: Matchers; untilMs: number; incidentId: string | null }): string => {
    const createdMs = wallClock.now();
    const silenceId = randomId();
    const made = { ...silence, silenceId, createdMs };
    insertSilence(state, made);
    mirrorSilence(silenceId, 1);
    const { by, comment, matchers, untilMs, incidentId } = silence;
    const detail = { matchers, until: new Date(untilMs).toISOString(), comment, incident: incidentId };
    audit({ atMs: createdMs, actor: by, action: "silence", subject: silenceId, detail });
    return silenceId;
  };
  const mirrorSilence = (silenceId: string, sequence: number) => {
    const silence = readSilence(state, silenceId);
    if (silence === null) return;
    const recordedAtMs = wallClock.now();
    const value = silenceView(silence, { nowMs: recordedAtMs, matches: [] });
    mirrorState({ kind: "silence", key: silenceId, sequence, value, recordedAtMs });
  };
  const openIncidents = (filter: { readonly model?: string; readonly environment?: string }) =>
    listIncidents(state, { ...filter, statuses: ["open", "stale"], limit: Number.MAX_SAFE_INTEGER });
  /** With the open incidents that it matches. */
  const viewed = (silence: Silence): SilenceView => {
    const nowMs = wallClock.now();
    const active = silence.ended === null && silence.untilMs > nowMs;
    const matched = (active ? openIncidents({}) : []).filter((row) =>
      openLabels(row, modelNamed(row.model)).some((labels) => matches(silence.matchers, labels)),
    );
    return silenceView(silence, { nowMs, matches: matched.map(({ incidentId }) => incidentId) });
  };
  const shownSilence = (silenceId: string): SilenceOutcome => {
    const silence = readSilence(state, silenceId);
    if (silence !== null) return { kind: "done", silence: viewed(silence) };
    const detail = `no silence has the id ${JSON.stringify(silenceId)}; leeway silences lists them`;
    return { kind: "refused", code: "silence_unknown", detail };
  };

  const latestAccepted = (environment: string, model: string): AcceptedBaseline | null =>
    latestAcceptedBaselines(state).find((one) => one.environment === environment && one.model === model) ?? null;

  /** The version with whose rows of the same windows others are compared; null if there is none. */
  const controlOf = (environment: string, model: ModelSpec): string | null => {
    const spec = baselineInForce(model.baseline, latestAccepted(environment, model.name));
    return spec?.kind === "range" && spec.concurrent === true ? (spec.version ?? null) : null;
  };

  /** What decided a model's newest window, and with windows of which length. */
  const present = async (environment: string, model: ModelSpec) => {
    const key = { environment, model: model.name };
    const decided = await findDecidedWindow(facts, { ...key, atMs: null });
    const baseline =
      decided === null || decided.baselineId === ""
        ? null
        : await readBaseline(facts, { ...key, baselineId: decided.baselineId });
    const { windowMs } = model.monitoring;
    return { decided, baseline, windowMs: baseline?.windowMs ?? (windowMs === "auto" ? dayMs : windowMs) };
  };

  /** Writes the acceptance and ends everything that was found against the baseline it replaces; in one transaction. */
  const replaceBaseline = (
    {
      environment,
      model,
      spec,
      by,
      comment,
      incidentId,
    }: Pick<AcceptedBaseline, "environment" | "spec" | "by" | "comment" | "incidentId"> & { readonly model: ModelSpec },
    decided: DecidedWindow | null,
  ): void => {
    const atMs = wallClock.now();
    const open = openIncidents({ model: model.name, environment }).map((row) => JSON.parse(row.state) as IncidentState);
    const foundAgainst = open.flatMap((incident) => openFindings(incident).map(({ finding }) => finding.baselineId));
    const current = decided === null || decided.baselineId === "" ? [] : [decided.baselineId];
    const accepted: AcceptedBaseline = {
      acceptanceId: randomId(),
      environment,
      model: model.name,
      spec,
      configured: model.baseline,
      replaced: [...new Set([...current, ...foundAgainst])],
      incidentId,
      by,
      comment,
      atMs,
    };
    insertAcceptedBaseline(state, accepted);
    const { acceptanceId: key } = accepted;
    mirrorState({ kind: "accepted_baseline", key, sequence: 1, value: accepted, recordedAtMs: atMs });
    const subject = `${environment}/${model.name}`;
    audit({ atMs, actor: by, action: "accept_baseline", subject, detail: { spec, comment, incident: incidentId } });
    const range = spec?.kind === "range" ? { fromMs: spec.fromMs, toMs: spec.toMs } : null;
    for (const incident of open) record(...acceptIncident(incident, { by, comment, atMs, range }));
  };

  const accept: Actions["accept"] = async (incidentId, { by, comment }) => {
    const row = readIncident(state, incidentId);
    if (row === null) return unknown(incidentId);
    const over = overRefusal(row);
    if (over !== null) return over === "accepted" ? shown(incidentId) : over;
    const { environment, startedMs: fromMs } = row;
    const model = modelNamed(row.model);
    if (model === null) return undeclared(row.model);
    const control = controlOf(environment, model);
    if (control !== null && onlyBesideControl(row)) return besideControlRefusal(row, control);
    const { decided, windowMs } = await present(environment, model);
    // Records of a few minutes may speak of later times, but of no whole window.
    const toMs = decided?.window.endMs ?? row.windowEndMs;
    const kept = control === null ? {} : { version: control };
    const range = { environment, model, startMs: fromMs, endMs: toMs, windowMs, ...kept };
    const verdict = await examineRange(facts, range);
    const { zone } = model.monitoring;
    if (verdict.kind === "too_small") {
      const { detail, enoughAtMs } = verdict;
      const since = `the change began ${timeText(fromMs, zone)}; what was stored since cannot become the baseline yet: ${detail}`;
      const when = enoughAtMs === null ? "" : `; ${enoughText(enoughAtMs, zone)}, accept it then`;
      return { kind: "refused", code: "baseline_refused", detail: `${since}${when}` };
    }
    const outcome = state.transaction((): IncidentOutcome => {
      // Somebody else may have been quicker.
      const now = readIncident(state, incidentId);
      const ended = now === null ? unknown(incidentId) : overRefusal(now);
      if (ended !== null && ended !== "accepted") return ended;
      const spec: BaselineSpec = {
        kind: "range",
        fromMs,
        toMs,
        // The comparison with the control goes on: only what the control itself is held against is new.
        ...(control !== null && { version: control, concurrent: true }),
      };
      if (ended === null) replaceBaseline({ environment, model, spec, by, comment, incidentId }, decided);
      return shown(incidentId);
    });
    wake();
    return outcome;
  };

  const listBaselines: Actions["baselines"]["list"] = async (name) => {
    const model = modelNamed(name);
    if (model === null) return undeclared(name);
    const history = await readBaselineHistory(facts, name);
    const baselines = baselineView(model, history, listAcceptedBaselines(state, name));
    return { kind: "done", baselines };
  };

  const setBaseline: Actions["baselines"]["set"] = async (name, { environment, range, by, comment }) => {
    const model = modelNamed(name);
    if (model === null) return undeclared(name);
    const refused = (detail: string): Refusal => ({ kind: "refused", code: "baseline_refused", detail });
    if (model.origin !== "declared") {
      return refused(
        `${name} registered itself and is not judged; write models/${name}.yaml first (leeway init helps)`,
      );
    }
    const { environments, zone } = model.monitoring;
    if (!environments.includes(environment)) {
      return refused(
        `${name} is not watched in environment ${JSON.stringify(environment)}, only in ${environments.join(", ")}`,
      );
    }
    const { decided, baseline, windowMs } = await present(environment, model);
    const spec: BaselineSpec | null = range === null ? null : { kind: "range", ...range };
    const inForce = baselineInForce(model.baseline, latestAccepted(environment, name));
    const next = spec ?? model.baseline;
    if (isDeepStrictEqual(next, inForce) || (spec !== null && isDeepStrictEqual(spec, baseline?.spec))) {
      return refused(`this is the baseline of ${name} in ${environment} already`);
    }
    if (next === null) return refused(`the file of ${name} names no baseline to go back to; name a range`);
    if (range !== null) {
      const throughMs = decided?.window.endMs ?? wallClock.now();
      if (range.toMs > throughMs) {
        return refused(
          `it ends ${timeText(range.toMs, zone)}, and the data of ${name} are complete up to ${timeText(throughMs, zone)} only; end it there at the latest`,
        );
      }
      const { fromMs: startMs, toMs: endMs } = range;
      const verdict = await examineRange(facts, { environment, model, startMs, endMs, windowMs });
      if (verdict.kind === "too_small") return refused(`this range cannot become the baseline: ${verdict.detail}`);
    }
    state.transaction(() => replaceBaseline({ environment, model, spec, by, comment, incidentId: null }, decided));
    wake();
    return listBaselines(name);
  };

  /** Those that ask the store before they write. */
  const underWay = new Set<Promise<unknown>>();
  const tracked = <Outcome>(outcome: Promise<Outcome>): Promise<Outcome> => {
    const settled: Promise<unknown> = outcome.then(
      () => underWay.delete(settled),
      () => underWay.delete(settled),
    );
    underWay.add(settled);
    return outcome;
  };

  return {
    acknowledge,
    silence: (incidentId, { by, comment, untilMs }) =>
      state.transaction(() => {
        const row = readIncident(state, incidentId);
        if (row === null) return unknown(incidentId);
        const matchers = incidentMatchers(JSON.parse(row.state) as IncidentState, row.severity);
        addSilence({ matchers, by, comment, untilMs, incidentId });
        return shown(incidentId);
      }),
    feedback: (incidentId, { by, comment, verdict }) =>
      state.transaction(() => {
        const row = readIncident(state, incidentId);
        if (row === null) return unknown(incidentId);
        const atMs = wallClock.now();
        const { model, environment } = row;
        const sequence = writeFeedback(state, incidentId, model, { by, verdict, comment, atMs });
        const value = { by, verdict, comment, model, environment, monitors: monitorsOf(row) };
        mirrorState({ kind: "feedback", key: `${incidentId}/${by}`, sequence, value, recordedAtMs: atMs });
        audit({ atMs, actor: by, action: "feedback", subject: incidentId, detail: { verdict, comment } });
        return shown(incidentId);
      }),
    accept: (incidentId, said) => tracked(accept(incidentId, said)),
    silences: {
      list: (which) => {
        const nowMs = wallClock.now();
        const silences = which === "active" ? listActiveSilences(state, nowMs) : listSilences(state, 1000);
        return silences.map(viewed);
      },
      add: (silence) => state.transaction(() => shownSilence(addSilence({ ...silence, incidentId: null }))),
      end: (silenceId, by) =>
        state.transaction(() => {
          const atMs = wallClock.now();
          if (endSilence(state, silenceId, by, atMs)) {
            mirrorSilence(silenceId, 2);
            audit({ atMs, actor: by, action: "end_silence", subject: silenceId, detail: {} });
          }
          return shownSilence(silenceId);
        }),
    },
    baselines: {
      list: (model) => tracked(listBaselines(model)),
      set: (model, change) => tracked(setBaseline(model, change)),
    },
    settle: async () => {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}

function randomId(): string {
  return randomBytes(8).toString("hex");
}

function undeclared(model: string): Refusal {
  const detail = `no model is called ${JSON.stringify(model)}; leeway models lists them`;
  return { kind: "refused", code: "model_unknown", detail };
}

/** Why nothing of an incident can be accepted; `accepted` if somebody did so already; null if it is open. */
function overRefusal(row: IncidentRow): Refusal | "accepted" | null {
  if (row.status === "open" || row.status === "stale") return null;
  const { accepted } = JSON.parse(row.state) as IncidentState;
  if (accepted !== undefined) return "accepted";
  const what = row.status === "ended" ? "it ended by itself" : "late data showed that nothing changed";
  const detail = `${what}, so the present is within the baseline: there is nothing to accept. leeway baseline set takes any range`;
  return { kind: "refused", code: "incident_ended", detail };
}

/** Whether an incident says nothing but that versions differ from the control. */
function onlyBesideControl(row: IncidentRow): boolean {
  const open = openFindings(JSON.parse(row.state) as IncidentState);
  return open.length > 0 && open.every(({ finding }) => finding.evidence.control !== undefined);
}

/** No range makes it normal that two versions of the same windows differ. */
function besideControlRefusal(row: IncidentRow, control: string): Refusal {
  const open = openFindings(JSON.parse(row.state) as IncidentState);
  const versions = [...new Set(open.map(({ finding }) => finding.series.version))].toSorted();
  const [others, differ, them, are] =
    versions.length === 1
      ? [`version ${versions[0]}`, "differs", "it", "is"]
      : [`versions ${versions.join(", ")}`, "differ", "one of them", "are"];
  const detail = `${others} ${differ} from version ${control}, the control, on the same traffic: no stored range makes that normal. If ${others} ${are} right, name ${them} as baseline.version in the file of ${row.model}; until then hold back what is sent: leeway incidents silence ${row.incidentId}`;
  return { kind: "refused", code: "baseline_refused", detail };
}

/** What feedback on an incident is about: each of its features and signals once. */
function monitorsOf(row: IncidentRow): readonly { readonly feature: string; readonly signal: string }[] {
  const { findings } = JSON.parse(row.state) as IncidentState;
  const monitors = Object.values(findings)
    .filter(({ finding }) => finding.state !== "withdrawn")
    .map(({ finding: { series, signal } }) => ({ feature: series.feature, signal }));
  return [...new Map(monitors.map((monitor) => [JSON.stringify(monitor), monitor])).values()];
}
