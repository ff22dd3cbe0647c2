import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { formatFault } from "./fault.ts";
import { type ConfigRequest, type LoadedConfig, loadConfig } from "./load.ts";

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

/** Writes files into a new folder, and asks for the leeway.yaml there. */
function folderWith(
  files: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = {},
): ConfigRequest {
  const cwd = mkdtempSync(join(tmpdir(), "leeway-config-"));
  directories.push(cwd);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(cwd, name)), { recursive: true });
    writeFileSync(join(cwd, name), content);
  }
  return { path: null, environment, cwd };
}

function faultsOf(request: ConfigRequest): readonly string[] {
  const result = loadConfig(request);
  return result.kind === "valid"
    ? []
    : result.faults.map((fault) => formatFault(fault, request.cwd).replaceAll(`${request.cwd}/`, ""));
}

function valid(request: ConfigRequest): LoadedConfig {
  const result = loadConfig(request);
  if (result.kind === "invalid")
    throw new Error(result.faults.map((fault) => formatFault(fault, request.cwd)).join("\n"));
  return result.config;
}

describe("without any file", () => {
  test("the defaults hold: embedded engine, loopback, discovery auto, the console is told", () => {
    const { service, models, receivers, route, files } = valid(folderWith({}));
    expect(service).toMatchObject({
      file: null,
      clock: "wall",
      kafka: null,
      store: { url: null, database: "leeway" },
      http: { host: "127.0.0.1", port: 8686, tokens: null },
      discovery: { mode: "auto", maxModels: 1000, maxFeatures: 500 },
      collector: { flush: { maxRows: 50_000, maxAgeMs: 1000 }, maxBufferedBytes: 256 * 1024 ** 2 },
    });
    expect(models).toEqual([]);
    expect(receivers).toEqual([{ name: "console", console: {} }]);
    expect(route.receiver).toBe("console");
    expect(files).toEqual([]);
  });

  test("KAFKA_BROKERS, CLICKHOUSE_URL and LEEWAY_DATA come from the environment", () => {
    const environment = { KAFKA_BROKERS: "a:9092, b:9092", CLICKHOUSE_URL: "http://ch:8123", LEEWAY_DATA: "there" };
    const request = folderWith({}, environment);
    const { service } = valid(request);
    expect(service.kafka?.brokers).toEqual(["a:9092", "b:9092"]);
    expect(service.store.url).toBe("http://ch:8123");
    expect(service.dataDir).toBe(join(request.cwd, "there"));
  });

  test("a model that registers itself is learning and has every default", () => {
    const model = valid(folderWith({})).learningModel("new");
    expect(model).toMatchObject({ name: "new", origin: "learning", features: [], baseline: null, retentionDays: 90 });
    expect(model.monitoring).toEqual({
      windowMs: "auto",
      zone: "UTC",
      season: "none",
      allowedLatenessMs: 300_000,
      lateHorizonMs: 7 * 86_400_000,
      idleAfterMs: 600_000,
      falseIncidentsPerModelWeek: 0.05,
      effectFloor: 0.02,
      qualityFloor: 0.003,
      minSliceRows: 50,
      environments: ["production"],
    });
  });
});

describe("which file and which folder", () => {
  test("--config wins over LEEWAY_CONFIG, which wins over ./leeway.yaml", () => {
    const files = { "leeway.yaml": "data: here", "a.yaml": "data: a", "b.yaml": "data: b" };
    const request = folderWith(files, { LEEWAY_CONFIG: "a.yaml" });
    const dataOf = (changes: Partial<ConfigRequest>) => valid({ ...request, ...changes }).service.dataDir;
    expect(dataOf({ environment: {} })).toBe(join(request.cwd, "here"));
    expect(dataOf({})).toBe(join(request.cwd, "a"));
    expect(dataOf({ path: "b.yaml" })).toBe(join(request.cwd, "b"));
    expect(dataOf({ path: "b.yaml", dataDir: "c" })).toBe(join(request.cwd, "c"));
  });

  test("a file that was asked for and is not there is an error that says who asked", () => {
    expect(() => loadConfig({ ...folderWith({}), path: "no.yaml" })).toThrow(
      "no.yaml: there is no such file; correct --config",
    );
    expect(() => loadConfig(folderWith({}, { LEEWAY_CONFIG: "no.yaml" }))).toThrow("correct LEEWAY_CONFIG");
  });

  test("relative paths start at the file they stand in", () => {
    const files = {
      "conf/leeway.yaml": "data: ../data\nmodels: [m/*.yaml]",
      "conf/m/a.yaml": "baseline: { kind: file, path: a.csv }",
      "conf/m/a.csv": "",
    };
    const request = { ...folderWith(files), path: "conf/leeway.yaml" };
    const { service, models } = valid(request);
    expect(service.dataDir).toBe(join(request.cwd, "data"));
    expect(models[0]?.baseline).toMatchObject({ kind: "file", path: join(request.cwd, "conf/m/a.csv"), time: null });
  });
});

