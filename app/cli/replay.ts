import { statSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { BaselineSpec } from "../../core/baseline.ts";
import { LeewayError } from "../../core/errors.ts";
import type { ModelSpec } from "../../core/model.ts";
import { dayMs, hourMs, minuteMs, windowContaining } from "../../core/window.ts";
import { messageHeading, messageSections } from "../../alerting/text/message-text.ts";
import { formatDuration, parseDuration } from "../config/duration.ts";
import { type LoadedConfig, requireConfig } from "../config/load.ts";
import type { EventFile } from "../files/event-file.ts";
import { listenForEnd, signalExitCode } from "../lifecycle/signals.ts";
import type { ReplayedAlert, Replayed } from "../replay/replay.ts";
import { outputPalette } from "./colour.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { configOptions, configRequest } from "./config-options.ts";
import { eventFileRequest, fileOptions, mappingText, parseTime } from "./file-options.ts";
import { createProgress } from "./progress.ts";
import { packageVersion } from "./version.ts";
import { textWidth, wrapText } from "./wrap.ts";

export const replayCommand = defineCommand({
  name: "replay",
  summary: "live a file's history again: which alerts would have come, and when",
  operands: "FILE",
  maxOperands: 1,
  description:
    "Stores a file's rows in the order of their time, window by window, and lets the detectors and alerting look after each, on a clock that is the data's own. Prints every alert that would have come, with the time at which it would. Store and state are temporary and in an environment of their own (replay-…): nothing reaches a running service, and nobody is told without --notify. It takes the model's own file for what is normal; without one, say it with --reference or --baseline-until.",
  options: {
    ...configOptions,
    ...fileOptions,
    reference: {
      type: "string",
      placeholder: "FILE",
      description: "What is normal: a file with columns of the same names. Instead of the model's baseline.",
    },
    "baseline-until": {
      type: "string",
      placeholder: "TIME",
      description: "What is normal: FILE itself before this time. Without any baseline its first third is taken.",
    },
    window: {
      type: "string",
      placeholder: "DURATION",
      description: "Length of a window, such as 1h or 1d, instead of the model's.",
    },
    step: {
      type: "string",
      placeholder: "DURATION",
      description:
        "How often the detectors look, in the data's time, besides each window's end (default: 1h): gross faults are told within so long. Less takes longer.",
    },
    speed: {
      type: "string",
      placeholder: "SPEED",
      description: "Time that passes in a second, such as 1h, or max (default).",
    },
    notify: { type: "boolean", description: "Tell the configured receivers too." },
    json: { type: "boolean", description: "Print one JSON object a line: each alert, then a summary." },
  },
  audience: "data",
  exits: {
    0: "caught up, whatever fired",
    2: "the command line or the configuration is wrong, or a file is not there or not what its name says",
    3: "the embedded engine is not installed or did not answer",
    130: "ended by Ctrl-C",
    143: "ended by SIGTERM",
  },
  examples: [
    "leeway replay 2026.parquet --model churn",
    "leeway replay current.csv --model churn --reference reference.csv --window 1d",
    "leeway replay events.ndjson --model churn --baseline-until 2026-02-01 --speed 6h",
  ],
  run: async ({ options, operands: [name] }, context) => {
    if (name === undefined) throw usage("which file?");
    if (options.model === undefined) throw usage("whose history is it? Name the model with --model");
    const [speed, stepMs] = [speedOf(options.speed), stepOf(options.step)];
    const config = requireConfig(configRequest(options, context));
    const environment = `replay-${basename(name).replaceAll(/[^A-Za-z0-9._-]+/g, "-")}`;
    const request = eventFileRequest("replay", name, options, { kind: "events", environment, config, context });
    const [{ openEventFile }, { replayFile }, { createLog }] = await Promise.all([
      import("../files/event-file.ts"),
      import("../replay/replay.ts"),
      import("../telemetry/log.ts"),
    ]);
    using signals = listenForEnd(() => {});
    await using file = await openEventFile(request);
    const isText = options.json !== true;
    if (isText) context.write(`${name}: ${count(file.messages.rows)} rows\n${mappingText(file, context)}`);
    const { model, said } = replayedModel(file, config, options, { name: options.model, environment, context });
    if (isText) for (const line of said) context.write(`  ${line}\n`);

    let replayed: Replayed;
    {
      using progress = createProgress(context, { label: `replaying ${name}`, unit: "rows" });
      replayed = await replayFile({
        file,
        config,
        model,
        environment,
        stepMs,
        speed,
        notify: options.notify ?? false,
        version: packageVersion(),
        // What goes wrong with the baseline is thrown; what goes wrong with receivers is only logged.
        log: createLog({ level: context.environment["LEEWAY_LOG"] || (options.notify === true ? "error" : "silent") }),
        abort: signals.abort,
        told: (alert) => context.write(isText ? alertText(alert, context) : `${JSON.stringify(alertView(alert))}\n`),
        progress: (rows) => progress.update(rows, file.messages.rows),
      });
    }
    if (replayed.failure !== null) throw replayed.failure;
    if (isText) context.write(summaryText(replayed, model));
    else context.write(`${JSON.stringify(summaryView(replayed))}\n`);
    if (signals.abort.aborted) return signalExitCode(await signals.first);
    return 0;
  },
});

function usage(message: string): LeewayError {
  return new LeewayError("usage", `replay: ${message}; see leeway help replay`);
}

/** @returns event seconds per second; null: as fast as it goes. */
function speedOf(text: string | undefined): number | null {
  if (text === undefined || text === "max") return null;
  const ms = parseDuration(text.replace(/\/s$/, ""));
  if (ms !== null && ms > 0) return ms / 1000;
  throw usage(
    `--speed ${JSON.stringify(text)} is not a speed; write the time that passes in a second, such as 1h, or max`,
  );
}

function stepOf(text: string | undefined): number {
  const ms = text === undefined ? hourMs : parseDuration(text);
  if (ms !== null && ms >= minuteMs) return ms;
  throw usage(`--step ${JSON.stringify(text)} is not a duration of a minute or more; write it as 5m or 1d`);
}

/** The model as it is judged here, and what was chosen for it, to be said aloud. */
function replayedModel(
  file: EventFile,
  config: LoadedConfig,
  options: { readonly reference?: string; readonly "baseline-until"?: string; readonly window?: string },
  {
    name,
    environment,
    context,
  }: { readonly name: string; readonly environment: string; readonly context: CommandContext },
): { readonly model: ModelSpec; readonly said: readonly string[] } {
  const declared = config.models.find((spec) => spec.name === name);
  const spec = declared ?? config.learningModel(name);
  const windowMs = options.window === undefined ? spec.monitoring.windowMs : parseDuration(options.window);
  if (windowMs === null || windowMs === 0) {
    throw usage(`--window ${JSON.stringify(options.window)} is not a duration; write it as 1h or 1d`);
  }
  if (options.reference !== undefined && options["baseline-until"] !== undefined) {
    throw usage("--reference and --baseline-until each say what is normal; give one");
  }
  const { fromMs, toMs } = file.messages;
  if (fromMs === null || toMs === null) {
    throw new LeewayError(
      "file_unreadable",
      `replay: ${file.name}: no row has a time that can be read; see --time-column`,
    );
  }
  const alignment = { lengthMs: windowMs === "auto" ? dayMs : windowMs, zone: spec.monitoring.zone };
  const startMs = windowContaining(fromMs, alignment).startMs;
  const range = (toMs: number): BaselineSpec => ({ kind: "range", fromMs: startMs, toMs });
  const said: string[] = [];
  let baseline: BaselineSpec;
  if (options.reference !== undefined) {
    const column = (part: string) => file.mapping.find((mapped) => mapped.part === part)?.columns[0] ?? null;
    const [prediction, score, label] = [column("prediction"), column("score"), column("label")];
    const path = resolve(context.cwd, options.reference);
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
      const message = `replay: --reference ${options.reference}: there is no such file; check the path`;
      throw new LeewayError("file_unreadable", message);
    }
    baseline = { kind: "file", path, time: column("time"), prediction, score, label };
    said.push(`baseline: ${options.reference}`);
  } else if (options["baseline-until"] !== undefined) {
    const untilMs = timeOf(options["baseline-until"]);
    if (untilMs <= fromMs || untilMs > toMs) {
      throw usage(
        `--baseline-until ${options["baseline-until"]} is not within the file, ${minute(fromMs)} to ${minute(toMs)}`,
      );
    }
    baseline = range(untilMs);
    said.push(`baseline: ${minute(startMs)} to ${minute(untilMs)}`);
  } else if (spec.baseline !== null) {
    baseline = spec.baseline;
    if (baseline.kind === "range" && (baseline.fromMs > toMs || baseline.toMs <= fromMs)) {
      throw usage(
        `the baseline of ${name} is ${minute(baseline.fromMs)} to ${minute(baseline.toMs)}, of which ${file.name} has nothing; give --reference or --baseline-until`,
      );
    }
  } else {
    const untilMs = windowContaining(fromMs + (toMs - fromMs) / 3, alignment).startMs;
    if (untilMs <= startMs) {
      throw usage(
        `${file.name} is too short to take a third of it for normal (${minute(fromMs)} to ${minute(toMs)}); give --reference, or a shorter --window`,
      );
    }
    baseline = range(untilMs);
    said.push(
      `baseline: its first third, ${minute(startMs)} to ${minute(untilMs)} (a guess: see --reference, --baseline-until)`,
    );
  }
  const model: ModelSpec = {
    ...spec,
    // One that is learning would be shown, not judged.
    origin: "declared",
    baseline,
    monitoring: { ...spec.monitoring, windowMs, environments: [environment] },
  };
  return { model, said };
}

