import type { BaselineSpec, Trailing } from "../../core/baseline.ts";
import type { SeriesState } from "../../core/finding.ts";
import type { ModelSpec, ServiceClockKind } from "../../core/model.ts";
import { dayMs, minuteMs } from "../../core/window.ts";
import { trailingReadyMs } from "../../detectors/baselines/trailing.ts";
import type { StoredEvents } from "../../store/facts/page-events.ts";
import type { WindowOverview } from "../../store/facts/page-windows.ts";
import { isLasting, type IncidentSummary } from "./incident-record.ts";
import type { Tone } from "./state-look.ts";

/**
 * How one model stands in one environment. Only `well` says that it was measured and is quiet; whatever keeps it from
 * being measured is a kind of its own.
 */
export type Standing =
  | { readonly kind: "incident"; readonly incidents: readonly IncidentSummary[] }
  /** Findings are open that alerting has not taken up yet. */
  | { readonly kind: "changed"; readonly series: number }
  | { readonly kind: "not_decided"; readonly sinceMs: number }
  | { readonly kind: "no_events" }
  | { readonly kind: "not_watched" }
  | { readonly kind: "learning" }
  | { readonly kind: "no_baseline" }
  | { readonly kind: "baseline_waits"; readonly untilMs: number | null }
  | { readonly kind: "first_window" }
  | { readonly kind: "warming_up" }
  | { readonly kind: "insufficient_data" }
  | { readonly kind: "too_variable" }
  | { readonly kind: "watching"; readonly series: number }
  | { readonly kind: "well" };

export interface StandingFacts {
  readonly spec: ModelSpec;
  readonly environment: string;
  /** The one in force: of its file, or one that a person accepted instead. */
  readonly baseline: BaselineSpec | null;
  /** Those of this model and environment. */
  readonly incidents: readonly IncidentSummary[];
  /** In order of time. */
  readonly windows: readonly WindowOverview[];
  readonly events: StoredEvents | null;
}

/** Trouble first, then what hides trouble (not measured), then quiet. */
export function standingOf(
  { spec, environment, baseline, incidents, windows, events }: StandingFacts,
  context: { readonly nowMs: number; readonly serviceClock: ServiceClockKind },
): Standing {
  const lasting = incidents.filter(isLasting);
  if (lasting.length > 0) return { kind: "incident", incidents: lasting };
  if (events === null && windows.length === 0) return { kind: "no_events" };
  if (!spec.monitoring.environments.includes(environment)) return { kind: "not_watched" };
  if (spec.origin === "learning") return { kind: "learning" };
  if (baseline === null) return { kind: "no_baseline" };

  const last = windows.at(-1);
  if (last === undefined || last.baselineId === "") {
    if (baseline.kind === "trailing") return trailingWaits(baseline, spec, events);
    const complete = baseline.kind === "file" || (events?.lastMs ?? 0) >= baseline.toMs;
    if (!complete) return { kind: "baseline_waits", untilMs: baseline.kind === "range" ? baseline.toMs : null };
    return last === undefined ? { kind: "first_window" } : { kind: "baseline_waits", untilMs: null };
  }
  const changed = last.states.drift ?? 0;
  if (changed > 0) return { kind: "changed", series: changed };
  if (isBehind(last, spec, events, context)) return { kind: "not_decided", sinceMs: last.window.endMs };
  const all = Object.values(last.states).reduce((sum, series) => sum + series, 0);
  const measured = (last.states.ok ?? 0) + (last.states.watching ?? 0);
  if (measured === 0) {
    const warming = last.states.warming_up ?? 0;
    if (warming > 0) return { kind: "warming_up" };
    return { kind: all > 0 && last.states.too_variable === all ? "too_variable" : "insufficient_data" };
  }
  const watching = last.states.watching ?? 0;
  return watching > 0 ? { kind: "watching", series: watching } : { kind: "well" };
}

/** Too little was stored so far; until when, if events go on coming. */
function trailingWaits(trailing: Trailing, { monitoring }: ModelSpec, events: StoredEvents | null): Standing {
  if (events === null) return { kind: "baseline_waits", untilMs: null };
  const lengthMs = monitoring.windowMs === "auto" ? dayMs : monitoring.windowMs;
  const readyMs = trailingReadyMs(trailing, events.firstMs, { lengthMs, zone: monitoring.zone });
  return { kind: "baseline_waits", untilMs: readyMs > events.lastMs ? readyMs : null };
}

/** Two windows without a decision are one too many. @param window The last one that was decided. */
export function isBehind(
  { window }: Pick<WindowOverview, "window">,
  spec: ModelSpec,
  events: Pick<StoredEvents, "lastMs"> | null,
  { nowMs, serviceClock }: { readonly nowMs: number; readonly serviceClock: ServiceClockKind },
): boolean {
  const { allowedLatenessMs, idleAfterMs } = spec.monitoring;
  const presentMs = serviceClock === "wall" ? nowMs : (events?.lastMs ?? 0);
  const length = window.endMs - window.startMs;
  return presentMs - window.endMs > 2 * length + allowedLatenessMs + idleAfterMs + 10 * minuteMs;
}

export function standingTone({ kind }: Standing): Tone {
  switch (kind) {
    case "incident":
    case "changed":
      return "trouble";
    case "watching":
      return "watched";
    case "well":
      return "well";
    default:
      return "unmeasured";
  }
}

/** The state whose mark stands for it; null for kinds that have none of their own. */
export function standingState({ kind }: Standing): SeriesState {
  switch (kind) {
    case "incident":
    case "changed":
      return "drift";
    case "watching":
      return "watching";
    case "well":
      return "ok";
    case "warming_up":
    case "learning":
    case "first_window":
    case "baseline_waits":
      return "warming_up";
    case "too_variable":
      return "too_variable";
    case "insufficient_data":
    case "not_decided":
    case "no_events":
      return "insufficient_data";
    case "no_baseline":
    case "not_watched":
      return "no_baseline";
  }
}

/** In two words. */
export const standingWords: Readonly<Record<Standing["kind"], string>> = {
  incident: "incident",
  changed: "changed",
  not_decided: "not decided",
  no_events: "no events",
  not_watched: "not watched",
  learning: "learning",
  no_baseline: "no baseline",
  baseline_waits: "baseline waits",
  first_window: "first window open",
  warming_up: "warming up",
  insufficient_data: "too few rows",
  too_variable: "too variable",
  watching: "watching",
  well: "no change",
};

const order: readonly Standing["kind"][] = [
  "incident",
  "changed",
  "not_decided",
  "insufficient_data",
  "too_variable",
  "baseline_waits",
  "no_baseline",
  "no_events",
  "watching",
  "first_window",
  "warming_up",
  "learning",
  "not_watched",
  "well",
];

/** What needs somebody first comes first: a page before a ticket, then what could hide trouble. */
export function standingRank(standing: Standing): number {
  const paged = standing.kind === "incident" && standing.incidents.some(({ severity }) => severity === "page");
  return paged ? -1 : order.indexOf(standing.kind);
}
