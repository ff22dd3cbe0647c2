import { LeewayError } from "../../core/errors.ts";
import {
  measuredOf,
  measuredPeer,
  type BarVerdict,
  type Measured,
  type ScenarioResult,
  type SimulationReport,
} from "../../detectors/simulate/measured.ts";
import type { SimulatedMonitoring } from "../../detectors/simulate/outcome.ts";
import { peerRules } from "../../detectors/simulate/peers.ts";
import { scenarioNamed, scenarios, type Scenario } from "../../detectors/simulate/scenarios.ts";
import { createSimulationThreads } from "../../detectors/simulate/threads.ts";
import { nearestName } from "../config/fault.ts";
import { requireConfig } from "../config/load.ts";
import { defaultMonitoring } from "../simulation/default-monitoring.ts";
import { outputPalette, type Palette } from "./colour.ts";
import { defineCommand, type CommandContext } from "./command.ts";
import { configOptions, configRequest } from "./config-options.ts";
import { createProgress } from "./progress.ts";
import { formatTable } from "./table.ts";

/** The short form runs one model of so many, and not fewer or more than these. */
const quickFraction = 60;
const fewestModels = 6;
const mostModels = 50;
/** Streams on which other rules are run beside, and how many models of each: enough for rates that differ by hundreds. */
const peerScenarios = ["iid", "iid-small-reference", "season", "users-10", "mean-0.1", "mean-0.2", "flag"];
const peerModels = { false_incidents: 10, delay: 40 };
const names = scenarios.map(({ name }) => name);

export const simulateCommand = defineCommand({
  name: "simulate",
  summary: "measure false incidents and detection delay on made-up traffic",
  description:
    "Runs the decisions on simulated models, healthy ones and such with a planted change, and says how many false incidents a week open and how soon a change is found, each with its 95 % interval and its bar. A verdict is held, broken, or open: too few models to say. The whole form takes some hours of CPU, the short one some minutes.",
  options: {
    quick: { type: "boolean", description: "One model in sixty: the same bars, wider intervals." },
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
    config: configOptions.config,
    model: {
      type: "string",
      placeholder: "NAME",
      description: "Simulate with the budget and floors of this model of the configuration.",
    },
    json: { type: "boolean", description: "Print JSON instead of a table." },
  },
  examples: [
    "leeway simulate --quick",
    "leeway simulate --scenarios iid,season,mean-0.2",
    "leeway simulate --quick --config leeway.yaml --model flight-delay",
  ],
  audience: "operate",
  exits: {
    0: "no bar is broken (in the whole form: every bar is held)",
    1: "a bar is broken (in the whole form: or open)",
    2: "the command line or the configuration is wrong",
  },
  run: async ({ options }, context) => {
    const chosen = chosenScenarios(options.scenarios);
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
    const monitoring = monitoringOf(options, context);
    const started = performance.now();
    const results = await simulated(context, { chosen, quick, seed, workers, monitoring });
    if (options.peers === true) results.push(...(await simulatedPeers(context, { quick, seed, workers, monitoring })));
    const seconds = Math.round((performance.now() - started) / 1000);
    if (options.json === true) {
      const report: SimulationReport = { seed, quick, monitoring, seconds, results };
      context.write(`${JSON.stringify(report, null, 2)}\n`);
    } else {
      context.write(tableOf(results, context));
      context.write(`\n${summaryOf(results, quick)} ${seconds} s, seed ${seed}.\n`);
    }
    const failures: readonly BarVerdict[] = quick ? ["broken"] : ["broken", "open"];
    return results.some(({ measured }) => measured.some(({ verdict }) => failures.includes(verdict))) ? 1 : 0;
  },
});

interface SimulationRequest {
  readonly chosen: readonly Scenario[];
  readonly quick: boolean;
  readonly seed: number;
  readonly workers: number | null;
  readonly monitoring: SimulatedMonitoring;
}

async function simulated(context: CommandContext, request: SimulationRequest): Promise<ScenarioResult[]> {
  const { chosen, quick, seed, workers, monitoring } = request;
  const modelsOf = ({ models }: Scenario) =>
    quick ? Math.min(mostModels, Math.max(fewestModels, Math.ceil(models / quickFraction))) : models;
  const total = chosen.reduce((sum, scenario) => sum + modelsOf(scenario), 0);
  using progress = createProgress(context, { label: "simulating", unit: "models" });
  await using threads = createSimulationThreads(workers);
  let done = 0;
  const results: ScenarioResult[] = [];
  for (const scenario of chosen) {
    const runs = await threads.run(scenario.name, modelsOf(scenario), {
      seed,
      monitoring,
      peer: null,
      progress: (more) => progress.update((done += more), total),
    });
    results.push(measuredOf(scenario, runs, monitoring, defaultMonitoring));
  }
  return results;
}

async function simulatedPeers(
  context: CommandContext,
  { quick, seed, workers, monitoring }: Omit<SimulationRequest, "chosen">,
): Promise<ScenarioResult[]> {
  using progress = createProgress(context, { label: "simulating other rules", unit: "streams" });
  await using threads = createSimulationThreads(workers);
  const results: ScenarioResult[] = [];
  const pairs = peerRules.flatMap(({ name }) => peerScenarios.map((scenario) => ({ peer: name, scenario })));
  for (const [done, { peer, scenario }] of pairs.entries()) {
    progress.update(done, pairs.length);
    const found = scenarioNamed(scenario);
    const models = found.kind === "delay" ? peerModels.delay : peerModels.false_incidents;
    const runs = await threads.run(scenario, quick ? 2 : models, { seed, monitoring, peer, progress: () => {} });
    results.push(measuredPeer(peer, found, runs));
  }
  return results;
}

function chosenScenarios(text: string | undefined): readonly Scenario[] {
  if (text === undefined) return scenarios;
  return text.split(",").map((word) => {
    const name = word.trim();
    const found = scenarios.find((scenario) => scenario.name === name);
    if (found !== undefined) return found;
    const nearest = nearestName(name, names);
    const remedy = nearest === null ? "--list names them" : `did you mean ${nearest}?`;
    throw new LeewayError("usage", `simulate: there is no scenario ${JSON.stringify(name)}; ${remedy}`);
  });
}

function wholeNumber(text: string | undefined, option: string): number | null {
  if (text === undefined) return null;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new LeewayError("usage", `simulate: ${option} ${JSON.stringify(text)} is not a whole number from 1 up`);
}

function monitoringOf(
  options: { readonly config?: string; readonly model?: string },
  context: CommandContext,
): SimulatedMonitoring {
  if (options.model === undefined) {
    if (options.config === undefined) return defaultMonitoring;
    throw new LeewayError("usage", "simulate: --config needs --model NAME, whose budget and floors are simulated");
  }
  const { models } = requireConfig(configRequest(options, context));
  const model = models.find(({ name }) => name === options.model);
  if (model === undefined) {
    const known = models.map(({ name }) => name).join(", ") || "none";
    throw new LeewayError("usage", `simulate: no model ${options.model} in the configuration; it has ${known}`);
  }
  const { falseIncidentsPerModelWeek, effectFloor, qualityFloor } = model.monitoring;
  return { falseIncidentsPerModelWeek, effectFloor, qualityFloor };
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
