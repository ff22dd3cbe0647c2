import type { Series } from "../../core/baseline.ts";
import { heldAgainst } from "./concurrent.ts";
import { meanOf } from "./contrasts.ts";
import { measurementOf, type JudgedSeries } from "./judged-window.ts";
import { closeAfter, type Continuation, type FindingMemory } from "./lifecycle.ts";
import type { MeasuredWindow } from "./measured-window.ts";
import { pooledWindows } from "./pooling.ts";

/** What this window means for an open finding. */
export function continuationOf(
  finding: FindingMemory,
  measured: MeasuredWindow,
  retired: ReadonlySet<string>,
): Continuation {
  if (finding.signal === "silence") {
    const { silence } = measured;
    if (silence === null) return { kind: "not_measured" };
    return silence.passes || silence.logDistance >= finding.d0 / 2 ? { kind: "lasting" } : { kind: "calm" };
  }
  if (finding.signal === "custom" || finding.signal === "joint") {
    const monitor = measured.monitors.find(({ key }) => key === finding.key);
    if (monitor === undefined) return { kind: "retired" };
    const { evidence } = monitor;
    if (evidence === null) return { kind: "not_measured" };
    const halfWay = evidence.distance * Math.sign(finding.d0) < Math.abs(finding.d0) / 2;
    return evidence.passes || !halfWay ? { kind: "lasting" } : { kind: "calm" };
  }
  const entry = measured.judgedByKey.get(finding.key);
  if (entry === undefined || retired.has(finding.key)) return { kind: "retired" };
  const judgement = entry.judgements.find(({ signal }) => signal === finding.signal);
  if (judgement === undefined || judgement.judged !== "short") return { kind: "not_measured" };
  if (judgement.hit !== null) return { kind: "lasting" };
  return { kind: halfWayBack(finding, entry, measured) ? "calm" : "lasting" };
}

/** Whether c*, pooled over the last 3 windows (h if it opened on the long horizon), is less than half as far off as it was. */
function halfWayBack(finding: FindingMemory, entry: JudgedSeries, measured: MeasuredWindow): boolean {
  const windows = finding.horizon === "long" ? entry.horizon : closeAfter;
  const pooled = pooledWindows(entry.contrasts, entry.recent, measured.index - windows);
  const contrast = heldAgainst(entry.contrasts, pooled).contrasts[finding.contrast];
  if (contrast === undefined) return true;
  if (contrast.form === "omnibus") {
    const short = measurementOf(measured, entry, "short");
    return short === null || short.effect[finding.contrast]! < finding.d0 / 2;
  }
  const { y } = meanOf(contrast, finding.contrast, pooled);
  return (y - contrast.reference) * Math.sign(finding.d0) < Math.abs(finding.d0) / 2;
}

/**
 * Scores and classes of versions without a row for more than h windows while another version of theirs had rows: a
 * version that was taken out of service is not silent, it is gone.
 */
export function retiredKeys({
  judged,
  index,
  horizon,
}: Pick<MeasuredWindow, "judged" | "index" | "horizon">): ReadonlySet<string> {
  const group = ({ role, slice }: Series) => `${role} ${slice}`;
  const results = judged.filter(({ series }) => series.role !== "feature");
  const alive = new Set(results.filter(({ window }) => window !== null).map(({ series }) => group(series)));
  return new Set(
    results
      .filter(
        ({ series, memory, window }) =>
          window === null && index - memory.lastSeen > horizon && alive.has(group(series)),
      )
      .map(({ key }) => key),
  );
}
