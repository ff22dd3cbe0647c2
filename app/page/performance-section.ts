import { worseText } from "../../alerting/text/finding-text.ts";
import { countText, numberText, shareText } from "../../alerting/text/quantities.ts";
import type { SeriesState } from "../../core/finding.ts";
import type { ModelSpec } from "../../core/model.ts";
import { parseSlice } from "../../core/slice.ts";
import type { PerformancePoint } from "../../store/facts/page-windows.ts";
import { html, type Html } from "./html.ts";
import { scrollTable } from "./scroll-table.ts";
import { lengthText, windowText } from "./moment.ts";
import { stateTag } from "./state-look.ts";
import { timeChart, type ChartLine } from "./time-chart.ts";

const shownVersions = 4;
/** Rows of the table of slices; the rest are in the store. */
const shownSlices = 40;

interface Look {
  readonly title: string;
  readonly caption: string;
  readonly format?: (value: number) => string;
  /** Charted at once; the others are one click away. */
  readonly first?: true;
}

const measures: Readonly<Record<string, Look>> = {
  accuracy: { title: "Accuracy", caption: "share of labelled rows predicted right", format: shareText, first: true },
  precision: { title: "Precision", caption: "share of positive predictions that were right", format: shareText },
  recall: { title: "Recall", caption: "share of positives that were found", format: shareText },
  f1: { title: "F1", caption: "harmonic mean of precision and recall", first: true },
  roc_auc: { title: "ROC AUC", caption: "chance that a positive scores higher than a negative", first: true },
  pr_auc: { title: "PR AUC", caption: "average precision" },
  log_loss: { title: "Log loss", caption: "mean, natural logarithm; lower is better", first: true },
  brier: { title: "Brier score", caption: "mean squared error of the score; lower is better" },
  calibration_error: { title: "Calibration error", caption: "over tenths of the score; 0 is best" },
  calibration: { title: "Calibration", caption: "mean score less the share of positives; 0 is best", first: true },
  mae: { title: "MAE", caption: "mean absolute error; lower is better", first: true },
  rmse: { title: "RMSE", caption: "root mean squared error; lower is better", first: true },
  mape: { title: "MAPE", caption: "mean error as a share of the label", format: shareText },
  r2: { title: "R²", caption: "share of the labels' variance explained", first: true },
  bias: { title: "Bias", caption: "mean of estimate less label; 0 is best", first: true },
};

const inTable: Readonly<Record<ModelSpec["task"]["kind"], readonly string[]>> = {
  binary: ["accuracy", "precision", "recall", "roc_auc"],
  multiclass: ["accuracy", "precision", "recall", "f1"],
  regression: ["mae", "rmse", "r2"],
  unknown: [],
};

/** How well the model did, by labels where they came and by estimate where it can be made; in order of time. */
export function performanceSection(points: readonly PerformancePoint[], spec: ModelSpec): Html {
  if (points.length === 0) {
    const why =
      spec.task.kind === "unknown"
        ? "Not measured: the model's task is not declared, so labels say nothing about it."
        : `Not measured yet: labels are due ${lengthText(spec.task.labelDelayMs)} after a window's end.`;
    return html`<h2>Performance</h2>
      <p class="nothing">${why}</p>`;
  }
  const whole = points.filter(({ slice }) => slice === "");
  const charts = Object.entries(measures).flatMap(([measure, look]) => {
    const chart = measureChart(measure, look, whole);
    return chart === null ? [] : [{ first: look.first === true, chart }];
  });
  const [first, more] = [charts.filter((one) => one.first), charts.filter((one) => !one.first)];
  const estimated = whole.some(({ measures: known }) =>
    Object.keys(known).some((name) => name.startsWith("estimated_")),
  );
  return html`<h2>Performance</h2>
    <p class="faint">
      From labels, with 95 % intervals.
      ${coverage(whole)}.${estimated ? " Dotted: estimated from calibrated scores, before labels." : null}
    </p>
    ${judgedTable(whole)}
    ${charts.length === 0 ? html`<p class="nothing">Not measured: no label has come yet.</p>` : html`<div class="charts">${first.map(({ chart }) => chart)}</div>`}
    ${
      more.length === 0
        ? null
        : html`<details>
            <summary>${more.length} more metric${more.length === 1 ? "" : "s"}</summary>
            <div class="charts">${more.map(({ chart }) => chart)}</div>
          </details>`
    }
    ${spec.task.kind === "binary" && !estimated ? html`<p class="faint">No estimate before labels: the baseline has no labelled scores, or fewer than 100.</p>` : null}
    ${outcomeTable(points)} ${sliceTable(points, spec)} ${fairnessTable(points)}`;
}

