import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LeewayError } from "../../core/errors.ts";
import type { SimulationReport } from "../../detectors/simulate/measured.ts";
import type { CommandContext } from "./command.ts";
import { simulateCommand } from "./simulate.ts";

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "leeway-simulate-"));
  await mkdir(join(directory, "models"));
  await writeFile(join(directory, "leeway.yaml"), "discovery: declared\n");
  const model = (name: string, more: string) =>
    writeFile(
      join(directory, "models", `${name}.yaml`),
      `features: { age: { type: numeric }, plan: { type: categorical } }\nmonitoring: { window: 1d }\n${more}`,
    );
  await model("churn", "baseline: { kind: range, from: 2026-01-01, to: 2026-01-29 }\n");
  await model("fraud", "baseline: { kind: trailing }\n");
});

afterAll(() => rm(directory, { recursive: true, force: true }));

async function simulate(...args: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
  let text = "";
  const context: CommandContext = {
    environment: {},
    cwd: directory,
    write: (more) => void (text += more),
    writeBytes: () => Promise.resolve(),
    complain: () => {},
  };
  return { code: await simulateCommand.run(args, context), text };
}

test.each<readonly [args: readonly string[], says: RegExp]>([
  [["--scenarios", "iidd"], /there is no scenario "iidd"; did you mean iid\?/],
  [["--seed", "0"], /--seed "0" is not a whole number from 1 up/],
  [["--rows-per-window", "100"], /--rows-per-window is about a model of the configuration; name it with --config/],
  [["--config", "none.yaml"], /none\.yaml: there is no such file/],
  [["--config", "leeway.yaml"], /which model\? Name one of churn, fraud with --model/],
  [["--model", "chrun"], /the configuration declares no model "chrun"; did you mean churn\?/],
  [["--model", "churn", "--rows-per-window", "1e3"], /--rows-per-window "1e3" is not a whole number from 1 up/],
  [["--model", "churn", "--rows-per-window", "99000000"], /more than 1,000,000 rows are not simulated/],
  [["--model", "churn", "--rows-per-user", "none"], /--rows-per-user "none" is not a whole number/],
  [["--model", "churn", "--window", "10s"], /--window "10s" is not a length of at least a minute; write it as 1d/],
  [["--model", "churn", "--weights", "yes"], /--weights "yes" is neither lognormal nor sampled/],
  [["--model", "churn", "--canary-share", "5"], /--canary-share "5" is no share between 0 and 1; write 5 % as 0\.05/],
  [["--model", "churn", "--scenarios", "new-1000"], /there is no scenario "new-1000"/],
])("%j is refused in one line, before anything is simulated", async (args, says) => {
  const error = await simulate(...args).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(LeewayError);
  expect((error as LeewayError).message).toMatch(says);
  expect((error as LeewayError).message).not.toContain("\n");
  expect((error as LeewayError).exitCode).toBe(2);
});

test("--list names the scenarios of the model, which are not the general ones", async () => {
  const { text } = await simulate("--list", "--model", "churn");
  expect(text).toContain("category-10");
  expect(text).not.toContain("canary");
  expect((await simulate("--list")).text).toContain("canary-iid");
});

describe("a model of the configuration", { timeout: 120_000 }, () => {
  test("is answered for: what it was taken for, the rates and delays, and what always and never firing would do", async () => {
    const args = ["--quick", "--model", "churn", "--rows-per-window", "100", "--rows-per-user", "4", "--workers", "1"];
    const { code, text } = await simulate(...args, "--scenarios", "iid,mean-0.5", "--json");
    const { configured, results, monitoring } = JSON.parse(text) as SimulationReport;
    expect(code).toBe(0);
    expect(monitoring.falseIncidentsPerModelWeek).toBe(0.05);
    expect(configured?.configuration).toContain("a baseline from 2026-01-01 to 2026-01-29: 28 windows");
    expect(configured?.assumed.join()).toContain("100 rows a window, by --rows-per-window");
    expect(configured?.cannotHold).toEqual([]);
    expect(configured?.healthy?.value).toBe(results[0]!.measured[0]!.value);
    const found = results.map(({ scenario, peer, referenceRows, rows }) => [peer, scenario, referenceRows / rows]);
    expect(found).toEqual([
      [null, "iid", 28],
      [null, "mean-0.5", 28],
      ["always fire", "iid", 28],
      ["never fire", "iid", 28],
    ]);
    const valueOf = (index: number) => results[index]!.measured[0]!.value;
    expect(valueOf(0)).toBeLessThan(0.2);
    expect([valueOf(2), valueOf(3)]).toEqual([7, 0]);
  });

  test("that can never be judged ends with 1, and says why and what to do", async () => {
    const args = ["--quick", "--model", "fraud", "--rows-per-window", "4", "--workers", "1", "--scenarios", "mean-0.5"];
    const { code, text } = await simulate(...args);
    expect(code).toBe(1);
    expect(text).toContain("a window of 4 rows is never judged, 30 are needed: take longer windows");
    expect(text).toMatch(/Hardly ever found: mean of a number \+0\.5σ \(found within 7 windows: 0\.00\)/);
  });
});
