import type { Day } from "./calendar.ts";

/** One line of the producer's output. Totals since the start; the sums of the flights' sequences say which ids were sent. */
export interface ProducerReport {
  /** The original day that was just sent in full. */
  readonly day: Day;
  readonly events: number;
  readonly labels: number;
  readonly eventSequences: number;
  readonly labelSequences: number;
  /** Flights that a planted fault swallowed: they have neither event nor label. */
  readonly withheld: number;
  readonly cpuSeconds: number;
}