/** One metric of one version over time, with the baseline's value; null if nothing is known of it. */
export function metricPicture(
  points: readonly PerformancePoint[],
  of: { readonly metric: string; readonly version: string },
): Html | null {
  const look = measures[of.metric];
  const own = points.filter(({ slice, version }) => slice === "" && version === of.version);
  return look === undefined ? null : measureChart(of.metric, look, own);
}

/** What was decided of one metric of one version, by start of window. */
export function metricStates(
  points: readonly PerformancePoint[],
  of: { readonly metric: string; readonly version: string },
): ReadonlyMap<number, SeriesState> {
  return new Map(
    points
      .filter(({ slice, version }) => slice === "" && version === of.version)
      .flatMap(({ window, judged }) =>
        judged
          .filter(({ metric }) => metric === of.metric)
          .map(({ state }): [number, SeriesState] => [window.startMs, state]),
      ),
  );
}

function measureChart(measure: string, { first: _, ...look }: Look, points: readonly PerformancePoint[]): Html | null {
  const estimate = `estimated_${measure}`;
  if (!points.some(({ measures: known }) => known[measure] !== undefined || known[estimate] !== undefined)) return null;
  const spans = [...new Map(points.map(({ window }) => [window.startMs, window])).values()];
  const versions = [...new Set(points.map(({ version }) => version))].slice(-shownVersions);
  const lines = versions.flatMap((version, look): ChartLine[] => {
    const own = spans.map(({ startMs }) =>
      points.find((point) => point.window.startMs === startMs && point.version === version),
    );
    const values = (name: string) => own.map((point) => point?.measures[name] ?? null);
    const line = (name: string, as: string): ChartLine => ({
      name: as,
      look,
      values: values(name),
      low: values(`${name}_low`),
      high: values(`${name}_high`),
    });
    const estimates = line(estimate, `version ${version}, estimated`);
    return [
      {
        ...line(measure, `version ${version}`),
        doubtful: own.map((point) => point?.state === "insufficient_data"),
      },
      ...(estimates.values.every((value) => value === null) ? [] : [{ ...estimates, estimated: true as const }]),
    ];
  });
  // All windows on one chart are held against one baseline, the newest that was.
  const level = points.findLast(({ measures: known }) => known[`reference_${measure}`] !== undefined)?.measures[
    `reference_${measure}`
  ];
  const trouble = points
    .filter(({ judged }) => judged.some(({ metric, state }) => metric === measure && state === "drift"))
    .map(({ window }) => window.startMs);
  return timeChart({
    ...look,
    windows: spans,
    lines,
    trouble: new Set(trouble),
    ...(level !== undefined && { level: { name: "baseline", value: level } }),
  });
}

