import { systemClock } from "../../core/clock.ts";
import { LeewayError } from "../../core/errors.ts";
import type { FeatureSchema } from "../../core/feature-schema.ts";
import type { JudgedMessage } from "../../collector/message-verdicts.ts";
import type { MessageKind } from "../../collector/partition-batch.ts";
import { readFeatureSchemas } from "../../store/facts/feature-schemas.ts";
import { parseDuration } from "../config/duration.ts";
import { type LoadedConfig, requireConfig } from "../config/load.ts";
import type { KafkaConfig } from "../config/service-config.ts";
import { listenForEnd, signalExitCode } from "../lifecycle/signals.ts";
import { connectReader } from "../lifecycle/store-reader.ts";
import { outputPalette, type Palette } from "./colour.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { configOptions, configRequest } from "./config-options.ts";
import { printable } from "./table.ts";

export const tapCommand = defineCommand({
  name: "tap",
  summary: "watch events arrive, each with the collector's verdict",
  description:
    "Shows the messages that Kafka's topics get from now on, decoded and judged as the collector does: stored, dropped or dead_letter, with reason and detail. It stores nothing, and reads with a consumer group of its own that commits nothing, so no collector notices. With --model, messages whose model cannot be read are shown as well: one of them may be the one you look for. Ctrl-C ends it.",
  options: {
    ...configOptions,
    model: { type: "string", placeholder: "NAME", description: "Only this model's messages." },
    topic: {
      type: "string",
      placeholder: "NAME",
      description: "Only this topic; it need not be one of kafka.topics, and is taken for one of events then.",
    },
    count: { type: "string", placeholder: "N", description: "End after N messages were shown." },
    for: { type: "string", placeholder: "DURATION", description: "End after this time, such as 30s." },
    json: { type: "boolean", description: "One JSON object a line, with the whole message." },
  },
  audience: "look",
  exits: {
    0: "ended by itself: --count messages were shown, or --for is over",
    1: "fewer than --count messages came before --for was over",
    130: "ended by Ctrl-C",
    143: "ended by SIGTERM",
  },
  examples: [
    "leeway tap --model flight-delay",
    "leeway tap --topic leeway.labels --count 10",
    "leeway tap --model flight-delay --for 30s --count 1 --json",
  ],
  run: async ({ options }, context) => {
    const count = parseCount(options.count);
    const forMs = parseFor(options.for);
    const config = requireConfig(configRequest(options, context));
    const { kafka } = config.service;
    if (kafka === null) {
      throw new LeewayError("config_invalid", "no Kafka broker is named; set KAFKA_BROKERS or kafka.brokers");
    }
    const topics = tappedTopics(kafka, options.topic);
    // Loaded here: the other commands need none of it, and start in half the time without.
    const [{ createMessageJudge }, { createKafkaTap }, { decodingOptions, kafkaConnection }] = await Promise.all([
      import("../../collector/message-verdicts.ts"),
      import("../../collector/sources/kafka-tap.ts"),
      import("../lifecycle/collector-role.ts"),
    ]);
    const judge = createMessageJudge(decodingOptions(config, await knownSchemas(config, context), systemClock));
    const palette = outputPalette(context);
    const enough = Promise.withResolvers<void>();
    let shown = 0;
    let passedOver = 0;

    using signals = listenForEnd(() => {});
    await using tap = await createKafkaTap({
      connection: kafkaConnection(kafka),
      topics: [...topics.keys()],
      received: (messages) => {
        const kind = topics.get(messages[0]?.topic ?? "") ?? "events";
        for (const judged of judge(kind, messages)) {
          if (shown >= count) return;
          if (!concerns(judged, options.model)) {
            passedOver += 1;
            continue;
          }
          shown += 1;
          context.write(
            options.json === true ? `${JSON.stringify(messageView(judged))}\n` : line(judged, context, palette),
          );
        }
        if (shown >= count) enough.resolve();
      },
    });
    context.complain(
      `leeway: listening to ${[...topics.keys()].join(", ")} at ${kafka.brokers.join(", ")}; Ctrl-C ends it`,
    );
    const over = new AbortController();
    const end = await Promise.race([
      enough.promise.then(() => "enough" as const),
      signals.first,
      tap.stopped,
      ...(forMs === null ? [] : [elapsed(forMs, over.signal)]),
    ]);
    over.abort();
    if (passedOver > 0) context.complain(`leeway: ${passedOver} messages of other models were passed over`);
    if (end === "SIGINT" || end === "SIGTERM") return signalExitCode(end);
    return end === "time" && count !== Infinity ? 1 : 0;
  },
});

