import { spawnSync } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { expect, test } from "vitest";
import { complaints, createLeewayFolder, eventually, type LeewayFolder } from "../testing/leeway-process.ts";

/** `npm start` is `leeway serve`; the tests take a free port. */
const start = (folder: LeewayFolder, port = 0) => folder.start(["serve", "--port", String(port)]);

const events = (count: number, batch: number) =>
  Array.from({ length: count }, (_, index) => ({
    event_id: `${batch}-${index}`,
    model: "fraud",
    event_time: Date.now(),
    features: { amount: index, country: "NL" },
    prediction: "ok",
  }));

test("without any configuration: the line it prints stores an event, and its model is listed as learning", async () => {
  using folder = createLeewayFolder({});
  await using leeway = start(folder);
  const url = await leeway.url;
  const printed = await eventually(
    async () => leeway.stdoutSoFar(),
    (text) => text.includes("Ctrl-C ends it"),
  );
  expect(printed).toContain(`leeway: serving ${url} as collector, detector, alerting`);
  const [line, ...others] = printed.split("\n").filter((text) => text.startsWith("curl "));
  expect(others).toEqual([]);
  const pasted = spawnSync("sh", ["-c", line ?? ""], { encoding: "utf8" });
  expect(JSON.parse(pasted.stdout)).toMatchObject({ stored: 1, kept_in: "clickhouse", repeated: false });

  const models = await eventually(
    async () => (await (await fetch(`${url}/api/v1/models`)).json()) as { models: object[] },
    (answer) => answer.models.length > 0,
  );
  expect(models).toMatchObject({ models: [{ model: "my-model", origin: "learning" }] });
  // It asks the service of this folder; nobody has to say where.
  expect((await folder.run(["models"])).stdout).toMatch(/^my-model +learning/m);
  expect((await folder.run(["sql", "SELECT amount, country FROM `v_my-model`", "--format", "csv"])).stdout).toBe(
    '"amount","country"\n12.5,"NL"\n',
  );
  leeway.kill("SIGINT");
  const end = await leeway.ended;
  expect([end.code, complaints(end)]).toEqual([130, []]);
});

// It starts the service twice and reads its tables: on a busy machine that takes longer than other tests.
const patience = { timeout: 180_000 };

test("killed while requests are under way, and they are repeated: each event is stored once", patience, async () => {
  using folder = createLeewayFolder({});
  const batches = Array.from({ length: 16 }, (_, batch) => events(500, batch));
  const post = async (url: string, batch: number): Promise<"answered" | "unanswered"> => {
    const body = JSON.stringify(batches[batch]);
    const headers = { "content-type": "application/json", "idempotency-key": `batch-${batch}` };
    try {
      const response = await fetch(`${url}/v1/events`, { method: "POST", headers, body });
      const { stored } = (await response.json()) as { stored?: number };
      return response.status === 202 && stored === 500 ? "answered" : "unanswered";
    } catch {
      return "unanswered";
    }
  };
  const all = batches.map((_, batch) => batch);
  {
    await using leeway = start(folder);
    const url = await leeway.url;
    await eventually(
      () => fetch(`${url}/readyz`),
      ({ status }) => status === 200,
    );
    let answered = 0;
    const outcomes = all.map(async (batch) => {
      // Some are answered, some are under way, the others have hardly come.
      if ((await post(url, batch)) === "answered" && ++answered === 5) leeway.kill("SIGKILL");
    });
    await Promise.all(outcomes);
    await leeway.ended;
    expect(answered).toBeGreaterThanOrEqual(5);
    expect(answered).toBeLessThan(batches.length);
  }
  await using leeway = start(folder);
  const url = await leeway.url;
  for (const batch of all) {
    await eventually(
      () => post(url, batch),
      (outcome) => outcome === "answered",
    );
  }
  const counted =
    "SELECT count() AS rows, uniqExact(event_id) AS ids, uniqExact(partition, offset) AS places FROM events";
  const { stdout } = await folder.run(["sql", counted, "--format", "json"]);
  expect(JSON.parse(stdout)).toEqual({ rows: 8_000, ids: 8_000, places: 8_000 });
});

test("what is under way when SIGTERM comes is answered; what comes after is not taken", async () => {
  using folder = createLeewayFolder({});
  await using leeway = start(folder);
  const url = await leeway.url;
  await eventually(
    () => fetch(`${url}/readyz`),
    ({ status }) => status === 200,
  );
  const body = JSON.stringify(events(20_000, 0));
  const answer = fetch(`${url}/v1/events`, { method: "POST", headers: { "content-type": "application/json" }, body });
  await eventually(
    async () => (await fetch(`${url}/metrics`)).text(),
    (metrics) => /^leeway_ingest_held_bytes [1-9]/m.test(metrics),
  );
  leeway.kill("SIGTERM");
  const response = await answer;
  // If it came too late to be begun, it is told to come again: nothing is left in between.
  expect([202, 503]).toContain(response.status);
  expect((await leeway.ended).code).toBe(143);
});

test("a port that is taken is one line and exit code 3", async () => {
  const other = createServer();
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  using folder = createLeewayFolder({});
  const end = await start(folder, port).ended;
  expect(end.code).toBe(3);
  expect(complaints(end)).toEqual([
    `leeway: 127.0.0.1:${port} is taken by another program; stop it, or choose another port with http.listen or --port`,
  ]);
  other.close();
});
