import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { drillMessage } from "../drill.ts";
import type { FindingMessage } from "../message.ts";
import { chartPng, findingChart } from "./chart.ts";

const [finding] = drillMessage({ receiver: "ops", externalUrl: "http://x", nowMs: 0 }).findings as [FindingMessage];

function svgOf(change: Partial<FindingMessage>): string {
  const chart = findingChart({ ...finding, ...change });
  if (chart === null) throw new Error("no chart");
  return chart.svg;
}

test("the same finding gives the same picture", async () => {
  const digests = await Promise.all(
    [1, 2].map(async () =>
      createHash("sha256")
        .update(await chartPng(svgOf({})))
        .digest("hex"),
    ),
  );
  expect(digests[0]).toBe(digests[1]);
});

test("text is drawn, whatever fonts the machine has", async () => {
  const [named, unnamed] = await Promise.all(
    ["an hour of the day", " "].map(async (name) => chartPng(svgOf({ name }))),
  );
  expect(named?.subarray(1, 4).toString()).toBe("PNG");
  expect(named!.length).toBeGreaterThan(unnamed!.length + 500);
});

test("the longer bar is the larger share", () => {
  const widths = [...svgOf({}).matchAll(/<rect x="\d+" y="\d+" width="([\d.]+)" height="15"/g)].map(([, width]) =>
    Number(width),
  );
  expect(widths[1]! / widths[0]!).toBeCloseTo(0.41 / 0.19, 1);
});

test("what the evidence does not hold is not drawn", () => {
  expect(findingChart({ ...finding, contributors: [] })).toBeNull();
  expect(findingChart({ ...finding, contributors: [{ name: "x", reference: Number.NaN, current: 0 }] })).toBeNull();
});

test("missing values are one pair of bars", () => {
  const chart = findingChart({ ...finding, signal: "missing", reference: 0.01, current: 0.3, contributors: [] });
  expect(chart?.text).toContain("no value 1.0 % → 30.0 %");
});

test("names of strangers are text in it", async () => {
  const name = `</text><image href="file:///etc/passwd"/>&\u0000\ud800"'${"x".repeat(100_000)}`;
  const svg = svgOf({ name, contributors: [{ name, reference: 0.1, current: 0.2 }] });
  expect(svg).not.toContain("<image");
  await expect(chartPng(svg)).resolves.toBeInstanceOf(Buffer);
});
