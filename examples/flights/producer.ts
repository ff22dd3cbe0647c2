/**
 * The monitored service, as a process of its own: sends each flight of a span of days as an inference event in order of
 * departure, and its label when the flight's day is over.
 *
 *     node examples/flights/producer.ts (--brokers HOST:PORT [--events-topic T --labels-topic T] | --url HTTP)
 *       --data data/demo --shift-weeks 1338 --first 2001-01-29 --last 2001-04-29 --seed 1 [--no-faults]
 *
 * It prints a line of JSON (`ProducerReport`) for each day sent.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { dayMs, dayStartMs, daysBetween } from "./calendar.ts";
import { findDataset, isLate, openFileEngine, readAirportStates, readDay } from "./dataset.ts";
import type { Flight } from "./dataset.ts";
import { classOf, createScorer } from "./delay-model.ts";
import type { DelayModel } from "./delay-model.ts";
import { applyFaults, faultsOn, plantedFaults } from "./faults.ts";
import { inputsOf } from "./features.ts";
import { createHttpSender } from "./http-sender.ts";
import { connectKafka } from "./kafka-sender.ts";
import type { ProducerReport } from "./producer-report.ts";
import type { Sender } from "./sender.ts";
import { eventJson, labelJson } from "./wire.ts";

const { values } = parseArgs({
  options: {
    brokers: { type: "string" },
    url: { type: "string" },
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
  const { data = "data/demo", first = "2001-01-29", last = "2001-04-29" } = values;
  const shiftMs = Number(values["shift-weeks"] ?? 0) * 7 * dayMs;
  const seed = Number(values.seed ?? 1);
  const faults = values["no-faults"] === true ? [] : plantedFaults;
  const model = JSON.parse(readFileSync(path.join(data, "model.json"), "utf8")) as DelayModel;
  const score = createScorer(model);
  const originTraffic = new Map(Object.entries(model.originTraffic));
  const dataset = findDataset();
  const engine = openFileEngine();
  const states = readAirportStates(dataset);

  const { events, labels, end } = await senders();

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
      const full = events.add(flight.origin, value);
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
        flight.origin,
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
  await end();
}

/** The way to Leeway that was asked for. */
async function senders(): Promise<{ events: Sender; labels: Sender; end: () => Promise<void> }> {
  const { brokers, url } = values;
  if (url !== undefined) {
    return {
      events: createHttpSender(`${url}/v1/events`),
      labels: createHttpSender(`${url}/v1/labels`),
      end: async () => {},
    };
  }
  const kafka = await connectKafka(brokers ?? "");
  return {
    events: kafka.createSender(values["events-topic"] ?? "leeway.events"),
    labels: kafka.createSender(values["labels-topic"] ?? "leeway.labels"),
    end: kafka.end,
  };
}

try {
  await main();
} catch (error) {
  process.stderr.write(`The producer stopped: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 3;
}
