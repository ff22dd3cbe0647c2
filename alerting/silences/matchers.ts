import { severities } from "../../core/finding.ts";
import type { Severity } from "../../core/finding.ts";
import { matcherOperators } from "../../store/state/silences.ts";
import type { MatcherOperator, Matchers } from "../../store/state/silences.ts";
import { standingFindings } from "../incidents/incident.ts";
import type { IncidentState } from "../incidents/incident.ts";
import type { Labels } from "../incidents/labels.ts";
import { compilePattern } from "./pattern.ts";

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

/** Every matcher holds; a label that is absent equals the empty text, as in routes and in Alertmanager. */
export function matches(matchers: Matchers, labels: Labels): boolean {
  return matcherList(matchers).every(({ label, operator, values }) => holds(operator, values, labels[label] ?? ""));
}

/** One matcher: a label, how it is compared, and the values or patterns of which one is enough (for `!=` and `!~`: none may). */
export interface Matcher {
  readonly label: string;
  readonly operator: MatcherOperator;
  readonly values: readonly string[];
}

export function matcherList(matchers: Matchers): readonly Matcher[] {
  return Object.entries(matchers).flatMap(([label, test]) => {
    if (isValues(test)) return [{ label, operator: "=", values: test }];
    return matcherOperators.flatMap((operator) => {
      const values = test[operator];
      return values === undefined ? [] : [{ label, operator, values }];
    });
  });
}

function isValues(test: Matchers[string]): test is readonly string[] {
  return Array.isArray(test);
}

function holds(operator: MatcherOperator, values: readonly string[], value: string): boolean {
  switch (operator) {
    case "=":
      return values.includes(value);
    case "!=":
      return !values.includes(value);
    case "=~":
      return values.some((pattern) => compiled(pattern)?.test(value) === true);
    case "!~":
      // A pattern that is none holds nothing back.
      return values.every((pattern) => compiled(pattern)?.test(value) === false);
  }
}

const patterns = new Map<string, RegExp | null>();
const mostPatterns = 1000;

/** Null: it is no pattern, although it was one for whoever stored it. */
function compiled(pattern: string): RegExp | null {
  const known = patterns.get(pattern);
  if (known !== undefined) return known;
  const made = compilePattern(pattern);
  const regex = made.kind === "pattern" ? made.regex : null;
  if (patterns.size >= mostPatterns) patterns.clear();
  patterns.set(pattern, regex);
  return regex;
}

/** Why a silence cannot have these matchers, for the person who wrote them; null if it can. */
export function matcherFault(matchers: Matchers): string | null {
  const all = matcherList(matchers);
  if (all.length === 0) {
    return "matchers: name at least one label; a silence of everything is not for a person to set";
  }
  for (const { label, operator, values } of all) {
    for (const pattern of operator === "=~" || operator === "!~" ? values : []) {
      const made = compilePattern(pattern);
      if (made.kind === "fault") {
        return `matchers: ${label}${operator}${JSON.stringify(pattern)} is not a pattern: ${made.detail}`;
      }
    }
  }
  if (all.every(({ operator, values }) => holds(operator, values, ""))) {
    return "matchers: they match what has none of these labels, which is nearly everything; add a label that must have a value, such as model=flight-delay";
  }
  return null;
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