describe("a whole configuration", () => {
  const files = {
    "leeway.yaml": `kafka: { brokers: "\${KAFKA_BROKERS:-}", topics: { events: [leeway.events], labels: [leeway.labels] } }
store: { url: "\${CLICKHOUSE_URL:-}" }
http: { listen: 127.0.0.1:8686, external_url: http://127.0.0.1:8686/, tokens_file: tokens.yaml }
discovery: auto
idle_after: 10s
defaults:
  - monitoring: { window: 1d, allowed_lateness: 5m, false_incidents_per_model_week: 0.05, effect_floor: 0.02 }
  - match: { tier: critical }
    alerting: { severity: { data_broken: page, predictions_moved: page, inputs_moved: ticket } }
receivers: [ { name: ops, webhook: { url_file: ops.url } } ]
route: { receiver: ops, group_by: [model, environment] }
`,
    "tokens.yaml": `tokens: [ { name: grafana, sha256: ${"ab".repeat(32)} } ]`,
    "ops.url": "https://example.org/hook",
    "models/flight-delay.yaml": `model: flight-delay
tags: { team: ops, tier: critical }
task: { kind: binary, positive: late, label_delay: 1d }
features: { hour: { type: numeric }, origin: { type: categorical }, distance: { type: numeric, unit: miles } }
cohorts: { origin_state: {}, haul: { watch: true } }
baseline: { kind: range, from: 2026-01-01, to: 2026-02-01T00:00:00+01:00 }
monitoring: { effect_floor: 0.03 }
retention: 30d
`,
    "models/plain.yaml": "",
  };

  test("a version baseline is its rows of four weeks, or up to where its file says", () => {
    const of = (baseline: string) =>
      valid(folderWith({ "leeway.yaml": "", "models/a.yaml": `baseline: { kind: version, ${baseline} }` })).models[0]
        ?.baseline;
    const fromMs = Date.UTC(2026, 0, 1);
    const range = { kind: "range", fromMs, version: "3" };
    expect(of('version: "3", from: 2026-01-01')).toEqual({ ...range, toMs: Date.UTC(2026, 0, 29) });
    expect(of('version: "3", from: 2026-01-01, to: 2026-02-01')).toEqual({ ...range, toMs: Date.UTC(2026, 1, 1) });
  });

  test("a concurrent baseline is a version's, with which others are compared", () => {
    const { models } = valid(
      folderWith({
        "leeway.yaml": "",
        "models/a.yaml": 'baseline: { kind: concurrent, version: "1", from: 2026-01-01 }',
      }),
    );
    const range = { kind: "range", fromMs: Date.UTC(2026, 0, 1), toMs: Date.UTC(2026, 0, 29) };
    expect(models[0]?.baseline).toEqual({ ...range, version: "1", concurrent: true });
  });

  test("a trailing baseline takes four weeks that end a week ago, unless its file says otherwise", () => {
    const { models } = valid(
      folderWith({ "leeway.yaml": "", "models/a.yaml": "baseline: { kind: trailing, gap: 14d }" }),
    );
    expect(models[0]?.baseline).toEqual({ kind: "trailing", lengthMs: 28 * 86_400_000, gapMs: 14 * 86_400_000 });
  });

  test("says in the program's terms what the files say", () => {
    const request = folderWith(files);
    const { service, models, receivers } = valid(request);
    expect(service.http).toMatchObject({ externalUrl: "http://127.0.0.1:8686", tokens: [{ name: "grafana" }] });
    expect(receivers).toMatchObject([{ name: "ops", webhook: { url_file: join(request.cwd, "ops.url") } }]);
    expect(models.map((model) => model.name)).toEqual(["flight-delay", "plain"]);
    expect(models[0]).toEqual({
      name: "flight-delay",
      origin: "declared",
      tags: { team: "ops", tier: "critical" },
      task: { kind: "binary", positive: "late", labelDelayMs: 86_400_000, labelWindowMs: 30 * 86_400_000 },
      features: [
        { name: "hour", type: "numeric", unit: null },
        { name: "origin", type: "categorical", unit: null },
        { name: "distance", type: "numeric", unit: "miles" },
      ],
      cohorts: [
        { attribute: "origin_state", watch: false },
        { attribute: "haul", watch: true },
      ],
      monitors: [],
      baseline: { kind: "range", fromMs: Date.UTC(2026, 0, 1), toMs: Date.UTC(2026, 0, 31, 23) },
      monitoring: {
        windowMs: 86_400_000,
        zone: "UTC",
        season: "none",
        allowedLatenessMs: 300_000,
        lateHorizonMs: 7 * 86_400_000,
        idleAfterMs: 10_000,
        falseIncidentsPerModelWeek: 0.05,
        effectFloor: 0.03,
        qualityFloor: 0.003,
        minSliceRows: 50,
        environments: ["production"],
      },
      alerting: {
        severity: { data_broken: "page", performance_fell: "page", predictions_moved: "page", inputs_moved: "ticket" },
      },
      retentionDays: 30,
    });
  });

  test("defaults apply by tag: an entry that matches no tag of a model leaves it alone", () => {
    const { models } = valid(folderWith(files));
    const plain = models.find((model) => model.name === "plain");
    expect(plain?.alerting.severity.predictions_moved).toBe("ticket");
    expect(plain?.monitoring.windowMs).toBe(86_400_000);
  });

  test("every effective option names the line that set it", () => {
    const request = folderWith(files);
    const options = valid(request).effectiveOptions("flight-delay") ?? [];
    const source = (path: string) => {
      const found = options.find((option) => option.path.join(".") === path)?.source;
      return found === null || found === undefined ? null : `${found.file.slice(request.cwd.length + 1)}:${found.line}`;
    };
    expect(source("monitoring.effect_floor")).toBe("models/flight-delay.yaml:7");
    expect(source("monitoring.window")).toBe("leeway.yaml:7");
    expect(source("monitoring.idle_after")).toBe("leeway.yaml:5");
    expect(source("alerting.severity.predictions_moved")).toBe("leeway.yaml:9");
    expect(source("monitoring.zone")).toBeNull();
    expect(source("cohorts.origin_state")).toBe("models/flight-delay.yaml:5");
    expect(valid(request).effectiveOptions("unknown")).toBeNull();
  });

  test("a later entry of defaults wins, an own option over all, and lists are replaced", () => {
    const request = folderWith({
      "leeway.yaml": `defaults:
  - monitoring: { window: 1d, environments: [staging, shadow] }
  - match: { team: [a, b] }
    monitoring: { window: 6h }`,
      "models/x.yaml": "tags: { team: b }\nmonitoring: { environments: [production] }",
    });
    expect(valid(request).models[0]?.monitoring).toMatchObject({
      windowMs: 6 * 3_600_000,
      environments: ["production"],
    });
  });
});

