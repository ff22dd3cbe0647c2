import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { connectTestKafka } from "../../collector/testing/collector-fixture.ts";
import { pythonEnvironment } from "../../deploy/testing/python-environment.ts";
import { complaints, createLeewayFolder } from "../testing/leeway-process.ts";

const examples = join(import.meta.dirname, "..", "..", "examples", "python");
const environment = pythonEnvironment(join(examples, "requirements.txt"));
const missing = environment.kind === "missing";
const skipped = environment.kind === "missing" ? ` (skipped: ${environment.why})` : "";

async function python(args: readonly string[], variables: Readonly<Record<string, string>> = {}) {
  if (environment.kind === "missing") throw new Error(environment.why);
  const [script = "", ...rest] = args;
  const child = spawn(environment.python, [join(examples, script), ...rest], {
    env: { PATH: process.env["PATH"] ?? "", ...variables },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output };
}

test.skipIf(missing)(
  `requests: events go over HTTP into the store, and are asked for again${skipped}`,
  async () => {
    using folder = createLeewayFolder({});
    await using service = folder.start(["serve", "--port", "0"]);
    const url = await service.url;
    const sent = await python(["send_http.py", "--count", "1500"], { LEEWAY_URL: url });
    expect(sent).toEqual({ code: 0, output: "1500 events stored, 0 refused\n" });
    const rows = await folder.run([
      "sql",
      "SELECT model, uniqExact(event_id) AS events FROM events GROUP BY model",
      "--format",
      "JSONEachRow",
    ]);
    expect(JSON.parse(rows.stdout)).toEqual({ model: "churn", events: 1500 });
  },
  120_000,
);

test.skipIf(missing)(
  `kafka-python: events go into the topic, each once, as Leeway reads it${skipped}`,
  async () => {
    await using kafka = await connectTestKafka(inject("kafkaBrokers"));
    const topics = await kafka.topics(2);
    const sent = await python(["send_kafka.py", "--topic", topics.events, "--count", "700"], {
      KAFKA_BROKERS: inject("kafkaBrokers"),
    });
    expect(sent).toEqual({ code: 0, output: `700 events sent to ${topics.events}\n` });
    expect(await kafka.readAll(topics.events)).toHaveLength(700);

    using folder = createLeewayFolder({
      "leeway.yaml": JSON.stringify({
        kafka: {
          brokers: inject("kafkaBrokers"),
          group_id: `group-${randomUUID()}`,
          topics: { events: [topics.events], labels: [topics.labels], dead_letters: topics.deadLetters },
        },
      }),
    });
    // What the collector would say of them: every one is drafted from, so every one would be stored.
    const draft = await folder.run(["init", "--topic", topics.events]);
    expect(draft.stdout).toContain("models/churn.yaml: binary, 3 features, 1 cohort, from 700 events");
  },
  120_000,
);

test.skipIf(missing)(
  `pandas: batch scores and outcomes are ingested, and two files compared${skipped}`,
  async () => {
    using folder = createLeewayFolder({});
    const written = await python(["write_files.py", "--folder", folder.path, "--count", "3000"]);
    expect(written.code).toBe(0);
    const scores = await folder.run([
      "ingest",
      "scores.parquet",
      "--model",
      "churn",
      "--positive",
      "yes",
      "--cohorts",
      "country",
      "--json",
    ]);
    expect(complaints(scores)).toEqual([]);
    expect(JSON.parse(scores.stdout)).toMatchObject({
      stored: 3000,
      refused: {},
      columns: { features: { columns: ["age", "plan", "monthly_fee"], detail: "2 numeric, 1 categorical" } },
    });
    const outcomes = await folder.run(["ingest", "outcomes.csv", "--model", "churn", "--labels", "--json"]);
    expect(complaints(outcomes)).toEqual([]);
    expect(outcomes.code).toBe(0);
    const compared = await folder.run(["compare", "reference.csv", "current.csv", "--json"]);
    const { columns } = JSON.parse(compared.stdout) as { columns: readonly { name: string; decision: string }[] };
    expect(Object.fromEntries(columns.map(({ name, decision }) => [name, decision]))).toMatchObject({
      age: "drift",
      plan: "ok",
    });
  },
  120_000,
);

test.skipIf(missing)(
  `a service that is not there is one line, and no hang${skipped}`,
  async () => {
    const { code, output } = await python(["send_kafka.py", "--brokers", "127.0.0.1:1", "--count", "1"]);
    expect(code).toBe(1);
    expect(output).toContain("NoBrokersAvailable");
  },
  120_000,
);
