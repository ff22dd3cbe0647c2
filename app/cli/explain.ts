import type { IncidentDetail } from "../../alerting/incident-view.ts";
import { shareText } from "../../alerting/text/quantities.ts";
import { LeewayError } from "../../core/errors.ts";
import type { ModelSpec } from "../../core/model.ts";
import {
  decidedSpan,
  findDecidedWindow,
  readEvaluations,
  readPerformanceDecisions,
} from "../../store/facts/decided-window.ts";
import { readModelNames } from "../../store/facts/models.ts";
import { nearestName } from "../config/fault.ts";
import { parseInstant } from "../config/instant.ts";
import { type LoadedConfig, requireConfig } from "../config/load.ts";
import {
  explainNotifications,
  type IncidentRecord,
  type NotificationExplanation,
} from "../explanation/notification-explanation.ts";
import { budgetText, explainSeries, type Gate, type SeriesExplanation } from "../explanation/series-explanation.ts";
import { connectReader } from "../lifecycle/store-reader.ts";
import { outputPalette, type Palette } from "./colour.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { configOptions, configRequest } from "./config-options.ts";
import { incidentSource } from "./incident-source.ts";
import { formatTable, printable } from "./table.ts";
import { textWidth, wrapText } from "./wrap.ts";

export const explainCommand = defineCommand({
  name: "explain",
  summary: "say why an incident opened, or why nothing did, and who was told",
  operands: "[INCIDENT]",
  maxOperands: 1,
  description:
    "Shows the gates that each series passed or failed in one window, with the numbers: significance against its share of the budget, effect against the floor, rows, warming up, variability, persistence, and the smallest change that the window could have shown. Then why somebody was, or was not, notified. Series that did not fire are explained as well; what was not measured is said to be so. The window is measured again with the code that decided it, from what is stored; nothing is changed.",
  options: {
    ...configOptions,
    model: { type: "string", placeholder: "NAME", description: "A model's window, instead of an incident." },
    at: {
      type: "string",
      placeholder: "TIME",
      description: "The window that holds this time (RFC 3339, or a date in UTC); the newest one by default.",
    },
    feature: { type: "string", placeholder: "NAME", description: "Every gate of this feature, of score or of class." },
    environment: { type: "string", placeholder: "NAME", description: "production by default." },
    json: { type: "boolean", description: "Print JSON." },
  },
  audience: "look",
  exits: { 1: "there is no such incident, or nothing was decided at that time" },
  examples: [
    "leeway explain 4c1f0d52a9e3b7f8",
    "leeway explain --model flight-delay",
    "leeway explain --model flight-delay --at 2026-11-23 --feature distance",
  ],
  run: async ({ options, operands: [id] }, context) => {
    if ((id === undefined) === (options.model === undefined)) {
      throw new LeewayError("usage", "explain: name an incident, or a model with --model; leeway incidents lists them");
    }
    const atMs = options.at === undefined ? null : parseTime(options.at);
    const config = requireConfig(configRequest(options, context));
    const incident = id === undefined ? null : await incidentSource(options, context).get(id);
    const asked = {
      model: incident?.model ?? options.model ?? "",
      environment: incident?.environment ?? options.environment ?? "production",
      atMs: atMs ?? (incident === null ? null : Date.parse(incident.started)),
      feature: options.feature ?? null,
    };
    const window = await explainWindow(config, asked, incident !== null);
    const incidents = incident === null ? await incidentsOf(options, asked.model, window, context) : [incident];
    const notifications = incidents.map((one) =>
      explainNotifications(one as unknown as IncidentRecord, {
        model: config.models.find(({ name }) => name === one.model) ?? null,
        alerting: config.service.alerting,
        route: config.route,
      }),
    );
    const explanation: Explanation = { ...asked, window, notifications };
    context.write(
      options.json === true ? `${JSON.stringify(jsonOf(explanation), null, 2)}\n` : page(explanation, context),
    );
    return 0;
  },
});

interface ExplainedWindow {
  readonly startMs: number;
  readonly endMs: number;
  readonly rows: number;
  readonly baselineId: string;
  readonly revision: number;
  /** Null if the window cannot be measured again. */
  readonly budget: string | null;
  readonly series: readonly SeriesExplanation[];
}

interface Explanation {
  readonly model: string;
  readonly environment: string;
  readonly feature: string | null;
  /** Or why nothing is known of it. */
  readonly window: ExplainedWindow | { readonly notMeasured: string };
  readonly notifications: readonly NotificationExplanation[];
}

function parseTime(text: string): number {
  const time = parseInstant(text);
  if (time !== null) return time;
  throw new LeewayError(
    "usage",
    `--at: ${JSON.stringify(text)} is not a time; write 2026-11-23 or 2026-11-23T14:00:00Z`,
  );
}

