/** Where a model's reference comes from, as its file says or a person accepted. */
export type BaselineSpec = PinnedBaselineSpec | ({ readonly kind: "trailing" } & Trailing);

/** A range of whole windows [T − gap − length, T − gap), where T is the start of the present week. */
export interface Trailing {
  readonly lengthMs: number;
  readonly gapMs: number;
}

/** Rows that are settled: what a baseline is made of. */
export type PinnedBaselineSpec =
  | {
      readonly kind: "file";
      /** Absolute path of a Parquet, CSV or NDJSON file: one row per event; columns named like the features. */
      readonly path: string;
      /** Column with the event time; without it the rows' order stands for time. */
      readonly time: string | null;
      /** Columns of the model's own results; null if the file has none. */
      readonly prediction: string | null;
      readonly score: string | null;
      readonly label: string | null;
      /** Files carry cohorts under their attribute names; those that are absent are skipped. */
    }
  | {
      readonly kind: "range";
      readonly fromMs: number;
      /** Exclusive. */
      readonly toMs: number;
      /** Rows of this model version alone; of every version if it is absent. */
      readonly version?: string;
      /** Results of other versions are held against that version's rows of the same window; everything else against the range. */
      readonly concurrent?: true;
      /** The trailing baseline whose present range this is, and the length of its windows until now; null at its first. */
      readonly trailing?: Trailing & { readonly windowMs: number | null };
    };

/**
 * The version whose rows of the same window a series is held against; null: it is held against the baseline's own rows, as
 * the control version itself and all features are.
 */
export function controlVersion(spec: PinnedBaselineSpec, series: Pick<Series, "role" | "version">): string | null {
  if (spec.kind !== "range" || spec.concurrent !== true || spec.version === undefined) return null;
  return series.role === "feature" || series.version === spec.version ? null : spec.version;
}

/**
 * How one series of a baseline is counted. The edges and categories come from the reference alone and never change: live
 * rows are counted in the same bins.
 */
export type Binning =
  | {
      readonly kind: "numeric";
      /** Strictly increasing distinct type-7 quantiles at i/128 and j/10. Bin b holds edges[b-1] < x ≤ edges[b]; the first is open below, a last bin (index edges.length) holds x > the last edge. */
      readonly edges: readonly number[];
      /** Ascending indices into `edges` of the distinct deciles 0.1 … 0.9. */
      readonly decileEdges: readonly number[];
    }
  | {
      readonly kind: "categorical";
      /** Categories of the reference, by count descending and then by bytes; at most `maxReferenceCategories` are listed. */
      readonly categories: readonly string[];
      /** Distinct categories of the reference, listed or not. */
      readonly distinct: number;
      /** Categories seen exactly once in the reference (Good–Turing). */
      readonly singletons: number;
    };

/** A numeric column with at most two distinct values is counted as categorical (its values as text). */
export const maxReferenceCategories = 5000;

export type SeriesRole = "feature" | "score" | "class";

/** One thing watched: a feature over all versions, or the score or class of one live version, for one slice. */
export interface Series {
  readonly role: SeriesRole;
  /** The feature's name; `score` or `class` for the model's own results. */
  readonly feature: string;
  /** Empty for features: the world does not depend on our version. */
  readonly version: string;
  /** `formatSlice` of the slice; empty for the whole model. */
  readonly slice: string;
}

export interface Baseline {
  /** First 16 hex digits of sha256 over model, environment and everything that determines its rows. */
  readonly baselineId: string;
  readonly model: string;
  readonly spec: PinnedBaselineSpec;
  readonly rows: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly createdAtMs: number;
  readonly windowMs: number;
}
