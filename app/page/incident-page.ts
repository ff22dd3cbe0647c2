import { notificationReasons, recordReasons } from "../../alerting/incidents/reconcile.ts";
import { alikeText } from "../../alerting/text/finding-text.ts";
import { countText, numberText, shareText } from "../../alerting/text/quantities.ts";
import { methods as registry } from "../../detectors/methods/registry.ts";
import type { SeriesState } from "../../core/finding.ts";
import {
  type PerformancePoint,
  readPerformanceHistory,
  readSignalHistories,
  readWindowOverviews,
  type WindowOverview,
} from "../../store/facts/page-windows.ts";
import { actionForm, doneTexts, type FormValues, type IncidentActionName } from "./action-form.ts";
import { shareBars } from "./distribution-chart.ts";
import { html, type Html } from "./html.ts";
import { scrollTable } from "./scroll-table.ts";
import { getIncident, type IncidentDetail, type IncidentFinding, isLasting } from "./incident-record.ts";
import { incidentHref, layout, modelHref, type PageContext } from "./layout.ts";
import { dayText, instant, lengthText, moment, utcText } from "./moment.ts";
import { seriesDetail } from "./series-detail.ts";
import { seriesStories, type SeriesStory } from "./series-table.ts";
import type { PageSource } from "./source.ts";
import { metricPicture, metricStates } from "./performance-section.ts";
import { mixSection } from "./mix-section.ts";
import { severityBadge } from "./standing-text.ts";
import { stateLegend, stateMark } from "./state-look.ts";
import { stripCells, windowStrip } from "./window-strip.ts";

const shownWindows = 28;
/** Windows shown after an incident's end. */
const windowsAfter = 3;
/** Findings that are drawn in full; the rest are in the table. */
const drawnFindings = 6;

export interface IncidentPageOptions {
  /** Null where nothing can be done here. */
  readonly actions: { readonly csrf: string; readonly values: FormValues } | null;
  readonly done: IncidentActionName | null;
  readonly refused: string | null;
}

/** What exactly changed, and who is affected? Null if there is no such incident. */
export async function incidentPage(
  source: PageSource,
  incidentId: string,
  options: IncidentPageOptions,
  context: PageContext,
): Promise<string | null> {
  const port = source.incidents();
  const incident = port === null ? null : getIncident(port, incidentId);
  if (incident === null) return null;
  const { root } = context;
  const { model, environment, title } = incident;
  const spec = source.models().find(({ name }) => name === model) ?? null;
  const key = { model, environment, windows: shownWindows, beforeMs: await shownUntil(source, incident) };
  const byLabels = incident.findings.some(({ signal }) => signal === "performance");
  const [windows, histories, performance] = await Promise.all([
    readWindowOverviews(source.facts, key),
    readSignalHistories(source.facts, key),
    byLabels ? readPerformanceHistory(source.facts, key) : [],
  ]);
  const spans = windows.map(({ window }) => window);
  const stories = seriesStories(histories, spans);
  const storyOf = (finding: IncidentFinding) => stories.find((story) => sameSeries(story, finding)) ?? null;
  const standing = incident.findings.filter(({ state }) => state !== "withdrawn");
  const drawn = standing.length > 0 ? standing : incident.findings;
  const details = await Promise.all(
    drawn.slice(0, drawnFindings).map(async (finding, index) => {
      if (finding.signal === "performance")
        return findingSection(finding, metricPicture(performance, metricOf(finding)), false);
      const story = storyOf(finding);
      // Two signals of one series have one picture, with the first.
      const again = drawn.slice(0, index).some((earlier) => story !== null && sameSeries(story, earlier));
      const at = drawnWindow(finding, story, windows);
      const picture =
        story === null || at === null || again || finding.feature === ""
          ? null
          : await seriesDetail(source.facts, story, {
              spec,
              model,
              environment,
              baselineId: at.baselineId,
              window: at.window,
              windows: spans,
            });
      return findingSection(finding, picture?.html ?? null, picture?.whole !== true && !again);
    }),
  );
  const form =
    options.actions === null
      ? null
      : actionForm(incident, {
          action: incidentHref(root, incidentId),
          csrf: options.actions.csrf,
          holder: context.holder,
          values: options.actions.values,
        });
  const more = drawn.length - drawnFindings;
  const body = html`${options.done === null ? null : html`<p class="notice" role="status">${doneTexts[options.done]}</p>`}
    ${options.refused === null ? null : html`<p class="notice refused" role="alert">Not done: ${options.refused}</p>`}
    <h1>${severityBadge(incident)} ${title}</h1>
    ${summary(incident, context)}
    ${
      incident.next_steps.length === 0
        ? null
        : html`<h2>What to do next</h2>
            <ol class="steps">
              ${incident.next_steps.map((step) => html`<li>${step}</li>`)}
            </ol>`
    }
    ${form}
    <h2>When</h2>
    ${lanes(incident, storyOf, performance, spans)}
    <h2>What changed</h2>
    ${details}
    ${more > 0 ? html`<p class="faint">and ${more} more finding${more === 1 ? "" : "s"}, in the table above</p>` : null}
    <h2>Notifications sent</h2>
    ${notifications(incident, context)}
    <h2>Timeline</h2>
    ${timeline(incident, context)}`;
  const trail = [
    { name: model, href: modelHref(root, model, environment) },
    { name: title, href: null },
  ];
  return layout({ title: `${title} · ${model} · Leeway`, trail, body }, context);
}