async function explainWindow(
  config: LoadedConfig,
  asked: {
    readonly model: string;
    readonly environment: string;
    readonly atMs: number | null;
    readonly feature: string | null;
  },
  mayBeAway: boolean,
): Promise<ExplainedWindow | { readonly notMeasured: string }> {
  try {
    await using facts = await connectReader(config.service);
    const { environment, model: name, atMs, feature } = asked;
    const model = await modelNamed(name, config, () => readModelNames(facts));
    const decided = await findDecidedWindow(facts, { environment, model: name, atMs });
    if (decided === null) {
      const span = await decidedSpan(facts, { environment, model: name });
      const known =
        span === null
          ? "nothing has been decided of it yet: events must have come, and a window must have closed"
          : `decided are ${minute(span.startMs)} to ${minute(span.endMs)}`;
      throw new LeewayError(
        "check_failed",
        `no window of ${name} in ${environment} holds ${atMs === null ? "any time" : minute(atMs)}; ${known}`,
      );
    }
    const { examineWindow } = await import("../../detectors/examination.ts");
    const [evaluations, performance, examination] = await Promise.all([
      readEvaluations(facts, { environment, model: name, ...decided }),
      readPerformanceDecisions(facts, { environment, model: name, ...decided }),
      examineWindow(facts, { environment, model, decided }),
    ]);
    const all = explainSeries([...evaluations, ...performance], examination);
    const series = feature === null ? all : all.filter((one) => one.series.feature === feature);
    if (feature !== null && series.length === 0) {
      const names = [...new Set(all.map((one) => one.series.feature).filter((other) => other !== ""))];
      const nearest = nearestName(feature, names);
      const remedy = nearest === null ? `it has ${names.join(", ")}` : `did you mean ${nearest}?`;
      throw new LeewayError("usage", `--feature: ${name} has no feature ${JSON.stringify(feature)} here; ${remedy}`);
    }
    const { startMs, endMs } = decided.window;
    return {
      startMs,
      endMs,
      rows: decided.rows,
      baselineId: decided.baselineId,
      revision: decided.revision,
      budget: examination === null ? null : budgetText(examination),
      series,
    };
  } catch (error) {
    const away = error instanceof LeewayError && error.code === "store_unreachable";
    if (!mayBeAway || !away) throw error;
    return { notMeasured: error.message };
  }
}

async function modelNamed(
  name: string,
  { models, learningModel }: LoadedConfig,
  registered: () => Promise<readonly string[]>,
): Promise<ModelSpec> {
  const declared = models.find((model) => model.name === name);
  if (declared !== undefined) return declared;
  const others = await registered();
  if (others.includes(name)) return learningModel(name);
  const known = [...new Set([...models.map((model) => model.name), ...others])];
  const nearest = nearestName(name, known);
  const remedy = nearest === null ? "leeway models lists them" : `did you mean ${nearest}?`;
  throw new LeewayError("check_failed", `no model is called ${JSON.stringify(name)}; ${remedy}`);
}

/** Incidents that the window lies in; none if nobody can be asked. */
async function incidentsOf(
  options: { readonly config?: string; readonly data?: string },
  model: string,
  window: Explanation["window"],
  context: CommandContext,
): Promise<readonly IncidentDetail[]> {
  if ("notMeasured" in window) return [];
  try {
    const source = incidentSource(options, context);
    const all = await source.list({ status: null, model });
    const during = all.filter(
      ({ started, ended }) =>
        Date.parse(started) < window.endMs && (ended === null || Date.parse(ended) >= window.endMs),
    );
    return await Promise.all(during.map(({ id }) => source.get(id)));
  } catch (error) {
    if (!(error instanceof LeewayError)) throw error;
    context.complain(`leeway: who was told is not known here: ${error.message}`);
    return [];
  }
}

function jsonOf({ model, environment, window, notifications }: Explanation): object {
  if ("notMeasured" in window)
    return { model, environment, window: null, not_measured: window.notMeasured, notifications };
  const { startMs, endMs, rows, baselineId, revision, budget, series } = window;
  return {
    model,
    environment,
    window: { start: new Date(startMs).toISOString(), end: new Date(endMs).toISOString(), rows, revision },
    baseline: baselineId === "" ? null : baselineId,
    measured_again: budget !== null,
    budget,
    series: series.map(({ series: of, ...one }) => ({ ...of, ...one })),
    notifications,
  };
}

