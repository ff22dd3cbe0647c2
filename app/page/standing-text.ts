import { countText } from "../../alerting/text/quantities.ts";
import type { ModelSpec } from "../../core/model.ts";
import { fewestSubWindows } from "../../detectors/baselines/baseline.ts";
import { minReferenceRows } from "../../detectors/decisions/contrasts.ts";
import type { StoredEvents } from "../../store/facts/page-events.ts";
import type { WindowOverview } from "../../store/facts/page-windows.ts";
import { html, type Html } from "./html.ts";
import { instant, utcText, windowText } from "./moment.ts";
import { type Standing, standingState, standingTone, standingWords } from "./standing.ts";
import { stateMark } from "./state-look.ts";

/** `PAGE`, `ticket`, `ended`: how urgent an incident is, or that it is over. */
export function severityBadge({ severity, status }: { readonly severity: string; readonly status: string }): Html {
  if (status !== "open" && status !== "stale") return html`<span class="badge over">${status}</span>`;
  return html`<span class="badge ${severity}">${severity === "none" ? "not sent" : severity}</span>`;
}

/** Mark and word. */
export function standingTag(standing: Standing): Html {
  return html`<span class="state ${standingTone(standing)}"
    >${stateMark(standingState(standing))} ${standingWords[standing.kind]}</span
  >`;
}

/** What it means, with what is missing where something is. */
export function standingSentence(
  standing: Standing,
  known: {
    readonly spec: ModelSpec;
    readonly events: StoredEvents | null;
    readonly windows: readonly WindowOverview[];
  },
  nowMs: number,
): Html {
  const last = known.windows.at(-1);
  switch (standing.kind) {
    case "incident":
      return html`${standing.incidents.length} open`;
    case "changed":
      return html`${standing.series} series changed; no incident is made of it yet`;
    case "not_decided":
      return html`No window was decided since ${instant(standing.sinceMs, nowMs)}: <code>leeway doctor</code> says what
        stands still`;
    case "no_events":
      return html`No event has arrived`;
    case "not_watched":
      return html`This environment is stored, not watched: add it to <code>monitoring.environments</code>`;
    case "learning":
      return html`${learningProgress(known)}`;
    case "no_baseline":
      return html`Nothing to compare with: set a <code>baseline</code> in its model file`;
    case "baseline_waits":
      return standing.untilMs === null
        ? html`Its baseline is not made yet: if this stays, <code>leeway doctor</code> says why`
        : html`Its baseline is complete once there are events up to ${utcText(standing.untilMs)}`;
    case "first_window":
      return html`Its first window is not over yet`;
    case "warming_up":
      return html`Its usual variation is still being learnt; a large change would be told all the same`;
    case "insufficient_data":
      return last === undefined
        ? html`Not measured`
        : html`Window ${windowText(last.window)} has ${countText(last.rows)} row${last.rows === 1 ? "" : "s"}: too few
          to tell`;
    case "too_variable":
      return html`Every series varies so much between healthy windows that no change could be told:
        <code>leeway doctor</code> names them`;
    case "watching":
      return html`${standing.series} series unusual, within the budget of false incidents`;
    case "well":
      return last === undefined ? html`` : html`Through ${windowText(last.window)}`;
  }
}

/** What a model that registered itself has, and what it lacks to be judged. */
export function learningProgress({
  events,
  windows,
}: {
  readonly events: StoredEvents | null;
  readonly windows: readonly WindowOverview[];
}): Html {
  const rows = events?.rows ?? 0;
  const whole = wholeWindows(windows);
  return html`${countText(rows)}
  row${rows === 1 ? "" : "s"}${rows < minReferenceRows ? ` of ${minReferenceRows}` : null}, ${whole} whole
  window${whole === 1 ? "" : "s"}${whole < fewestSubWindows ? ` of ${fewestSubWindows}` : null}; no baseline yet`;
}

/** Over, and with rows. */
export function wholeWindows(windows: readonly WindowOverview[]): number {
  return windows.filter(({ rows }) => rows > 0).length;
}
