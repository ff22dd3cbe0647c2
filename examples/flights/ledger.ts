import { dayStartMs } from "./calendar.ts";
import type { Day } from "./calendar.ts";

/**
 * What the run must find, may find and must not find, written before the run. All days are original days: the day whose
 * window a finding opened in.
 */
export interface Ledger {
  readonly version: 1;
  readonly model: string;
  readonly firstDay: Day;
  readonly lastDay: Day;
  /** Whole weeks between original and shifted days. */
  readonly shiftWeeks: number;
  readonly mustOpen: readonly RequiredFinding[];
  readonly mayOpen: readonly PermittedFindings[];
  readonly neverOpen: readonly ForbiddenFindings[];
}

/** `score` and `class` stand for the model's own results, `*` for the whole stream. */
export type SeriesName = string;

export interface RequiredFinding {
  readonly fault: string;
  /**
   * `opens`: a finding of this series opens in these windows, and a notification names it. `is_announced`: a notification
   * of these windows names it as new or as worse; a storm may have opened it before, and it is the same finding then.
   */
  readonly how: "opens" | "is_announced";
  readonly feature: SeriesName;
  readonly signal: string;
  readonly fromDay: Day;
  /** The last window in which it may open. */
  readonly byDay: Day;
  /** The least severe that its notification may be; `page` is above `ticket`. */
  readonly severity: "page" | "ticket";
  /** What the message must not say about the predictions, if anything. */
  readonly predictionsNot: "moved" | "did_not_move" | null;
  readonly because: string;
}

export interface PermittedFindings {
  readonly fromDay: Day;
  readonly toDay: Day;
  readonly features: readonly SeriesName[];
  readonly because: string;
}

export interface ForbiddenFindings {
  readonly feature: SeriesName;
  readonly because: string;
}

/** A finding as the product told it. */
export interface ObservedFinding {
  readonly findingId: string;
  readonly incidentId: string;
  readonly feature: SeriesName;
  readonly signal: string;
  readonly openedDay: Day;
  /** Notifications that named it as new or as worse. */
  readonly announcements: readonly Announcement[];
  readonly predictions: "moved" | "did_not_move" | "not_known";
}

export interface Announcement {
  /** The day whose window it speaks of. */
  readonly day: Day;
  readonly severity: "page" | "ticket" | "none";
}

export interface Verdict {
  readonly kind: "held" | "broken";
  /** A sentence. */
  readonly claim: string;
  readonly findingIds: readonly string[];
}

/** What a storm changes: which airports fly, and with them what the model says. */
const movedByStorms: readonly SeriesName[] = ["origin", "destination", "origin_traffic", "score", "class"];

/** What else a day of which half is missing changes. */
const movedByTheTimeOfDay: readonly SeriesName[] = [...movedByStorms, "hour", "distance", "haul"];

const storms: readonly PermittedFindings[] = [
  ["2001-02-05", "2001-02-06", "snow in New York, Philadelphia and Boston: flights there were cancelled"],
  ["2001-02-24", "2001-02-25", "a storm over Chicago: flights there were cancelled"],
  [
    "2001-03-05",
    "2001-03-06",
    "snow in New York and Boston: JFK had 23 departures instead of 170, LGA 52 instead of 332",
  ],
  ["2001-04-11", "2001-04-11", "a blizzard in Denver"],
  ["2001-06-09", "2001-06-09", "the floods of tropical storm Allison in Houston"],
  ["2001-06-23", "2001-06-23", "storms in New York"],
].map(([fromDay = "", toDay = "", because = ""]) => ({ fromDay, toDay, features: movedByStorms, because }));

const required: readonly RequiredFinding[] = [
  {
    fault: "hour_in_utc",
    how: "opens",
    feature: "hour",
    signal: "distribution",
    fromDay: "2001-03-14",
    byDay: "2001-03-14",
    severity: "page",
    predictionsNot: "did_not_move",
    because: "the hour is sent in UTC: 5 to 8 hours ahead",
  },
  {
    fault: "hour_in_utc",
    how: "is_announced",
    feature: "score",
    signal: "distribution",
    fromDay: "2001-03-14",
    byDay: "2001-03-16",
    severity: "page",
    predictionsNot: null,
    because: "later hours look later to the model: predictions move with the hour",
  },
  {
    fault: "distance_in_kilometres",
    how: "opens",
    feature: "distance",
    signal: "distribution",
    fromDay: "2001-03-28",
    byDay: "2001-03-28",
    severity: "ticket",
    predictionsNot: "moved",
    because: "distances are 1.609 times as large",
  },
  {
    fault: "distance_in_kilometres",
    how: "opens",
    feature: "haul",
    signal: "distribution",
    fromDay: "2001-03-28",
    byDay: "2001-03-28",
    severity: "ticket",
    predictionsNot: "moved",
    because: "the haul follows from the distance",
  },
  {
    fault: "origin_missing",
    how: "opens",
    feature: "origin",
    signal: "missing",
    fromDay: "2001-04-20",
    byDay: "2001-04-20",
    severity: "page",
    predictionsNot: null,
    because: "4 % of the origins are missing, none in the baseline",
  },
  {
    fault: "silence",
    how: "opens",
    feature: "*",
    signal: "silence",
    fromDay: "2001-04-26",
    byDay: "2001-04-26",
    severity: "page",
    predictionsNot: null,
    because: "nothing arrived for half a day; the longest gap of the baseline is 2.6 hours",
  },
];

