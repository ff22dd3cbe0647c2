import { createAlertingMetrics } from "../../alerting/metrics.ts";
import { createCollectorMetrics } from "../../collector/metrics.ts";
import { errorCodes } from "../../core/errors.ts";
import { createDetectorMetrics } from "../../detectors/metrics.ts";
import { problems } from "../http/problem.ts";
import { createRegistry, createServiceMetrics } from "./metrics.ts";

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** `docs/reference.md`: every metric, error code and problem code, listed by the code itself. */
export async function referencePage(): Promise<string> {
  const registry = createRegistry({ version: "", roles: [] });
  createServiceMetrics(registry);
  createCollectorMetrics(registry);
  createDetectorMetrics(registry);
  createAlertingMetrics(registry);
  const metrics = await registry.getMetricsAsJSON();
  const metricRows = metrics
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type, help }) => [`\`${name}\``, String(type), help]);
  const errorRows = Object.entries(errorCodes).map(([code, meaning]) => [`\`${code}\``, meaning]);
  const problemRows = Object.entries(problems).map(([code, { status, title }]) => [
    `\`${code}\``,
    String(status),
    title,
  ]);
  return `<!-- Written by \`node app/telemetry/publish.ts\`; a test compares. -->

# Reference

## Metrics

Served at \`/metrics\`. Series of features are those of the worst ten and of open findings; they leave when they are neither.

${table(["metric", "type", "meaning"], metricRows)}

## Errors

A command that fails prints one line: what, where, what to do. Exit codes: 0 done; 1 not as it should be; 2 usage or
configuration; 3 a part that is needed could not be reached; 130 and 143 ended by a signal.

${table(["code", "meaning"], errorRows)}

## Problems of the HTTP API

Errors are \`application/problem+json\` (RFC 9457) with a \`code\`.

${table(["code", "status", "meaning"], problemRows)}
`;
}
