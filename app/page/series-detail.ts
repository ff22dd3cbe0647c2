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

/** Signals whose effect is a share: of rows, or of the mean that a monitor's value has over the baseline. */
const inShares: ReadonlySet<string> = new Set(["distribution", "missing", "unseen", "custom", "joint"]);
/** A categorical chart shows so many categories at least, whatever moved. */
const drawnWhole = 12;

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
): Promise<{
  readonly html: Html;
  /** Every category is in the drawing. */
  readonly whole: boolean;
}> {
  const { series, name } = story;
  const pair = await readProfilePair(facts, { ...at, series });
  const unit =
    series.role === "feature"
      ? (at.spec?.features.find((feature) => feature.name === series.feature)?.unit ?? null)
      : null;
  const floor = at.spec?.monitoring.effectFloor;
  const trouble = new Set([...story.states].filter(([, state]) => state === "drift").map(([startMs]) => startMs));
  const signals = story.signals.filter(
    ({ signal, points }) => inShares.has(signal) && points.some(({ effect }) => effect !== null),
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
  const monitored = story.signals.every(({ signal }) => signal === "custom" || signal === "joint");
  const drawing = html`<div class="charts">
    <div>
      <h3>
        ${name}: ${pair === null || pair.control === null ? "reference" : `version ${pair.control}`} and window
        ${windowText(at.window)}
      </h3>
      ${pair === null ? html`<p class="nothing">${monitored ? "A monitor's value is one number a window: it has no distribution." : "There is nothing to compare with: the baseline does not have it, or the version that it is compared with had no rows."}</p>` : distributionChart(name, pair, unit)}
    </div>
    <div>
      ${timeChart({
        title: `How much of ${name} moved`,
        caption: monitored ? "change, per window" : "share of rows, per window",
        windows: at.windows,
        lines: shown.length > 0 ? shown : lines.slice(0, 1),
        ...(floor !== undefined && !monitored && { level: { name: "floor", value: floor } }),
        trouble,
        format: shareText,
        fromZero: true,
      })}
    </div>
  </div>`;
  const whole = pair?.binning.kind === "categorical" && pair.binning.categories.length <= drawnWhole;
  return { html: drawing, whole };
}
