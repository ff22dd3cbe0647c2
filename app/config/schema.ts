import { z } from "zod";
import { featureTypes } from "../../core/feature-schema.ts";
import { harms, severities } from "../../core/finding.ts";
import { environments } from "../../core/inference-event.ts";
import { judgedMetrics } from "../../core/model.ts";
import {
  byteSize,
  brokerList,
  duration,
  httpUrl,
  instant,
  listenAddress,
  nonEmptyText,
  positiveDuration,
  windowLength,
  wholeDays,
  zone,
} from "./option-types.ts";
import { receiverSchema, routeSchema } from "./receivers.ts";

/**
 * The two files as people write them. These schemas are the only list of options: validation, the JSON Schemas, the
 * table in docs/configuration.md and "did you mean" are made from them.
 */

/** What holds for a model unless `defaults:` or its own file says otherwise; in the words of a file. */
export const builtInModelDefaults = {
  monitoring: {
    window: "auto",
    zone: "UTC",
    season: "none",
    allowed_lateness: "5m",
    late_horizon: "7d",
    idle_after: "10m",
    false_incidents_per_model_week: 0.05,
    effect_floor: 0.02,
    quality_floor: 0.003,
    min_slice_rows: 50,
    environments: ["production"],
  },
  alerting: {
    severity: { data_broken: "page", performance_fell: "page", predictions_moved: "ticket", inputs_moved: "ticket" },
  },
  retention: "90d",
} as const;

const share = (what: string) =>
  z
    .number()
    .gt(0, { error: `must be above 0; ${what}` })
    .lt(1, { error: `must be below 1; ${what}` });

const environmentName = z
  .string()
  .refine((name) => (environments as readonly string[]).includes(name) || /^replay-./.test(name), {
    error: `is not an environment; use ${environments.join(", ")} or replay-<name>`,
  });

const d = builtInModelDefaults;

const monitoringSchema = z.strictObject({
  window: windowLength.optional().meta({
    description: "Length of a window; `auto` is 1h if the baseline's median hour has 1,000 rows or more, else 1d.",
    builtIn: d.monitoring.window,
  }),
  zone: zone.optional().meta({ description: "IANA time zone that days are aligned to.", builtIn: d.monitoring.zone }),
  season: z
    .enum(["none", "weekdays"], { error: "must be none or weekdays; weekdays is for traffic whose weekends differ" })
    .optional()
    .meta({
      description:
        "`weekdays`: a series whose weekdays differ in the baseline is held against its own days. For daily windows and a baseline of four weeks or more.",
      builtIn: d.monitoring.season,
    }),
  allowed_lateness: duration.optional().meta({
    description: "How long a window waits for late events after the watermark passed its end.",
    builtIn: d.monitoring.allowed_lateness,
  }),
  late_horizon: duration.optional().meta({
    description: "Later rows than this are stored and counted, but reopen no window.",
    builtIn: d.monitoring.late_horizon,
  }),
  idle_after: positiveDuration.optional().meta({
    description: "A partition without lag that has been silent for this long no longer holds windows open.",
    builtIn: d.monitoring.idle_after,
  }),
  false_incidents_per_model_week: z
    .number()
    .gt(0, { error: "must be above 0; it is how many false incidents a model may have in a week" })
    .lte(10, { error: "must be at most 10; it is how many false incidents a model may have in a week" })
    .optional()
    .meta({
      description: "The budget: how many false incidents you accept per model and week.",
      builtIn: d.monitoring.false_incidents_per_model_week,
    }),
  effect_floor: share("it is the share of rows moved that is of no interest, such as 0.02").optional().meta({
    description: "Share of rows moved below which a change of a distribution is of no interest.",
    builtIn: d.monitoring.effect_floor,
  }),
  quality_floor: share("it is the share of missing or unseen values that is of no interest, such as 0.003")
    .optional()
    .meta({ description: "The same for missing and unseen values.", builtIn: d.monitoring.quality_floor }),
  min_slice_rows: z
    .int()
    .min(1, { error: "must be at least 1; write the rows a slice needs to be looked at" })
    .optional()
    .meta({
      description: "A slice with fewer rows in a window is not looked at.",
      builtIn: d.monitoring.min_slice_rows,
    }),
  environments: z
    .array(environmentName)
    .min(1, { error: "is an empty list; name at least one environment" })
    .optional()
    .meta({ description: "Environments watched; each is judged on its own.", builtIn: d.monitoring.environments }),
});

