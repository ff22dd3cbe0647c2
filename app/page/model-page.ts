import { countText, numberText, shareText } from "../../alerting/text/quantities.ts";
import { baselineInForce } from "../../core/accepted-baseline.ts";
import type { Baseline, Series } from "../../core/baseline.ts";
import type { ModelSpec } from "../../core/model.ts";
import { dayMs, type Window } from "../../core/window.ts";
import { fewestSubWindows } from "../../detectors/baselines/baseline.ts";
import { minReferenceRows } from "../../detectors/decisions/contrasts.ts";
import { readAcceptedBaselines } from "../../store/facts/accepted-baselines.ts";
import { readBaseline } from "../../store/facts/baselines.ts";
import {
  readStoredEvents,
  readStoredVersions,
  type StoredEvents,
  type StoredVersion,
} from "../../store/facts/page-events.ts";
import { readResultHistory, type ResultPoint } from "../../store/facts/page-profiles.ts";
import {
  readPerformanceHistory,
  readSignalHistories,
  readWindowOverviews,
  type WindowOverview,
  worstFirst,
} from "../../store/facts/page-windows.ts";
import { html, type Html } from "./html.ts";
import { scrollTable } from "./scroll-table.ts";
import { type IncidentSummary, isLasting, listIncidents } from "./incident-record.ts";
import { incidentHref, layout, type PageContext } from "./layout.ts";
import { lengthText, moment, utcText } from "./moment.ts";
import { performanceSection } from "./performance-section.ts";
import { seriesDetail } from "./series-detail.ts";
import { seriesStories, type SeriesStory, seriesTable } from "./series-table.ts";
import type { PageSource } from "./source.ts";
import { type Standing, standingOf } from "./standing.ts";
import { severityBadge, standingSentence, standingTag, wholeWindows } from "./standing-text.ts";
import { stateLegend } from "./state-look.ts";
import { timeChart } from "./time-chart.ts";

const shownWindows = 28;
/** Series in a table; the rest are one link away. */
const shownSeries = 100;
const shownIncidents = 20;

export interface ModelQuery {
  readonly environment: string | null;
  /** `["feature","hour","",""]` as JSON: the series that is shown in full. */
  readonly series: string | null;
  readonly all: boolean;
}