function timeOf(text: string): number {
  const timeMs = parseTime(text);
  if (timeMs !== null) return timeMs;
  throw usage(`--baseline-until ${JSON.stringify(text)} is not a time; write 2026-02-01 or 2026-02-01T06:00:00Z`);
}

/** What a message says without what leads to a store that is gone. */
function alertText({ atMs, message }: ReplayedAlert, context: CommandContext): string {
  const palette = outputPalette(context);
  const { label, text } = messageHeading(message);
  const paint = label === "OVER" ? palette.good : label === "PAGE" ? palette.bad : palette.warning;
  const width = textWidth(context);
  const lines = messageSections(message)
    .filter(({ name }) => name !== "next")
    .flatMap(({ name, texts }) =>
      texts.map((line, index) => `    ${(index === 0 ? name : "").padEnd(13)}${wrapText(line, width, 17)}`),
    );
  return `\n${palette.faint(`${minute(atMs)} UTC`)}  ${paint(label)}  ${wrapText(text.replace(` (${message.environment})`, ""), width, 4)}\n${lines.join("\n")}\n`;
}

function alertView({ atMs, message }: ReplayedAlert): object {
  return {
    kind: "alert",
    at: new Date(atMs).toISOString(),
    reason: message.reason,
    status: message.status,
    severity: message.severity,
    harm: message.harm,
    incident_id: message.incidentId,
    title: message.title,
    since: new Date(message.since.windowStartMs).toISOString(),
    findings: message.findings.map((finding) => ({
      id: finding.findingId,
      signal: finding.signal,
      name: finding.name,
      state: finding.state,
      role: finding.role,
      headline: finding.headline,
      change: finding.change,
      size: finding.size,
      effect: finding.effect,
    })),
  };
}

