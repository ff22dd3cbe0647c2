/**
 * The monitored service, as a process of its own: sends each flight of a span of days as an inference event in order of
 * departure, and its label when the flight's day is over.
 *
 *     node examples/flights/producer.ts --brokers HOST:PORT --data data/demo --shift-weeks 1338 --first 2001-01-29
 *       --last 2001-04-29 --seed 1 [--no-faults] [--events-topic T --labels-topic T]
 *
 * It prints a line of JSON (`ProducerReport`) for each day sent.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { Kafka, logLevel } from "kafkajs";
import type { Message, Producer } from "kafkajs";
import { dayMs, dayStartMs, daysBetween } from "./calendar.ts";
import { findDataset, isLate, openFileEngine, readAirportStates, readDay } from "./dataset.ts";
import type { Flight } from "./dataset.ts";
import { classOf, createScorer } from "./delay-model.ts";
import type { DelayModel } from "./delay-model.ts";
import { applyFaults, faultsOn, plantedFaults } from "./faults.ts";
import { inputsOf } from "./features.ts";
import type { ProducerReport } from "./producer-report.ts";
import { eventJson, labelJson } from "./wire.ts";

/** A send holds at most this many bytes of values: even if all of them go to one partition it stays below the broker's 1 MB. */
const maxSendBytes = 400_000;
const partitionsFallback = 4;

const airportKeys = new Map<string, Buffer>();

function airportKey(airport: string): Buffer {
  let key = airportKeys.get(airport);
  if (key === undefined) airportKeys.set(airport, (key = Buffer.from(airport)));
  return key;
}

interface Sender {
  /** A promise to wait for if the batch was full. */
  add(key: Buffer, value: string): Promise<void> | null;
  flush(): Promise<void>;
}

/** Collects messages and sends them by bytes, one send after another, so that their order in each partition stays. */
function createSender(producer: Producer, topic: string): Sender {
  let messages: Message[] = [];
  let bytes = 0;
  let inFlight: Promise<unknown> = Promise.resolve();
  const flush = async () => {
    const batch = messages;
    messages = [];
    bytes = 0;
    // The next batch is made while this one travels, but it is not sent before this one has arrived.
    await inFlight;
    inFlight = batch.length === 0 ? Promise.resolve() : producer.send({ topic, messages: batch, acks: -1 });
    // Awaited by the next flush; until then its failure must not count as unhandled.
    inFlight.catch(() => undefined);
  };
  return {
    add(key, value) {
      const valueBytes = Buffer.from(value);
      messages.push({ key, value: valueBytes });
      bytes += valueBytes.length + 64;
      return bytes >= maxSendBytes ? flush() : null;
    },
    async flush() {
      await flush();
      await inFlight;
    },
  };
}

/**
 * Same key, same partition: the airports are spread by their position in the order of first appearance. Keys are told apart
 * by their buffer, of which the sender makes one an airport: hashing each message's key costs more than making its value.
 */
function createAirportPartitioner() {
  const partitionOf = new Map<Message["key"], number>();
  return ({ message, partitionMetadata }: { message: Message; partitionMetadata: readonly unknown[] }): number => {
    const key = message.key;
    let partition = partitionOf.get(key);
    if (partition === undefined) {
      partition = partitionOf.size % (partitionMetadata.length || partitionsFallback);
      partitionOf.set(key, partition);
    }
    return partition;
  };
}

const { values } = parseArgs({
  options: {
    brokers: { type: "string" },
    data: { type: "string" },
    "shift-weeks": { type: "string" },
    first: { type: "string" },
    last: { type: "string" },
    seed: { type: "string" },
    "no-faults": { type: "boolean" },
    "events-topic": { type: "string" },
    "labels-topic": { type: "string" },
  },
});

async function main(): Promise<void> {
  const { brokers = "", data = "data/demo", first = "2001-01-29", last = "2001-04-29" } = values;
  const shiftMs = Number(values["shift-weeks"] ?? 0) * 7 * dayMs;
  const seed = Number(values.seed ?? 1);
  const faults = values["no-faults"] === true ? [] : plantedFaults;
  const model = JSON.parse(readFileSync(path.join(data, "model.json"), "utf8")) as DelayModel;
  const score = createScorer(model);
  const originTraffic = new Map(Object.entries(model.originTraffic));
  const dataset = findDataset();
  const engine = openFileEngine();
  const states = readAirportStates(dataset);

  const kafka = new Kafka({ clientId: "flights", brokers: brokers.split(","), logLevel: logLevel.ERROR });
  // Idempotent: a send that is retried after a lost answer must not count twice.
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: createAirportPartitioner,
  });
  await producer.connect();
  const events = createSender(producer, values["events-topic"] ?? "leeway.events");
  const labels = createSender(producer, values["labels-topic"] ?? "leeway.labels");

  const sent = { events: 0, labels: 0, eventSequences: 0, labelSequences: 0, withheld: 0 };
  for (const day of daysBetween(first, last)) {
    const todaysFaults = faultsOn(day, faults);
    const emitted: Flight[] = [];
    let minuteMs = -1;
    let eventTime = "";
    for (const flight of readDay(engine, dataset, day)) {
      const originState = states.get(flight.origin) ?? "unknown";
      const inputs = applyFaults(todaysFaults, inputsOf(flight, originTraffic), { flight, originState, seed });
      if (inputs === null) {
        sent.withheld++;
        continue;
      }
      if (flight.departureMs !== minuteMs) {
        minuteMs = flight.departureMs;
        eventTime = new Date(minuteMs + shiftMs).toISOString();
      }
      const late = score(inputs);
      const value = eventJson({
        flight,
        version: model.version,
        eventTime,
        inputs,
        score: late,
        prediction: classOf(model, late),
        originState,
      });
      const full = events.add(airportKey(flight.origin), value);
      if (full !== null) await full;
      emitted.push(flight);
      sent.events++;
      sent.eventSequences += flight.sequence;
    }
    await events.flush();

    // What happened to a day's flights is reported at its end.
    const labelTime = new Date(dayStartMs(day) + dayMs + shiftMs).toISOString();
    for (const flight of emitted) {
      const full = labels.add(
        airportKey(flight.origin),
        labelJson({ flight, label: isLate(flight) ? "late" : "on_time", labelTime }),
      );
      if (full !== null) await full;
      sent.labels++;
      sent.labelSequences += flight.sequence;
    }
    await labels.flush();

    const { user, system } = process.cpuUsage();
    const report: ProducerReport = { day, ...sent, cpuSeconds: (user + system) / 1e6 };
    process.stdout.write(`${JSON.stringify(report)}\n`);
  }
  await producer.disconnect();
}

try {
  await main();
} catch (error) {
  process.stderr.write(`The producer stopped: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 3;
}
