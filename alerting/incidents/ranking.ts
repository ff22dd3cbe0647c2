import { harms } from "../../core/finding.ts";
import type { Finding } from "../../core/finding.ts";

/**
 * The order in which findings are told: what broke first, then the inputs that moved (the likely cause), then the
 * model's own results (the effect); larger before smaller. Ties go by id, so that a replay agrees.
 */
export function rankFindings(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted(
    (left, right) =>
      rank(left) - rank(right) ||
      right.magnitude - left.magnitude ||
      (left.findingId < right.findingId ? -1 : left.findingId > right.findingId ? 1 : 0),
  );
}

function rank(finding: Finding): number {
  if (finding.harm === "data_broken" || finding.harm === "performance_fell") return harms.indexOf(finding.harm);
  return harms.length + (finding.series.role === "feature" ? 0 : 1);
}