/** All there is of one that lasts; of one that is over a little more than itself. */
async function shownUntil({ facts }: PageSource, { model, environment, ended }: IncidentDetail): Promise<number> {
  const forever = Date.UTC(2200, 0, 1);
  if (ended === null) return forever;
  const [last] = await readWindowOverviews(facts, { model, environment, windows: 1, beforeMs: ended });
  return last === undefined ? forever : ended + windowsAfter * (last.window.endMs - last.window.startMs);
}

/** What a finding of performance speaks of. */
function metricOf({ evidence, version }: IncidentFinding): { readonly metric: string; readonly version: string } {
  return { metric: evidence.contrast, version };
}

function sameSeries({ series }: SeriesStory, { role, feature, version, slice }: IncidentFinding): boolean {
  return series.role === role && series.feature === feature && series.version === version && series.slice === slice;
}

/** The latest window of a finding that is open; of one that is over, the window in which it was largest. */
function drawnWindow(
  finding: IncidentFinding,
  story: SeriesStory | null,
  windows: readonly WindowOverview[],
): WindowOverview | null {
  const points = story?.signals.find(({ signal }) => signal === finding.signal)?.points ?? [];
  const effects = new Map(points.map((point) => [point.startMs, point.effect]));
  // A version that is no longer called has no rows in the latest window, open as its finding may be.
  const measured = ({ window }: WindowOverview) => (effects.get(window.startMs) ?? null) !== null;
  const judged = windows.filter(({ baselineId }) => baselineId !== "");
  if (finding.state === "open") return judged.findLast(measured) ?? judged.at(-1) ?? null;
  const end = finding.closed ?? finding.window_end;
  const during = judged.filter(({ window }) => window.startMs >= finding.opened && window.endMs <= end);
  const effectIn = ({ window }: WindowOverview) => effects.get(window.startMs) ?? 0;
  return during.toSorted((left, right) => effectIn(right) - effectIn(left))[0] ?? null;
}

