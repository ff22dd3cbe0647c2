import { countText } from "../../alerting/text/quantities.ts";
import { baselineInForce } from "../../core/accepted-baseline.ts";
import type { SeriesState } from "../../core/finding.ts";
import type { ModelSpec } from "../../core/model.ts";
import { readAcceptedBaselines } from "../../store/facts/accepted-baselines.ts";
import { readStoredEvents, type StoredEvents } from "../../store/facts/page-events.ts";
import { readWindowOverviews, type WindowOverview, worstFirst } from "../../store/facts/page-windows.ts";
import { firstEventCommand } from "../http/first-event.ts";
import { html, type Html } from "./html.ts";
import { scrollTable } from "./scroll-table.ts";
import { type IncidentSummary, listIncidents } from "./incident-record.ts";
import { incidentHref, layout, modelHref, type PageContext } from "./layout.ts";
import { moment, windowText } from "./moment.ts";
import type { PageSource } from "./source.ts";
import { type Standing, standingOf, standingRank, standingTone } from "./standing.ts";
import { severityBadge, standingSentence, standingTag } from "./standing-text.ts";
import { stateLegend, stateLooks } from "./state-look.ts";
import { stripCells, windowStrip } from "./window-strip.ts";

/** Of each model on the fleet's page. */
const shownWindows = 21;
const mostIncidents = 1000;

interface FleetRow {
  readonly spec: ModelSpec;
  readonly environment: string;
  readonly windows: readonly WindowOverview[];
  readonly events: StoredEvents | null;
  readonly standing: Standing;
}

/** Is anything wrong? Every model in every environment that it has events in or is watched in, what needs somebody first. */
export async function fleetPage(source: PageSource, context: PageContext): Promise<string> {
  const rows = await fleetRows(source, context.nowMs);
  const body = rows.length === 0 ? emptyFleet(source, context) : fleet(rows, context);
  return layout({ title: `${headline(rows)} · Leeway`, trail: [], body }, context);
}

async function fleetRows(source: PageSource, nowMs: number): Promise<readonly FleetRow[]> {
  const { facts, serviceClock } = source;
  const [events, accepted, windows] = await Promise.all([
    readStoredEvents(facts, null),
    readAcceptedBaselines(facts),
    readWindowOverviews(facts, { model: null, environment: null, windows: shownWindows }),
  ]);
  const port = source.incidents();
  const incidents = port === null ? [] : listIncidents(port, { status: "open", limit: mostIncidents });
  const rows = source.models().flatMap((spec) => {
    const of = <T extends { readonly model: string }>(all: readonly T[]) =>
      all.filter(({ model }) => model === spec.name);
    const own = { events: of(events), windows: of(windows), incidents: of(incidents) };
    const seen = [...own.events, ...own.windows, ...own.incidents].map(({ environment }) => environment);
    const watched = spec.monitoring.environments;
    // An environment that is watched by default and never had an event says nothing while another one has some.
    const names = new Set(seen.length === 0 ? watched.slice(0, 1) : seen);
    return [...names].map((environment): FleetRow => {
      const here = <T extends { readonly environment: string }>(all: readonly T[]) =>
        all.filter((each) => each.environment === environment);
      const known = {
        spec,
        environment,
        windows: here(own.windows),
        events: here(own.events)[0] ?? null,
      };
      const baseline = baselineInForce(spec.baseline, here(of(accepted))[0] ?? null);
      const standing = standingOf({ ...known, baseline, incidents: here(own.incidents) }, { nowMs, serviceClock });
      return { ...known, standing };
    });
  });
  return rows.toSorted(
    (left, right) =>
      standingRank(left.standing) - standingRank(right.standing) ||
      left.spec.name.localeCompare(right.spec.name, "en") ||
      left.environment.localeCompare(right.environment, "en"),
  );
}

function headline(rows: readonly FleetRow[]): string {
  if (rows.length === 0) return "No models yet";
  const toned = (tone: ReturnType<typeof standingTone>) =>
    rows.filter(({ standing }) => standingTone(standing) === tone).length;
  const [trouble, unmeasured] = [toned("trouble"), toned("unmeasured")];
  const models = `${countText(rows.length)} model${rows.length === 1 ? "" : "s"}`;
  if (trouble > 0) return `${countText(trouble)} of ${models} ${trouble === 1 ? "needs" : "need"} attention`;
  if (unmeasured === rows.length)
    return rows.length === 1 ? "The one model is not measured yet" : `None of ${models} is measured yet`;
  if (unmeasured > 0)
    return `No change in ${countText(rows.length - unmeasured)} of ${models}; ${countText(unmeasured)} not measured`;
  return rows.length === 1 ? "The one model shows no change" : `No change in ${models}`;
}

