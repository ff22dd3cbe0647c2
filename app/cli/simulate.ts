import { LeewayError } from "../../core/errors.ts";
import {
  measuredOf,
  measuredPeer,
  measuredTogether,
  type BarVerdict,
  type ConfiguredReport,
  type Measured,
  type ScenarioResult,
  type SimulationReport,
} from "../../detectors/simulate/measured.ts";
import type { SimulatedMonitoring } from "../../detectors/simulate/outcome.ts";
import { modelScenarios, type ConfiguredModel } from "../../detectors/simulate/model-scenarios.ts";
import { peerRules, type PeerRule } from "../../detectors/simulate/peers.ts";
import type { Run } from "../../detectors/simulate/run.ts";
import { scenarioNamed, scenarios, type Scenario } from "../../detectors/simulate/scenarios.ts";
import { createSimulationThreads } from "../../detectors/simulate/threads.ts";
import { nearestName } from "../config/fault.ts";
import { defaultMonitoring } from "../simulation/default-monitoring.ts";
import { outputPalette, type Palette } from "./colour.ts";
import { defineCommand, type CommandContext } from "./command.ts";
import { createProgress } from "./progress.ts";
import { simulatedModel, simulatedModelOptions, wholeNumber } from "./simulated-model.ts";
import { formatTable, printable } from "./table.ts";
import { textWidth, wrapText } from "./wrap.ts";

/** The short form runs one model of so many, and not fewer or more than these. */
const quickFraction = 60;
const fewestModels = 6;
const mostModels = 50;
/** Streams on which other rules are run beside, and how many models of each: enough for rates that differ by hundreds. */
const peerScenarios = ["iid", "iid-small-reference", "season", "users-10", "mean-0.1", "mean-0.2", "flag"];
const peerModels = { false_incidents: 10, delay: 40 };
/** The same of a configured model's own. */
const modelPeerScenarios: readonly string[] = ["iid", "season", "users", "mean-0.1", "mean-0.2", "flag"];

export const simulateCommand = defineCommand({
  name: "simulate",
  summary: "measure false incidents and detection delay on made-up traffic",
  description:
    "Runs the decisions on simulated models, healthy ones and such with a planted change, and says how many false incidents a week open and how soon a change is found, each with its 95 % interval and its bar. A verdict is held, broken, or open: too few models to say. The whole form takes some hours of CPU, the short one some minutes. With --config or --model it answers for one model as it is configured: its windows, features, reference, budget and all else that decisions depend on, on several kinds of healthy traffic and with several changes; the short form then takes about two minutes of CPU, the whole one at most some twenty-five times that.",
  options: {
    quick: { type: "boolean", description: "Fewer models (one in sixty): the same bars, wider intervals." },
    scenarios: { type: "string", placeholder: "A,B", description: "Only these; --list names them." },
    list: { type: "boolean", description: "List the scenarios." },
    peers: {
      type: "boolean",
      description: "Add what other tools' default rules do on some of the same streams, and to always and never fire.",
    },
    seed: {
      type: "string",
      placeholder: "N",
      description: "Another seed gives other streams of the same kinds; 1 if not given.",
    },
    workers: { type: "string", placeholder: "N", description: "Threads; else one for each core." },
    ...simulatedModelOptions,
    json: { type: "boolean", description: "Print JSON instead of a table." },
  },
  examples: [
    "leeway simulate --quick",
    "leeway simulate --scenarios iid,season,mean-0.2",
    "leeway simulate --quick --config leeway.yaml --model flight-delay --rows-per-window 16000",
    "leeway simulate --quick --model churn --peers",
  ],
  audience: "operate",
  exits: {
    0: "no bar is broken (in the whole form: every bar is held)",
    1: "a bar is broken (in the whole form: or open), or the model can never be judged as it is configured",
    2: "the command line or the configuration is wrong",
  },
  run: async ({ options }, context) => {
    const configured = await simulatedModel(options, context);
    const chosen = chosenScenarios(
      options.scenarios,
      configured === null ? scenarios : modelScenarios(configured.model),
    );
    if (options.list === true) {
      const columns = ["scenario", "what", "models"].map((name) => ({ name }));
      context.write(
        formatTable(
          columns,
          chosen.map(({ name, title, models }) => [name, title, models]),
        ),
      );
      return 0;
    }
    const quick = options.quick ?? false;
    const seed = wholeNumber(options.seed, "--seed") ?? 1;
    const workers = wholeNumber(options.workers, "--workers");
    const { monitoring = defaultMonitoring, model = null, report = null } = configured ?? {};
    const started = performance.now();
    const request = { chosen, quick, seed, workers, monitoring, model };
    const { results, healthy } = await simulated(context, request);
    const bounds = peerRules.filter(({ bound }) => bound === true);
    const peers = options.peers === true ? peerRules : model === null ? [] : bounds;
    if (peers.length > 0) results.push(...(await simulatedPeers(context, peers, request)));
    const seconds = Math.round((performance.now() - started) / 1000);
    if (options.json === true) {
      const own = report === null ? {} : { configured: { ...report, healthy } };
      const whole: SimulationReport = { seed, quick, monitoring, seconds, ...own, results };
      context.write(`${JSON.stringify(whole, null, 2)}\n`);
    } else {
      if (report !== null) context.write(configuredText(report, context));
      context.write(tableOf(results, context));
      const answer = report === null ? "" : answerOf(report.model, results, healthy);
      if (answer !== "") context.write(`\n${wrapText(answer, textWidth(context))}\n`);
      context.write(`\n${summaryOf(results, quick)} ${seconds} s, seed ${seed}.\n`);
    }
    const failures: readonly BarVerdict[] = quick ? ["broken"] : ["broken", "open"];
    const failed = results.some(({ measured }) => measured.some(({ verdict }) => failures.includes(verdict)));
    return failed || (report?.cannotHold.length ?? 0) > 0 ? 1 : 0;
  },
});

