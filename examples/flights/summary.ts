import type { Day } from "./calendar.ts";
import type { Verdict } from "./ledger.ts";

/** What `data/demo/summary.json` holds. */
export interface Summary {
  readonly holds: boolean;
  /** From the command to the end of the run. */
  readonly seconds: number;
  readonly days: { readonly sent: number; readonly decided: number; readonly first: Day; readonly last: Day };
  readonly shiftWeeks: number;
  readonly events: { readonly sent: number; readonly stored: number; readonly withheldByFaults: number };
  readonly labels: { readonly sent: number; readonly stored: number };
  readonly deadLettered: number;
  /** From the first event sent to the last message stored. */
  readonly eventsPerSecond: number;
  readonly messagesPerSecond: number;
  readonly collectorKills: number;
  readonly findings: number;
  readonly incidents: number;
  readonly notifications: number;
  readonly verdicts: readonly Verdict[];
  /** Everything that is not as it should be, a sentence each; broken verdicts among them. */
  readonly failures: readonly string[];
}

/** @param shown The run's folder as a person would type it. */
export function summaryLines(summary: Summary, shown: string): readonly string[] {
  const { events, labels, verdicts, failures } = summary;
  const held = verdicts.filter(({ kind }) => kind === "held").length;
  return [
    "",
    `Done after ${summary.seconds} s.`,
    `  events   ${thousands(events.sent)} sent, ${thousands(events.stored)} stored; labels ${thousands(labels.sent)} sent, ` +
      `${thousands(labels.stored)} stored; ${thousands(summary.deadLettered)} dead-lettered`,
    `  speed    ${thousands(summary.eventsPerSecond)} events/s, ${thousands(summary.messagesPerSecond)} messages/s with their labels`,
    `  found    ${summary.findings} findings in ${summary.incidents} incidents, ${summary.notifications} notifications`,
    `  ledger   ${held} of ${verdicts.length} claims hold`,
    ...verdicts.filter(({ kind }) => kind === "held").map(({ claim }) => `           ✓ ${claim}`),
    ...failures.map((failure) => `           ✗ ${failure}`),
    summary.holds ? "Everything is as it should be." : "It is not as it should be.",
    `Where to look next: ${shown}/summary.json and expected.json, leeway.yaml and models/ beside them, the programs' logs;`,
    "docs/decisions.md says how it decides, `npm run demo -- --help` which other runs there are.",
  ];
}

export function thousands(count: number): string {
  return count.toLocaleString("en");
}
