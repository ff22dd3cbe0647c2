import { createHash } from "node:crypto";
import type { Finding } from "../../core/finding.ts";
import type { ModelSpec } from "../../core/model.ts";

/**
 * Labels that say *which condition* this is, and nothing of its size or time: the same condition in two windows has the
 * same labels. Empty values are left out, as Prometheus takes them for absent.
 */
export type Labels = Readonly<Record<string, string>>;

export function findingLabels(
  finding: Pick<Finding, "environment" | "model" | "series" | "signal">,
  model: ModelSpec | null,
): Labels {
  const { series, signal } = finding;
  const labels = {
    alertname: alertName(finding),
    model: finding.model,
    environment: finding.environment,
    team: model?.tags["team"] ?? "",
    signal,
    feature: series.feature,
    slice: series.slice,
  };
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ""));
}

function alertName({ series, signal }: Pick<Finding, "series" | "signal">): string {
  switch (signal) {
    case "missing":
      return "LeewayValuesMissing";
    case "unseen":
      return "LeewayUnseenValues";
    case "silence":
      return "LeewaySilence";
    case "type_mismatch":
      return "LeewayTypesChanged";
    case "out_of_range":
      return "LeewayOutOfRange";
    case "constant":
      return "LeewayPredictionsConstant";
    case "error":
      return "LeewayPredictionsMissing";
    case "latency":
      return "LeewaySlow";
    case "volume":
      return "LeewayVolumeChanged";
    case "custom":
      return "LeewayMonitorMoved";
    case "joint":
      return "LeewayInputsMovedTogether";
    case "performance":
      return "LeewayPerformanceFell";
    case "distribution":
      return series.role === "feature" ? "LeewayInputMoved" : "LeewayPredictionsMoved";
  }
}

/** First 16 hex digits of sha256 over the sorted labels; `severity` is for routing and no part of it. */
export function fingerprint(labels: Labels): string {
  const identity = Object.entries(labels)
    .filter(([name]) => name !== "severity")
    .toSorted(([left], [right]) => (left < right ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(identity)).digest("hex").slice(0, 16);
}