/** What is wrong with this model, since when? Null if there is no such model. */
export async function modelPage(
  source: PageSource,
  name: string,
  query: ModelQuery,
  context: PageContext,
): Promise<string | null> {
  const spec = source.models().find((model) => model.name === name);
  if (spec === undefined) return null;
  const { facts, serviceClock } = source;
  const stored = await readStoredEvents(facts, name);
  const environments = [...new Set([...stored.map((one) => one.environment), ...spec.monitoring.environments])];
  const watched = spec.monitoring.environments.find((one) => stored.some((events) => events.environment === one));
  const environment = query.environment ?? watched ?? environments[0] ?? "production";
  if (!environments.includes(environment)) return null;
  const key = { model: name, environment, windows: shownWindows };
  const windows = await readWindowOverviews(facts, key);
  const last = windows.at(-1);
  const spans = windows.map(({ window }) => window);
  const baselineId = last?.baselineId ?? "";
  const events = stored.find((one) => one.environment === environment) ?? null;
  const [acceptedBaselines, histories, performance, versions, baseline, results] = await Promise.all([
    readAcceptedBaselines(facts),
    baselineId === "" ? [] : readSignalHistories(facts, key),
    readPerformanceHistory(facts, key),
    events === null ? [] : readStoredVersions(facts, { ...key, sinceMs: last?.window.startMs ?? 0 }),
    baselineId === "" ? null : readBaseline(facts, { ...key, baselineId }),
    baselineId === "" ? [] : readResultHistory(facts, { ...key, baselineId, fromMs: spans[0]?.startMs ?? 0 }),
  ]);
  const accepted = acceptedBaselines.find((one) => one.model === name && one.environment === environment) ?? null;
  const port = source.incidents();
  const incidents =
    port === null
      ? []
      : listIncidents(port, { model: name, limit: 200 }).filter((one) => one.environment === environment);
  const standing = standingOf(
    { spec, environment, baseline: baselineInForce(spec.baseline, accepted), incidents, windows, events },
    { nowMs: context.nowMs, serviceClock },
  );
  const stories = seriesStories(histories, spans);
  const selected = selectedStory(stories, query.series);
  const address = (parameters: Readonly<Record<string, string>>) =>
    `?${new URLSearchParams({
      ...(environment !== "production" && { environment }),
      ...(query.all && { all: "1" }),
      ...parameters,
    })}`;
  const href = (series: Series) =>
    `${address({ series: JSON.stringify([series.role, series.feature, series.version, series.slice]) })}#series`;
  const detail =
    selected === null || last === undefined
      ? null
      : (await seriesDetail(facts, selected, { spec, ...key, baselineId, window: last.window, windows: spans })).html;

  const known = { spec, events, windows };
  const body = html`<h1>${name} <span class="faint">${environment}</span></h1>
    <p class="lead">
      ${standingTag(standing)} <span class="faint">·</span> ${standingSentence(standing, known, context.nowMs)}
    </p>
    ${environments.length > 1 ? environmentLinks(environments, environment) : null}
    ${standing.kind === "learning" || standing.kind === "no_baseline" ? learning(standing, known) : null}
    ${openIncidents(incidents.filter(isLasting), context)}
    ${
      stories.length > 0
        ? seriesSections(stories, {
            spans,
            href,
            selected,
            context,
            more: query.all ? null : address({ all: "1" }),
            detail,
          })
        : html`<h2>Features</h2>
            <p class="nothing">${notJudged(standing)}</p>`
    }
    ${overTime(results, windows, stories)} ${performanceSection(performance, spec)}
    ${versionsSection(versions, last ?? null, context)}
    ${incidentHistory(incidents, port?.knownSince() ?? null, context)}
    ${setting(spec, { baseline, events, windows }, context)}`;
  return layout({ title: `${name} · Leeway`, trail: [{ name, href: null }], body }, context);
}

function selectedStory(stories: readonly SeriesStory[], wanted: string | null): SeriesStory | null {
  const drawable = stories.filter(({ series }) => series.feature !== "");
  const chosen = drawable.find(
    ({ series }) => JSON.stringify([series.role, series.feature, series.version, series.slice]) === wanted,
  );
  return chosen ?? drawable.find(({ state }) => state === "drift") ?? drawable[0] ?? null;
}

function environmentLinks(environments: readonly string[], current: string): Html {
  return html`<nav aria-label="Environments">
    <p class="keys">
      ${environments.map((environment) =>
        environment === current
          ? html`<b aria-current="true">${environment}</b>`
          : html`<a href="?${new URLSearchParams({ environment }).toString()}">${environment}</a>`,
      )}
    </p>
  </nav>`;
}

function notJudged(standing: Standing): string {
  switch (standing.kind) {
    case "learning":
    case "no_baseline":
      return "Features are judged once the model has a baseline.";
    case "no_events":
      return "No event has arrived: nothing is known.";
    case "not_watched":
      return "This environment is stored, not judged.";
    default:
      return "No window was judged yet.";
  }
}

