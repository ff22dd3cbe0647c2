// Everything a user may want to set; override with `(import 'mixin.libsonnet') + { _config+:: { … } }`.
{
  _config+:: {
    // Label selector that finds Leeway's own series.
    selector: 'job="leeway"',
    datasource: 'prometheus',
    runbookUrl: 'https://leeway.example/runbooks/',
    dashboardTags: ['leeway'],
    refresh: '1m',
    // A collector this far behind delays every decision by as much.
    lagSeconds: 900,
    // A model that was not evaluated for this long (its windows may be days) is not being watched.
    silentEvaluationSeconds: 2 * 86400 + 7200,
  },
}
