(import 'config.libsonnet') + {
  grafanaDashboards+:: {
    'model-overview.json': (import 'model-overview.libsonnet')($._config),
  },
  prometheusAlerts+:: (import 'alerts.libsonnet')($._config),
}