function summaryText(replayed: Replayed, model: ModelSpec): string {
  const { stored, windows, decidedThroughMs, windowMs, undecidedFromMs, alerts } = replayed;
  const refused = [...stored.refused].map(([reason, rows]) => `${reason} ${count(rows)}`).join(", ");
  const lines = [
    `\n${alerts === 0 ? "no alert" : alerts === 1 ? "1 alert" : `${count(alerts)} alerts`} in ${windows === 1 ? "1 window" : `${count(windows)} windows`}${windowMs === null ? "" : ` of ${formatDuration(windowMs)}`}, ${count(stored.stored)} rows of ${model.name}`,
  ];
  if (refused !== "") lines.push(`rows refused: ${refused}`);
  if (decidedThroughMs === null) {
    lines.push(
      "no window was decided: after the baseline there is no whole window; give a shorter --window, or more history",
    );
  } else if (undecidedFromMs !== null)
    lines.push(`not decided: from ${minute(undecidedFromMs)}, which is no whole window`);
  return `${lines.join("\n")}\n`;
}

function summaryView({ stored, windows, decidedThroughMs, windowMs, undecidedFromMs, alerts }: Replayed): object {
  const time = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  return {
    kind: "summary",
    alerts,
    windows,
    window: windowMs === null ? null : formatDuration(windowMs),
    decided_through: time(decidedThroughMs),
    undecided_from: time(undecidedFromMs),
    stored: stored.stored,
    refused: Object.fromEntries(stored.refused),
  };
}

function minute(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace("T", " ");
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}
