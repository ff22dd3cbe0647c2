#!/usr/bin/env bash
# Makes the bearer token that Prometheus scrapes with, and the file that lets it in. Both stay out of the repository.
set -euo pipefail
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
token=$(head -c 24 /dev/urandom | base64 | tr '+/' '-_')
printf %s "$token" >secrets/leeway.token
printf 'tokens:\n  - name: prometheus\n    sha256: %s\n' "$(printf %s "$token" | sha256sum | cut -d' ' -f1)" >secrets/tokens.yaml
# The containers read them as users of their own.
chmod 755 secrets
chmod 644 secrets/leeway.token secrets/tokens.yaml
echo "wrote $(pwd)/secrets/leeway.token and tokens.yaml"
