import type { Finding } from "../core/finding.ts";
import type { Window } from "../core/window.ts";
import type { DecisionState } from "./decisions/decision-state.ts";

/**
 * Findings whose newest record says something else than history as it is now decided, to be recorded once more as of the
 * newest window. A record of an earlier window cannot take the place of a later one, so a finding that late rows closed
 * sooner, or that never was, would stay open to its readers.
 *
 * @param recorded The newest record of each finding, of windows up to the newest one.
 * @param last The newest decided window, the state after it and its revision.
 * @param again What was decided again: from which window on, and the newest record of each finding in it. Null after a
 *   restart: whatever is recorded as open and unknown to the state was left behind when a rewrite was cut off. Its evidence
 *   is then the last that was recorded.
 */
export function restatedFindings(
  recorded: readonly Finding[],
  last: { readonly window: Window; readonly state: DecisionState; readonly revision: number },
  again: { readonly fromMs: number; readonly findings: ReadonlyMap<string, Finding> } | null,
  nowMs: number,
): Finding[] {
  const memories = new Map(last.state.findings.map((memory) => [memory.findingId, memory]));
  const asOfNow = { revision: last.revision, windowEndMs: last.window.endMs, evaluatedAtMs: nowMs };
  return recorded.flatMap((finding): Finding[] => {
    if (finding.state === "withdrawn" || finding.windowEndMs > last.window.endMs) return [];
    // What the fast cadence saw was so, whatever the whole window comes to; it ends it itself.
    if (finding.evidence.horizon === "fast") return [];
    const memory = memories.get(finding.findingId);
    if (memory !== undefined && memory.closedIndex === null) return [];
    const decided = again?.findings.get(finding.findingId);
    if (decided !== undefined) {
      return finding.windowEndMs > decided.windowEndMs ? [{ ...decided, ...asOfNow }] : [];
    }
    const closed = { ...finding, state: "closed" as const, ...asOfNow };
    if (memory !== undefined) {
      return finding.state === "open" ? [{ ...closed, closedWindowEndMs: memory.closedWindowEndMs }] : [];
    }
    if (again !== null && finding.openedWindowStartMs < again.fromMs) {
      // It had closed before the rewrite begins, and reopened only in the history that no longer holds.
      return finding.state === "open" ? [{ ...closed, closedWindowEndMs: again.fromMs }] : [];
    }
    if (again === null && finding.state !== "open") return [];
    return [{ ...finding, state: "withdrawn", ...asOfNow }];
  });
}
