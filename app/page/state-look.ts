import type { SeriesState } from "../../core/finding.ts";
import { html, trusted, type Html } from "./html.ts";

/** What a state is for whoever reads the page; what was not measured is never `well`. */
export type Tone = "trouble" | "watched" | "well" | "unmeasured";

export interface StateLook {
  readonly word: string;
  /** One clause for the legend. */
  readonly meaning: string;
  readonly tone: Tone;
  /** SVG within 12 × 12; each state has a shape of its own, so that nothing depends on colour. */
  readonly shape: string;
}

export const stateLooks: Readonly<Record<SeriesState, StateLook>> = {
  drift: {
    word: "changed",
    meaning: "a finding is open: beyond chance, and larger than the floor",
    tone: "trouble",
    shape: '<path d="M6 .5 11.5 6 6 11.5.5 6z"/>',
  },
  watching: {
    word: "watching",
    meaning: "unusual, but not beyond the budget of false incidents",
    tone: "watched",
    shape: '<path class="line" d="M6 1.5 10.5 6 6 10.5 1.5 6z"/>',
  },
  ok: {
    word: "no change",
    meaning: "measured, and within what is usual",
    tone: "well",
    shape: '<circle cx="6" cy="6" r="3.5"/>',
  },
  insufficient_data: {
    word: "too few rows",
    meaning: "not measured: the window has too few rows to tell",
    tone: "unmeasured",
    shape: '<circle class="line dashed" cx="6" cy="6" r="4.5"/>',
  },
  no_baseline: {
    word: "no baseline",
    meaning: "not measured: there is nothing to compare with",
    tone: "unmeasured",
    shape: '<circle class="line" cx="6" cy="6" r="4.5"/><path class="line" d="M2.8 9.2l6.4-6.4"/>',
  },
  warming_up: {
    word: "warming up",
    meaning: "not judged yet: its usual variation is still being learnt",
    tone: "unmeasured",
    shape: '<circle class="line" cx="6" cy="6" r="4.5"/><path d="M6 1.5a4.5 4.5 0 0 1 0 9z"/>',
  },
  too_variable: {
    word: "too variable",
    meaning: "not judged: it varies so much by itself that no change could be told",
    tone: "unmeasured",
    shape: '<path class="line" d="M.8 6q2.6-8 5.2 0t5.2 0"/>',
  },
  reported: {
    word: "reported",
    meaning: "a number that nobody judges",
    tone: "unmeasured",
    shape: '<rect class="line" x="2" y="2" width="8" height="8"/>',
  },
};

/** The shape of a state, without its word. */
export function stateMark(state: SeriesState): Html {
  const { shape, tone } = stateLooks[state];
  return html`<svg class="mark ${tone}" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
    ${trusted(shape)}
  </svg>`;
}

/** Shape and word. */
export function stateTag(state: SeriesState): Html {
  return html`<span class="state ${stateLooks[state].tone}">${stateMark(state)} ${stateLooks[state].word}</span>`;
}

/** What the marks mean, for who asks. */
export function stateLegend(states: readonly SeriesState[]): Html {
  const entries = states.map(
    (state) =>
      html`<div>
        <dt>${stateTag(state)}</dt>
        <dd>${stateLooks[state].meaning}</dd>
      </div>`,
  );
  return html`<details class="legend">
    <summary>What the marks mean</summary>
    <dl class="pairs">${entries}</dl>
  </details>`;
}
