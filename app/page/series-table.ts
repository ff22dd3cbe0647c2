import { shareText } from "../../alerting/text/quantities.ts";
import type { Series } from "../../core/baseline.ts";
import type { SeriesState } from "../../core/finding.ts";
import type { Window } from "../../core/window.ts";
import { type SignalHistory, type SignalPoint, worstFirst } from "../../store/facts/page-windows.ts";
import { html, type Html } from "./html.ts";
import { scrollTable } from "./scroll-table.ts";
import { moment } from "./moment.ts";
import { stateLooks, stateTag } from "./state-look.ts";
import { stripCells, windowStrip } from "./window-strip.ts";

/** One series with all its signals over the windows that are shown. */
export interface SeriesStory {
  readonly series: Series;
  readonly name: string;
  readonly signals: readonly SignalHistory[];
  /** By window start: the worst state of its signals. */
  readonly states: ReadonlyMap<number, SeriesState>;
  /** In the last window that was decided; null if that says nothing about it. */
  readonly state: SeriesState | null;
  /** First window of the run of changed windows that still lasts. */
  readonly changedSinceMs: number | null;
}

/** What a page calls a series: `hour`, `score, version 7`. */
export function seriesTitle({ role, feature, version, slice }: Series): string {
  const base =
    role === "feature" ? (feature === "" ? "flow of events" : feature) : role === "score" ? "score" : "predicted class";
  const ofVersion = version === "" ? base : `${base}, version ${version}`;
  return slice === "" ? ofVersion : `${ofVersion} (${slice})`;
}

/** The signals of one series together; changed ones first, then what was not measured, then by name. */
export function seriesStories(histories: readonly SignalHistory[], windows: readonly Window[]): readonly SeriesStory[] {
  const lastMs = windows.at(-1)?.startMs ?? 0;
  const stories = [
    ...Map.groupBy(histories, ({ role, feature, version, slice }) =>
      JSON.stringify([role, feature, version, slice]),
    ).values(),
  ].map((signals): SeriesStory => {
    const [first] = signals as [SignalHistory, ...SignalHistory[]];
    const { role, feature, version, slice } = first;
    const series = { role, feature, version, slice };
    const states = new Map<number, SeriesState>();
    for (const { startMs, state } of signals.flatMap(({ points }) => points)) {
      const known = states.get(startMs);
      if (known === undefined || worstFirst.indexOf(state) < worstFirst.indexOf(known)) states.set(startMs, state);
    }
    const changed = windows.map(({ startMs }) => states.get(startMs) === "drift");
    const quietUntil = changed.lastIndexOf(false);
    const state = states.get(lastMs) ?? null;
    return {
      series,
      name: seriesTitle(series),
      signals,
      states,
      state,
      changedSinceMs: state === "drift" ? (windows[quietUntil + 1]?.startMs ?? null) : null,
    };
  });
  return stories.toSorted(
    (left, right) =>
      rank(left) - rank(right) || effectOf(right) - effectOf(left) || left.name.localeCompare(right.name, "en"),
  );
}

const rank = ({ state }: SeriesStory) => (state === null ? worstFirst.length : worstFirst.indexOf(state));
/** Sorts what changed by its size; the rest by name. */
const effectOf = (story: SeriesStory) => (story.state === "drift" ? (leading(story)?.point.effect ?? 0) : 0);

/** In the page's words. */
export function signalText(signal: SignalHistory["signal"]): string {
  const words: Readonly<Partial<Record<SignalHistory["signal"], string>>> = {
    missing: "missing values",
    unseen: "new values",
    silence: "longest gap",
    custom: "value of the monitor",
    joint: "features together",
  };
  return words[signal] ?? signal.replaceAll("_", " ");
}

/** The signal that gives a series its state in the last window. */
function leading({
  signals,
  state,
}: SeriesStory): { readonly signal: SignalHistory; readonly point: SignalPoint } | null {
  const last = signals.flatMap((signal) => {
    const point = signal.points.at(-1);
    return point === undefined ? [] : [{ signal, point }];
  });
  return last.find(({ point }) => point.state === state) ?? last[0] ?? null;
}

/** @param href Where a series is shown in full; null for those that have no distribution. */
export function seriesTable(
  title: string,
  stories: readonly SeriesStory[],
  options: {
    readonly windows: readonly Window[];
    readonly href: (series: Series) => string;
    readonly selected: SeriesStory | null;
    readonly nowMs: number;
  },
): Html {
  const rows = stories.map((story) => {
    const { series, name, state, states } = story;
    const lead = leading(story);
    const link =
      series.feature === ""
        ? name
        : html`<a href="${options.href(series)}" ${story === options.selected ? html` aria-current="true"` : null}
            >${name}</a
          >`;
    return html`<tr class="${state === null ? "" : stateLooks[state].tone}">
      <th scope="row">${link}</th>
      <td>
        ${state === null ? html`<span class="faint">not in the last window</span>` : stateTag(state)}${state === "drift" && lead !== null && lead.signal.signal !== "distribution" ? html` <span class="faint">${signalText(lead.signal.signal)}</span>` : null}
      </td>
      <td class="number">${effectText(lead)}</td>
      <td class="optional">${story.changedSinceMs === null ? null : moment(story.changedSinceMs, options.nowMs)}</td>
      <td class="optional">${windowStrip(name, stripCells(options.windows, states))}</td>
    </tr>`;
  });
  return scrollTable({
    label: title,
    columns: [
      title,
      "Last window",
      { name: "Rows moved", kind: "number" },
      { name: "Changed since", kind: "optional" },
      { name: `Last ${options.windows.length} windows`, kind: "optional" },
    ],
    rows,
    look: "series",
  });
}

/** `4.1 %, ≥ 3.2 %`; for a gap in the flow a multiple. What nobody judges is faint. */
function effectText(lead: ReturnType<typeof leading>): Html | string {
  const effect = lead?.point.effect ?? null;
  if (lead === null || effect === null) return html`<span class="faint">not measured</span>`;
  const { state, effectLow: low } = lead.point;
  if (lead.signal.signal === "silence") return html`<span class="faint">${effect.toFixed(1)} × the longest gap</span>`;
  if (lead.signal.signal === "joint") return html`<span class="faint">told apart: ${effect.toFixed(2)}</span>`;
  if (lead.signal.signal === "custom") return html`<span class="faint">${shareText(effect)} off its mean</span>`;
  if (stateLooks[state].tone === "unmeasured") return html`<span class="faint">${shareText(effect)}</span>`;
  return low === null || state !== "drift"
    ? shareText(effect)
    : `${shareText(effect)}, ≥ ${shareText(Math.max(0, low))}`;
}
