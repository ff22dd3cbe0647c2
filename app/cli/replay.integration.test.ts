import { createServer } from "node:http";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { complaints, createLeewayFolder } from "../testing/leeway-process.ts";

const startMs = Date.UTC(2026, 8, 1);
const day = (offset: number) => new Date(startMs + offset * 86_400_000).toISOString().slice(0, 10);

/** 300 rows a day; from one day to another the age is 40 years more. Quantiles of the uniform distribution, without a trend. */
const rowsOf = (days: number, changedFrom: number, changedTo: number) =>
  Array.from({ length: days * 300 }, (_, index) => {
    const at = Math.floor(index / 300);
    const shift = at >= changedFrom && at < changedTo ? 40 : 0;
    return `${new Date(startMs + index * 288_000).toISOString()},${((index * 0.618_033_988_75) % 1) * 100 + shift},${index % 7}`;
  });
const csv = (rows: readonly string[]) => `event_time,age,other\n${rows.join("\n")}\n`;
/** The order of a file's rows says nothing. */
const shuffled = (rows: readonly string[]) =>
  rows
    .map((row, index) => [(index * 7919) % rows.length, row] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, row]) => row);

interface Line {
  readonly kind: "alert" | "summary";
  readonly at?: string;
  readonly since?: string;
  readonly status?: string;
  readonly findings?: readonly { readonly name: string; readonly signal: string; readonly role: string }[];
  readonly alerts?: number;
  readonly windows?: number;
}
const linesOf = (stdout: string) =>
  stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);

test("a file's history fires what it would have fired, when it would have, and leaves nothing behind", async () => {
  using folder = createLeewayFolder({ "history.csv": csv(shuffled(rowsOf(17, 15, 17))) });
  const options = ["--window", "1d", "--baseline-until", day(14), "--step", "4h", "--json"];
  const end = await folder.run(["replay", "history.csv", "--model", "churn", ...options]);
  expect(complaints(end)).toEqual([]);
  expect(end.code).toBe(0);
  const lines = linesOf(end.stdout);
  const told = (wanted: string) =>
    lines.find(({ findings }) =>
      findings?.some(({ name, signal, role }) => name === "age" && signal === wanted && role === "new"),
    );
  // What is gross is told within hours; the distribution when the first event shows that the day is over: there is one
  // every 4.8 minutes, and 5 minutes are allowed for late ones.
  expect(told("out_of_range")).toMatchObject({ status: "open", since: expect.stringMatching(`^${day(15)}`) });
  expect(told("out_of_range")!.at! < `${day(15)}T12`).toBe(true);
  expect(told("distribution")).toMatchObject({ at: `${day(16)}T00:09:36.000Z`, since: `${day(15)}T00:00:00.000Z` });
  expect(lines.at(-1)).toMatchObject({ kind: "summary", windows: 3, stored: 5_100, undecided_from: null });
  // Nobody's engine was started in the folder, and nothing stored in its data.
  expect(existsSync(join(folder.path, "data"))).toBe(false);
}, 180_000);

test("the model's own file says what is normal, and --notify tells the configured receivers", async () => {
  const bodies: string[] = [];
  const receiver = createServer((request, response) => {
    request.on("data", (chunk: Buffer) => bodies.push(chunk.toString()));
    request.on("end", () => response.end());
  }).listen(0, "127.0.0.1");
  await once(receiver, "listening");
  try {
    const { port } = receiver.address() as AddressInfo;
    const config = {
      models: ["churn.yaml"],
      receivers: [{ name: "hook", webhook: { url: `http://127.0.0.1:${port}/` } }],
    };
    const rows = rowsOf(21, 19, 21);
    using folder = createLeewayFolder({
      "leeway.yaml": JSON.stringify(config),
      "churn.yaml": JSON.stringify({
        monitoring: { window: "1d" },
        baseline: { kind: "file", path: "reference.csv", time: "event_time" },
      }),
      "reference.csv": csv(rows.slice(0, 18 * 300)),
      "current.csv": csv(rows.slice(18 * 300)),
    });
    const quiet = await folder.run(["replay", "current.csv", "--model", "churn", "--step", "1d"]);
    expect(complaints(quiet)).toEqual([]);
    expect(quiet.stdout).toContain("age changed");
    expect(quiet.stdout).toContain(`${day(20)} 00:09 UTC`);
    expect(bodies).toEqual([]);
    const loud = await folder.run(["replay", "current.csv", "--model", "churn", "--step", "1d", "--notify"]);
    expect(loud.code).toBe(0);
    expect(bodies.join("")).toContain("replay-current.csv");
  } finally {
    receiver.close();
  }
}, 180_000);

test("events that name an environment are lived again in the replay's own", async () => {
  const events = rowsOf(16, 14, 16).map((row, index) => {
    const [time, age] = row.split(",");
    return JSON.stringify({
      event_id: String(index),
      model: "m",
      environment: "production",
      event_time: time,
      features: { age: Number(age) },
    });
  });
  using folder = createLeewayFolder({ "events.ndjson": `${events.join("\n")}\n` });
  const end = await folder.run([
    "replay",
    "events.ndjson",
    "--model",
    "m",
    "--window",
    "1d",
    "--baseline-until",
    day(12),
    "--json",
  ]);
  expect(complaints(end)).toEqual([]);
  const lines = linesOf(end.stdout);
  expect(lines.filter(({ kind }) => kind === "alert").length).toBeGreaterThan(0);
  expect(lines.at(-1)).toMatchObject({ windows: 4, stored: 4_800 });
}, 180_000);

test.each<[string, readonly string[], string | RegExp]>([
  ["no file", ["replay"], "replay: which file?; see leeway help replay"],
  [
    "no model",
    ["replay", "history.csv"],
    "replay: whose history is it? Name the model with --model; see leeway help replay",
  ],
  ["no such file", ["replay", "none.csv", "--model", "m"], "replay: none.csv: there is no such file; check the path"],
  [
    "a speed that is none",
    ["replay", "history.csv", "--model", "m", "--speed", "fast"],
    /^replay: --speed "fast" is not a speed; write/,
  ],
  [
    "a baseline outside",
    ["replay", "history.csv", "--model", "m", "--baseline-until", "2020-01-01"],
    /^replay: --baseline-until 2020-01-01 is not within the file, 2026-09-01/,
  ],
  [
    "no history",
    ["replay", "short.csv", "--model", "m"],
    /^replay: short\.csv is too short to take a third of it for normal/,
  ],
  [
    "no reference",
    ["replay", "history.csv", "--model", "m", "--reference", "none.csv"],
    "replay: --reference none.csv: there is no such file; check the path",
  ],
])("bad input is one line: %s", async (_, args, line) => {
  using folder = createLeewayFolder({ "short.csv": csv(rowsOf(1, 1, 1)) });
  writeFileSync(join(folder.path, "history.csv"), csv(rowsOf(3, 3, 3)));
  const end = await folder.run(args);
  expect(end.code).toBe(2);
  expect(complaints(end)).toHaveLength(1);
  expect(complaints(end)[0]!.replace(/^leeway: /, "")).toMatch(line);
});
