// `npm run dashboards` writes each field as a file into rendered/.
local mixin = import 'mixin.libsonnet';
mixin.grafanaDashboards { 'alerts.json': mixin.prometheusAlerts }