/** What else a planted fault may set off. */
const sideEffects: readonly (PermittedFindings & { readonly fault: string })[] = [
  {
    fault: "hour_in_utc",
    fromDay: "2001-03-14",
    toDay: "2001-03-16",
    features: ["score", "class"],
    because: "later hours look later to the model",
  },
  {
    fault: "silence",
    fromDay: "2001-04-26",
    toDay: "2001-04-26",
    features: movedByTheTimeOfDay,
    because:
      "only flights of the night and the evening were sent: other hours, airports and distances than on a whole day",
  },
  {
    fault: "silence",
    fromDay: "2001-04-26",
    toDay: "2001-04-26",
    features: ["*"],
    because: "with half a day's flights the volume is missing too",
  },
];

/** The ledger of a run over the days from `firstDay` to `lastDay`. */
export function createLedger(options: {
  readonly model: string;
  readonly firstDay: Day;
  readonly lastDay: Day;
  readonly shiftWeeks: number;
  readonly faults: boolean;
}): Ledger {
  const { firstDay, lastDay, faults } = options;
  const inRun = ({ fromDay }: { readonly fromDay: Day }) => fromDay >= firstDay && fromDay <= lastDay;
  return {
    version: 1,
    model: options.model,
    firstDay,
    lastDay,
    shiftWeeks: options.shiftWeeks,
    mustOpen: faults ? required.filter(inRun) : [],
    mayOpen: [
      ...storms.filter(inRun),
      ...(faults ? sideEffects.filter(inRun).map(({ fault: _, ...permitted }) => permitted) : []),
    ],
    neverOpen: [{ feature: "weekday", because: "it is a function of time: too variable to be judged by days" }],
  };
}

/** Holds what was found against the ledger. The run is as it should be if every verdict held. */
export function judge(ledger: Ledger, findings: readonly ObservedFinding[]): readonly Verdict[] {
  const verdicts: Verdict[] = [];
  const accounted = new Set<string>();
  for (const required of ledger.mustOpen) {
    const verb = required.how === "opens" ? "open" : "be announced";
    const when = required.fromDay === required.byDay ? `on ${required.byDay}` : `by ${required.byDay}`;
    const claim = `${named(required)} must ${verb} ${when} (${required.because})`;
    const matching = findings.filter((finding) => answers(required, finding));
    if (required.how === "opens") for (const { findingId } of matching) accounted.add(findingId);
    const [found] = matching;
    const complaint = found === undefined ? "it did not" : shortcoming(required, found);
    verdicts.push({
      kind: complaint === null ? "held" : "broken",
      claim: complaint === null ? claim : `${claim}, but ${complaint}`,
      findingIds: matching.map(({ findingId }) => findingId),
    });
  }
  for (const finding of findings) {
    const forbidden = ledger.neverOpen.find(({ feature }) => feature === finding.feature);
    if (forbidden !== undefined) {
      const claim = `${named(finding)} must never open (${forbidden.because}), but it did on ${finding.openedDay}`;
      verdicts.push({ kind: "broken", claim, findingIds: [finding.findingId] });
      continue;
    }
    if (accounted.has(finding.findingId)) continue;
    const permitted = ledger.mayOpen.find(
      ({ features, fromDay, toDay }) => features.includes(finding.feature) && within(finding.openedDay, fromDay, toDay),
    );
    verdicts.push({
      kind: permitted === undefined ? "broken" : "held",
      claim:
        permitted === undefined
          ? `nothing else may open, but ${named(finding)} did on ${finding.openedDay}`
          : `${named(finding)} may open on ${finding.openedDay} (${permitted.because})`,
      findingIds: [finding.findingId],
    });
  }
  return verdicts;
}

function answers(required: RequiredFinding, finding: ObservedFinding): boolean {
  if (finding.feature !== required.feature || finding.signal !== required.signal) return false;
  return required.how === "opens"
    ? within(finding.openedDay, required.fromDay, required.byDay)
    : finding.announcements.some(({ day }) => within(day, required.fromDay, required.byDay));
}

function shortcoming(required: RequiredFinding, found: ObservedFinding): string | null {
  const announced = found.announcements.filter(({ day }) => within(day, required.fromDay, required.byDay));
  const loudest = announced.toSorted((left, right) => rank(right.severity) - rank(left.severity))[0];
  if (loudest === undefined) return "no notification of these days named it";
  if (rank(loudest.severity) < rank(required.severity)) {
    return `it was announced as ${loudest.severity}, not as ${required.severity}`;
  }
  if (required.predictionsNot === found.predictions) {
    return `the message says that the predictions ${found.predictions.replaceAll("_", " ")}`;
  }
  return null;
}

function rank(severity: "page" | "ticket" | "none"): number {
  return ["none", "ticket", "page"].indexOf(severity);
}

function named({ feature, signal }: { readonly feature: SeriesName; readonly signal: string }): string {
  return feature === "*" ? signal : `${feature} (${signal})`;
}

function within(day: Day, from: Day, to: Day): boolean {
  return dayStartMs(day) >= dayStartMs(from) && dayStartMs(day) <= dayStartMs(to);
}
