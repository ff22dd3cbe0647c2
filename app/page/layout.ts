import { createHash } from "node:crypto";
import { html, rendered, trusted, type Child } from "./html.ts";
import { utcText } from "./moment.ts";
import { stylesheet } from "./stylesheet.ts";

export interface PageContext {
  readonly nowMs: number;
  /** Of links: `.` or `..`. All are relative, since `external_url` may have a path of its own. */
  readonly root: string;
  /** Who is logged in; null if nobody has to be. */
  readonly holder: string | null;
  /** For the form that logs out; null if there is no session. */
  readonly csrf: string | null;
}

/** Of `style-src`: the stylesheet stands in the page, and nothing else may. */
export const stylesheetHash = `sha256-${createHash("sha256").update(stylesheet).digest("base64")}`;

/** To the byte what the hash is of. */
const styles = trusted(`<style>${stylesheet}</style>`);

const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M2 13 8 2l6 11' fill='none' stroke='%23697586' stroke-width='2'/%3E%3Cpath d='M2 13h12' stroke='%23c2410c' stroke-width='2'/%3E%3C/svg%3E";

/** A whole page. @param trail From the fleet to here: names and relative addresses. */
export function layout(
  page: {
    readonly title: string;
    readonly trail: readonly { readonly name: string; readonly href: string | null }[];
    readonly body: Child;
    readonly refresh?: boolean;
  },
  { nowMs, root, holder, csrf }: PageContext,
): string {
  const steps = page.trail.map(({ name, href }) =>
    href === null ? html`<li aria-current="page">${name}</li>` : html`<li><a href="${href}">${name}</a></li>`,
  );
  const session =
    holder === null || csrf === null
      ? null
      : html`<form class="session" method="post" action="${root}/logout">
          <input type="hidden" name="csrf" value="${csrf}" /><span class="faint">${holder}</span>
          <button class="quiet">Log out</button>
        </form>`;
  return `<!doctype html>\n${rendered(
    html`<html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        ${page.refresh === true ? html`<meta http-equiv="refresh" content="0" />` : null}
        <title>${page.title}</title>
        <link rel="icon" href="${icon}" />
        ${styles}
      </head>
      <body>
        <a class="skip" href="#content">Skip to the content</a>
        <svg class="patterns" width="0" height="0" aria-hidden="true">
          <defs>
            <pattern id="hatch" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
              <path d="M0 0V4" class="hatch" />
            </pattern>
          </defs>
        </svg>
        <header class="top">
          <nav aria-label="Where you are">
            <ol>
              <li><a class="home" href="${root}/">Leeway</a></li>
              ${steps}
            </ol>
          </nav>
          ${session}
        </header>
        <main id="content" tabindex="-1">${page.body}</main>
        <footer>
          <p>As of <time datetime="${new Date(nowMs).toISOString()}">${utcText(nowMs)}</time>. All times are UTC.</p>
        </footer>
      </body>
    </html>`,
  )}\n`;
}

/** `../models/flight-delay?environment=staging`; production is what is meant without a word. */
export function modelHref(root: string, model: string, environment: string): string {
  const query = environment === "production" ? "" : `?${new URLSearchParams({ environment })}`;
  return `${root}/models/${encodeURIComponent(model)}${query}`;
}

export function incidentHref(root: string, incidentId: string): string {
  return `${root}/incidents/${encodeURIComponent(incidentId)}`;
}
