// One model at a glance: is anything open, how far has each feature moved, is it being watched at all.
function(config)
  local queries = (import 'queries.libsonnet')(config);
  local panels = (import 'panels.libsonnet')(config);
  local calm = [{ color: 'green', value: null }, { color: 'red', value: 1 }];

  panels.dashboard(
    'leeway-model-overview',
    'Leeway / Model overview',
    'What one model sees, what moved, and whether it is being watched.',
    [
      panels.variable('model', 'Model', queries.models),
      panels.variable('environment', 'Environment', queries.environments),
    ],
    panels.rows(8, [
      [
        [panels.stat('Open incidents', 'Incidents that have not ended, by severity.', panels.query(queries.incidentsOpen, '{{severity}}'), thresholds=calm), 6],
        [panels.stat('Level', 'Sum over features of the share of rows moved, less its standard error. 0.04 is one feature slightly off; 1 and more is many features broken.', panels.query(queries.level)), 6],
        [panels.stat('Rows in the last window', 'A window of fewer than 30 rows is insufficient data, never "no drift".', panels.query(queries.windowRows)), 6],
        [panels.stat('Since the last evaluation', 'A window is decided once the watermark passes its end.', panels.query(queries.evaluationAge), unit='s'), 6],
      ],
      [
        [panels.timeseries('Share of rows moved', 'Effect per feature against the baseline. The floor is 0.02 by default. Features shown: the worst ten and those in an open finding.', [panels.query(queries.effect, '{{feature}}')], unit='percentunit'), 12],
        [panels.timeseries('PSI', 'Population stability index against the baseline: a reported number, it does not decide.', [panels.query(queries.score('psi'), '{{feature}}')]), 12],
      ],
      [
        [panels.timeseries('Level', 'The same number as above, over time.', [panels.query(queries.level, 'level')]), 12],
        [panels.timeseries('Missing', 'Share of rows in which the feature is missing.', [panels.query(queries.score('missing_share'), '{{feature}}')], unit='percentunit'), 12],
      ],
      [
        [panels.timeseries('Messages received', 'Per second, all models of this service.', [panels.query(queries.received, '{{topic}}')], unit='cps'), 8],
        [panels.timeseries('Dead letters', 'Per second and reason; each is kept in the dead-letter topic with its reason.', [panels.query(queries.deadLettered, '{{reason}}')], unit='cps'), 8],
        [panels.timeseries('Lag', 'Seconds between the oldest unread message and now.', [panels.query(queries.lagSeconds, '{{topic}}')], unit='s'), 8],
      ],
    ])
  )