interface SimulationRequest {
  readonly chosen: readonly Scenario[];
  readonly quick: boolean;
  readonly seed: number;
  readonly workers: number | null;
  readonly monitoring: SimulatedMonitoring;
  /** Whose scenarios these are; null: the general ones. */
  readonly model: ConfiguredModel | null;
}

async function simulated(
  context: CommandContext,
  request: SimulationRequest,
): Promise<{ readonly results: ScenarioResult[]; readonly healthy: Measured | null }> {
  const { chosen, quick, seed, workers, monitoring, model } = request;
  const fraction = (models: number) => Math.min(mostModels, Math.max(fewestModels, Math.ceil(models / quickFraction)));
  const modelsOf = ({ models, quickModels = fraction(models) }: Scenario) => (quick ? quickModels : models);
  const total = chosen.reduce((sum, scenario) => sum + modelsOf(scenario), 0);
  using progress = createProgress(context, { label: "simulating", unit: "models" });
  await using threads = createSimulationThreads(workers);
  let done = 0;
  const results: ScenarioResult[] = [];
  const all: { readonly scenario: Scenario; readonly runs: readonly Run[] }[] = [];
  for (const scenario of chosen) {
    const runs = await threads.run(scenario.name, modelsOf(scenario), {
      seed,
      monitoring,
      model,
      peer: null,
      progress: (more) => progress.update((done += more), total),
    });
    results.push(measuredOf(scenario, runs, monitoring, defaultMonitoring));
    all.push({ scenario, runs });
  }
  return { results, healthy: measuredTogether(all, monitoring) };
}

async function simulatedPeers(
  context: CommandContext,
  peers: readonly PeerRule[],
  { chosen, quick, seed, workers, monitoring, model }: SimulationRequest,
): Promise<ScenarioResult[]> {
  using progress = createProgress(context, { label: "simulating other rules", unit: "streams" });
  await using threads = createSimulationThreads(workers);
  const results: ScenarioResult[] = [];
  const streams =
    model === null
      ? peerScenarios.map((name) => scenarioNamed(name))
      : chosen.filter(({ name }) => modelPeerScenarios.includes(name));
  const pairs = peers.flatMap((peer) => streams.map((scenario) => ({ peer, scenario })));
  for (const [done, { peer, scenario }] of pairs.entries()) {
    progress.update(done, pairs.length);
    const models = scenario.kind === "delay" ? peerModels.delay : peerModels.false_incidents;
    const how = { seed, monitoring, model, peer: peer.name, progress: () => {} };
    const runs = await threads.run(scenario.name, quick ? 2 : models, how);
    results.push(measuredPeer(peer.name, scenario, runs));
  }
  return results;
}

function chosenScenarios(text: string | undefined, among: readonly Scenario[]): readonly Scenario[] {
  if (text === undefined) return among;
  return text.split(",").map((word) => {
    const name = word.trim();
    const found = among.find((scenario) => scenario.name === name);
    if (found !== undefined) return found;
    const nearest = nearestName(
      name,
      among.map((scenario) => scenario.name),
    );
    const remedy = nearest === null ? "--list names them" : `did you mean ${nearest}?`;
    throw new LeewayError("usage", `simulate: there is no scenario ${JSON.stringify(name)}; ${remedy}`);
  });
}

