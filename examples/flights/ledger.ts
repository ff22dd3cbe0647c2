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
  /** Worst severity of the notifications of its incident that named it; null if none did. */
  readonly announcedAs: "page" | "ticket" | "none" | null;
  readonly predictions: "moved" | "did_not_move" | "not_known";
}

export interface Verdict {
  readonly kind: "held" | "broken";
  /** A sentence. */
  readonly claim: string;
  readonly findingIds: readonly string[];
}

/** The features whose values a storm changes: which airports fly, hence how far, when, and what the model says. */
const movedByStorms: readonly SeriesName[] = [
  "origin",
  "destination",
  "origin_traffic",
  "hour",
  "distance",
  "haul",
  "score",
  "class",
];

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
    features: ["class"],
    because: "the class follows from the score",
  },
  {
    fault: "silence",
    fromDay: "2001-04-26",
    toDay: "2001-04-26",
    features: movedByStorms,
    because:
      "only flights of the night and the evening were sent: other hours, airports and distances than on a whole day",
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
    const what = `${named(required)} had to open by ${required.byDay} (${required.because})`;
    const matching = findings.filter(
      (finding) =>
        finding.feature === required.feature &&
        finding.signal === required.signal &&
        within(finding.openedDay, required.fromDay, required.byDay),
    );
    for (const { findingId } of matching) accounted.add(findingId);
    const [found] = matching;
    const complaint = found === undefined ? "it did not open" : shortcoming(required, found);
    verdicts.push({
      kind: complaint === null ? "held" : "broken",
      claim: complaint === null ? what : `${what}, but ${complaint}`,
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

function shortcoming(required: RequiredFinding, found: ObservedFinding): string | null {
  if (found.announcedAs === null) return "no notification named it";
  if (rank(found.announcedAs) < rank(required.severity)) {
    return `it was announced as ${found.announcedAs}, not as ${required.severity}`;
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
