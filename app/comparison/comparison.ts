import type { ColumnDecision, Verdict } from "../../detectors/comparison/column-decision.ts";
import type { MethodScores } from "../../detectors/comparison/method-scores.ts";

export const columnTypes = ["numeric", "categorical", "boolean", "time"] as const;
export type ColumnType = (typeof columnTypes)[number];

/** Two files compared: `--json` prints exactly this, without `pictures`. */
export interface Comparison {
  readonly reference: ComparedFile;
  readonly current: ComparedFile;
  readonly columns: readonly ComparedColumn[];
  readonly verdict: Verdict;
}

export interface ComparedFile {
  /** As it was named on the command line. */
  readonly source: string;
  readonly rows: number;
}

export interface ComparedColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly reference: SideSummary;
  readonly current: SideSummary;
  readonly methods: MethodScores;
  /** Null: nothing could be measured. */
  readonly effect: {
    readonly value: number;
    readonly low: number;
    readonly high: number;
    readonly unit: "share_of_rows_moved";
  } | null;
  readonly decision: ColumnDecision;
  readonly explanation: string;
}

export interface SideSummary {
  /** Rows of the file; 0 if it does not have the column. */
  readonly rows: number;
  readonly missing: number;
  readonly distinct: number;
}

/** What a column looks like, for the page. */
export type Picture =
  | {
      readonly kind: "numeric";
      /** Ascending; bars lie between neighbours, those at the ends reach to the smallest and largest value of either file. */
      readonly edges: readonly number[];
      readonly reference: readonly number[];
      readonly current: readonly number[];
      readonly min: number;
      readonly max: number;
      /** Each bar is one value (its upper edge) or a few, not a range. */
      readonly discrete: boolean;
    }
  | {
      readonly kind: "categorical";
      readonly bars: readonly {
        readonly name: string;
        /** `rest`: several together; `new`: not in the reference. */
        readonly kind: "category" | "rest" | "new";
        readonly reference: number;
        readonly current: number;
      }[];
    }
  | {
      readonly kind: "time";
      readonly reference: readonly [fromMs: number, toMs: number] | null;
      readonly current: readonly [fromMs: number, toMs: number] | null;
    };

/** A comparison with what only people look at: pictures by column. */
export interface IllustratedComparison {
  readonly comparison: Comparison;
  readonly pictures: ReadonlyMap<string, Picture>;
}