/** What the model was taken for, before the table. */
function configuredText(
  { model, configuration, assumed, cannotHold }: ConfiguredReport,
  context: CommandContext,
): string {
  const palette = outputPalette(context);
  const width = textWidth(context);
  const list = (lines: readonly string[], paint: (text: string) => string) =>
    lines.map((line) => `${paint(wrapText(`· ${printable(line)}`, width, 2))}\n`).join("");
  return [
    `${palette.strong(`${printable(model)}, healthy and with planted changes`)}\n`,
    list(configuration, (text) => text),
    `assumed, since no configuration says so:\n${list(assumed, palette.faint)}`,
    cannotHold.length === 0
      ? ""
      : `${palette.bad("cannot hold as it is configured:")}\n${list(cannotHold, palette.bad)}`,
    "\n",
  ].join("");
}

function tableOf(results: readonly ScenarioResult[], context: CommandContext): string {
  const palette = outputPalette(context);
  return formatTable(
    [
      { name: "traffic" },
      { name: "features" },
      { name: "N / n" },
      { name: "sample", align: "right" },
      { name: "measured" },
      { name: "value", align: "right" },
      { name: "95 % interval", align: "right" },
      { name: "bar", align: "right" },
      { name: "verdict", paint: (text, cell) => painted(palette, cell as BarVerdict)(text) },
    ],
    results.flatMap((result) =>
      result.measured.map((measured, index) => [
        index === 0 ? result.title : "",
        index === 0 ? result.features : "",
        index === 0 ? `${counted(result.referenceRows)} / ${counted(result.rows)}` : "",
        index === 0 ? sampleOf(result) : "",
        measured.what,
        measured.value.toFixed(3),
        `${measured.low.toFixed(3)}–${measured.high.toFixed(3)}`,
        barOf(measured),
        measured.verdict,
      ]),
    ),
    { width: context.output?.columns },
  );
}

/** Found within the last of its windows in fewer runs than this, a change is as good as not seen. */
const hardlyEver = 0.5;

/** What the table comes to, in a few sentences. */
function answerOf(model: string, results: readonly ScenarioResult[], healthy: Measured | null): string {
  const own = results.filter(({ peer }) => peer === null);
  const rates = own.filter(({ kind }) => kind === "false_incidents");
  const sentences: string[] = [];
  const [worst] = rates.toSorted((a, b) => b.measured[0]!.value - a.measured[0]!.value);
  if (healthy !== null && worst !== undefined) {
    const of =
      rates.length === 1
        ? worst.title
        : `${rates.length === 2 ? "both" : `all ${rates.length}`} kinds of healthy traffic`;
    const most = worst.measured[0]!;
    const largest =
      rates.length === 1 || most.value === 0 ? "" : `; the largest is ${rateText(most)} with: ${worst.title}`;
    sentences.push(
      `${printable(model)}: ${rateText(healthy)} false incidents a week over ${of} (${barOf(healthy)}: ${healthy.verdict})${largest}.`,
    );
  }
  const missed = own
    .filter(({ kind }) => kind === "delay" || kind === "performance_delay")
    .flatMap(({ title, measured }) => {
      const last = measured.at(-1)!;
      return last.value < hardlyEver ? [`${title} (${last.what}: ${last.value.toFixed(2)})`] : [];
    });
  if (missed.length > 0) sentences.push(`Hardly ever found: ${missed.join("; ")}.`);
  return sentences.join(" ");
}

const rateText = ({ value, low, high }: Measured) => `${value.toFixed(3)} (${low.toFixed(3)}–${high.toFixed(3)})`;
const counted = (count: number) => count.toLocaleString("en-GB");

function sampleOf({ models, modelWeeks }: ScenarioResult): string {
  return modelWeeks === null ? `${counted(models)} runs` : `${counted(modelWeeks)} model-weeks`;
}

function barOf({ bar }: Measured): string {
  if (bar === null) return "–";
  return bar.kind === "at_most" ? `bound ≤ ${Number(bar.value.toPrecision(3))}` : `≥ ${bar.value}`;
}

function painted(palette: Palette, verdict: BarVerdict): (text: string) => string {
  return { held: palette.good, broken: palette.bad, open: palette.warning, reported: palette.faint }[verdict];
}

function summaryOf(results: readonly ScenarioResult[], quick: boolean): string {
  const verdicts = results.flatMap(({ measured }) => measured.map(({ verdict }) => verdict));
  const count = (verdict: BarVerdict) => verdicts.filter((each) => each === verdict).length;
  const open = count("open");
  const more = open > 0 && quick ? " (too few models to say)" : "";
  return `${count("held")} bars held, ${count("broken")} broken, ${open} open${more}.`;
}
