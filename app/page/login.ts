import { html } from "./html.ts";
import { layout, type PageContext } from "./layout.ts";

/** Asks for a token of `http.tokens_file`. @param next Where to go afterwards: a relative address of this page. */
export function loginPage(
  { next, refused }: { readonly next: string; readonly refused: string | null },
  context: PageContext,
): string {
  const body = html`<div class="login">
    <h1>Log in</h1>
    ${refused === null ? null : html`<p class="notice refused" role="alert">${refused}</p>`}
    <form class="card" method="post" action="${context.root}/login">
      <input type="hidden" name="next" value="${next}" />
      <label
        >Token
        <input
          type="password"
          name="token"
          required
          autocomplete="current-password"
          autofocus
          spellcheck="false"
          aria-describedby="token-help"
      /></label>
      <button class="main">Log in</button>
    </form>
    <p class="faint" id="token-help">
      One of the tokens of <code>http.tokens_file</code>. This browser keeps a session of 12 hours, not the token.
    </p>
  </div>`;
  return layout({ title: "Log in · Leeway", trail: [{ name: "log in", href: null }], body }, context);
}

/** Loads itself again: a link from another site arrives without the session's cookie, the second request has it. */
export function againPage(context: PageContext): string {
  const body = html`<h1>One moment</h1>
    <p>This page loads itself again. If it does not: <a href="">go on</a>.</p>`;
  return layout({ title: "Leeway", trail: [], body, refresh: true }, context);
}

/** Something that is not there, or cannot be done. */
export function faultPage(
  { title, detail }: { readonly title: string; readonly detail: string },
  context: PageContext,
): string {
  const body = html`<h1>${title}</h1>
    <p class="lead">${detail}</p>
    <p><a href="${context.root}/">All models</a></p>`;
  return layout({ title: `${title} · Leeway`, trail: [], body }, context);
}