function fleet(rows: readonly FleetRow[], context: PageContext): Html {
  const troubled = rows.some(({ standing }) => standingTone(standing) === "trouble");
  const used = new Set(rows.flatMap(({ windows }) => windows.flatMap(({ states }) => Object.keys(states))));
  const table = scrollTable({
    label: "All models",
    columns: [
      "Model",
      "State",
      "What, since when",
      { name: `Last ${shownWindows} windows`, kind: "optional" },
      { name: "Series now", kind: "optional" },
      { name: "Rows", kind: "number optional" },
      { name: "Last event", kind: "optional" },
    ],
    rows: rows.map((row) => fleetRow(row, context)),
    look: "fleet",
  });
  return html`<h1${troubled ? html` class="trouble-text"` : null}>${headline(rows)}</h1>
${table}
${used.size === 0 ? null : stateLegend(Object.keys(stateLooks).filter((state) => used.has(state)) as SeriesState[])}`;
}

function fleetRow({ spec, environment, windows, events, standing }: FleetRow, context: PageContext): Html {
  const { root, nowMs } = context;
  const last = windows.at(-1);
  const states = new Map(windows.map(({ window, states: counts }) => [window.startMs, windowState(counts)]));
  const cells = stripCells(
    windows.map(({ window }) => window),
    states,
  );
  const tone = standingTone(standing);
  return html`<tr class="${tone}">
    <th scope="row">
      <a href="${modelHref(root, spec.name, environment)}">${spec.name}</a
      >${environment === "production" ? null : html`<br /><span class="faint">${environment}</span>`}
    </th>
    <td>${standing.kind === "incident" ? worstBadge(standing.incidents) : standingTag(standing)}</td>
    <td class="wide">
      ${standing.kind === "incident" ? incidentLines(standing.incidents, context) : standingSentence(standing, { spec, events, windows }, nowMs)}
    </td>
    <td class="optional">
      ${cells.length === 0 ? html`<span class="faint">none decided</span>` : windowStrip(spec.name, cells)}
    </td>
    <td class="optional">
      ${last === undefined || last.baselineId === "" ? html`<span class="faint">none judged</span>` : seriesCounts(last)}
    </td>
    <td class="number optional">${events === null ? "0" : countText(events.rows)}</td>
    <td class="optional">${events === null ? html`<span class="faint">never</span>` : moment(events.lastMs, nowMs)}</td>
  </tr>`;
}

/** Of a whole window, as of a model: quiet if something was measured and all of that is, hatched if nothing was. */
function windowState(counts: WindowOverview["states"]): SeriesState {
  const measured = (["drift", "watching", "ok"] as const).find((state) => (counts[state] ?? 0) > 0);
  return measured ?? worstFirst.find((state) => (counts[state] ?? 0) > 0) ?? "insufficient_data";
}

function worstBadge(incidents: readonly IncidentSummary[]): Html {
  const worst = incidents.find(({ severity }) => severity === "page") ?? incidents[0];
  return html`${worst === undefined ? null : severityBadge(worst)}`;
}

function incidentLines(incidents: readonly IncidentSummary[], { root, nowMs }: PageContext): Html {
  const shown = incidents.slice(0, 3).map(
    (incident) =>
      html`<div>
        <a href="${incidentHref(root, incident.id)}">${incident.title}</a>
        <span class="faint">since</span>
        ${moment(incident.started, nowMs)}${incident.acknowledged === null ? null : html` <span class="faint">seen by ${incident.acknowledged.by}</span>`}${incident.status === "stale" ? html` <span class="faint">(not heard of lately)</span>` : null}
      </div>`,
  );
  const more = incidents.length - shown.length;
  return html`${shown}${more > 0 ? html`<div class="faint">and ${more} more</div>` : null}`;
}

/** `3 changed, 40 no change`. */
function seriesCounts({ states, window }: WindowOverview): Html {
  const parts = Object.entries(stateLooks).flatMap(([state, { word }]) => {
    const count = states[state as SeriesState] ?? 0;
    return count === 0 ? [] : [`${countText(count)} ${word}`];
  });
  return html`<span title="Window ${windowText(window)}">${parts.join(", ")}</span>`;
}

/** A line to paste, so that there is a model. */
function emptyFleet(source: PageSource, { holder }: PageContext): Html {
  const command = firstEventCommand({ url: source.url, needsToken: holder !== null });
  return html`<h1>No models yet</h1>
    <p class="lead">Leeway is running and waits for events. Paste this into a terminal, then load this page again:</p>
    <pre class="text" tabindex="0" role="region" aria-label="Command that sends an event"><code>${command}</code></pre>
    <p>
      A model that nobody declared registers itself as <b>learning</b>: it is shown, but not judged until it has a
      baseline. Each event says which model it is of, when it was, and what went in and came out.
    </p>`;
}