function parseCount(text: string | undefined): number {
  if (text === undefined) return Infinity;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new LeewayError("usage", `--count: ${JSON.stringify(text)} is not a number of messages; write 1 or more`);
}

function parseFor(text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = parseDuration(text);
  if (ms !== null && ms > 0) return ms;
  throw new LeewayError("usage", `--for: ${JSON.stringify(text)} is not a duration; write it as 30s or 5m`);
}

function elapsed(ms: number, signal: AbortSignal): Promise<"time"> {
  return new Promise((resolve) => {
    // Longer than Node's timers reach is for ever.
    const timer = setTimeout(() => resolve("time"), Math.min(ms, 2 ** 31 - 1));
    signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  });
}

/** What is listened to, and what its messages are. */
function tappedTopics({ topics }: KafkaConfig, only: string | undefined): ReadonlyMap<string, MessageKind> {
  const all = new Map<string, MessageKind>([
    ...topics.labels.map((topic) => [topic, "labels"] as const),
    ...topics.events.map((topic) => [topic, "events"] as const),
  ]);
  if (only === undefined) return all;
  return new Map([[only, all.get(only) ?? "events"]]);
}

/** Models and features that the store knows; without it a verdict that depends on them may differ. */
async function knownSchemas(config: LoadedConfig, context: CommandContext): Promise<readonly FeatureSchema[]> {
  try {
    await using facts = await connectReader(config.service);
    return await readFeatureSchemas(facts);
  } catch (error) {
    if (!(error instanceof LeewayError)) throw error;
    context.complain(
      `leeway: the store does not answer, so models that registered themselves are taken for new (${error.message})`,
    );
    return [];
  }
}

function concerns({ object }: JudgedMessage, model: string | undefined): boolean {
  const named = object?.["model"];
  return model === undefined || named === model || typeof named !== "string" || named === "";
}

/** A message as `--json` prints it. */
function messageView({ message, kind, verdict, object, misfits }: JudgedMessage): object {
  return {
    topic: message.topic,
    partition: message.partition,
    offset: message.offset,
    time: new Date(message.timestampMs).toISOString(),
    kind: kind === "events" ? "event" : "label",
    verdict,
    features_kept_in_extra: misfits.unlisted + misfits.wrongType,
    message: object ?? (message.value === null ? null : message.value.toString("utf8")),
  };
}

/** One line for a person; on a terminal no longer than it. */
function line(judged: JudgedMessage, context: CommandContext, palette: Palette): string {
  const { message, verdict } = judged;
  const time = new Date(message.timestampMs).toISOString().slice(11, 23);
  const place = `${message.topic}/${message.partition}@${message.offset}`;
  const name = verdict.kind.padEnd("dead_letter".length);
  const rest = printable(detailOf(judged));
  const columns = context.output?.columns ?? null;
  const room = columns === null ? Infinity : columns - `${time} ${place} ${name} `.length;
  const shown = rest.length <= room ? rest : `${rest.slice(0, Math.max(0, room - 1))}…`;
  const paint = { stored: palette.good, dropped: palette.warning, dead_letter: palette.bad }[verdict.kind];
  return `${palette.faint(`${time} ${place}`)} ${paint(name)} ${shown}\n`;
}

function detailOf({ message, kind, verdict, object, misfits }: JudgedMessage): string {
  const words: string[] = [];
  if (verdict.kind === "dead_letter") words.push(`${verdict.reason}: ${verdict.detail};`);
  if (verdict.kind === "dropped") words.push(verdict.reason);
  const extra = misfits.unlisted + misfits.wrongType;
  if (extra > 0) words.push(`(${extra} ${extra === 1 ? "feature does" : "features do"} not fit: kept in extra)`);
  if (object === null) {
    if (message.value !== null) words.push(message.value.subarray(0, 1000).toString("utf8"));
    return words.join(" ");
  }
  const shown = kind === "events" ? shownOfEvents : shownOfLabels;
  const model = [object["model"], object["version"]].filter((part) => typeof part === "string" && part !== "");
  if (model.length > 0) words.push(model.join(" "));
  for (const field of shown) {
    const value = object[field];
    if (value === undefined || value === null) continue;
    words.push(typeof value === "object" ? `${field}: ${pairs(value)}` : `${field}=${String(value)}`);
  }
  return words.join(" ");
}

const shownOfEvents = ["event_id", "event_time", "prediction", "scores", "features", "cohorts"];
const shownOfLabels = ["event_id", "entity_key", "label_time", "label"];

function pairs(value: object): string {
  return Object.entries(value)
    .map(([name, one]) => `${name}=${typeof one === "string" ? one : JSON.stringify(one)}`)
    .join(" ");
}
