// Grafana panels as plain objects (schema 41), so that no library has to be fetched to render them.
function(config) {
  local datasource = { type: 'prometheus', uid: '$datasource' },
  local target(index, expr, legend) = {
    refId: std.char(65 + index),
    datasource: datasource,
    expr: expr,
    legendFormat: legend,
  },

  query(expr, legend=''):: { expr: expr, legend: legend },

  timeseries(title, description, queries, unit='short', thresholds=[]):: {
    type: 'timeseries',
    title: title,
    description: description,
    datasource: datasource,
    targets: std.mapWithIndex(function(index, query) target(index, query.expr, query.legend), queries),
    fieldConfig: {
      defaults: {
        unit: unit,
        custom: { drawStyle: 'line', lineWidth: 1, fillOpacity: 5, showPoints: 'auto', spanNulls: false },
        [if std.length(thresholds) > 0 then 'thresholds']: { mode: 'absolute', steps: thresholds },
      },
      overrides: [],
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  },

  stat(title, description, query, unit='short', thresholds=[{ color: 'text', value: null }]):: {
    type: 'stat',
    title: title,
    description: description,
    datasource: datasource,
    targets: [target(0, query.expr, query.legend)],
    fieldConfig: {
      defaults: { unit: unit, thresholds: { mode: 'absolute', steps: thresholds }, noValue: 'not measured' },
      overrides: [],
    },
    options: {
      colorMode: 'value',
      graphMode: 'none',
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    },
  },

  // Lays rows of [panel, width] out on Grafana's 24 columns, each row `height` high.
  rows(height, rows):: std.flattenArrays(std.mapWithIndex(
    function(line, row) std.foldl(
      function(laid, entry) laid {
        x: laid.x + entry[1],
        panels+: [entry[0] {
          id: line * 10 + std.length(laid.panels) + 1,
          gridPos: { h: height, w: entry[1], x: laid.x, y: line * height },
        }],
      },
      row,
      { x: 0, panels: [] }
    ).panels,
    rows
  )),

  variable(name, label, query):: {
    name: name,
    label: label,
    type: 'query',
    datasource: datasource,
    query: { query: query, refId: name },
    refresh: 2,
    sort: 1,
    multi: false,
    includeAll: false,
  },

  dashboard(uid, title, description, variables, panels):: {
    uid: uid,
    title: title,
    description: description,
    tags: config.dashboardTags,
    schemaVersion: 41,
    editable: true,
    timezone: 'utc',
    refresh: config.refresh,
    time: { from: 'now-14d', to: 'now' },
    templating: {
      list: [{ name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus', current: { value: config.datasource } }] + variables,
    },
    annotations: { list: [] },
    panels: panels,
  },
}