function page(explanation: Explanation, context: CommandContext): string {
  const palette = outputPalette(context);
  const width = textWidth(context);
  const { model, environment, window, notifications, feature } = explanation;
  const parts: string[] = [];
  if ("notMeasured" in window) {
    parts.push(palette.strong(`${model} (${environment})`), wrapText(`Not measured: ${window.notMeasured}`, width), "");
  } else {
    const { startMs, endMs, rows, baselineId, revision, budget } = window;
    const series = window.series.toSorted(
      (a, b) => order.indexOf(a.state) - order.indexOf(b.state) || (a.p_value ?? 1) - (b.p_value ?? 1),
    );
    parts.push(
      palette.strong(`${model} (${environment}), ${minute(startMs)} to ${minute(endMs)} UTC`),
      wrapText(
        `${rows.toLocaleString("en-US")} rows, ${baselineId === "" ? "no baseline" : `baseline ${baselineId}`}${revision === 0 ? "" : `, revision ${revision} (late rows)`}. ${summaryOf(series)}`,
        width,
      ),
      "",
      seriesTable(series, context, palette),
      ...(series.length > tableRows ? [`… and ${series.length - tableRows} more; --json has all\n`] : []),
    );
    if (budget !== null) parts.push(wrapText(budget, width), "");
    else if (baselineId !== "") {
      parts.push(
        wrapText(
          "The window cannot be measured again (its baseline or state is gone): bounds and smallest visible effects are not known.",
          width,
        ),
        "",
      );
    }
    const inDetail = series.filter(({ state }) => feature !== null || ["drift", "watching"].includes(state));
    for (const one of inDetail) parts.push(...details(one, palette, width), "");
  }
  if (notifications.length === 0) {
    parts.push(palette.strong("Notification"), "No incident was open in this window: nobody was to be told.", "");
  }
  for (const { incident, title, conclusion, chain } of notifications) {
    parts.push(
      palette.strong(`Notification of incident ${incident}, "${printable(title)}"`),
      wrapText(`${conclusion}.`, width),
      ...chain.map(({ step, verdict, detail }) => gateLine(step, verdict, detail, palette, width)),
      "",
    );
  }
  return parts.join("\n");
}

function summaryOf(series: readonly SeriesExplanation[]): string {
  const counts = Map.groupBy(series, ({ state }) => state);
  return `${[...counts].map(([state, members]) => `${members.length} ${state.replaceAll("_", " ")}`).join(", ")}.`;
}

const order = ["drift", "watching", "warming_up", "insufficient_data", "no_baseline", "too_variable", "ok", "reported"];

const tableRows = 60;

function seriesTable(series: readonly SeriesExplanation[], context: CommandContext, palette: Palette): string {
  const share = (value: number | null, signal: string) =>
    value === null ? null : signal === "silence" ? `×${value.toFixed(2)}` : shareText(Math.max(0, value));
  const p = (value: number | null) =>
    value === null ? null : value >= 0.001 ? value.toFixed(3) : value.toExponential(1);
  return formatTable(
    [
      { name: "series" },
      { name: "signal" },
      { name: "state", paint: (text, cell) => stateColour(text, String(cell), palette) },
      { name: "effect", align: "right" },
      { name: "at least", align: "right" },
      { name: "floor", align: "right" },
      { name: "p", align: "right" },
      { name: "α", align: "right" },
      { name: "visible from", align: "right" },
      { name: "rows", align: "right" },
    ],
    series
      .slice(0, tableRows)
      .map((one) => [
        one.name,
        one.signal,
        one.state.replaceAll("_", " "),
        share(one.effect, one.signal),
        share(one.effect_low, one.signal),
        one.floor === null ? null : shareText(one.floor),
        p(one.p_value),
        p(one.alpha),
        one.minimum_detectable_effect === null
          ? null
          : one.minimum_detectable_effect >= 1
            ? "never"
            : shareText(one.minimum_detectable_effect),
        one.rows,
      ]),
    { width: context.output?.columns },
  );
}

function stateColour(text: string, state: string, palette: Palette): string {
  if (state === "drift") return palette.bad(text);
  return state === "ok" ? palette.good(text) : palette.warning(text);
}

function details(one: SeriesExplanation, palette: Palette, width: number): readonly string[] {
  const methods = Object.entries(one.methods).map(([name, value]) => `${name} ${value.toPrecision(3)}`);
  const visible = one.minimum_detectable_effect;
  return [
    palette.strong(`${one.name}, ${one.signal}`),
    wrapText(`${one.conclusion}.`, width),
    ...one.gates.map(({ gate, verdict, detail }) => gateLine(gate, verdict, detail, palette, width)),
    ...(visible === null
      ? []
      : [
          gateLine(
            "visible from",
            "note",
            visible >= 1
              ? "no change, however large, could have passed both gates with this many rows"
              : `${shareText(visible)} of rows moved is the smallest effect that could have passed both gates with this many rows`,
            palette,
            width,
          ),
        ]),
    ...(methods.length === 0
      ? []
      : [gateLine("reported", "note", `${methods.join(", ")}; these decide nothing`, palette, width)]),
  ];
}

function gateLine(
  name: string,
  verdict: Gate["verdict"] | "stopped" | "note",
  detail: string,
  palette: Palette,
  width: number,
): string {
  const words = { passed: "passed", failed: "failed", stopped: "stopped", not_measured: "unknown", note: "" }[verdict];
  const paint = {
    passed: palette.good,
    failed: palette.bad,
    stopped: palette.bad,
    not_measured: palette.warning,
    note: palette.faint,
  }[verdict];
  const label = `  ${name.replaceAll("_", " ").padEnd(15)} `;
  return `${label}${paint(words.padEnd(8))} ${wrapText(printable(detail), width, label.length + 9)}`;
}

/** `2026-11-25 04:05`, in UTC. */
function minute(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace("T", " ");
}
