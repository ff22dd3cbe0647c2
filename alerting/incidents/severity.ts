import { harms, severities } from "../../core/finding.ts";
import type { Finding, Harm, Severity } from "../../core/finding.ts";
import { standingFindings } from "./incident.ts";
import type { IncidentState } from "./incident.ts";

/** The worst harm of the findings that stand; of all findings if none stands any more. */
export function incidentHarm(incident: IncidentState): Harm {
  const standing = standingFindings(incident);
  const findings = standing.length > 0 ? standing : Object.values(incident.findings);
  const present = new Set(findings.map((tracked) => tracked.finding.harm));
  return harms.find((harm) => present.has(harm)) ?? "inputs_moved";
}

/** A finding learnt live, without sub-windows, never pages. */
export function findingSeverity(finding: Finding, severityOf: Readonly<Record<Harm, Severity>>): Severity {
  const severity = severityOf[finding.harm];
  return finding.provisional && severity === "page" ? "ticket" : severity;
}

/**
 * The severest of the findings that stand. It is the severity of the worst harm whenever `severityOf` does not rank a
 * greater harm below a lesser one; where it does (`data_broken: none`), the lesser harm is still told.
 */
export function incidentSeverity(incident: IncidentState, severityOf: Readonly<Record<Harm, Severity>>): Severity {
  return standingFindings(incident)
    .map((tracked) => findingSeverity(tracked.finding, severityOf))
    .reduce(worseSeverity, "none");
}

export function worseSeverity(left: Severity, right: Severity): Severity {
  return severities.indexOf(left) <= severities.indexOf(right) ? left : right;
}
