import type { SeriesCounts } from "../../core/profile.ts";
import { minReferenceRows } from "../decisions/contrasts.ts";
import { minWindowRows } from "../decisions/learning.ts";
import type { ComparedCounts, DecidedColumn, SignalEvidence } from "./column-decision.ts";

/** Why a column was decided as it was, in a sentence or two that hold the numbers. */
export function explanationOf(counts: ComparedCounts, decided: DecidedColumn, numericMoments: boolean): string {
  const drifted = decided.signals.filter((signal) => signal.drifted);
  if (drifted.length > 0) {
    const ordered = drifted.toSorted((a, b) => b.effectLow - a.effectLow);
    return ordered.map((signal) => driftText(signal, counts, numericMoments)).join(" ");
  }
  const { leading } = decided;
  switch (decided.notJudged) {
    case "few_reference_values":
      if (counts.reference.rows === 0) return "The reference has no rows.";
      return counts.reference.presentRows === 0
        ? "No value in the reference: there is nothing to hold its values against."
        : `The reference has ${rows(counts.reference.presentRows, "value")}; ${minReferenceRows} are needed.`;
    case "few_current_values":
      if (counts.current.rows === 0) return "The current file has no rows.";
      return counts.current.presentRows === 0
        ? "No value in the current file."
        : `The current file has ${rows(counts.current.presentRows, "value")}; ${minWindowRows} are needed.`;
    case "values_move":
      return counts.valuesMove === "time"
        ? "Points in time move on by themselves: only missing values were judged."
        : `Its values follow the order of the rows in both files, as a running number or a time does (${range(counts.reference)}, then ${range(counts.current)}): only missing values were judged.`;
    case "no_frequent_category":
      return `No category is frequent enough to be followed (${count(binningDistinct(counts))} different values in ${rows(counts.reference.presentRows, "row")}): only missing and new values were judged.`;
    case null:
      return leading === null ? "Nothing could be measured." : calmText(leading);
  }
}

function range({ min, max }: SeriesCounts): string {
  const full = (value: number | null) => (value ?? 0).toLocaleString("en-US", { maximumSignificantDigits: 12 });
  return `${full(min)} to ${full(max)}`;
}

function binningDistinct({ binning }: ComparedCounts): number {
  return binning.kind === "categorical" ? binning.distinct : 0;
}

function driftText(signal: SignalEvidence, counts: ComparedCounts, moments: boolean): string {
  const evidence = `at least ${percent(signal.effectLow)}; p ${probability(signal.pValue)}`;
  return `${sentence(changeText(signal, counts, moments))}; ${percent(signal.effect)} of rows moved (${evidence}).`;
}

function changeText(signal: SignalEvidence, { reference, current }: ComparedCounts, moments: boolean): string {
  const { contrast, form } = signal;
  if (signal.signal === "missing") {
    return `missing values: ${percent(signal.reference)} → ${percent(signal.current)}`;
  }
  if (contrast === "most frequent new category") {
    return `new category ${quoted(current.unseenTopValue ?? "")}: ${percent(signal.current)} of values`;
  }
  if (contrast === "number of new categories") {
    return `${count(current.unseenDistinct)} new categories, about ${count(Math.round(signal.reference * current.presentRows))} were to be expected`;
  }
  if (form === "omnibus") return "the shares of several categories moved";
  if (contrast === "location") {
    const means = moments ? `: mean ${number(meanOf(reference))} → ${number(meanOf(current))}` : "";
    return `values moved ${signal.current > signal.reference ? "up" : "down"}${means}`;
  }
  if (contrast === "spread") {
    return `values are spread ${signal.current > signal.reference ? "wider" : "less wide"} than before`;
  }
  return `${contrast}: ${percent(signal.reference)} → ${percent(signal.current)}`;
}

function calmText(signal: SignalEvidence): string {
  const significant = signal.pValue <= signal.threshold;
  const name = changeNoun(signal);
  const atMost = `at most ${percent(signal.effectHigh)} of rows moved`;
  return significant
    ? `It moved, but not surely beyond the floor of ${percent(signal.floor)} of rows: between ${percent(signal.effectLow)} and ${percent(signal.effectHigh)} (${name}).`
    : `Nothing beyond chance: ${atMost} (nearest to its threshold: ${name}, p ${probability(signal.pValue)} against ${probabilityValue(signal.threshold)}).`;
}

function changeNoun({ contrast, form }: SignalEvidence): string {
  return form === "omnibus" ? "all shares together" : contrast;
}

export function meanOf(counts: SeriesCounts): number {
  return counts.sum / counts.presentWeight;
}

export function percent(share: number): string {
  const value = share * 100;
  // Rounding of shares that are alike.
  if (Math.abs(value) < 1e-9) return "0 %";
  if (value === 100) return "100 %";
  if (Math.abs(value) < 0.01) return "< 0.01 %";
  // 99.996 % is not all of it.
  if (value > 99.99 && value < 100) return "> 99.99 %";
  return `${value >= 10 ? value.toFixed(1) : value.toPrecision(2)} %`;
}

function probability(p: number): string {
  return p < 1e-99 ? "< 1e-99" : `= ${probabilityValue(p)}`;
}

function probabilityValue(p: number): string {
  return p >= 0.001 ? String(Number(p.toPrecision(2))) : p.toExponential(0);
}

/** A number as people read it: five digits, no noise. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const short = Number(value.toPrecision(5));
  return Math.abs(short) >= 1e5 && Math.abs(short) < 1e15 ? short.toLocaleString("en-US") : String(short);
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function rows(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

const longestQuote = 40;

function quoted(text: string): string {
  return JSON.stringify(text.length > longestQuote ? `${text.slice(0, longestQuote - 1)}…` : text);
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