const alertingSchema = z.strictObject({
  severity: z
    .strictObject(
      Object.fromEntries(
        harms.map((harm) => [
          harm,
          z
            .enum(severities)
            .optional()
            .meta({ description: `Severity of an incident that is ${harm}.`, builtIn: d.alerting.severity[harm] }),
        ]),
      ) as Record<(typeof harms)[number], z.ZodOptional<z.ZodEnum<{ page: "page"; ticket: "ticket"; none: "none" }>>>,
    )
    .optional(),
});

const retention = wholeDays
  .optional()
  .meta({ description: "How long events and labels are kept, counted from their arrival.", builtIn: d.retention });

/** What a file may say of many models at once. */
const sharedModelOptions = {
  monitoring: monitoringSchema.optional(),
  alerting: alertingSchema.optional(),
  retention,
};

const labelDelay = duration
  .prefault("1d")
  .meta({ description: "How long labels usually take: performance of a window is measured this long after its end." });
const labelWindow = positiveDuration
  .prefault("30d")
  .meta({ description: "The longest time between an event and a label that names only its entity_key." });
const columnName = (what: string) => nonEmptyText.nullable().optional().meta({ description: what });

const monitorName = nonEmptyText.meta({ description: "What messages and pages call it." });
const monitorHarm = z
  .enum(harms)
  .prefault("inputs_moved")
  .meta({ description: "What a change means; decides the severity, as `alerting.severity` says." });

