import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { createAlertingMetrics } from "../alerting/metrics.ts";
import { createCollectorMetrics } from "../collector/metrics.ts";
import { createDetectorMetrics } from "../detectors/metrics.ts";
import { whyMissing } from "../deploy/testing/debian-packages.ts";

const folder = import.meta.dirname;

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly description: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string }[];
}

interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
}

function run(command: string, args: readonly string[]): string {
  const result = spawnSync(command, args, { encoding: "utf8" });
  expect(
    result.status,
    `${command} ${args.join(" ")}
${result.stderr}${result.stdout}`,
  ).toBe(0);
  return result.stdout;
}

const dashboards = readdirSync(join(folder, "rendered"))
  .filter((file) => file !== "alerts.json")
  .map((file) => JSON.parse(readFileSync(join(folder, "rendered", file), "utf8")) as Dashboard);

test("what is rendered is what the jsonnet says", ({ skip }) => {
  const reason = whyMissing("jsonnet");
  if (reason !== null) skip(reason);
  const rendered = JSON.parse(run("jsonnet", [join(folder, "render.jsonnet")])) as Record<string, unknown>;
  expect(Object.keys(rendered).toSorted()).toEqual(readdirSync(join(folder, "rendered")).toSorted());
  for (const [file, value] of Object.entries(rendered)) {
    expect(JSON.parse(readFileSync(join(folder, "rendered", file), "utf8"))).toEqual(value);
  }
});

test("the jsonnet is formatted", ({ skip }) => {
  const reason = whyMissing("jsonnetfmt");
  if (reason !== null) skip(reason);
  const sources = readdirSync(folder).filter((file) => /\.(libsonnet|jsonnet)$/.test(file));
  expect(sources.length).toBeGreaterThan(4);
  run("jsonnetfmt", ["--test", ...sources.map((file) => join(folder, file))]);
});

test("alert rules and every panel's query are PromQL", ({ skip }) => {
  const reason = whyMissing("promtool");
  if (reason !== null) skip(reason);
  run("promtool", ["check", "rules", join(folder, "rendered", "alerts.json")]);
  const temporary = mkdtempSync(join(tmpdir(), "leeway-queries-"));
  const rules = dashboards
    .flatMap((dashboard) => dashboard.panels.flatMap((panel) => panel.targets))
    .map((target, index) => ({ record: `query_${index}`, expr: target.expr.replaceAll("$__rate_interval", "5m") }));
  expect(rules.length).toBeGreaterThan(8);
  writeFileSync(join(temporary, "queries.json"), JSON.stringify({ groups: [{ name: "queries", rules }] }));
  run("promtool", ["check", "rules", join(temporary, "queries.json")]);
  rmSync(temporary, { recursive: true });
});

test("queries name metrics and labels that the code has", async () => {
  const registry = new Registry();
  for (const register of [createCollectorMetrics, createDetectorMetrics, createAlertingMetrics]) register(registry);
  const known = new Map(
    (registry.getMetricsAsArray() as readonly { readonly name: string; readonly labelNames?: readonly string[] }[]).map(
      ({ name, labelNames = [] }) => [name, new Set([...labelNames, "job"])],
    ),
  );
  const alerts = JSON.parse(readFileSync(join(folder, "rendered", "alerts.json"), "utf8")) as {
    readonly groups: readonly { readonly rules: readonly { readonly expr: string }[] }[];
  };
  const queries = [
    ...dashboards.flatMap(({ panels }) => panels.flatMap(({ targets }) => targets)),
    ...alerts.groups.flatMap(({ rules }) => rules),
  ].map(({ expr }) => expr);
  for (const query of queries) {
    const [, metric = "", selector = ""] = /(leeway_\w+)\{([^}]*)\}/.exec(query) ?? [];
    const labels = known.get(metric);
    expect(labels, query).toBeDefined();
    const grouped = /\bby \(([^)]*)\)/.exec(query)?.[1]?.split(", ") ?? [];
    const selected = [...selector.matchAll(/(\w+)!?[=~]/g)].map(([, label = ""]) => label);
    for (const label of [...grouped, ...selected]) expect(labels?.has(label), `${label} in ${query}`).toBe(true);
  }
});

test("panels have ids of their own, fill the grid without overlapping, and say what they show", () => {
  expect(dashboards.length).toBeGreaterThan(0);
  for (const { panels } of dashboards) {
    expect(new Set(panels.map((panel) => panel.id)).size).toBe(panels.length);
    const cells = new Set<string>();
    for (const { gridPos, description, title } of panels) {
      expect(description.length, title).toBeGreaterThan(10);
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        const cell = `${x},${gridPos.y}`;
        expect(cells.has(cell), `${title} overlaps at ${cell}`).toBe(false);
        cells.add(cell);
      }
    }
  }
});
