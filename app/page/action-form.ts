import { html, type Html } from "./html.ts";
import { type IncidentDetail, isLasting } from "./incident-record.ts";

/** What a person can do about an incident; the names are those of the routes. */
export const incidentActionNames = ["acknowledge", "silence", "feedback", "accept"] as const;
export type IncidentActionName = (typeof incidentActionNames)[number];

/** What is said after it was done. */
export const doneTexts: Readonly<Record<IncidentActionName, string>> = {
  acknowledge: "Acknowledged.",
  silence: "Silenced: no notification of this condition goes out until then.",
  feedback: "Thank you: your verdict is kept with the incident.",
  accept: "Accepted: the present is the new baseline, and the incident ends as accepted.",
};

/** What the form held when an action was refused, so that nothing has to be typed again. */
export interface FormValues {
  readonly by: string;
  readonly comment: string;
}

const silenceLengths = [
  ["1h", "1 hour"],
  ["4h", "4 hours"],
  ["1d", "1 day"],
  ["3d", "3 days"],
  ["7d", "1 week"],
] as const;

/** One form, a button for each action; without a script. @param action Address of the incident, relative to the page. */
export function actionForm(
  incident: IncidentDetail,
  options: {
    readonly action: string;
    readonly csrf: string;
    /** Who is logged in: then no name is asked for. */
    readonly holder: string | null;
    readonly values: FormValues;
  },
): Html {
  const { action, csrf, holder, values } = options;
  const lasting = isLasting(incident);
  const to = (name: IncidentActionName) => `${action}/${name}`;
  const acknowledge =
    incident.acknowledged === null
      ? html`<div class="choice"><button class="main" formaction="${to("acknowledge")}">Acknowledge</button></div>`
      : null;
  const silence = html`<div class="choice">
    <label class="visually-hidden" for="for">Silence for</label
    ><select id="for" name="for">
      ${silenceLengths.map(([value, text]) =>
        value === "4h"
          ? html`<option value="${value}" selected>${text}</option>`
          : html`<option value="${value}">${text}</option>`,
      )}</select
    ><button formaction="${to("silence")}">Silence</button>
  </div>`;
  const feedback = html`<div class="choice" role="group" aria-label="Was the notification worth having?">
    <button name="verdict" value="useful" formaction="${to("feedback")}">Useful</button
    ><button name="verdict" value="noise" formaction="${to("feedback")}">Noise</button>
  </div>`;
  const accept = html`<details>
    <summary>Accept as the new baseline …</summary>
    <p>
      What was stored since the incident began, up to the last whole window, becomes what later windows are compared
      with, and the incident ends. Do this if the change is right and will last; the old baseline stays stored.
    </p>
    <button formaction="${to("accept")}">Accept as the new baseline</button>
  </details>`;
  return html`<section class="card" aria-labelledby="actions">
    <h2 id="actions" class="sub">Say what you make of it</h2>
    <form class="actions" method="post" action="${to(incident.acknowledged === null ? "acknowledge" : "feedback")}">
      <input type="hidden" name="csrf" value="${csrf}" />
      <div class="fields">
        ${holder === null ? html`<label>Your name <input name="by" required maxlength="100" autocomplete="name" value="${values.by}" /></label>` : null}<label
          >Comment, if any <input name="comment" maxlength="1000" value="${values.comment}"
        /></label>
      </div>
      <div class="choices">${lasting ? [acknowledge, silence] : null}${feedback}</div>
      ${lasting ? accept : null}
    </form>
  </section>`;
}