/** What was held against the baseline in the newest window whose labels are due. */
function judgedTable(points: readonly PerformancePoint[]): Html | null {
  const last = points.findLast(({ judged }) => judged.length > 0)?.window;
  if (last === undefined) {
    return html`<p class="faint">
      Not held against the baseline: no window's labels were due, or the baseline has none.
    </p>`;
  }
  const rows = points
    .filter(({ window }) => window.startMs === last.startMs)
    .flatMap(({ version, judged, measures: known }) =>
      judged.map(({ metric, state, effect, effectLow }) => {
        const format = measures[metric]?.format ?? numberText;
        const number = (name: string) => (known[name] === undefined ? "not measured" : format(known[name]));
        const [low, high] = [known[`${metric}_low`], known[`${metric}_high`]];
        const worse =
          effect === null
            ? "not judged"
            : effect < 0
              ? "better"
              : `${worseText(metric, effect)}, at least ${worseText(metric, Math.max(0, effectLow ?? 0))}`;
        return html`<tr>
          <th scope="row">${measures[metric]?.title ?? metric}</th>
          <td>${version === "" ? "(none)" : version}</td>
          <td class="number">
            ${number(metric)}${low === undefined || high === undefined ? null : html` <span class="faint">${format(low)} to ${format(high)}</span>`}
          </td>
          <td class="number">${number(`reference_${metric}`)}</td>
          <td>${worse}</td>
          <td>${stateTag(state)}</td>
        </tr>`;
      }),
    );
  const table = scrollTable({
    label: "Performance against the baseline",
    columns: [
      "Metric",
      "Version",
      { name: "Window", kind: "number" },
      { name: "Baseline", kind: "number" },
      "Worse by",
      "State",
    ],
    rows,
  });
  return html`<h3>Against the baseline, window ${windowText(last)}</h3>
    ${table}`;
}

function coverage(points: readonly PerformancePoint[]): string {
  // The newest window has hardly any yet: the newest whose labels are due says more.
  const last = (points.findLast(({ measures: known }) => known["labels_due"] === 1) ?? points.at(-1))?.window;
  if (last === undefined) return "No window was measured yet";
  const newest = points.filter((point) => point.window.startMs === last.startMs);
  const labelled = newest.reduce((sum, point) => sum + (point.measures["labelled_rows"] ?? 0), 0);
  const rows = newest.reduce((sum, point) => sum + point.rows, 0);
  return `${countText(labelled)} of ${countText(rows)} rows of window ${windowText(last)} have a label so far`;
}

/** Arms and watched slices of the newest window in which some of them have labels. */
function sliceTable(points: readonly PerformancePoint[], spec: ModelSpec): Html | null {
  const names = inTable[spec.task.kind];
  const measured = points.filter(
    ({ slice, measures: known }) => slice !== "" && names.some((name) => known[name] !== undefined),
  );
  const last = measured.at(-1)?.window;
  if (last === undefined) return null;
  const rows = measured.filter(({ window }) => window.startMs === last.startMs).toSorted((a, b) => b.rows - a.rows);
  const cell = (point: PerformancePoint, name: string) => {
    const format = measures[name]?.format ?? numberText;
    const [value, low, high] = [name, `${name}_low`, `${name}_high`].map((key) => point.measures[key]);
    return html`<td class="number">
      ${value === undefined ? "not measured" : format(value)}${low === undefined || high === undefined ? null : html` <span class="faint">${format(low)} to ${format(high)}</span>`}
    </td>`;
  };
  return html`<h3>By arm and watched slice, window ${windowText(last)}</h3>
    ${scrollTable({
      label: "Performance by arm and watched slice",
      columns: [
        "Slice",
        "Version",
        { name: "Rows", kind: "number" },
        { name: "Labelled", kind: "number" },
        ...names.map((name) => ({ name: measures[name]?.title ?? name, kind: "number" as const })),
      ],
      rows: rows.slice(0, shownSlices).map(
        (point) =>
          html`<tr>
            <th scope="row">${point.slice}</th>
            <td>${point.version === "" ? "(none)" : point.version}</td>
            <td class="number">${countText(point.rows)}</td>
            <td class="number">${countText(point.measures["labelled_rows"] ?? 0)}</td>
            ${names.map((name) => cell(point, name))}
          </tr>`,
      ),
    })}`;
}

