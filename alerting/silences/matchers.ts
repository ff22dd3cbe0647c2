import { severities } from "../../core/finding.ts";
import type { Severity } from "../../core/finding.ts";
import type { Matchers } from "../../store/state/silences.ts";
import { standingFindings } from "../incidents/incident.ts";
import type { IncidentState } from "../incidents/incident.ts";
import type { Labels } from "../incidents/labels.ts";

/** Labels that a silence can name: those of a finding, and the severity it would be sent with. */
export const silenceLabels = [
  "alertname",
  "model",
  "environment",
  "team",
  "signal",
  "feature",
  "slice",
  "severity",
] as const;

/** Every matcher has the label among its values; a label that is absent equals the empty text, as in routes. */
export function matches(matchers: Matchers, labels: Labels): boolean {
  return Object.entries(matchers).every(([name, values]) => values.includes(labels[name] ?? ""));
}

/**
 * What a silence on an incident holds back: its features and signals in its model and environment, at its severity or
 * below. Whatever else breaks there is still told, and so is a rise of its severity.
 */
export function incidentMatchers(incident: IncidentState, severity: Severity): Matchers {
  const standing = standingFindings(incident);
  const findings = (standing.length > 0 ? standing : Object.values(incident.findings)).map(({ finding }) => finding);
  const distinct = (values: readonly string[]) => [...new Set(values)].toSorted();
  return {
    model: [incident.model],
    environment: [incident.environment],
    feature: distinct(findings.map(({ series }) => series.feature)),
    signal: distinct(findings.map(({ signal }) => signal)),
    severity: severities.slice(severities.indexOf(severity)),
  };
}