describe("variables and secrets", () => {
  test("an unquoted variable stands for a number, a quoted one for text", () => {
    const request = folderWith(
      { "leeway.yaml": 'collector:\n  flush_rows: ${ROWS}\nkafka: { brokers: "b:1", client_id: "${ROWS}" }' },
      { ROWS: "7" },
    );
    const { service } = valid(request);
    expect(service.collector.flush.maxRows).toBe(7);
    expect(service.kafka?.clientId).toBe("7");
  });

  test("${X:-} that is empty is left out, ${X:-text} has a default, $${ is literal", () => {
    const request = folderWith({
      "leeway.yaml": 'store: { url: "${CH:-}" }\ndata: "${D:-dir}"\nkafka: { brokers: "b:1", client_id: "a$${b}" }',
    });
    const { service } = valid(request);
    expect(service.store.url).toBeNull();
    expect(service.dataDir).toBe(join(request.cwd, "dir"));
    expect(service.kafka?.clientId).toBe("a${b}");
  });

  test("a password file is read, without its last line break", () => {
    const request = folderWith({
      "leeway.yaml": "store: { url: http://ch:8123, user: u, password_file: secret, reader: { user: r, password: p } }",
      secret: "s3cret\n",
    });
    expect(valid(request).service.store).toMatchObject({
      user: "u",
      password: "s3cret",
      reader: { user: "r", password: "p" },
    });
  });
});