/** What a model without a baseline has, and what is missing. */
function learning(
  standing: Standing,
  {
    spec,
    events,
    windows,
  }: { readonly spec: ModelSpec; readonly events: StoredEvents | null; readonly windows: readonly WindowOverview[] },
): Html {
  const rows = events?.rows ?? 0;
  const whole = wholeWindows(windows);
  const first = windows.find((one) => one.rows > 0);
  const end = windows.at(-1);
  const enough = rows >= minReferenceRows && whole > 0;
  return html`<section class="card" aria-labelledby="learning">
    <h2 id="learning" class="sub">${standing.kind === "learning" ? "Learning: what is missing" : "What is missing"}</h2>
    <dl class="pairs">
      <div>
        <dt>Rows</dt>
        <dd>${countText(rows)} of at least ${minReferenceRows}${progress(rows / minReferenceRows)}</dd>
      </div>
      <div>
        <dt>Whole windows</dt>
        <dd>
          ${whole} of ${fewestSubWindows}, from which its usual variation is known${progress(whole / fewestSubWindows)}
        </dd>
      </div>
      <div>
        <dt>Baseline</dt>
        <dd>missing: nothing is judged without one</dd>
      </div>
    </dl>
    <p>
      ${
        enough
          ? html`There are rows enough to begin with. Declare the model, in <code>models/${spec.name}.yaml</code>:`
          : html`Once there are rows enough, declare the model, in <code>models/${spec.name}.yaml</code>:`
      }
    </p>
    <pre tabindex="0" role="region" aria-label="Model file"><code>model: ${spec.name}
baseline: { kind: range, from: ${dayOf(first?.window.startMs ?? dayStart(events))}, to: ${dayOf(end?.window.endMs ?? null)} }   # to: exclusive; or kind: file</code></pre>
  </section>`;
}

/** Before a window is over: the day of the first event. */
function dayStart(events: StoredEvents | null): number | null {
  return events === null ? null : Math.floor(events.firstMs / dayMs) * dayMs;
}

function dayOf(ms: number | null): string {
  return ms === null
    ? "…"
    : new Date(ms)
        .toISOString()
        .replace(/:00\.000Z$/, "Z")
        .replace("T00:00Z", "");
}

function progress(share: number): Html {
  const have = Math.round(Math.min(1, share) * 1000) / 10;
  return html`<svg class="progress" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
    <rect class="have" width="${have}" height="8" />
    <rect class="whole" x="0" y="0" width="100" height="8" />
  </svg>`;
}

function openIncidents(incidents: readonly IncidentSummary[], { root, nowMs }: PageContext): Html | null {
  if (incidents.length === 0) return null;
  const cards = incidents.map((incident) => {
    const lead = incident.findings.find(({ state }) => state === "open") ?? incident.findings[0];
    const others = incident.findings.filter(({ state }) => state === "open").length - 1;
    return html`<section class="card trouble">
      <h3>${severityBadge(incident)} <a href="${incidentHref(root, incident.id)}">${incident.title}</a></h3>
      <p>
        ${lead?.change ?? null}${lead === undefined ? null : html` <span class="faint">${lead.size}</span>`}${others > 0 ? html` <span class="faint">· and ${others} more finding${others === 1 ? "" : "s"}</span>` : null}
      </p>
      <p>
        Since
        ${moment(incident.started, nowMs)}${incident.acknowledged === null ? html` <span class="faint">· nobody has acknowledged it</span>` : html` <span class="faint">· acknowledged by ${incident.acknowledged.by}, ${utcText(incident.acknowledged.at)}</span>`}
      </p>
    </section>`;
  });
  return html`<h2>Open incidents</h2>
    ${cards}`;
}