export const modelSchema = z.strictObject({
  model: nonEmptyText
    .optional()
    .meta({ description: "Name of the model, as in its events. Without it the file's name counts." }),
  tags: z
    .record(z.string(), z.string())
    .optional()
    .meta({ description: "Labels such as team and tier; `defaults:` select by them and alerts carry `team`." }),
  task: z
    .discriminatedUnion("kind", [
      z.strictObject({
        kind: z.literal("binary"),
        positive: nonEmptyText.meta({ description: "The class whose score is the model's score." }),
        label_delay: labelDelay,
        label_window: labelWindow,
      }),
      z.strictObject({ kind: z.literal("multiclass"), label_delay: labelDelay, label_window: labelWindow }),
      z.strictObject({ kind: z.literal("regression"), label_delay: labelDelay, label_window: labelWindow }),
      z.strictObject({ kind: z.literal("unknown") }),
    ])
    .optional()
    .meta({ description: "What the model predicts: binary, multiclass, regression or unknown." }),
  features: z
    .record(
      nonEmptyText,
      z.strictObject({
        type: z.enum(featureTypes).meta({ description: "How its values are read and compared." }),
        unit: nonEmptyText.optional().meta({ description: "Shown beside values, such as miles." }),
      }),
    )
    .optional()
    .meta({ description: "Features by name. Without it the first events say." }),
  cohorts: z
    .record(
      nonEmptyText,
      z.strictObject({
        watch: z
          .boolean()
          .prefault(false)
          .meta({ description: "Test each slice on its own; all of them share 20 % of the budget." }),
        derive: z.enum(["hour_band", "weekday", "length"]).optional().meta({
          description: "Computed from the event: its hour in bands of six, its weekday, or the length of a text.",
        }),
        of: nonEmptyText.optional().meta({ description: "derive: length: the feature whose length it is." }),
      }),
    )
    .optional()
    .meta({ description: "Attributes to slice by: features or cohorts of the events." }),
  monitors: z
    .array(
      z.discriminatedUnion("kind", [
        z.strictObject({
          kind: z.literal("sql"),
          name: monitorName,
          sql: nonEmptyText.meta({
            description:
              "A SELECT of one number; in it `v_<model>` holds the rows of one window. See docs/monitors.md.",
          }),
          min_change: z
            .number()
            .gt(0, { error: "must be above 0; it is the change that is of no interest, such as 0.1 for a tenth" })
            .prefault(0.1)
            .meta({
              description: "Change that is of no interest, as a share of the mean over the baseline's windows.",
            }),
          harm: monitorHarm,
        }),
        z.strictObject({
          kind: z.literal("domain_classifier"),
          name: monitorName,
          min_change: share("it is how well rows may be told apart (2·AUC − 1), such as 0.05").prefault(0.05).meta({
            description: "How well rows may be told from the baseline's without anyone being told, as 2·AUC − 1.",
          }),
          harm: monitorHarm,
        }),
      ]),
    )
    .optional()
    .meta({
      description:
        "Values beside the features, one per window: your own (`sql`), or whether features changed together (`domain_classifier`); all of them share 10 % of the budget.",
    }),
  performance: z
    .strictObject({
      metrics: z
        .array(
          z.strictObject({
            metric: z.enum(judgedMetrics).meta({ description: "Which metric, of those that the task has." }),
            min_change: z
              .number()
              .gt(0, { error: "must be above 0; it is the change for the worse that is of no interest, such as 0.02" })
              .optional()
              .meta({
                description:
                  "Change for the worse that is of no interest. Default: 0.02; for losses (`brier`, `log_loss`, `mae`) 0.05, a share of the baseline's value.",
              }),
          }),
        )
        .max(2, { error: "names more than two metrics; keep one of the class and one of the score" })
        .optional()
        .meta({
          description:
            "What is held against the baseline when labels are due: one metric of the class and one of the score at most. Default: `accuracy` and `roc_auc`; of a regression `mae`. An empty list: nothing.",
        }),
      min_coverage: z
        .number()
        .min(0, { error: "must be at least 0; it is a share of the baseline's label coverage, such as 0.5" })
        .max(1, { error: "must be at most 1; it is a share of the baseline's label coverage, such as 0.5" })
        .prefault(0.5)
        .meta({
          description:
            "A window with a smaller share of labels than this share of the baseline's is not judged: early labels are a biased sample.",
        }),
    })
    .optional()
    .meta({ description: "How performance from labels is judged. See docs/performance.md." }),
  outcomes: z
    .array(
      z.strictObject({
        name: z
          .string()
          .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/, {
            error: "is no outcome's name; use letters, digits, _ . and -, at most 64 of them",
          })
          .meta({ description: "Name of the outcome, as in its labels or its field of the event." }),
        from: z.enum(["named_label", "label", "event"]).prefault("named_label").meta({
          description:
            "Where its number comes from: labels with this `name`, the label itself, or a field of the event that is kept in `extra`.",
        }),
      }),
    )
    .optional()
    .meta({
      description:
        "Numbers that predictions are worth, such as revenue: means with intervals, compared between arms and versions and with the baseline. See docs/performance.md.",
    }),
  baseline: z
    .discriminatedUnion("kind", [
      z.strictObject({
        kind: z.literal("file"),
        path: nonEmptyText.meta({
          description: "Parquet, CSV or NDJSON file, one row per event; relative to this file.",
        }),
        time: columnName("Column with the event time; without it the order of the rows stands for time."),
        prediction: columnName("Column with the model's prediction."),
        score: columnName("Column with the model's score."),
        label: columnName("Column with the label."),
      }),
      z.strictObject({
        kind: z.literal("range"),
        from: instant.meta({ description: "First instant of the reference." }),
        to: instant.meta({ description: "End of the reference, exclusive." }),
      }),
      z.strictObject({
        kind: z.literal("version"),
        version: nonEmptyText.meta({
          description: "The approved version; live rows of every version are held against it.",
        }),
        from: instant.meta({ description: "First instant of its rows." }),
        to: instant.optional().meta({ description: "End of its rows, exclusive; 28 days after `from` if left out." }),
      }),
      z.strictObject({
        kind: z.literal("concurrent"),
        version: nonEmptyText.meta({
          description:
            "The approved version, the control; scores and classes of other versions are held against its rows of the same windows.",
        }),
        from: instant.meta({ description: "First instant of its rows." }),
        to: instant.optional().meta({ description: "End of its rows, exclusive; 28 days after `from` if left out." }),
      }),
      z.strictObject({
        kind: z.literal("trailing"),
        length: positiveDuration.prefault("28d").meta({ description: "How much time the reference covers." }),
        gap: duration.prefault("7d").meta({
          description: "How long before the present week it ends; what changed since is not part of it.",
        }),
      }),
    ])
    .optional()
    .meta({
      description:
        "What is normal: a file, a range of time, an approved version, that version beside the others, or a range that moves along. Without it a model is shown but not judged.",
    }),
  ...sharedModelOptions,
});