describe("faults name file, line and path, and say what to do", () => {
  const cases: readonly { claim: string; files: Readonly<Record<string, string>>; faults: readonly string[] }[] = [
    {
      claim: "an unknown option: did you mean",
      files: { "leeway.yaml": "clock: wall\nkafka:\n  topics:\n    lables: [x]" },
      faults: ["leeway.yaml:4: kafka.topics.lables: is not a known option; did you mean labels?"],
    },
    {
      claim: "an unknown option that resembles none: what is known there",
      files: { "leeway.yaml": "http:\n  zzzzzzzz: 1" },
      faults: [
        "leeway.yaml:2: http.zzzzzzzz: is not a known option; remove it (known here: listen, external_url, tokens_file)",
      ],
    },
    {
      claim: "a bad duration",
      files: { "models/m.yaml": "monitoring:\n  allowed_lateness: 5 minutes" },
      faults: [
        "models/m.yaml:2: monitoring.allowed_lateness: is not a duration; write a whole number and a unit: 30s, 5m, 1h, 90d",
      ],
    },
    {
      claim: "a duration without a unit",
      files: { "leeway.yaml": "idle_after: 10" },
      faults: [
        "leeway.yaml:1: idle_after: is not a duration longer than zero; write a whole number and a unit: 30s, 5m, 1h, 90d",
      ],
    },
    {
      claim: "a bad type",
      files: { "leeway.yaml": 'collector:\n  flush_rows: "many"\nkafka:\n  create_topics: 1' },
      faults: [
        "leeway.yaml:2: collector.flush_rows: is text; write a number, without quotes",
        "leeway.yaml:4: kafka.create_topics: is a whole number; write true or false, without quotes",
      ],
    },
    {
      claim: "a value outside a closed list",
      files: { "models/m.yaml": "features:\n  hour:\n    type: numerical" },
      faults: [
        'models/m.yaml:3: features.hour.type: is "numerical"; use one of numeric, categorical, boolean (did you mean numeric?)',
      ],
    },
    {
      claim: "an unknown kind, and a missing one",
      files: { "models/a.yaml": "baseline:\n  kind: fil", "models/b.yaml": "task:\n  positive: late" },
      faults: [
        'models/a.yaml:2: baseline.kind: is "fil"; use one of file, range, version, concurrent, trailing (did you mean file?)',
        "models/b.yaml:1: task.kind: is missing; write one of binary, multiclass, regression, unknown",
      ],
    },
    {
      claim: "a missing option of a kind",
      files: { "models/m.yaml": "task:\n  kind: binary" },
      faults: ["models/m.yaml:1: task.positive: is missing; add it"],
    },
    {
      claim: "a monitor whose statement cannot be one number of this model",
      files: {
        "models/m.yaml": `features: { a: { type: numeric } }
monitors:
  - { name: a, kind: sql, sql: "SELECT 1 FROM v_m" }
  - { name: b, kind: sql, sql: "DROP TABLE events" }
  - { name: c, kind: sql, sql: "SELECT avg(a FROM v_m" }
  - { name: d, kind: sql, sql: "SELECT avg(a) FROM v_other" }
  - { name: e, kind: sql, sql: "SELECT avg(a) FROM v_m WHERE event_time > {since:DateTime}" }
  - { name: f, kind: sql, sql: "SELECT 'x FROM v_m" }
  - { name: f, kind: sql, sql: "SELECT 1 FROM v_m; SELECT 2" }
  - { name: g, kind: sql, sql: "SELECT 1 FROM v_m FORMAT CSV", min_change: 0 }
  - { name: joint, kind: domain_classifier, min_change: 2 }`,
      },
      faults: [
        'models/m.yaml:3: monitors[0].name: "a" is a feature too; give the monitor a name of its own',
        "models/m.yaml:4: monitors[1].sql: begins with DROP; write one SELECT that gives one number",
        "models/m.yaml:5: monitors[2].sql: has a bracket that is not closed; close it",
        "models/m.yaml:6: monitors[3].sql: does not read v_m; select from it, or it says nothing of this model's windows",
        "models/m.yaml:7: monitors[4].sql: has a parameter {since}; there are {from:DateTime64(3)}, {to:DateTime64(3)} and {environment:String}",
        "models/m.yaml:8: monitors[5].sql: has a ' that is not closed; close it",
        'models/m.yaml:9: monitors[6].name: "f" is the name of an earlier monitor too; rename one',
        "models/m.yaml:9: monitors[6].sql: holds several statements; write one SELECT",
        "models/m.yaml:10: monitors[7].sql: holds FORMAT; leave it out: the value is read as it is",
        "models/m.yaml:10: monitors[7].min_change: must be above 0; it is the change that is of no interest, such as 0.1 for a tenth",
        "models/m.yaml:11: monitors[8].min_change: must be below 1; it is how well rows may be told apart (2·AUC − 1), such as 0.05",
      ],
    },
    {
      claim: "performance metrics that the task does not have, or that say the same",
      files: {
        "models/m.yaml": `task: { kind: binary, positive: late }
performance:
  metrics:
    - metric: mae
    - metric: recall
    - metric: precision
  min_coverage: 2`,
      },
      faults: [
        "models/m.yaml:3: performance.metrics: names more than two metrics; keep one of the class and one of the score",
        "models/m.yaml:4: performance.metrics[0].metric: mae is no metric of task binary; use accuracy, precision, recall, roc_auc, brier, log_loss",
        "models/m.yaml:6: performance.metrics[2].metric: precision speaks of the class, as recall does; keep one of them",
        "models/m.yaml:7: performance.min_coverage: must be at most 1; it is a share of the baseline's label coverage, such as 0.5",
      ],
    },
    {
      claim: "outcomes of a model without a task, or of one name",
      files: {
        "models/a.yaml": "outcomes: [{ name: revenue }]",
        "models/b.yaml": `task: { kind: regression }
outcomes:
  - name: revenue
  - { name: revenue, from: event }
  - name: net revenue`,
      },
      faults: [
        "models/a.yaml:1: outcomes: needs a task, whose label_delay says when outcomes are due; declare task",
        'models/b.yaml:4: outcomes[1].name: "revenue" is the name of an earlier outcome too; rename one',
        "models/b.yaml:5: outcomes[2].name: is no outcome's name; use letters, digits, _ . and -, at most 64 of them",
      ],
    },
    {
      claim: "an empty value",
      files: { "models/m.yaml": "cohorts:\n  haul:" },
      faults: ["models/m.yaml:2: cohorts.haul: is empty; give it a value or remove it ({} is an empty map)"],
    },
    {
      claim: "a variable that is not set, and nothing else about its value",
      files: { "leeway.yaml": "store:\n  url: ${NOT_SET}" },
      faults: [
        "leeway.yaml:2: store.url: the environment variable NOT_SET is not set; set it, or write ${NOT_SET:-default}",
      ],
    },
    {
      claim: "a secret's file that is not there",
      files: { "leeway.yaml": "store:\n  user: u\n  password_file: nowhere" },
      faults: ["leeway.yaml:3: store.password_file: the file nowhere does not exist; create it or correct the path"],
    },
    {
      claim: "a secret that is given twice",
      files: { "leeway.yaml": "store:\n  password: p\n  password_file: p.txt", "p.txt": "p" },
      faults: ["leeway.yaml:3: store.password_file: stands beside password; keep one of them"],
    },
    {
      claim: "a receiver's file that is not there",
      files: { "leeway.yaml": "receivers:\n  - name: ops\n    webhook:\n      url_file: ops.url" },
      faults: [
        "leeway.yaml:4: receivers[0].webhook.url_file: the file ops.url does not exist; create it or correct the path",
      ],
    },
    {
      claim: "a receiver without a notifier",
      files: { "leeway.yaml": "receivers:\n  - name: ops" },
      faults: ["leeway.yaml:2: receivers[0]: give exactly one of console, webhook, slack, email"],
    },
    {
      claim: "a route to an unknown receiver",
      files: { "leeway.yaml": "receivers:\n  - { name: ops, console: {} }\nroute:\n  receiver: opps" },
      faults: ['leeway.yaml:4: route.receiver: no receiver is named "opps"; did you mean ops?'],
    },
    {
      claim: "two receivers of one name",
      files: { "leeway.yaml": "receivers:\n  - { name: a, console: {} }\n  - { name: a, console: {} }" },
      faults: ['leeway.yaml:3: receivers[1].name: "a" is the name of an earlier receiver too; rename one'],
    },
    {
      claim: "a model that two files declare",
      files: { "models/a.yaml": "model: m", "models/b.yaml": "tags: {}\nmodel: m" },
      faults: ['models/b.yaml:2: model: "m" is declared at models/a.yaml:1 too; rename or remove one'],
    },
    {
      claim: "a baseline file that is not there",
      files: { "models/m.yaml": "baseline:\n  kind: file\n  path: january.parquet" },
      faults: [
        "models/m.yaml:3: baseline.path: the file models/january.parquet does not exist; create it or correct the path",
      ],
    },
    {
      claim: "a baseline range that runs backwards",
      files: { "models/m.yaml": "baseline:\n  kind: range\n  from: 2026-02-01\n  to: 2026-01-01" },
      faults: ["models/m.yaml:4: baseline.to: is not after baseline.from; it is the end of the range, exclusive"],
    },
    {
      claim: "a version's time that runs backwards",
      files: {
        "models/m.yaml": 'baseline:\n  kind: version\n  version: "3"\n  from: 2026-02-01\n  to: 2026-01-01',
      },
      faults: ["models/m.yaml:5: baseline.to: is not after baseline.from; it is the end of the range, exclusive"],
    },
    {
      claim: "a time without a zone",
      files: { "models/m.yaml": "baseline:\n  kind: range\n  from: 2026-02-01T10:00:00\n  to: 2026-03-01" },
      faults: [
        "models/m.yaml:3: baseline.from: is not a time; write 2026-01-01 (midnight UTC) or 2026-01-01T00:00:00Z",
      ],
    },
    {
      claim: "a zone that does not exist",
      files: { "models/m.yaml": "monitoring: { zone: Mars/Olympus }" },
      faults: ["models/m.yaml:1: monitoring.zone: is not a time zone; write an IANA name such as UTC or Europe/Berlin"],
    },
    {
      claim: "an environment that does not exist",
      files: { "models/m.yaml": "monitoring:\n  environments: [production, prod]" },
      faults: [
        "models/m.yaml:2: monitoring.environments[1]: is not an environment; use production, staging, shadow, training, validation or replay-<name>",
      ],
    },
    {
      claim: "a topic for both events and labels, and dead letters among them",
      files: { "leeway.yaml": "kafka:\n  topics:\n    events: [a]\n    labels: [a]\n    dead_letters: a" },
      faults: [
        'leeway.yaml:4: kafka.topics.labels: "a" is a topic of events too; a topic carries one of the two',
        "leeway.yaml:5: kafka.topics.dead_letters: is a topic that the collector reads; dead letters need one of their own",
      ],
    },
    {
      claim: "brokers without a port",
      files: { "leeway.yaml": "kafka:\n  brokers: kafka-1, kafka-2:9092" },
      faults: ['leeway.yaml:2: kafka.brokers: "kafka-1" is not a broker; write host:port'],
    },
    {
      claim: "an address without a port",
      files: { "leeway.yaml": "http:\n  listen: 127.0.0.1" },
      faults: [
        "leeway.yaml:2: http.listen: is not an address; write host:port, such as 127.0.0.1:8686 or [::1]:8686 (port 0 takes a free one)",
      ],
    },
    {
      claim: "an address that others can reach, without tokens",
      files: { "leeway.yaml": 'http:\n  listen: "[::]:8686"' },
      faults: [
        "leeway.yaml:2: http.listen: is ::, which others can reach; set http.tokens_file, or listen on 127.0.0.1",
      ],
    },
    {
      claim: "a glob that matches nothing",
      files: { "leeway.yaml": "models:\n  - nowhere/*.yaml" },
      faults: ["leeway.yaml:2: models[0]: matches no file; correct the glob or remove it"],
    },
    {
      claim: "a token that is not hashed",
      files: {
        "leeway.yaml": "http: { tokens_file: tokens.yaml }",
        "tokens.yaml": "tokens:\n  - name: me\n    sha256: hunter2",
      },
      faults: ['tokens.yaml:3: tokens[0].sha256: is not a sha256 in hex; run: printf %s "$TOKEN" | sha256sum'],
    },
    {
      claim: "a share that is none",
      files: { "leeway.yaml": "defaults:\n  - monitoring:\n      effect_floor: 2" },
      faults: [
        "leeway.yaml:3: defaults[0].monitoring.effect_floor: must be below 1; it is the share of rows moved that is of no interest, such as 0.02",
      ],
    },
    {
      claim: "a selector that selects nothing",
      files: { "leeway.yaml": "defaults:\n  - match: {}\n    retention: 10d" },
      faults: ["leeway.yaml:2: defaults[0].match: is an empty map; name a tag, or remove it to mean all models"],
    },
    {
      claim: "a key that stands twice",
      files: { "leeway.yaml": "clock: wall\ndata: a\nclock: wall" },
      faults: ["leeway.yaml:3: this key stands twice in one map; keep one of them"],
    },
    {
      claim: "a model file that is no map",
      files: { "models/m.yaml": "- a" },
      faults: ["models/m.yaml:1: is a list; write a map of options"],
    },
  ];
  test.each(cases)("$claim", ({ files, faults }) => {
    expect(faultsOf(folderWith({ "leeway.yaml": "", ...files }))).toEqual(faults);
  });

  test("broken YAML", () => {
    const [fault] = faultsOf(folderWith({ "leeway.yaml": "clock: wall\nkafka: { brokers: [a" }));
    expect(fault).toMatch(/^leeway\.yaml:2: is not valid YAML \(.+\); correct the syntax$/);
  });

  test("all of them at once, in the order of files and lines", () => {
    const request = folderWith({
      "leeway.yaml": "clok: wall\nhttp: { tokens_file: gone.yaml }\nroute: { receiver: nobody }",
      "models/a.yaml": "retention: forever\nbaseline: { kind: file, path: gone.csv }",
    });
    expect(faultsOf(request).map((fault) => fault.split(": ").slice(0, 2).join(": "))).toEqual([
      "leeway.yaml:1: clok",
      "leeway.yaml:2: http.tokens_file",
      "leeway.yaml:3: route.receiver",
      "models/a.yaml:1: retention",
      "models/a.yaml:2: baseline.path",
    ]);
  });

  test("no fault repeats the value of a secret", () => {
    const secret = "hunter2-very-secret";
    const request = folderWith({
      "leeway.yaml": `store: { url: "${secret}", password: [${secret}] }\nreceivers: [ { name: a, webhook: { url: [${secret}], headers: { a: [${secret}] } } } ]`,
      "tokens.yaml": "",
    });
    const faults = faultsOf(request);
    expect(faults.length).toBeGreaterThan(2);
    expect(faults.join("\n")).not.toContain(secret);
  });
});