function seriesSections(
  stories: readonly SeriesStory[],
  options: {
    readonly spans: readonly Window[];
    readonly href: (series: Series) => string;
    readonly selected: SeriesStory | null;
    readonly context: PageContext;
    /** Where all series are shown; null if they are. */
    readonly more: string | null;
    readonly detail: Html | null;
  },
): Html {
  const { spans, href, selected, context, more, detail } = options;
  const whole = stories.filter(({ series }) => series.slice === "");
  const groups = [
    { title: "Features", of: whole.filter(({ series }) => series.role === "feature") },
    { title: "Predictions", of: whole.filter(({ series }) => series.role !== "feature") },
    { title: "Watched slices", of: stories.filter(({ series }) => series.slice !== "") },
  ].filter(({ of }) => of.length > 0);
  const used = new Set(stories.flatMap(({ states }) => [...states.values()]));
  const sections = groups.map(({ title, of }) => {
    const shown = more === null ? of : of.slice(0, shownSeries);
    return html`<h2>${title}</h2>
      ${seriesTable(title, shown, { windows: spans, href, selected, nowMs: context.nowMs })}${
        more !== null && shown.length < of.length
          ? html`<p>
              <a href="${more}">Show ${countText(of.length - shown.length)} more</a>
              <span class="faint">(what changed is above)</span>
            </p>`
          : null
      }`;
  });
  return html`${sections}${stateLegend(worstFirst.filter((state) => used.has(state)))}
  ${
    detail === null
      ? null
      : html`<section id="series" aria-label="One series in full">
          <h2>${selected?.name ?? ""} in full</h2>
          ${detail}
        </section>`
  }`;
}

/** The score's mean by version, the predicted classes' shares, and how many rows there were. */
function overTime(
  results: readonly ResultPoint[],
  windows: readonly WindowOverview[],
  stories: readonly SeriesStory[],
): Html | null {
  if (windows.length === 0) return null;
  const spans = windows.map(({ window }) => window);
  const trouble = (role: ResultPoint["role"]) =>
    new Set(
      stories
        .filter(({ series }) => series.role === role && series.slice === "")
        .flatMap(({ states }) => [...states].filter(([, state]) => state === "drift").map(([startMs]) => startMs)),
    );
  const scores = results.filter(({ role, mean }) => role === "score" && mean !== null);
  const versions = [...new Set(scores.map(({ version }) => version))].slice(0, 4);
  const classes = results.filter(({ role, shares }) => role === "class" && shares.length > 0);
  const names = [...new Set(classes.flatMap(({ shares }) => shares.map(({ name }) => name)))].slice(0, 4);
  const charts = [
    ...(scores.length === 0
      ? []
      : [
          timeChart({
            title: "Score",
            caption: "mean per window",
            windows: spans,
            lines: versions.map((version) => ({
              name: `version ${version}`,
              values: spans.map(
                ({ startMs }) => scores.find((one) => one.startMs === startMs && one.version === version)?.mean ?? null,
              ),
            })),
            trouble: trouble("score"),
          }),
        ]),
    ...(classes.length === 0
      ? []
      : [
          timeChart({
            title: "Predicted class",
            caption: "share of rows, all versions",
            windows: spans,
            lines: names.map((name) => ({
              name,
              values: spans.map(({ startMs }) =>
                classShare(
                  classes.filter((one) => one.startMs === startMs),
                  name,
                ),
              ),
            })),
            trouble: trouble("class"),
            format: shareText,
            fromZero: true,
          }),
        ]),
    timeChart({
      title: "Rows",
      caption: "per window",
      windows: spans,
      lines: [{ name: "rows", values: windows.map(({ rows }) => rows) }],
      bars: true,
      format: countText,
    }),
  ];
  return html`<h2>${results.length === 0 ? "Volume over time" : "Predictions and volume over time"}</h2>
    <div class="charts">${charts}</div>`;
}

function classShare(points: readonly ResultPoint[], name: string): number | null {
  const rows = points.reduce((sum, point) => sum + point.rows, 0);
  if (rows === 0) return null;
  return points.reduce(
    (sum, point) => sum + (point.shares.find((share) => share.name === name)?.share ?? 0) * (point.rows / rows),
    0,
  );
}