/** What predictions were worth by version, arm and watched slice, in the newest window whose labels are due. */
function outcomeTable(points: readonly PerformancePoint[]): Html | null {
  const prefix = "outcome_rows:";
  const told = points.filter(({ measures: known }) => Object.keys(known).some((name) => name.startsWith(prefix)));
  const last = (told.findLast(({ measures: known }) => known["labels_due"] === 1) ?? told.at(-1))?.window;
  if (last === undefined) return null;
  const rows = told
    .filter(({ window }) => window.startMs === last.startMs)
    .toSorted((a, b) => b.rows - a.rows)
    .slice(0, shownSlices)
    .flatMap(({ version, slice, rows: all, measures: known }) =>
      Object.keys(known)
        .filter((name) => name.startsWith(prefix))
        .map((name) => {
          const outcome = name.slice(prefix.length);
          const number = (of: string) => {
            const [value, low, high] = ["", "_low", "_high"].map((end) => known[`${of}${end}:${outcome}`]);
            return value === undefined || low === undefined || high === undefined
              ? null
              : html`${numberText(value)} <span class="faint">${numberText(low)} to ${numberText(high)}</span>`;
          };
          return html`<tr>
            <th scope="row">${outcome}</th>
            <td>${version === "" ? "(none)" : version}</td>
            <td>${slice}</td>
            <td class="number">${countText(known[name] ?? 0)} of ${countText(all)}</td>
            <td class="number">${number("outcome") ?? "not measured"}</td>
            <td class="number">${number("outcome_difference")}</td>
            <td class="number">${number("outcome_baseline_difference")}</td>
          </tr>`;
        }),
    );
  const table = scrollTable({
    label: "Outcomes by version, arm and watched slice",
    columns: [
      "Outcome",
      "Version",
      "Slice",
      { name: "Rows with it", kind: "number" },
      { name: "Mean", kind: "number" },
      { name: "Less the largest", kind: "number" },
      { name: "Less the baseline", kind: "number" },
    ],
    rows,
  });
  return html`<h3>Outcomes, window ${windowText(last)}</h3>
    <p class="faint">
      Differences of means with 95 % intervals: of a version to the one with the most rows, of an arm to the largest of
      its version. An interval that contains 0 is no sign of a difference.
    </p>
    ${table}`;
}

const ratios = [
  { name: "selection_rate", title: "Selection rate", of: "share predicted positive" },
  { name: "true_positive_rate", title: "True-positive rate", of: "share of positives found" },
] as const;

/** How differently the groups of each cohort attribute are treated, in the newest window that says so. */
function fairnessTable(points: readonly PerformancePoint[]): Html | null {
  const prefix = "selection_rate_ratio:";
  const last = points.findLast(({ measures: known }) =>
    Object.keys(known).some((name) => name.startsWith(prefix)),
  )?.window;
  if (last === undefined) return null;
  const newest = points.filter(({ window }) => window.startMs === last.startMs);
  const rows = newest.flatMap(({ version, measures: known }) =>
    Object.keys(known)
      .filter((name) => name.startsWith(prefix))
      .flatMap((name) => {
        const attribute = name.slice(prefix.length);
        return ratios.flatMap((ratio) => {
          const [value, low, high] = ["", "_low", "_high"].map(
            (end) => known[`${ratio.name}_ratio${end}:${attribute}`],
          );
          if (value === undefined || low === undefined || high === undefined) return [];
          const groups = newest
            .filter((point) => point.version === version && Object.keys(parseSlice(point.slice)).join() === attribute)
            .flatMap(({ slice, measures: own }) => {
              const rate = own[ratio.name];
              return rate === undefined ? [] : [{ value: parseSlice(slice)[attribute] ?? "", rate }];
            })
            .toSorted((a, b) => a.rate - b.rate);
          const group = (one: (typeof groups)[number] | undefined) =>
            one === undefined ? "" : `${one.value} ${shareText(one.rate)}`;
          return [
            html`<tr>
              <th scope="row">${attribute}</th>
              <td>${version === "" ? "(none)" : version}</td>
              <td>${ratio.title} <span class="faint">${ratio.of}</span></td>
              <td class="number">
                ${numberText(value)} <span class="faint">${numberText(low)} to ${numberText(high)}</span>
              </td>
              <td>${group(groups[0])}</td>
              <td>${group(groups.at(-1))}</td>
            </tr>`,
          ];
        });
      }),
  );
  const table = scrollTable({
    label: "Fairness by cohort attribute",
    columns: ["Attribute", "Version", "Rate", { name: "Ratio", kind: "number" }, "Lowest", "Highest"],
    rows,
  });
  return html`<h3>Fairness by cohort attribute, window ${windowText(last)}</h3>
    <p class="faint">Lowest rate over highest, 1 is equal; groups with few rows are left out.</p>
    ${table}`;
}
