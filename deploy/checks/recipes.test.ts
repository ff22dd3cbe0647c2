import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");
const recipes = [...page.matchAll(/^```ts (\S+)\n(.*?)^```$/gms)].map(([, path = "", code = ""]) => ({ path, code }));
let copy: string;

// A copy of the sources with the recipes' files in their places, below the folder that tools ignore.
beforeAll(() => {
  mkdirSync(join(root, ".cache"), { recursive: true });
  copy = mkdtempSync(join(root, ".cache", "recipes-"));
  for (const folder of ["core", "store", "collector", "detectors", "alerting"]) {
    cpSync(join(root, folder), join(copy, folder), { recursive: true, filter: (path) => !path.endsWith(".test.ts") });
  }
  for (const file of ["package.json", "tsconfig.json"]) cpSync(join(root, file), join(copy, file));
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  for (const { path, code } of recipes) {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    writeFileSync(join(copy, path), code);
  }
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

async function load(path: string): Promise<Record<string, unknown>> {
  return (await import(pathToFileURL(join(copy, path)).href)) as Record<string, unknown>;
}

test("each recipe's code has the types that it claims", () => {
  expect(recipes.map(({ path }) => dirname(path))).toEqual([
    "detectors/methods",
    "collector/formats",
    "alerting/notifiers",
    "collector/sources",
  ]);
  const project = join(copy, "recipes.json");
  const include = recipes.map(({ path }) => path);
  writeFileSync(project, JSON.stringify({ extends: "./tsconfig.json", include, exclude: [] }));
  const result = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", project], {
    encoding: "utf8",
  });
  expect(result.stdout + result.stderr).toBe("");
  expect(result.status).toBe(0);
});

test("the statistic is 0 for equal shares and 1 for disjoint ones", async () => {
  const { triangularDiscrimination: statistic } = (await load("detectors/methods/triangular-discrimination.ts")) as {
    triangularDiscrimination: { value: (reference: number[], current: number[]) => number };
  };
  expect(statistic.value([1, 3], [10, 30])).toBe(0);
  expect(statistic.value([5, 0], [0, 7])).toBe(1);
});

test("the format unwraps an object and refuses anything else with a reason", async () => {
  const { wrappedJson } = (await load("collector/formats/wrapped-json.ts")) as {
    wrappedJson: { parse: (value: Buffer, refuse: (reason: string) => null) => unknown };
  };
  const reasons: string[] = [];
  const parse = (text: string) => wrappedJson.parse(Buffer.from(text), (reason) => (reasons.push(reason), null));
  expect(parse('{"payload":{"model":"m"}}')).toEqual({ model: "m" });
  for (const text of ["{", '{"payload":3}', "null"]) expect(parse(text)).toBeNull();
  expect(reasons).toEqual(["malformed_json", "not_an_object", "not_an_object"]);
});

test("the notifier appends its line, and a folder that is missing is a failure to try again", async () => {
  const { appendFileNotifier } = (await load("alerting/notifiers/append-file.ts")) as {
    appendFileNotifier: {
      createNotifier: (options: { path: string }) => {
        deliver: (message: { title: string }, attempt: { idempotencyKey: string }) => Promise<{ kind: string }>;
      };
    };
  };
  const path = join(copy, "sent.ndjson");
  const deliver = (to: string) =>
    appendFileNotifier.createNotifier({ path: to }).deliver({ title: "hour moved" }, { idempotencyKey: "k" });
  expect(await deliver(path)).toEqual({ kind: "ok" });
  expect(readFileSync(path, "utf8")).toBe('{"idempotencyKey":"k","title":"hour moved"}\n');
  expect(await deliver(join(copy, "missing", "sent"))).toMatchObject({
    kind: "retryable",
    error: "cannot write (ENOENT)",
  });
});

test("the source ends when it is disposed", async () => {
  const { createEmptyConsumer } = (await load("collector/sources/empty.ts")) as {
    createEmptyConsumer: () => AsyncDisposable & { stopped: Promise<void> };
  };
  const consumer = createEmptyConsumer();
  await consumer[Symbol.asyncDispose]();
  await expect(consumer.stopped).resolves.toBeUndefined();
});
