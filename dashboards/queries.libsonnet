// Queries apart from panels: each is checked by promtool and run against a real Prometheus.
function(config) {
  local model = config.selector + ',model="$model",environment="$environment"',
  models: 'label_values(leeway_model_level{' + config.selector + '}, model)',
  environments: 'label_values(leeway_model_level{' + config.selector + ',model="$model"}, environment)',
  incidentsOpen: 'sum by (severity) (leeway_incidents_open{' + config.selector + ',model="$model"})',
  level: 'max(leeway_model_level{' + model + '})',
  effect: 'max by (feature) (leeway_drift_effect{' + model + '})',
  score(method): 'max by (feature) (leeway_drift_score{' + model + ',method="' + method + '"})',
  windowRows: 'max(leeway_window_rows{' + model + '})',
  evaluationAge: 'time() - max(leeway_evaluation_timestamp_seconds{' + model + '})',
  received: 'sum by (topic) (rate(leeway_messages_received_total{' + config.selector + '}[$__rate_interval]))',
  deadLettered: 'sum by (reason) (rate(leeway_messages_dead_lettered_total{' + config.selector + '}[$__rate_interval]))',
  lagSeconds: 'max by (topic) (leeway_consumer_lag_seconds{' + config.selector + '})',
  lagEvents: 'sum by (topic) (leeway_consumer_lag_events{' + config.selector + '})',
  notifications: 'sum by (receiver, outcome) (increase(leeway_notifications_total{' + config.selector + '}[1d]))',
}
