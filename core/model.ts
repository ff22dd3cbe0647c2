import type { BaselineSpec } from "./baseline.ts";
import type { FeatureType } from "./feature-schema.ts";
import type { Harm, Severity } from "./finding.ts";

/** What a model predicts, and how its labels arrive. */
export type Task =
  | {
      readonly kind: "binary";
      /** The class whose score is *the* score of the model, and whose share is the positive rate. */
      readonly positive: string;
      /** How long labels usually take; performance of a window is measured when the watermark is this far past its end. */
      readonly labelDelayMs: number;
      /** The longest time between an event and an entity-key label for it. */
      readonly labelWindowMs: number;
    }
  | { readonly kind: "multiclass" | "regression"; readonly labelDelayMs: number; readonly labelWindowMs: number }
  | { readonly kind: "unknown" };

export interface FeatureSpec {
  readonly name: string;
  readonly type: FeatureType;
  readonly unit: string | null;
}

export interface CohortSpec {
  readonly attribute: string;
  /** Tested on its own; all watched cohorts together take 20 % of the budget. */
  readonly watch: boolean;
  /** Computed from the event instead of sent with it. */
  readonly derive?: CohortDerivation;
}

/** `hour_band`: four bands of six hours. `weekday`: Mon … Sun. `length`: of a feature's text, in bands. */
export type CohortDerivation =
  | { readonly kind: "hour_band" }
  | { readonly kind: "weekday" }
  | { readonly kind: "length"; readonly feature: string };

/** A value per closed window beside the model's series, judged within the same budget. */
export type MonitorSpec = {
  readonly name: string;
  /**
   * Change that is of no interest. `sql`: as a share of the mean over the baseline's windows, 0.1 is a tenth;
   * `domain_classifier`: as 2·AUC − 1.
   */
  readonly minChange: number;
  /** What a change means for the user of the model. */
  readonly harm: Harm;
} & (
  | {
      readonly kind: "sql";
      /** A SELECT of one value; `v_<model>` holds the window's rows. */
      readonly sql: string;
    }
  | { readonly kind: "domain_classifier" }
);

/** A number that what came of a prediction is worth, such as revenue: its mean is compared between arms and versions, and with the baseline. */
export interface OutcomeSpec {
  readonly name: string;
  /** `named_label`: labels of this name; `label`: the label itself, a number; `event`: a field of the event, kept in `extra`. */
  readonly from: "named_label" | "label" | "event";
}

/** Metrics from labels that are held against the baseline. */
export const judgedMetrics = ["accuracy", "precision", "recall", "roc_auc", "brier", "log_loss", "mae"] as const;
export type JudgedMetric = (typeof judgedMetrics)[number];

/** Change for the worse that is of no interest unless a model's file says otherwise: of a share or an area itself, of a loss as a share of the baseline's. */
export const usualMinChange: Readonly<Record<JudgedMetric, number>> = {
  accuracy: 0.02,
  precision: 0.02,
  recall: 0.02,
  roc_auc: 0.02,
  brier: 0.05,
  log_loss: 0.05,
  mae: 0.05,
};

/** Metrics of each task, by what of its results they speak of: one of each is judged. */
export const judgedMetricsOf: Readonly<
  Record<Exclude<Task["kind"], "unknown">, Readonly<Record<"class" | "score", readonly JudgedMetric[]>>>
> = {
  binary: { class: ["accuracy", "precision", "recall"], score: ["roc_auc", "brier", "log_loss"] },
  multiclass: { class: ["accuracy"], score: ["log_loss"] },
  regression: { class: [], score: ["mae"] },
};

/** What is judged of a model's performance; at most one metric of the class and one of the score. */
export interface PerformanceSpec {
  readonly metrics: readonly {
    readonly metric: JudgedMetric;
    /** As `usualMinChange`. */
    readonly minChange: number;
  }[];
  /** A window with less than this share of the baseline's label coverage is not judged: early labels are a biased sample. */
  readonly minCoverage: number;
}

/** What is judged of a task whose file does not say: what was decided, and how well the score tells. */
export function usualPerformance(task: Task): PerformanceSpec {
  const minCoverage = 0.5;
  if (task.kind === "unknown") return { metrics: [], minCoverage };
  const of = judgedMetricsOf[task.kind];
  // A score of several classes has no order that its rows could be told by.
  const metrics =
    task.kind === "multiclass" ? of.class.slice(0, 1) : [...of.class.slice(0, 1), ...of.score.slice(0, 1)];
  return { metrics: metrics.map((metric) => ({ metric, minChange: usualMinChange[metric] })), minCoverage };
}

export interface MonitoringSpec {
  /** Length of a window, or `auto`: 1 h if the baseline's median hour has 1,000 rows or more, else 1 d. */
  readonly windowMs: number | "auto";
  /** IANA zone that days are aligned to; `UTC` by default. */
  readonly zone: string;
  /** `weekdays`: of windows that are days, a series whose weekdays differ is held against the baseline's own days. */
  readonly season: "none" | "weekdays";
  readonly allowedLatenessMs: number;
  readonly lateHorizonMs: number;
  readonly idleAfterMs: number;
  readonly falseIncidentsPerModelWeek: number;
  /** Share of rows moved below which a change of a distribution is of no interest, in (0, 1). */
  readonly effectFloor: number;
  /** The same for missing and unseen values. */
  readonly qualityFloor: number;
  readonly minSliceRows: number;
  /** Environments watched; each is judged on its own. */
  readonly environments: readonly string[];
}

export interface AlertingSpec {
  readonly severity: Readonly<Record<Harm, Severity>>;
}

/** Everything Leeway knows of one model, with every default filled in. */
export interface ModelSpec {
  readonly name: string;
  /** `declared` by a file, or `learning`: it registered itself and is shown but not judged. */
  readonly origin: "declared" | "learning";
  readonly tags: Readonly<Record<string, string>>;
  readonly task: Task;
  /** Empty for a model that registered itself: then the stored feature schemas say. */
  readonly features: readonly FeatureSpec[];
  readonly cohorts: readonly CohortSpec[];
  readonly monitors: readonly MonitorSpec[];
  /** Absent: what the task says. */
  readonly performance?: PerformanceSpec;
  /** Absent: none. */
  readonly outcomes?: readonly OutcomeSpec[];
  readonly baseline: BaselineSpec | null;
  readonly monitoring: MonitoringSpec;
  readonly alerting: AlertingSpec;
  readonly retentionDays: number;
}

/** The service's clock: wall time, or the watermark (demo and replay of old data). */
export type ServiceClockKind = "wall" | "watermark";

/**
 * The view of a model's rows. A model called `x_labelled` gets `v_x_labelled_`, else it would be the labelled view of a
 * model called `x`.
 */
export function modelView(model: string): string {
  return `v_${model}${/_labelled_*$/.test(model) ? "_" : ""}`;
}

/** The view of a model's rows with their labels. */
export function labelledModelView(model: string): string {
  return `${modelView(model)}_labelled`;
}
