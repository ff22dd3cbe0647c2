import { shareText } from "../../alerting/text/quantities.ts";
import type { ModelSpec } from "../../core/model.ts";
import type { Window } from "../../core/window.ts";
import type { Facts } from "../../store/facts/client.ts";
import { readProfilePair } from "../../store/facts/page-profiles.ts";
import { distributionChart } from "./distribution-chart.ts";
import { html, type Html } from "./html.ts";
import { windowText } from "./moment.ts";
import { type SeriesStory, signalText } from "./series-table.ts";
import { timeChart } from "./time-chart.ts";

/** One series in full: reference against a window side by side, and how much moved over time. */
export async function seriesDetail(
  facts: Facts,
  story: SeriesStory,
  at: {
    readonly spec: ModelSpec | null;
    readonly model: string;
    readonly environment: string;
    readonly baselineId: string;
    /** The one that is drawn. */
    readonly window: Window;
    readonly windows: readonly Window[];
  },
): Promise<Html> {
  const { series, name } = story;
  const pair = await readProfilePair(facts, { ...at, series });
  const unit =
    series.role === "feature"
      ? (at.spec?.features.find((feature) => feature.name === series.feature)?.unit ?? null)
      : null;
  const floor = at.spec?.monitoring.effectFloor;
  const trouble = new Set([...story.states].filter(([, state]) => state === "drift").map(([startMs]) => startMs));
  const signals = story.signals.filter(
    ({ signal, points }) => signal !== "silence" && points.some(({ effect }) => effect !== null),
  );
  const lines = signals.map(({ signal, points }) => {
    const byStart = new Map(points.map((point) => [point.startMs, point.effect]));
    return {
      name: signalText(signal),
      values: at.windows.map(({ startMs }) => byStart.get(startMs) ?? null),
    };
  });
  // A line that is 0 throughout says in words what it says.
  const shown = lines.filter(({ values }) => values.some((value) => value !== null && value > 0));
  return html`<div class="charts">
    <div>
      <h3>${name}: reference and window ${windowText(at.window)}</h3>
      ${pair === null ? html`<p class="nothing">The baseline does not have it: there is nothing to compare with.</p>` : distributionChart(name, pair, unit)}
    </div>
    <div>
      ${timeChart({
        title: `How much of ${name} moved`,
        caption: "share of rows, per window",
        windows: at.windows,
        lines: shown.length > 0 ? shown : lines.slice(0, 1),
        ...(floor !== undefined && { level: { name: "floor", value: floor } }),
        trouble,
        format: shareText,
        fromZero: true,
      })}
    </div>
  </div>`;
}