const text = (description: string) => nonEmptyText.optional().meta({ description });

const tlsSchema = z.strictObject({
  ca_file: text("Certificates of the authorities to trust, PEM."),
  cert_file: text("Client certificate, PEM."),
  key_file: text("Key of the client certificate, PEM."),
});

const saslSchema = z
  .strictObject({
    mechanism: z.enum(["plain", "scram-sha-256", "scram-sha-512"]).meta({ description: "How to log in." }),
    username: nonEmptyText.meta({ description: "User name." }),
    password: text("Password; better in a file or a variable."),
    password_file: text("File that holds the password."),
  })
  .refine((sasl) => sasl.password !== undefined || sasl.password_file !== undefined, {
    error: "has no password; add password_file",
  });

const credentials = {
  user: text("User name."),
  password: text("Password; better in a file or a variable."),
  password_file: text("File that holds the password."),
};

const topicList = (fallback: string, what: string) =>
  z
    .array(nonEmptyText)
    .min(1, { error: "is an empty list; name at least one topic" })
    .prefault([fallback])
    .meta({ description: what });

export const serviceSchema = z.strictObject({
  data: text(
    "Directory of the embedded engine and the state file. Default: `LEEWAY_DATA`, else `./data` where the program was started.",
  ),
  clock: z.enum(["wall", "watermark"]).prefault("wall").meta({
    description: "The clock on which findings age and notifications wait; `watermark` is for replays of old data.",
  }),
  idle_after: positiveDuration.optional().meta({
    description: "Short for `monitoring.idle_after` of every model that does not say otherwise.",
    builtIn: d.monitoring.idle_after,
  }),
  models: z
    .array(nonEmptyText)
    .optional()
    .meta({ description: "Globs of model files, relative to this file. Default: `models/*.yaml` beside it." }),
  kafka: z
    .strictObject({
      brokers: brokerList.optional().meta({ description: "Brokers as host:port. Default: `KAFKA_BROKERS`." }),
      client_id: nonEmptyText
        .prefault("leeway")
        .meta({ description: "Name of this client in the broker's logs and quotas." }),
      group_id: nonEmptyText.prefault("leeway-collector").meta({ description: "Consumer group of all collectors." }),
      create_topics: z
        .boolean()
        .prefault(false)
        .meta({ description: "Create topics that do not exist; meant for trials." }),
      topics: z
        .strictObject({
          events: topicList("leeway.events", "Topics with inference events."),
          labels: topicList("leeway.labels", "Topics with labels."),
          dead_letters: nonEmptyText
            .prefault("leeway.dead-letters")
            .meta({ description: "Topic for messages that cannot become rows." }),
        })
        .prefault({}),
      tls: z
        .union([z.boolean(), tlsSchema], {
          error: "is neither true, false nor a map of files; write true, or { ca_file: … }",
        })
        .prefault(false)
        .meta({ description: "Connect by TLS; a map names own files (ca_file, cert_file, key_file)." }),
      sasl: saslSchema.optional(),
    })
    .prefault({}),
  store: z
    .strictObject({
      url: httpUrl
        .optional()
        .meta({ description: "ClickHouse's HTTP address. Default: `CLICKHOUSE_URL`, else the embedded engine." }),
      ...credentials,
      database: z
        .string()
        .regex(/^[A-Za-z_]\w*$/, { error: "is not a database name; use letters, digits and _" })
        .prefault("leeway")
        .meta({ description: "Database of all tables." }),
      reader: z
        .strictObject(credentials)
        .optional()
        .meta({ description: "A read-only ClickHouse user for `leeway sql`." }),
    })
    .prefault({}),
  http: z
    .strictObject({
      listen: listenAddress
        .prefault("127.0.0.1:8686")
        .meta({ description: "Where to serve; beyond loopback `tokens_file` is required." }),
      external_url: httpUrl
        .optional()
        .meta({ description: "The address people reach it by, used in links. Default: http:// and `listen`." }),
      tokens_file: text("File with the bearer tokens that are let in, see below."),
    })
    .prefault({}),
  discovery: z
    .union(
      [
        z.enum(["auto", "declared"]),
        z.strictObject({
          mode: z.enum(["auto", "declared"]).prefault("auto").meta({ description: "As above." }),
          max_models: z.int().min(1).prefault(1000).meta({ description: "Models that may register themselves." }),
          max_features: z.int().min(1).prefault(500).meta({ description: "Features that one of them may have." }),
        }),
      ],
      { error: "is not a way of discovery; write auto, declared, or a map of mode, max_models and max_features" },
    )
    .prefault("auto")
    .meta({
      description:
        "`auto`: a model without a file registers itself as learning; `declared`: its events are dead letters. The map form sets limits.",
    }),
  collector: z
    .strictObject({
      flush_rows: z
        .int()
        .min(1, { error: "must be at least 1; write a number of rows" })
        .prefault(50_000)
        .meta({ description: "Write a block at this many rows," }),
      flush_age: positiveDuration.prefault("1s").meta({ description: "or when its first row is this old." }),
      max_buffered: byteSize
        .prefault("256MiB")
        .meta({ description: "Memory for rows not yet written, of all partitions together." }),
      max_value: byteSize.prefault("1MiB").meta({ description: "A larger message is a dead letter." }),
      max_event_age: positiveDuration.prefault("800d").meta({ description: "An older event is a dead letter." }),
    })
    .prefault({}),
  detector: z
    .strictObject({
      poll_interval: positiveDuration
        .prefault("5s")
        .meta({ description: "How often to look for windows that can be decided." }),
    })
    .prefault({}),
  alerting: z
    .strictObject({
      poll_interval: positiveDuration
        .prefault("5s")
        .meta({ description: "How often to look for findings that changed." }),
      group_wait: duration.optional().meta({
        description: "How long the findings of one evaluation are waited for. On the watermark clock 0s.",
        builtIn: "30s",
      }),
      notify_max_age: positiveDuration
        .prefault("2d")
        .meta({ description: "No notification for a window that ended longer ago." }),
      retention: positiveDuration.prefault("90d").meta({
        description:
          "Incidents that ended, with all of their notifications delivered, leave the state file after this long; so do silences.",
      }),
    })
    .prefault({}),
  defaults: z
    .array(
      z.strictObject({
        match: z
          .record(
            z.string(),
            z.union([z.string(), z.array(z.string())], {
              error: "is neither text nor a list of texts; write a tag's value",
            }),
          )
          .optional()
          .meta({ description: "Tags that a model must have for this entry to apply; without it, all models." }),
        ...sharedModelOptions,
      }),
    )
    .prefault([])
    .meta({ description: "Options for many models. A later entry wins over an earlier one, a model's file over all." }),
  receivers: z.array(receiverSchema).optional().meta({
    description: "Who is told: a name and one notifier with its options. Default: one receiver, the console.",
  }),
  route: routeSchema.optional().meta({
    description: "Who is told what, in Alertmanager's shape. Default: the first of `receivers` is told everything.",
  }),
});

export type ServiceFile = z.output<typeof serviceSchema>;
export type ModelFile = z.output<typeof modelSchema>;

/** `tokens_file`: who may ask beyond loopback. */
export const tokensSchema = z.strictObject({
  tokens: z
    .array(
      z.strictObject({
        name: nonEmptyText.meta({ description: "Who holds it; appears in logs." }),
        sha256: z
          .string()
          .regex(/^[0-9a-f]{64}$/, { error: 'is not a sha256 in hex; run: printf %s "$TOKEN" | sha256sum' })
          .meta({ description: "sha256 of the token, in hex." }),
      }),
    )
    .min(1, { error: "is an empty list; add a token or drop tokens_file" })
    .meta({ description: "Everyone who is let in." }),
});
