import { expect, test } from "vitest";
import { webhookBodySchema } from "../../alerting/notifiers/webhook-body.ts";
import { hourMs } from "../../core/window.ts";
import { startActingService, type ActingService } from "../testing/acting-service.ts";

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function ask(
  service: ActingService,
  path: string,
  body?: unknown,
  { method = "POST", token }: { readonly method?: string; readonly token?: string } = {},
): Promise<Answer> {
  const response = await fetch(`${service.url}${path}`, {
    ...(body === undefined ? {} : { method, body: typeof body === "string" ? body : JSON.stringify(body) }),
    headers: {
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
  });
  if (response.status >= 400) expect(response.headers.get("content-type")).toContain("application/problem+json");
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function openIncident(service: ActingService): Promise<string> {
  await service.live(4, 130);
  const [incident] = service.alerting.incidents.list({ status: "open" });
  return incident?.id ?? "";
}

const told = (service: ActingService) =>
  service.receiver.taken().map(({ body }) => webhookBodySchema.parse(body).reason);
const ada = { by: "ada" };

test("from events to an accepted baseline: the detector goes on with it, and what returns to the old state is found", async () => {
  await using service = await startActingService();
  await service.live(2, 100);
  const id = await openIncident(service);
  expect(told(service)).toEqual(["opened"]);

  const accepted = await ask(service, `/api/v1/incidents/${id}/accept`, { ...ada, comment: "new prices" });
  const from = new Date(service.dayMs(2)).toISOString();
  const to = new Date(service.dayMs(6)).toISOString();
  expect(accepted).toMatchObject({
    status: 200,
    body: { status: "ended", accepted: { by: "ada", baseline: { from, to } } },
  });
  await service.live(5, 130);
  expect(service.alerting.incidents.list({ status: "open" })).toEqual([]);
  expect(told(service)).toEqual(["opened", "ended"]);
  const listed = (await ask(service, "/api/v1/models/m/baselines")).body;
  expect(listed).toMatchObject({
    model: "m",
    configured: { kind: "range", to: new Date(service.dayMs(0)).toISOString() },
    in_force: { production: { kind: "range", from, to } },
    baselines: [
      { in_force: true, spec: { from, to }, decided: { from: to, windows: 5 } },
      { in_force: false, decided: { to, windows: 6 } },
    ],
    accepted: [{ by: "ada", comment: "new prices", incident: id }],
  });

  await service.live(4, 100);
  expect(service.alerting.incidents.list({ status: "open" })).toMatchObject([{ title: "amount changed" }]);
  expect(told(service)).toEqual(["opened", "ended", "opened"]);
});

test("a baseline that was accepted by mistake is taken back: windows stay decided, and what is found again is told", async () => {
  await using service = await startActingService();
  const id = await openIncident(service);
  await ask(service, `/api/v1/incidents/${id}/accept`, ada);
  await service.live(3, 130);
  const records = await service.facts.query<{ state: string }>(
    "SELECT state FROM finding_history ORDER BY window_end DESC, evaluated_at DESC, ingest_time DESC LIMIT 1",
  );
  expect(records).toEqual([{ state: "closed" }]);

  const back = await ask(service, "/api/v1/models/m/baselines", { ...ada, configured: true, comment: "a mistake" });
  expect(back).toMatchObject({
    status: 200,
    body: { accepted: [{ spec: null, comment: "a mistake" }, { incident: id }] },
  });
  await service.live(3, 130);
  expect(told(service)).toEqual(["opened", "ended", "opened"]);
  const [incident] = service.alerting.incidents.list({ status: "open" });
  expect(incident?.id).not.toBe(id);
  expect(Date.parse(incident?.started ?? "")).toBeGreaterThanOrEqual(service.dayMs(7));
});

test("a silence on an incident's condition is made, listed and ended", async () => {
  await using service = await startActingService();
  const id = await openIncident(service);
  const silenced = await ask(service, `/api/v1/incidents/${id}/silence`, { ...ada, for: "4h", comment: "known" });
  const [silence] = silenced.body["silences"] as { id: string; created: string; until: string }[];
  expect(Date.parse(silence?.until ?? "") - Date.parse(silence?.created ?? "")).toBeGreaterThan(4 * hourMs - 5_000);
  expect((await ask(service, "/api/v1/silences")).body).toMatchObject({
    silences: [{ comment: "known", matches: [id] }],
  });

  const added = await ask(service, "/api/v1/silences", {
    ...ada,
    matchers: { model: "m", feature: ["amount", "age"] },
  });
  expect(added).toMatchObject({ status: 201, body: { status: "active", matches: [id], incident: null } });
  const matching = { model: { "=": "m" }, feature: { "=~": ["am.*", "x"], "!=": "age" } };
  expect(await ask(service, "/api/v1/silences", { ...ada, matchers: matching, for: "1h" })).toMatchObject({
    status: 201,
    body: { matches: [id], matchers: { model: ["m"], feature: { "=~": ["am.*", "x"], "!=": ["age"] } } },
  });
  const others = { model: "m", feature: { "!~": "am.*" } };
  expect(await ask(service, "/api/v1/silences", { ...ada, matchers: others })).toMatchObject({ body: { matches: [] } });
  const path = `/api/v1/silences/${String(added.body["id"])}`;
  expect(await ask(service, path, ada, { method: "DELETE" })).toMatchObject({ status: 200, body: { status: "ended" } });
  expect((await ask(service, "/api/v1/silences")).body["silences"]).toHaveLength(3);
  expect((await ask(service, "/api/v1/silences?status=all")).body["silences"]).toHaveLength(4);
});

test("two people who acknowledge at once are told the same: the first stands", async () => {
  await using service = await startActingService();
  const id = await openIncident(service);
  const path = `/api/v1/incidents/${id}/acknowledge`;
  const answers = await Promise.all([ask(service, path, ada), ask(service, path, { by: "grace" })]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  expect(answers[0]?.body["acknowledged"]).toEqual(answers[1]?.body["acknowledged"]);
});

test("what cannot be done is refused with what, where and what to do, and changes nothing", async () => {
  await using service = await startActingService();
  await service.live(2, 130);
  const [{ id } = { id: "" }] = service.alerting.incidents.list({ status: "open" });
  const incident = `/api/v1/incidents/${id}`;
  const at = Date.now();
  const cases: readonly (readonly [path: string, body: unknown, status: number, code: string, detail: RegExp])[] = [
    ["/api/v1/incidents/none/acknowledge", ada, 404, "incident_unknown", /no incident has the id "none"/],
    [`${incident}/acknowledge`, {}, 400, "request_invalid", /^by: say who you are/],
    [`${incident}/acknowledge`, { by: " " }, 400, "request_invalid", /^by: /],
    [
      `${incident}/acknowledge`,
      { ...ada, coment: "x" },
      400,
      "request_invalid",
      /"coment" is not known here; did you mean comment\?/,
    ],
    [`${incident}/acknowledge`, [], 400, "request_invalid", /must be a JSON object/],
    [`${incident}/acknowledge`, "{", 400, "request_invalid", /JSON/],
    [
      `${incident}/silence`,
      { ...ada, for: "4x" },
      400,
      "request_invalid",
      /for: "4x" is not a duration; write 30m, 4h or 2d/,
    ],
    [`${incident}/silence`, { ...ada, for: "0h" }, 400, "request_invalid", /no length/],
    [`${incident}/silence`, { ...ada, for: "900d" }, 400, "request_invalid", /366 days/],
    [`${incident}/silence`, { ...ada, until: "yesterday" }, 400, "request_invalid", /"yesterday" is not a time/],
    [
      `${incident}/silence`,
      { ...ada, until: new Date(at - 1).toISOString() },
      400,
      "request_invalid",
      /is over; it is/,
    ],
    [`${incident}/silence`, { ...ada, for: "1h", until: "2040-01-01" }, 400, "request_invalid", /not both/],
    [`${incident}/feedback`, { ...ada, verdict: "rubbish" }, 400, "request_invalid", /^verdict: /],
    [`${incident}/accept`, ada, 409, "baseline_refused", /2 whole windows with 1,000 rows.*should be enough/],
    ["/api/v1/silences", { ...ada, matchers: { featrue: "hour" } }, 400, "request_invalid", /did you mean feature\?/],
    ["/api/v1/silences", { ...ada, matchers: {} }, 400, "request_invalid", /at least one label/],
    [
      "/api/v1/silences",
      { ...ada, matchers: { feature: { "=~": "am(" } } },
      400,
      "request_invalid",
      /feature=~"am\(" is not a pattern: unterminated group/,
    ],
    [
      "/api/v1/silences",
      { ...ada, matchers: { feature: { "~": "x" } } },
      400,
      "request_invalid",
      /^matchers\.feature: "~" is not known here; /,
    ],
    ["/api/v1/silences", { ...ada, matchers: { feature: 3 } }, 400, "request_invalid", /values by operator/],
    ["/api/v1/silences", { ...ada, matchers: { slice: { "!=": "a" } } }, 400, "request_invalid", /nearly everything/],
    ["/api/v1/models/n/baselines", { ...ada, configured: true }, 404, "model_unknown", /no model is called "n"/],
    ["/api/v1/models/m/baselines", { ...ada, from: "2026-01-01" }, 400, "request_invalid", /give from and to/],
    [
      "/api/v1/models/m/baselines",
      { ...ada, from: "x", to: "2026-01-01" },
      400,
      "request_invalid",
      /^from: "x" is not a time/,
    ],
    [
      "/api/v1/models/m/baselines",
      { ...ada, from: "2026-02-01", to: "2026-01-01" },
      400,
      "request_invalid",
      /before to/,
    ],
    [
      "/api/v1/models/m/baselines",
      { ...ada, from: "2020-01-01", to: "2020-02-01" },
      409,
      "baseline_refused",
      /0 whole windows/,
    ],
  ];
  for (const [path, body, status, code, detail] of cases) {
    const answer = await ask(service, path, body);
    expect(answer, `${path} ${JSON.stringify(body)}`).toMatchObject({ status, body: { code, status } });
    expect(answer.body["detail"]).toMatch(detail);
  }
  expect(await ask(service, "/api/v1/silences/none", ada, { method: "DELETE" })).toMatchObject({ status: 404 });
  expect(await ask(service, "/api/v1/silences?status=old")).toMatchObject({ status: 400 });
  expect(service.alerting.incidents.get(id)).toMatchObject({
    status: "open",
    acknowledged: null,
    accepted: null,
    silences: [],
    feedback: [],
  });
});

test("where tokens are set nothing is done without one, and its holder is who did it", async () => {
  await using service = await startActingService({ token: "s3cret" });
  const id = await openIncident(service);
  const path = `/api/v1/incidents/${id}/acknowledge`;
  expect(await ask(service, path, ada)).toMatchObject({ status: 401, body: { code: "token_required" } });
  expect(await ask(service, path, ada, { token: "wrong" })).toMatchObject({ status: 401 });
  expect(service.alerting.incidents.get(id)?.acknowledged).toBeNull();
  const done = await ask(service, path, { by: "somebody else" }, { token: "s3cret" });
  expect(done).toMatchObject({ status: 200, body: { acknowledged: { by: "grace" } } });
  // An HTML form cannot send JSON, and nothing else is taken.
  const form = await fetch(`${service.url}${path}`, {
    method: "POST",
    headers: { authorization: "Bearer s3cret", "content-type": "application/x-www-form-urlencoded" },
    body: "by=mallory",
  });
  expect(form.status).toBe(400);
});
