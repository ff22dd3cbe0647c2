// Alerts about Leeway itself. What a model does wrong is told by Leeway's own notifications, not by these.
function(config)
  local alert(name, expr, duration, severity, summary, description) = {
    alert: name,
    expr: expr,
    'for': duration,
    labels: { severity: severity },
    annotations: { summary: summary, description: description, runbook_url: config.runbookUrl + std.asciiLower(name) },
  };
  {
    groups: [{
      name: 'leeway',
      rules: [
        alert(
          'LeewayCollectorLags',
          'max by (topic) (leeway_consumer_lag_seconds{%(selector)s}) > %(lagSeconds)d' % config,
          '10m',
          'ticket',
          'The collector is behind on {{ $labels.topic }}.',
          'Its oldest unread message is {{ $value | humanizeDuration }} old; every decision waits for it.',
        ),
        alert(
          'LeewayCollectorBlind',
          'absent(leeway_consumer_lag_seconds{%(selector)s})' % config,
          '10m',
          'page',
          'No collector knows how far behind it is.',
          'Kafka does not answer, or no collector runs: nothing is stored, and no window can be decided.',
        ),
        alert(
          'LeewayDeadLetters',
          'sum by (reason) (increase(leeway_messages_dead_lettered_total{%(selector)s}[1h])) > 0' % config,
          '5m',
          'ticket',
          'Messages are being dead-lettered: {{ $labels.reason }}.',
          'They are kept in the dead-letter topic, each with its reason, and are missing from every window.',
        ),
        alert(
          'LeewayModelNotEvaluated',
          'time() - max by (model, environment) (leeway_evaluation_timestamp_seconds{%(selector)s}) > %(silentEvaluationSeconds)d' % config,
          '1h',
          'ticket',
          '{{ $labels.model }} ({{ $labels.environment }}) is not being evaluated.',
          'Its last window was decided {{ $value | humanizeDuration }} ago: no news is not good news.',
        ),
        alert(
          'LeewayNotificationsFail',
          'sum by (receiver) (increase(leeway_notifications_total{%(selector)s,outcome!="delivered"}[15m])) > 0' % config,
          '15m',
          'page',
          'Notifications to {{ $labels.receiver }} fail.',
          'They stay in the outbox and are tried again; somebody is not being told.',
        ),
      ],
    }],
  }