function summary(incident: IncidentDetail, { root, nowMs }: PageContext): Html {
  const { model, environment, harm, started, ended, status, acknowledged, accepted, silences, feedback } = incident;
  const lead = incident.findings.find(({ state }) => state === "open") ?? incident.findings[0] ?? null;
  const pair = (name: string, value: Html | string | null) =>
    value === null
      ? null
      : html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`;
  const affected = incident.findings.find(({ state, evidence }) => state !== "withdrawn" && evidence.slices.length > 0);
  const slice = affected?.evidence.slices[0];
  const alike = alikeText(incident.findings.find(({ evidence }) => evidence.alike.length > 0)?.evidence.alike ?? []);
  return html`<dl class="pairs">
    ${pair("Model", html`<a href="${modelHref(root, model, environment)}">${model}</a>${environment === "production" ? null : ` (${environment})`}`)}
    ${pair("What", lead === null ? null : html`${lead.change ?? lead.headline} <span class="faint">${lead.size}</span>`)}
    ${pair("For whom", slice === undefined ? alike : html`${slice.name}${slice.carried === undefined ? null : html` <span class="faint">carries ${shareText(slice.carried)} of what changed in ${affected?.name ?? ""}</span>`}`)}
    ${pair("Since", moment(started, nowMs))}
    ${pair(status === "stale" ? "State" : "Until", status === "stale" ? "not heard of for two windows: neither over nor confirmed" : ended === null ? html`lasts <span class="faint">(looked at up to ${utcText(incident.window_end)})</span>` : html`${moment(ended, nowMs)} <span class="faint">after ${lengthText(ended - started)}</span>`)}
    ${pair("Harm", `${harm.replaceAll("_", " ")}; predictions ${incident.predictions}`)}
    ${pair("Acknowledged", acknowledged === null ? (isLasting(incident) ? "by nobody yet" : null) : html`by ${acknowledged.by}, ${moment(acknowledged.at, nowMs)}${comment(acknowledged.comment)}`)}
    ${pair("Accepted", accepted === null ? null : html`by ${accepted.by}, ${moment(accepted.at, nowMs)}${accepted.baseline === null ? null : html`; the baseline is now ${utcText(accepted.baseline.from)} to ${utcText(accepted.baseline.to)}`}${comment(accepted.comment)}`)}
    ${pair("Silenced", silences.length === 0 ? null : html`${silences.map((silence) => html`<div>until ${moment(silence.until, nowMs)} by ${silence.by}${comment(silence.comment)}</div>`)}`)}
    ${pair("Verdicts", feedback.length === 0 ? null : html`${feedback.map((one) => html`<div>${one.verdict}, says ${one.by}${comment(one.comment)}</div>`)}`)}
  </dl>`;
}

function comment(text: string | null): Html | null {
  return text === null || text === "" ? null : html`: “${text}”`;
}

/** Each finding's windows, one below the other, so that what moved together is seen together. */
function lanes(
  incident: IncidentDetail,
  storyOf: (finding: IncidentFinding) => SeriesStory | null,
  performance: readonly PerformancePoint[],
  spans: readonly { readonly startMs: number; readonly endMs: number }[],
): Html {
  const first = spans[0];
  const last = spans.at(-1);
  const statesOf = (finding: IncidentFinding): ReadonlyMap<number, SeriesState> =>
    finding.signal === "performance"
      ? metricStates(performance, metricOf(finding))
      : new Map(
          storyOf(finding)
            ?.signals.filter(({ signal }) => signal === finding.signal)
            .flatMap(({ points }) => points.map(({ startMs, state }) => [startMs, state] as const)),
        );
  const used = new Set(incident.findings.flatMap((finding) => [...statesOf(finding).values()]));
  const rows = incident.findings.map((finding) => {
    const states = statesOf(finding);
    return html`<tr class="${finding.state === "open" ? "trouble" : ""}">
      <th scope="row">
        ${finding.headline}${finding.provisional ? html` <span class="faint">(provisional)</span>` : null}
      </th>
      <td>
        ${finding.state === "open" ? html`<span class="state trouble">${stateMark("drift")} open</span>` : html`<span class="faint">${finding.state}</span>`}
      </td>
      <td>${windowStrip(finding.headline, stripCells(spans, states))}</td>
      <td class="optional">
        <time>${utcText(finding.opened)}</time
        >${finding.closed === null ? null : html` to <time>${utcText(finding.closed)}</time>`}
      </td>
    </tr>`;
  });
  const table = scrollTable({
    label: "Findings over time",
    columns: [
      "Finding",
      "State",
      first === undefined || last === undefined ? "Windows" : `${dayText(first.startMs)} to ${dayText(last.endMs)}`,
      { name: "Opened", kind: "optional" },
    ],
    rows,
  });
  return html`${table} ${stateLegend([...used])}`;
}

/** @param listed Whether what moved the most is listed beside the picture, which need not show all of it. */
function findingSection(finding: IncidentFinding, picture: Html | null, listed: boolean): Html {
  const { evidence } = finding;
  const pairs = (shares: IncidentFinding["evidence"]["contributors"]) =>
    shares.slice(0, 8).map(({ name, reference, current }) => ({ name, reference, current }));
  const numbers = Object.entries(evidence.methods).map(([name, value]) => {
    const method = registry.find((one) => one.name === name);
    return html`<div>
      <dt>${method?.title ?? name.replaceAll("_", " ")}</dt>
      <dd>${numberText(value)}</dd>
    </div>`;
  });
  const alike = alikeText(evidence.alike);
  const slices =
    evidence.slices.length === 0
      ? alike === null
        ? null
        : html`<div>
            <h4 class="sub">Who is affected</h4>
            <p>${alike.replace(/^n/, "N")}.</p>
          </div>`
      : html`<div>
          <h4 class="sub">Who is affected</h4>
          ${scrollTable({
            label: `Slices of ${finding.name}`,
            columns: [
              "Slice",
              { name: "Of the change", kind: "number" },
              { name: "Share before", kind: "number" },
              { name: "Now", kind: "number" },
            ],
            rows: evidence.slices.map(
              ({ name, carried, reference, current }) =>
                html`<tr>
                  <th scope="row">${name}</th>
                  <td class="number">
                    ${carried === undefined ? html`<span class="faint">not known</span>` : shareText(carried)}
                  </td>
                  <td class="number">${shareText(reference)}</td>
                  <td class="number">${shareText(current)}</td>
                </tr>`,
            ),
          })}
        </div>`;
  const mix = mixSection(finding.name, evidence);
  const contributors =
    evidence.contributors.length === 0 || !listed
      ? null
      : html`<div>
          <h4 class="sub">What moved the most</h4>
          ${shareBars(`Bins and categories of ${finding.name}`, pairs(evidence.contributors), { rows: evidence.rows })}
        </div>`;
  return html`<section class="card${finding.state === "open" ? " trouble" : ""}">
    <h3>${finding.headline}</h3>
    <p>
      ${finding.change ?? null}
      <span class="faint"
        >${finding.size}; ${countText(evidence.rows)} rows against ${countText(evidence.referenceRows)} of
        ${evidence.control === undefined ? "the baseline" : `version ${evidence.control} in the same windows`}</span
      >
    </p>
    ${picture}
    ${
      contributors === null && slices === null && mix === null
        ? null
        : html`<div class="charts">
            ${contributors}${slices === null && mix === null ? null : html`<div>${slices}${mix}</div>`}
          </div>`
    }
    <details>
      <summary>Numbers behind ${finding.name}</summary>
      <dl class="pairs">
        <div>
          <dt>Contrast</dt>
          <dd>${evidence.contrast}, ${evidence.horizon} horizon</dd>
        </div>
        <div>
          <dt>p-value</dt>
          <dd>${numberText(evidence.pValue)}, held against ${numberText(evidence.threshold)}</dd>
        </div>
        <div>
          <dt>Smallest effect that this window could have shown</dt>
          <dd>${shareText(evidence.minimumDetectableEffect)}</dd>
        </div>
        ${numbers}
      </dl>
    </details>
  </section>`;
}

function notifications({ notifications: sent }: IncidentDetail, { nowMs }: PageContext): Html {
  if (sent.length === 0) return html`<p class="nothing">Nothing was sent; the timeline says why.</p>`;
  const outcome = ({ status, settled, attempts, last_error: error }: IncidentDetail["notifications"][number]) => {
    if (status === "delivered") return html`delivered ${settled === null ? null : instant(settled, nowMs)}`;
    const tried = `${attempts} attempt${attempts === 1 ? "" : "s"}`;
    return html`<span class="trouble-text">${status === "dead" ? "given up" : "not delivered yet"}</span>,
      ${tried}${error === null ? null : `: ${error}`}`;
  };
  const rows = sent.map(
    (one) =>
      html`<tr>
        <td>${instant(one.created, nowMs)}</td>
        <th scope="row">${one.receiver}</th>
        <td>${one.severity}</td>
        <td>${reasonText(one.reason)}</td>
        <td>${outcome(one)}</td>
      </tr>`,
  );
  const last = sent.at(-1);
  const table = scrollTable({
    label: "Notifications",
    columns: ["Decided", "Receiver", "Severity", "Because", "Outcome"],
    rows,
  });
  return html`${table}
  ${
    last === undefined
      ? null
      : html`<details>
          <summary>What the last one said</summary>
          <pre
            class="text"
            tabindex="0"
            role="region"
            aria-label="Text of the last notification"
          ><code>${last.text}</code></pre>
        </details>`
  }`;
}

function reasonText(reason: string): string {
  const known: Readonly<Record<string, string>> = { ...notificationReasons, ...recordReasons };
  return known[reason] ?? reason.replaceAll("_", " ");
}

interface Moment {
  readonly ms: number;
  readonly text: Html;
  readonly trouble?: boolean;
}

/** Everything that happened, in order: findings by event time, what people and the service did by the clock. */
function timeline(incident: IncidentDetail, { nowMs }: PageContext): Html {
  const nameOf = (id: string) => incident.findings.find((finding) => finding.id === id)?.name ?? null;
  const moments: Moment[] = [
    ...incident.findings.flatMap((finding): Moment[] => [
      {
        ms: finding.opened,
        text: html`<b>${finding.headline}</b> <span class="faint">first window of it</span>`,
        trouble: true,
      },
      ...(finding.closed === null
        ? []
        : [
            {
              ms: finding.closed,
              text: html`${finding.name} is as before <span class="faint">end of its last window</span>`,
            },
          ]),
    ]),
    ...incident.decisions.map(({ kind, reason, findings, at }) => {
      const names = [...new Set(findings.flatMap((id) => nameOf(id) ?? []))];
      return {
        ms: at,
        text: html`${kind === "notify" ? "Notify" : "Not sent"}:
        ${reasonText(reason)}${names.length === 0 ? null : html` <span class="faint">${names.slice(0, 6).join(", ")}${names.length > 6 ? ` and ${names.length - 6} more` : null}</span>`}`,
      };
    }),
    ...incident.notifications.flatMap(({ receiver, status, settled }) =>
      settled === null ? [] : [{ ms: settled, text: html`${receiver}: ${status === "dead" ? "given up" : status}` }],
    ),
    ...(incident.acknowledged === null
      ? []
      : [{ ms: incident.acknowledged.at, text: html`Acknowledged by ${incident.acknowledged.by}` }]),
    ...(incident.accepted === null
      ? []
      : [{ ms: incident.accepted.at, text: html`Accepted as the new baseline by ${incident.accepted.by}` }]),
    ...incident.feedback.map(({ by, verdict, at }) => ({ ms: at, text: html`${by} found it ${verdict}` })),
  ];
  const items = moments
    .toSorted((left, right) => left.ms - right.ms)
    .map(
      ({ ms, text, trouble }) =>
        html`<li class="${trouble === true ? "trouble" : ""}">
          <span>${moment(ms, nowMs)}</span><span class="what">${text}</span>
        </li>`,
    );
  return html`<ol class="timeline">
    ${items}
  </ol>`;
}
