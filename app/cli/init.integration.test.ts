import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { connectTestKafka } from "../../collector/testing/collector-fixture.ts";
import { complaints, createLeewayFolder, type LeewayFolder } from "../testing/leeway-process.ts";

const events = (model: string, count: number) =>
  Array.from({ length: count }, (_, index) => ({
    event_id: `${model}-${index}`,
    model,
    version: "3",
    event_time: Date.UTC(2026, 9, 1) + index * 60_000,
    prediction: index % 4 === 0 ? "late" : "on_time",
    scores: { late: (index % 10) / 10 },
    features: { hour: index % 24, origin: ["JFK", "ORD"][index % 2], weekend: index % 2 === 0 },
    cohorts: { state: ["NY", "IL", "CA"][index % 3] },
  }));

const draft = (folder: LeewayFolder, name: string) => readFileSync(join(folder.path, "models", name), "utf8");

test("from a file: a valid model file for each model, and a leeway.yaml that reads them; nothing is overwritten", async () => {
  const lines = [...events("flight delay", 200), ...events("churn", 50)].map((event) => JSON.stringify(event));
  using folder = createLeewayFolder({ "events.ndjson": `${lines.join("\n")}\nnot json\n` });
  const end = await folder.run(["init", "--from", "events.ndjson"]);
  expect(complaints(end)).toEqual([]);
  expect(end.code).toBe(0);
  expect(end.stdout).toContain("models/flight-delay.yaml: binary, 3 features, 1 cohort, from 200 events");
  const checked = await folder.run(["check-config", "--json"]);
  expect(JSON.parse(checked.stdout)).toMatchObject({ valid: true, models: ["churn", "flight delay"] });
  const text = draft(folder, "flight-delay.yaml");
  expect(text).toContain("positive: late  # ? chosen by the class that has a score");
  expect(text).toContain("1 of 251 messages would be refused: malformed_json 1");
  expect(text).toContain("state: {}  # 3 values");

  writeFileSync(join(folder.path, "models", "churn.yaml"), "model: churn  # mine\n");
  const again = await folder.run(["init", "--from", "events.ndjson", "--model", "churn"]);
  expect(again.code).toBe(2);
  expect(complaints(again)).toEqual([
    "leeway: init: models/churn.yaml is there already; --force overwrites it, --out FILE writes elsewhere",
  ]);
  expect(draft(folder, "churn.yaml")).toBe("model: churn  # mine\n");
  expect((await folder.run(["init", "--from", "events.ndjson", "--model", "churn", "--force"])).code).toBe(0);
  expect(draft(folder, "churn.yaml")).toContain("features:");
});

test("from a table: what its columns were taken for is said, and a time is not needed", async () => {
  using folder = createLeewayFolder({ "scores.csv": "age,proba,plan\n31,0.5,a\n,0.25,b\n" });
  const end = await folder.run(["init", "--from", "scores.csv", "--model", "churn"]);
  expect(complaints(end)).toEqual([]);
  expect(draft(folder, "churn.yaml")).toMatch(/# {3}features: age, plan \(1 numeric, 1 categorical/);
  expect(draft(folder, "churn.yaml")).toContain("age: { type: numeric }  # 31 to 31; missing in 50 %");
  expect((await folder.run(["check-config"])).code).toBe(0);
});

test("from a topic: its latest events, whatever else is in it", async () => {
  await using kafka = await connectTestKafka(inject("kafkaBrokers"));
  const topics = await kafka.topics(3);
  await kafka.send(topics.events, [
    { value: "not json" },
    ...events("fraud", 60).map((event) => ({
      key: event.event_id,
      value: JSON.stringify({ ...event, event_time: Date.now() }),
    })),
  ]);
  using folder = createLeewayFolder({});
  const brokers = { KAFKA_BROKERS: inject("kafkaBrokers") };
  const end = await folder.run(["init", "--topic", topics.events], brokers);
  expect(complaints(end)).toEqual([]);
  expect(draft(folder, "fraud.yaml")).toContain(`drafted by leeway init from 60 events of topic ${topics.events}`);
  expect(draft(folder, "fraud.yaml")).toContain("1 of 61 messages would be refused: malformed_json 1");

  const empty = await folder.run(["init", "--topic", topics.labels], brokers);
  expect(empty.code).toBe(2);
  expect(complaints(empty)).toEqual([
    `leeway: init: the topic ${topics.labels} is empty; send an event, or name another with --topic`,
  ]);
});

test.each<[string, readonly string[], Readonly<Record<string, string>>, number, RegExp]>([
  ["no source", ["init"], {}, 2, /^init: where are the events\? Give --from FILE or --topic NAME/],
  [
    "no such file",
    ["init", "--from", "none.ndjson"],
    {},
    2,
    /^init: none\.ndjson: there is no such file; check the path$/,
  ],
  ["no model", ["init", "--from", "scores.csv"], {}, 2, /^init: whose rows are these\? Name the model with --model$/],
  [
    "no event",
    ["init", "--from", "bad.ndjson"],
    {},
    2,
    /^init: none of the 1 messages of bad\.ndjson would be stored \(time_missing 1\)/,
  ],
  [
    "another model",
    ["init", "--from", "ok.ndjson", "--model", "other"],
    {},
    2,
    /^init: no event of ok\.ndjson is of model "other"; it has m$/,
  ],
  [
    "no folder to write to",
    ["init", "--from", "ok.ndjson", "--out", "blocked/m.yaml"],
    {},
    2,
    /^init: blocked\/m\.yaml cannot be written \(E\w+\); see to its folder, or write elsewhere with --out$/,
  ],
  ["no brokers", ["init", "--topic", "events"], {}, 2, /^no Kafka broker is named/],
  [
    "no broker",
    ["init", "--topic", "events"],
    { KAFKA_BROKERS: "127.0.0.1:1" },
    3,
    /^no Kafka broker answered at 127\.0\.0\.1:1 /,
  ],
])("bad input is one line: %s", async (_, args, environment, code, line) => {
  using folder = createLeewayFolder({
    "scores.csv": "a,b\n1,2\n",
    "bad.ndjson": `${JSON.stringify({ event_id: "1", model: "m", features: {} })}\n`,
    "ok.ndjson": `${JSON.stringify(events("m", 1)[0])}\n`,
    blocked: "a file",
  });
  mkdirSync(join(folder.path, "data"));
  const end = await folder.run(args, environment);
  expect(end.code).toBe(code);
  expect(
    complaints(end)
      .at(-1)
      ?.replace(/^leeway: /, ""),
  ).toMatch(line);
});