function versionsSection(
  versions: readonly StoredVersion[],
  last: WindowOverview | null,
  { nowMs }: PageContext,
): Html | null {
  if (versions.length === 0) return null;
  const recent = versions.reduce((sum, version) => sum + version.recentRows, 0);
  const rows = versions.map(
    (version) =>
      html`<tr>
        <th scope="row">${version.version === "" ? "(none)" : version.version}</th>
        <td class="number">${countText(version.rows)}</td>
        <td class="number">${recent === 0 ? "0 %" : shareText(version.recentRows / recent)}</td>
        <td>${moment(version.firstMs, nowMs)}</td>
        <td>${moment(version.lastMs, nowMs)}</td>
      </tr>`,
  );
  const table = scrollTable({
    label: "Versions",
    columns: [
      "Version",
      { name: "Rows", kind: "number" },
      { name: last === null ? "Share" : `Since ${utcText(last.window.startMs)}`, kind: "number" },
      "First event",
      "Last event",
    ],
    rows,
  });
  return html`<h2>Versions</h2>
    ${table}`;
}

function incidentHistory(
  incidents: readonly IncidentSummary[],
  knownSince: string | null,
  { root, nowMs }: PageContext,
): Html {
  const before =
    knownSince === null
      ? null
      : html`<p class="faint">
          Those that ended up to ${moment(Date.parse(knownSince), nowMs)} are no longer listed
          (<code>alerting.retention</code>):
          <code>leeway sql</code> has them, in the table <code>incident_history</code>.
        </p>`;
  if (incidents.length === 0)
    return html`<h2>Incidents</h2>
      <p class="nothing">${knownSince === null ? "None so far." : "None since then."}</p>
      ${before}`;
  const rows = incidents.slice(0, shownIncidents).map(
    (incident) =>
      html`<tr>
        <th scope="row"><a href="${incidentHref(root, incident.id)}">${incident.title}</a></th>
        <td>${severityBadge(incident)}</td>
        <td>${incident.harm.replaceAll("_", " ")}</td>
        <td>${moment(incident.started, nowMs)}</td>
        <td>${incident.ended === null ? html`<span class="faint">lasts</span>` : moment(incident.ended, nowMs)}</td>
      </tr>`,
  );
  const table = scrollTable({ label: "Incidents", columns: ["What", "State", "Harm", "Began", "Ended"], rows });
  return html`<h2>Incidents</h2>
    ${table}
    ${incidents.length > shownIncidents ? html`<p class="faint">and ${incidents.length - shownIncidents} earlier ones: <code>leeway incidents list</code></p>` : null}
    ${before}`;
}

function setting(
  spec: ModelSpec,
  {
    baseline,
    events,
    windows,
  }: {
    readonly baseline: Baseline | null;
    readonly events: StoredEvents | null;
    readonly windows: readonly WindowOverview[];
  },
  { nowMs }: PageContext,
): Html {
  const { monitoring, task } = spec;
  const length = windows.at(-1);
  const tags = Object.entries(spec.tags).map(([name, value]) => `${name}: ${value}`);
  const pair = (name: string, value: Html | string | null) =>
    value === null
      ? null
      : html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`;
  return html`<h2>Setting</h2>
    <dl class="pairs">
      ${pair("Baseline", baseline === null ? "none in use" : html`${countText(baseline.rows)} rows, ${utcText(baseline.fromMs)} to ${utcText(baseline.toMs)} <span class="faint">${baseline.spec.kind === "file" ? `file ${baseline.spec.path}` : baseline.spec.trailing === undefined ? "range of stored events" : "range of stored events that moves along each week"}</span>`)}
      ${pair("Window", length === undefined ? (monitoring.windowMs === "auto" ? "chosen with the baseline" : lengthText(monitoring.windowMs)) : `${lengthText(length.window.endMs - length.window.startMs)}, ${monitoring.zone}`)}
      ${pair("Budget", `${numberText(monitoring.falseIncidentsPerModelWeek)} false incidents a week; floor ${shareText(monitoring.effectFloor)} of rows moved`)}
      ${pair("Task", task.kind === "binary" ? `binary, positive class ${task.positive}` : task.kind)}
      ${pair("Tags", tags.length === 0 ? null : tags.join(", "))}
      ${pair("Events", events === null ? null : html`${countText(events.rows)}, the last ${moment(events.lastMs, nowMs)}`)}
    </dl>`;
}
