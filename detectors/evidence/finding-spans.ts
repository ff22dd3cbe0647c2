import type { Finding } from "../../core/finding.ts";
import { parseSlice } from "../../core/slice.ts";
import type { Tracing } from "../../core/tracing.ts";
import type { Facts } from "../../store/facts/client.ts";
import { sliceConditions } from "../../store/facts/cohort-expressions.ts";
import type { CohortExpression } from "../../store/facts/cohort-expressions.ts";
import { exampleTrace } from "../../store/facts/example-trace.ts";
import type { ExampleTrace } from "../../store/facts/example-trace.ts";
import { binCount, extraSlots } from "../../store/facts/slots.ts";
import type { BinnedExpression } from "../../store/facts/slots.ts";
import { contributors } from "./contributors.ts";
import { focusOf, referenceOf, sameSeries } from "./evidence.ts";
import type { WindowFacts } from "./evidence.ts";

/**
 * Gives each finding that is new a span, and its record the span's name, for alerting to go on from. The span is the child
 * of the batch in which an event came that is part of the change: one trace then leads from the event's producer to the
 * person who is told. Without such a batch it belongs to the work that found it.
 *
 * @param isNew Whether nothing was known of it before.
 */
export async function traceFindings(
  findings: readonly Finding[],
  options: {
    readonly tracing: Tracing;
    readonly isNew: (finding: Finding) => boolean;
    /** An event that is part of a finding; null: none, as when nothing comes any more. */
    readonly exampleOf: (finding: Finding) => Promise<ExampleTrace | null>;
  },
): Promise<readonly Finding[]> {
  const { tracing, isNew, exampleOf } = options;
  if (!tracing.enabled) return findings;
  const traced: Finding[] = [];
  for (const finding of findings) {
    if (!isNew(finding)) {
      traced.push(finding);
      continue;
    }
    // A trace is worth less than the finding.
    const example = await exampleOf(finding).catch(() => null);
    const { series, signal, evidence } = finding;
    const attributes = {
      "leeway.model": finding.model,
      "leeway.environment": finding.environment,
      "leeway.finding_id": finding.findingId,
      "leeway.incident_id": finding.incidentId,
      "leeway.series": series.role === "feature" ? series.feature : series.role,
      ...(series.version !== "" && { "leeway.version": series.version }),
      ...(series.slice !== "" && { "leeway.slice": series.slice }),
      "leeway.signal": signal,
      "leeway.harm": finding.harm,
      "leeway.effect": evidence.effect,
      "leeway.p_value": evidence.pValue,
      ...(example !== null && example.traceId !== "" && { "leeway.example.trace_id": example.traceId }),
    };
    const parent = example?.batchTraceparent ?? null;
    const record = await tracing.span("open finding", { parent, attributes }, (span) =>
      Promise.resolve(span.traceparent === null ? finding : { ...finding, traceparent: span.traceparent }),
    );
    traced.push(record);
  }
  return traced;
}

/** An event of a window with a value that a finding is about. */
export async function exampleInWindow(
  facts: Facts,
  finding: Finding,
  window: WindowFacts,
): Promise<ExampleTrace | null> {
  const value = exampleValue(finding, window);
  return value === null
    ? null
    : exampleTrace(facts, window.liveScope, {
        ...rowsOf(finding, window.liveCohorts),
        value: value.wanted,
      });
}

/** Any event of an interval that a finding may be about. */
export async function exampleOfInterval(
  facts: Facts,
  finding: Finding,
  interval: { readonly fromMs: number; readonly toMs: number },
): Promise<ExampleTrace | null> {
  const { environment, model, signal } = finding;
  if (signal === "silence") return null;
  return exampleTrace(facts, { environment, model, ...interval }, { ...rowsOf(finding, []), value: null });
}

function rowsOf({ series }: Finding, cohorts: readonly CohortExpression[]) {
  return {
    version: series.role === "feature" ? null : series.version,
    within: sliceConditions(parseSlice(series.slice), cohorts),
  };
}

/** What value an event has that is part of a finding; null: none is, as when nothing comes any more. */
function exampleValue(finding: Finding, window: WindowFacts) {
  const { series, signal, baselineId } = finding;
  if (signal === "silence") return null;
  if (signal !== "distribution" && signal !== "missing" && signal !== "unseen") return { wanted: null };
  const expression = window.liveSeries.find((one) => one.role === series.role && one.feature === series.feature);
  const reference = referenceOf(window.reference, series);
  const current = window.live.find((live) => sameSeries(live.series, series))?.counts ?? null;
  if (expression === undefined || reference === null || current === null) return { wanted: null };
  const focus = focusOf(signal, reference, current, contributors(reference, current, null));
  if (focus === null) return { wanted: null };
  const slots = focus.kind === "bins" ? [...focus.bins] : slotsOf(expression, focus.kind);
  if (slots.length === 0) return { wanted: null };
  return { wanted: { series: expression, slots, baselineId, reference: window.referenceScope } };
}

function slotsOf({ binning }: BinnedExpression, kind: "missing" | "unseen"): readonly number[] {
  const slot = (name: (typeof extraSlots)[number]) => binCount(binning) + extraSlots.indexOf(name);
  return kind === "missing" ? [slot("missing"), slot("non_finite")] : [slot("unseen")];
}
